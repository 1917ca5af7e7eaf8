package main

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// packagePathAnnotation is the directory of an item's own package, as kpt fn render gives it.
const packagePathAnnotation = "internal.config.kubernetes.io/package-path"

// listPackage is a ResourceList whose items are the files of a package.
type listPackage struct {
	list *manifest.List
	// top is the package path of the outermost package; empty where the caller gives none.
	top    string
	byFile map[string][]*manifest.Item
}

// runPackage is the package mode: kpt fn render, kpt fn eval, kustomize fn run.
func runPackage(list *manifest.List, set *tier.Set) (manifest.Pieces, report.Findings, error) {
	p := newListPackage(list)
	f := p.folder()
	f.set = set
	findings, err := f.load()
	if err != nil {
		return nil, nil, err
	}
	r, err := f.render()
	if err != nil {
		return nil, nil, err
	}
	findings = append(findings, r.findings...)
	out, err := list.Pieces(p.entries(f, r), findings.Sorted())
	return out, findings, err
}

func newListPackage(list *manifest.List) *listPackage {
	p := &listPackage{list: list, byFile: map[string][]*manifest.Item{}}
	for _, it := range list.Items {
		if it.PackagePath != "" && (p.top == "" || len(it.PackagePath) < len(p.top)) {
			p.top = it.PackagePath
		}
	}
	for _, it := range list.Items {
		if file := p.file(it); file != "" {
			p.byFile[file] = append(p.byFile[file], it)
		}
	}
	for _, items := range p.byFile {
		slices.SortStableFunc(items, func(a, b *manifest.Item) int { return cmp.Compare(a.Index, b.Index) })
	}
	return p
}

// folder is the package as a folder in memory, which is yet to be loaded and to be given its set.
func (p *listPackage) folder() *folder {
	return &folder{root: "/", fsys: filesys.MakeFsInMemory(), files: p.files(), objects: map[string][]*manifest.Object{}, partial: true,
		adopted: map[workload.Source]bool{}, progress: func(string, int, int) {}}
}

// file is an item's path below the outermost package: kpt gives it relative to the package that owns the file.
func (p *listPackage) file(it *manifest.Item) string {
	if it.Path == "" {
		return ""
	}
	return path.Join(strings.TrimPrefix(strings.TrimPrefix(it.PackagePath, p.top), "/"), it.Path)
}

// files are the package's files as they would be on disk.
func (p *listPackage) files() placement.Files {
	files := placement.Files{}
	for file, items := range p.byFile {
		var text []byte
		for i, it := range items {
			if i > 0 {
				text = append(text, "---\n"...)
			}
			text = append(text, it.File()...)
		}
		files[file] = text
	}
	return files
}

// load puts the files into the file system in memory. A generator's input that is not among them is an empty file there:
// it cannot change a NetworkPolicy, and kpt passes no files but YAML.
func (f *folder) load() (report.Findings, error) {
	for name, content := range f.files {
		if err := f.fsys.WriteFile(path.Join(f.root, name), content); err != nil {
			return nil, err
		}
	}
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if !placement.IsKustomization(name) {
			continue
		}
		objects, err := f.read(name)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			for _, input := range generatorInputs(o) {
				file := path.Join(path.Dir(name), input)
				if strings.HasPrefix(file, "..") || f.fsys.Exists(path.Join(f.root, file)) {
					continue
				}
				findings = append(findings, report.Finding{ID: GeneratorInputAbsent, Severity: report.Info, File: name,
					Message: fmt.Sprintf("the generator's input %s is not passed to a function, and is taken as empty while the policies are derived", input)})
				if err := f.fsys.WriteFile(path.Join(f.root, file), nil); err != nil {
					return nil, err
				}
			}
		}
	}
	return findings, nil
}

// generatorInputs are the files that a kustomization's generators read.
func generatorInputs(o *manifest.Object) []string {
	var out []string
	for _, key := range []string{"configMapGenerator", "secretGenerator"} {
		for _, g := range o.At(key).Items() {
			for _, item := range append(append(g.At("files").Items(), g.At("envs").Items()...), g.At("env")) {
				if entry, ok := item.Text(); ok {
					if _, file, found := strings.Cut(entry, "="); found {
						entry = file
					}
					out = append(out, entry)
				}
			}
		}
	}
	return out
}

// entries are the items as they came, but for the kustomizations that are edited and the policies of ours.
func (p *listPackage) entries(f *folder, r *rendering) []manifest.Entry {
	var entries []manifest.Entry
	next := map[string]int{}
	for _, it := range p.list.Items {
		file := p.file(it)
		text, written := r.write[file]
		changed := written || slices.Contains(r.remove, file)
		switch {
		case changed && placement.IsKustomization(file):
			entries = append(entries, manifest.Entry{Item: it, Text: it.WithText(text)})
		case changed && p.owned(f, it, file):
			entries = append(entries, manifest.Entry{Item: it, Remove: true})
		default:
			entries = append(entries, manifest.Entry{Item: it})
			next[file] = max(next[file], it.Index+1)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.policies)) {
		if _, written := r.write[file]; !written {
			continue
		}
		for i, policy := range r.policies[file] {
			own := policy.DeepCopy()
			maps.Copy(own.Annotations, p.place(file, next[file]+i))
			entries = append(entries, manifest.Entry{Text: manifest.EncodePolicy(own)})
		}
	}
	return entries
}

func (p *listPackage) owned(f *folder, it *manifest.Item, file string) bool {
	o, err := it.Object()
	if err != nil {
		return false
	}
	own := *o
	own.Source.File = file
	return f.owns(&own)
}

// place is the annotations that put a new document into a file. In a nested package the path is relative to it.
func (p *listPackage) place(file string, index int) map[string]string {
	out := map[string]string{kioutil.PathAnnotation: file, kioutil.IndexAnnotation: strconv.Itoa(index)}
	for sibling, items := range p.byFile {
		if path.Dir(sibling) == path.Dir(file) && placement.IsKustomization(sibling) && items[0].PackagePath != "" {
			out[kioutil.PathAnnotation] = path.Join(path.Dir(items[0].Path), path.Base(file))
			if items[0].PackagePath != p.top {
				out[packagePathAnnotation] = items[0].PackagePath
			}
		}
	}
	return out
}
