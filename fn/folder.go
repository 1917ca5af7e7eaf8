package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// folder is a package on disk.
type folder struct {
	root    string
	fsys    filesys.FileSystem
	files   placement.Files
	objects map[string][]*manifest.Object
	set     *tier.Set
}

// rendering is what a render would write below the root.
type rendering struct {
	write  map[string][]byte
	remove []string
	// policies are the policies of each generated file, written or not.
	policies map[string][]*networkingv1.NetworkPolicy
	findings report.Findings
}

// readFolder reads the YAML files below a directory, hidden directories left out, and the NetworkPolicySet among them.
func readFolder(root string) (*folder, report.Findings, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, nil, err
	}
	f := &folder{root: root, fsys: filesys.MakeFsOnDisk(), files: placement.Files{}, objects: map[string][]*manifest.Object{}}
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if rel != "." && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		ext := path.Ext(rel)
		if !entry.Type().IsRegular() || (ext != ".yaml" && ext != ".yml" && ext != ".json" && !placement.IsKustomization(rel)) {
			return nil
		}
		f.files[rel], err = os.ReadFile(at)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	findings := f.readSet()
	return f, findings, nil
}

// readSet finds the one NetworkPolicySet of the folder; without one the preset holds.
func (f *folder) readSet() report.Findings {
	var sets []*manifest.Object
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if !bytes.Contains(f.files[name], []byte("NetworkPolicySet")) {
			continue
		}
		objects, err := f.read(name)
		if err != nil {
			continue // a file that is no part of a layer may hold anything
		}
		for _, o := range objects {
			if o.Kind == "NetworkPolicySet" && o.Group() == "tierwall.dev" {
				sets = append(sets, o)
			}
		}
	}
	if len(sets) > 1 {
		return report.Findings{{ID: ConfigTwoSets, Severity: report.Error, File: sets[1].Source.File, Index: sets[1].Source.Index, Object: sets[1].Ref(),
			Message: fmt.Sprintf("%s holds a NetworkPolicySet too, and both would own the same layers: put them into one, or render a folder that holds only one", sets[0].Source)}}
	}
	var config *manifest.Object
	if len(sets) == 1 {
		config = sets[0]
	}
	var findings report.Findings
	f.set, findings = setOf(config)
	return findings
}

func (f *folder) read(name string) ([]*manifest.Object, error) {
	if objects, ok := f.objects[name]; ok {
		return objects, nil
	}
	objects, err := manifest.ReadFile(name, f.files[name])
	if err != nil {
		return nil, err
	}
	f.objects[name] = objects
	return objects, nil
}

// render derives what the folder's generated files should be.
func (f *folder) render() (*rendering, error) {
	tree, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		return nil, findings
	}
	var placed []placement.Placed
	if len(tree.Layers) == 0 {
		policies, fs, err := f.flat()
		findings = append(findings, fs...)
		if err != nil {
			return nil, err
		}
		for _, p := range policies {
			placed = append(placed, placement.Placed{Layer: ".", Policy: p})
		}
	} else {
		all, fs, err := f.layered(tree)
		findings = append(findings, fs...)
		if err != nil {
			return nil, err
		}
		placed = all
	}
	if findings.Failed() {
		return nil, findings
	}
	r := &rendering{write: map[string][]byte{}, policies: map[string][]*networkingv1.NetworkPolicy{}, findings: findings}
	if err := f.place(r, tree, placed); err != nil {
		return nil, err
	}
	return r, f.stillBuilds(r, tree)
}

// flat is a folder without kustomizations: every KRM file counts.
func (f *folder) flat() ([]*networkingv1.NetworkPolicy, report.Findings, error) {
	var objects []*manifest.Object
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		read, err := f.read(name)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range read {
			if manifest.IsKRM(o) && !f.owns(o) {
				objects = append(objects, o)
			}
		}
	}
	policies, findings := derive(f.set, objects)
	return policies, findings, nil
}

// owns reports whether an object is a policy of the folder's set.
func (f *folder) owns(o *manifest.Object) bool {
	return o.Kind == "NetworkPolicy" && o.Group() == networkingv1.GroupName &&
		o.At("metadata", "labels").StringMap()[policy.SetLabel] == f.set.Name
}

// layered plans the policies of a folder of kustomizations, each environment as kustomize builds it.
func (f *folder) layered(tree *placement.Tree) ([]placement.Placed, report.Findings, error) {
	var environments []placement.Environment
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
		root := tree.Roots[name]
		built, err := placement.Build(f.fsys, f.root, root.Dir, slices.Sorted(maps.Keys(root.Closure)))
		if err != nil {
			return nil, nil, report.Findings{f.notBuilt(root.Dir, tree, err)}
		}
		var objects []*manifest.Object
		for _, o := range built.Objects {
			if !f.owns(o) {
				objects = append(objects, o)
			}
		}
		inventory, fs := discovery.Read(objects)
		findings = append(findings, fs...)
		model, fs := modelOf(f.set, configName(name), inventory)
		findings = append(findings, fs...)
		if findings.Failed() {
			return nil, nil, findings
		}
		model.Environment = name
		environments = append(environments, placement.Environment{Root: root.Dir, Model: model, Layers: built.Layers, Existing: inventory.Policies})
	}
	placed, fs := placement.Layered(placement.Owner{Set: f.set.Name, Labels: f.set.Labels}, tree.Layers, environments, f.declared)
	return placed, append(findings, fs...), nil
}

