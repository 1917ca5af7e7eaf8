package placement

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Files are the YAML files of a package by their slash-separated paths below its root, the kustomizations among them.
type Files map[string][]byte

// kustomization is a layer as its file declares it.
type kustomization struct {
	Layer
	file     string
	includes []*kustomization
	// included is true where another kustomization of the package lists this one.
	included bool
	object   *manifest.Object
	blind    []Blind
}

// Blind is something that a build in process cannot take part in.
type Blind struct {
	// File and Field are where the kustomization asks for it, Entry what it asks for.
	File, Field, Entry string
	Reason             Reason
}

// Reason says why a build in process cannot see something.
type Reason string

// The reasons.
const (
	Remote Reason = "remote" // it is fetched from the network, which this tool never does
	Plugin Reason = "plugin" // it runs a program: a function, a Helm chart
	Absent Reason = "absent" // the file is not among the package's files
)

// Tree is a package's kustomizations.
type Tree struct {
	// Layers are sorted by directory.
	Layers []*Layer
	// Roots are the kustomizations that no other includes, Components left out, by the name of their environment: the
	// directory's, with as much of its parents' as tells it from others. The package's root has the name "".
	Roots map[string]*Layer
	// KustomizationFile is the path of each layer's kustomization file, by directory.
	KustomizationFile map[string]string
	// Blind is what a build of a layer, by its directory, cannot see: of the layer itself, not of those that it includes.
	Blind map[string][]Blind
}

// BlindIn is what a build of a root cannot see, sorted by file and field.
func (t *Tree) BlindIn(root *Layer) []Blind {
	var out []Blind
	for _, dir := range slices.Sorted(maps.Keys(root.Closure)) {
		out = append(out, t.Blind[dir]...)
	}
	return out
}

// Probed are the directories of the layers that a build of a root can hold a probe in, sorted. A Component that lists no
// files may be part of the build several times, where a probe would be there twice.
func (t *Tree) Probed(root *Layer) []string {
	var out []string
	for _, l := range t.Layers {
		if root.Closure[l.Dir] && (!l.Component || len(l.Files) > 0) {
			out = append(out, l.Dir)
		}
	}
	return out
}

// IsKustomization reports whether kustomize takes a file of this path for a kustomization.
func IsKustomization(file string) bool { return slices.Contains(kustomizationNames, path.Base(file)) }

// ReadTree reads the kustomizations among the package's files and how they include one another.
func ReadTree(files Files) (*Tree, report.Findings) {
	byDir := map[string]*kustomization{}
	var findings report.Findings
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !IsKustomization(file) {
			continue
		}
		if other := byDir[path.Dir(file)]; other != nil {
			findings = append(findings, report.Finding{ID: LayerTwoFiles, Severity: report.Error, File: file,
				Message: fmt.Sprintf("the directory holds %s too; kustomize takes only one: remove one of them", path.Base(other.file))})
			continue
		}
		k, fs := readKustomization(file, files[file])
		findings = append(findings, fs...)
		if k != nil {
			byDir[k.Dir] = k
		}
	}
	all := slices.SortedFunc(maps.Values(byDir), func(a, b *kustomization) int { return cmp.Compare(a.Dir, b.Dir) })
	for _, k := range all {
		k.link(byDir, files)
		k.blind = k.blindSpots(byDir, files)
	}
	if findings.Failed() {
		return nil, findings
	}
	for _, k := range all {
		if circle := k.close(); circle != "" {
			findings = append(findings, report.Finding{ID: LayerCycle, Severity: report.Error, File: k.file, Field: "resources",
				Message: fmt.Sprintf("the kustomizations include each other in a circle (%s): take one of the entries out", circle)})
			return nil, findings
		}
	}
	return newTree(all), findings
}

