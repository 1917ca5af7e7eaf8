package placement

import (
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// kustomizationNames are the names that kustomize recognises, in its order.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

const (
	probeLabel     = "tierwall.dev/probe"
	probeNamespace = "tierwall-probe"
	originKey      = "config.kubernetes.io/origin"
)

// Transformed is what kustomize does to a policy of one layer on its way to one environment, read off a probe: a
// policy that is put into the layer for the build alone. So every transformer counts, whatever its kind.
type Transformed struct {
	// Namespace is where a policy without a namespace ends up; empty where it stays without.
	Namespace string
	// Kept is true where a policy's own namespace is left as it is.
	Kept bool
	// Prefix and Suffix are put around the policy's name.
	Prefix, Suffix string
	// Added are the labels put into its matchLabels.
	Added map[string]string
}

// Built is one environment's root as kustomize builds it.
type Built struct {
	// Objects are what kustomize would apply, without the probes. Their Source is the file that declares them, below the
	// package's root; empty where kustomize generated them.
	Objects []*manifest.Object
	// Layers is what becomes of the policies of each layer that the root includes, once for each time that it is built in:
	// a base may be included twice, with two prefixes.
	Layers map[string][]Transformed
}

// krustyMutex: a Kustomizer keeps the OpenAPI schema in a global.
var krustyMutex sync.Mutex

// Build runs kustomize on a root. dirs are the directories of the layers that are to be probed, the root's among them to
// learn where each object came from; fsys holds the package below base, and nothing is written to it. An error is
// kustomize's own.
func Build(fsys filesys.FileSystem, base, root string, dirs []string) (built *Built, err error) {
	krustyMutex.Lock()
	defer krustyMutex.Unlock()
	defer func() {
		if r := recover(); r != nil {
			built, err = nil, fmt.Errorf("kustomize panicked on %s: %v", root, r)
		}
	}()
	probed := &probedFiles{FileSystem: fsys, contents: map[string][]byte{}}
	for _, dir := range dirs {
		if err := probed.add(path.Join(base, dir), dir, dir == root); err != nil {
			return nil, err
		}
	}
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(probed, path.Join(base, root))
	if err != nil {
		return nil, err
	}
	return read(result, root, dirs), nil
}

// Replaced is a file system with some files replaced or added in memory.
func Replaced(fsys filesys.FileSystem, contents map[string][]byte) filesys.FileSystem {
	return &probedFiles{FileSystem: fsys, contents: contents}
}

// probedFiles is a file system with some files replaced or added in memory.
type probedFiles struct {
	filesys.FileSystem
	contents map[string][]byte
}

// add puts the probes into a layer and, for the root, asks kustomize to say where each object came from.
func (p *probedFiles) add(dir, layer string, root bool) error {
	for _, name := range kustomizationNames {
		file := path.Join(dir, name)
		if !p.FileSystem.Exists(file) {
			continue
		}
		content, err := p.FileSystem.ReadFile(file)
		if err != nil {
			return err
		}
		content, err = withProbes(content, root)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		p.contents[file] = content
		p.contents[path.Join(dir, probeFile)] = probes(layer)
		return nil
	}
	return fmt.Errorf("%s holds no kustomization", layer)
}

const probeFile = "tierwall-probe.yaml"

// ReadFile gives the file in memory where there is one.
func (p *probedFiles) ReadFile(file string) ([]byte, error) {
	if content, ok := p.contents[file]; ok {
		return slices.Clone(content), nil
	}
	return p.FileSystem.ReadFile(file)
}

// Exists holds for the files in memory too.
func (p *probedFiles) Exists(file string) bool {
	_, ok := p.contents[file]
	return ok || p.FileSystem.Exists(file)
}

// CleanedAbs holds for the files in memory too.
func (p *probedFiles) CleanedAbs(file string) (filesys.ConfirmedDir, string, error) {
	if _, ok := p.contents[file]; ok && !p.FileSystem.Exists(file) {
		dir, _, err := p.FileSystem.CleanedAbs(path.Dir(file))
		return dir, path.Base(file), err
	}
	return p.FileSystem.CleanedAbs(file)
}

// withProbes lists the probes in a kustomization; the result lives in memory only.
func withProbes(content []byte, root bool) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return nil, err
	}
	if doc.Kind == 0 {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("a kustomization is a mapping")
	}
	appendTo(top, "resources", probeFile)
	if root {
		appendTo(top, "buildMetadata", "originAnnotations")
	}
	return yaml.Marshal(&doc)
}

func appendTo(mapping *yaml.Node, key, value string) {
	entry := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != key {
			continue
		}
		list := mapping.Content[i+1]
		if list.Kind == yaml.SequenceNode {
			for _, e := range list.Content {
				if e.Value == value {
					return
				}
			}
			list.Content = append(list.Content, entry)
			return
		}
		mapping.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}}
		return
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key},
		&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}})
}

// probes are two policies: one without and one with a namespace.
func probes(layer string) []byte {
	name := probeName(layer)
	return fmt.Appendf(nil, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: %[1]s
  annotations:
    %[2]s: bare
spec:
  podSelector:
    matchLabels:
      %[2]s: probe
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: %[1]s-kept
  namespace: %[3]s
  annotations:
    %[2]s: kept
spec:
  podSelector: {}
`, name, probeLabel, probeNamespace)
}

func probeName(layer string) string {
	h := fnv.New64a()
	h.Write([]byte(layer))
	return fmt.Sprintf("tierwall-probe-%016x", h.Sum64())
}

// read takes the result apart into the user's objects and what the probes tell.
func read(result resmap.ResMap, root string, dirs []string) *Built {
	b := &Built{Layers: map[string][]Transformed{}}
	byName := map[string]string{}
	for _, dir := range dirs {
		byName[probeName(dir)] = dir
	}
	kept := map[string]bool{}
	var bare []*manifest.Object
	for _, r := range result.Resources() {
		giveTags(r.YNode())
		o := manifest.NewObject(r.YNode(), workload.Source{})
		annotations := o.At("metadata", "annotations").StringMap()
		switch annotations[probeLabel] {
		case "bare":
			bare = append(bare, o)
		case "kept":
			kept[o.Name] = o.Namespace == probeNamespace
		default:
			o.Source = originOf(annotations[originKey], root)
			b.Objects = append(b.Objects, o)
		}
	}
	for _, o := range bare {
		for name, dir := range byName {
			prefix, suffix, found := strings.Cut(o.Name, name)
			if !found {
				continue
			}
			added := o.At("spec", "podSelector", "matchLabels").StringMap()
			delete(added, probeLabel)
			b.Layers[dir] = append(b.Layers[dir], Transformed{Namespace: o.Namespace, Prefix: prefix, Suffix: suffix,
				Added: added, Kept: kept[prefix+name+"-kept"+suffix]})
		}
	}
	return b
}

// giveTags gives every node the tag that a parser would: kustomize's transformers write scalars without one.
func giveTags(n *yaml.Node) {
	if n.Kind != yaml.AliasNode && n.Tag == "" {
		n.Tag = n.ShortTag()
	}
	for _, c := range n.Content {
		giveTags(c)
	}
}

// originOf reads kustomize's origin annotation: the path is written from the root that is built.
func originOf(annotation, root string) workload.Source {
	var origin struct {
		Path, Repo   string
		ConfiguredIn string `yaml:"configuredIn"`
	}
	if yaml.Unmarshal([]byte(annotation), &origin) != nil || origin.Path == "" || origin.Repo != "" {
		return workload.Source{}
	}
	return workload.Source{File: path.Join(root, origin.Path)}
}