// configName is the name that spec.environments has for an environment: its directory's.
func configName(environment string) string {
	if environment == "" {
		return ""
	}
	return path.Base(environment)
}

func modelOf(set *tier.Set, environment string, inventory *workload.Inventory) (*tier.Model, report.Findings) {
	findings := set.AssignTiers(inventory)
	model, fs := set.Model(environment, inventory)
	return model, append(findings, fs...)
}

// declared is the namespace that a workload's manifest names.
func (f *folder) declared(file, kind, name string) string {
	objects, err := f.read(file)
	if err != nil {
		return ""
	}
	for _, o := range objects {
		if o.Kind == kind && o.Name == name {
			return o.Namespace
		}
	}
	return ""
}

func (f *folder) notBuilt(dir string, tree *placement.Tree, err error) report.Finding {
	message := strings.Join(strings.Fields(err.Error()), " ")
	if f.root != "/" {
		message = strings.ReplaceAll(message, f.root+string(filepath.Separator), "")
	}
	return report.Finding{ID: EnvironmentNotBuilt, Severity: report.Error, File: tree.KustomizationFile[dir],
		Message: fmt.Sprintf("kustomize cannot build it, so nothing is derived: %s; try kubectl kustomize %s", message, dir)}
}

// place writes each layer's policies into its generated file and its entry into the kustomization.
func (f *folder) place(r *rendering, tree *placement.Tree, placed []placement.Placed) error {
	texts := map[string][]byte{}
	for _, p := range placed {
		file := path.Join(p.Layer, placement.GeneratedFile)
		r.policies[file] = append(r.policies[file], p.Policy)
		if len(texts[p.Layer]) > 0 {
			texts[p.Layer] = append(texts[p.Layer], "---\n"...)
		}
		texts[p.Layer] = append(texts[p.Layer], manifest.EncodePolicy(p.Policy)...)
	}
	dirs := slices.Sorted(maps.Keys(texts))
	for _, l := range tree.Layers {
		if _, has := texts[l.Dir]; !has {
			dirs = append(dirs, l.Dir)
		}
	}
	for _, dir := range dirs {
		file := path.Join(dir, placement.GeneratedFile)
		if err := f.onlyOurs(file); err != nil {
			return err
		}
		old, exists := f.files[file]
		var add, remove []string
		switch text := texts[dir]; {
		case len(text) == 0 && !exists:
			continue
		case len(text) == 0:
			r.remove = append(r.remove, file)
			remove = []string{placement.GeneratedFile}
		default:
			if !bytes.Equal(old, text) {
				r.write[file] = text
			}
			add = []string{placement.GeneratedFile}
		}
		kustomization := tree.KustomizationFile[dir]
		if kustomization == "" {
			continue
		}
		edited, err := manifest.EditResources(f.files[kustomization], add, remove)
		if err != nil {
			return inFile(err, kustomization)
		}
		if !bytes.Equal(edited, f.files[kustomization]) {
			r.write[kustomization] = edited
		}
	}
	return nil
}

// onlyOurs refuses to overwrite a file of the generated name that holds anything else.
func (f *folder) onlyOurs(file string) error {
	if _, exists := f.files[file]; !exists {
		return nil
	}
	objects, err := f.read(file)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if _, ours := o.At("metadata", "labels").StringMap()[policy.SetLabel]; !ours {
			return report.Findings{{ID: placement.PolicyHandWritten, Severity: report.Error, File: file, Index: o.Source.Index, Object: o.Ref(),
				Message: "stands in the file that the generated policies go to, and is none of them: move it into a file of another name"}}
		}
	}
	return nil
}

// inFile puts the file into findings that do not name one.
func inFile(err error, file string) error {
	var fs report.Findings
	if !errors.As(err, &fs) {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i := range fs {
		if fs[i].File == "" {
			fs[i].File = file
		}
	}
	return fs
}

// stillBuilds builds every environment again with what would be written; an environment that kustomize refuses then is an
// error, and nothing is written.
func (f *folder) stillBuilds(r *rendering, tree *placement.Tree) error {
	if len(r.write)+len(r.remove) == 0 {
		return nil
	}
	replaced := map[string][]byte{}
	for name, content := range r.write {
		replaced[filepath.Join(f.root, name)] = content
	}
	for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
		dir := tree.Roots[name].Dir
		if _, err := placement.Build(placement.Replaced(f.fsys, replaced), f.root, dir, nil); err != nil {
			return report.Findings{f.notBuilt(dir, tree, fmt.Errorf("with the new policies: %w", err))}
		}
	}
	return nil
}