func newTree(all []*kustomization) *Tree {
	t := &Tree{Roots: map[string]*Layer{}, KustomizationFile: map[string]string{}, Blind: map[string][]Blind{}}
	var roots []*Layer
	for _, k := range all {
		t.Layers = append(t.Layers, &k.Layer)
		t.KustomizationFile[k.Dir] = k.file
		t.Blind[k.Dir] = k.blind
		if !k.included && !k.Component {
			roots = append(roots, &k.Layer)
		}
	}
	for _, r := range roots {
		t.Roots[environmentName(r, roots)] = r
	}
	return t
}

func readKustomization(file string, content []byte) (*kustomization, report.Findings) {
	objects, err := manifest.ReadFile(file, content)
	if err != nil {
		return nil, asFindings(err, LayerUnreadable, file)
	}
	k := &kustomization{Layer: Layer{Dir: path.Dir(file)}, file: file}
	switch len(objects) {
	case 0:
		k.object = manifest.NewObject(nil, workload.Source{File: file})
	case 1:
		k.object = objects[0]
		k.Component = objects[0].Kind == "Component"
	default:
		return nil, report.Findings{{ID: LayerUnreadable, Severity: report.Error, File: file,
			Message: fmt.Sprintf("holds %d documents; a kustomization is one document: split the file", len(objects))}}
	}
	return k, k.checkIncludes()
}

// includeKeys are the fields that list files and other kustomizations.
var includeKeys = []string{"resources", "bases", "components"}

// checkIncludes finds lists of inclusions that are none: read as empty, they would leave workloads out.
func (k *kustomization) checkIncludes() report.Findings {
	var findings report.Findings
	bad := func(f manifest.Field, message string) {
		findings = append(findings, report.Finding{ID: LayerUnreadable, Severity: report.Error, File: k.file, Field: f.Path, Message: message})
	}
	for _, key := range includeKeys {
		list := k.object.At(key)
		if list.Present() && list.Node().Kind != yaml.SequenceNode {
			bad(list, "must be a list of paths: write one entry a line, as in - web.yaml")
		}
		for _, item := range list.Items() {
			if entry, _ := item.Text(); entry == "" || item.Node().Tag != "!!str" {
				bad(item, "must be a path: correct it, or take the entry out")
			}
		}
	}
	return findings
}

// link resolves the entries of resources, bases and components that the package holds.
func (k *kustomization) link(byDir map[string]*kustomization, files Files) {
	for _, key := range includeKeys {
		for _, item := range k.object.At(key).Items() {
			entry, _ := item.Text()
			target := path.Join(k.Dir, entry)
			if other := byDir[target]; other != nil {
				k.includes = append(k.includes, other)
				other.included = true
			} else if _, ok := files[target]; ok {
				k.Files = append(k.Files, target)
			}
		}
	}
}

// close computes the closure, and gives the circle's directories where the kustomizations include each other.
func (k *kustomization) close() (circle string) {
	k.Closure = map[string]bool{}
	var walk func(at *kustomization, trail []*kustomization) string
	walk = func(at *kustomization, trail []*kustomization) string {
		if i := slices.Index(trail, at); i >= 0 {
			var dirs []string
			for _, t := range append(trail[i:], at) {
				dirs = append(dirs, t.Dir)
			}
			return strings.Join(dirs, " -> ")
		}
		if k.Closure[at.Dir] {
			return ""
		}
		k.Closure[at.Dir] = true
		for _, next := range at.includes {
			if c := walk(next, append(trail, at)); c != "" {
				return c
			}
		}
		return ""
	}
	return walk(k, nil)
}

func environmentName(r *Layer, roots []*Layer) string {
	if r.Dir == "." {
		return ""
	}
	parts := strings.Split(r.Dir, "/")
	for n := 1; n < len(parts); n++ {
		name := strings.Join(parts[len(parts)-n:], "/")
		if !slices.ContainsFunc(roots, func(o *Layer) bool {
			return o != r && (o.Dir == name || strings.HasSuffix(o.Dir, "/"+name))
		}) {
			return name
		}
	}
	return r.Dir
}
