package main

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
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
	// names are the objects that each file declares, made when first needed.
	names map[string]map[kindAndName]bool
	set   *tier.Set
	// partial is true for a function, which is passed only some of the package's files.
	partial bool
	// adopt are the names of hand-written policies that the user gives up, adopted the places where they were found.
	adopt   []string
	adopted map[workload.Source]bool
	// needed says of which environments it is an error that they cannot be proven; nil leaves that to the set.
	needed func(environment string) bool
	// progress is told what is built, and how many builds of how many are done. It is never nil.
	progress func(what string, done, total int)
}

// render derives what the folder's generated files should be.
func (f *folder) render() (*rendering, error) {
	tree, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		return nil, findings
	}
	var plan *planned
	var err error
	var fs report.Findings
	if len(tree.Layers) == 0 {
		plan, fs, err = f.flat()
	} else {
		plan, fs, err = f.layered(tree)
	}
	findings = append(findings, fs...)
	if err != nil {
		return nil, err
	}
	if findings.Failed() {
		return nil, findings
	}
	r := &rendering{write: map[string][]byte{}, policies: map[string][]*networkingv1.NetworkPolicy{}, findings: findings}
	if err := f.place(r, tree, plan); err != nil {
		return nil, err
	}
	return r, f.prove(r, tree, plan)
}

// flat plans a folder without kustomizations: every KRM file counts.
func (f *folder) flat() (*planned, report.Findings, error) {
	var objects []*manifest.Object
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		read, err := f.read(name)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range read {
			if o.APIVersion != "" && o.Kind != "" && !f.owns(o) {
				objects = append(objects, o)
			}
		}
	}
	inventory, findings := discovery.Read(objects)
	model, findings := modelOf(f.set, f.set.Environment, inventory, findings)
	if findings.Failed() {
		return &planned{}, findings, nil
	}
	policies, fs := placement.Flat(placement.Owner{Set: f.set.Name, Labels: f.set.Labels}, model)
	findings = append(findings, fs...)
	var placed []placement.Placed
	var clashes []placement.Clash
	for i, np := range policies {
		placed = append(placed, placement.Placed{Layer: ".", Policy: np})
		for _, x := range inventory.Policies {
			if sameNamespace(x.Namespace, np.Namespace) && x.Name == np.Name {
				clashes = append(clashes, placement.Clash{Placed: i, Existing: x})
			}
		}
	}
	p := &planned{}
	p.placed, fs = f.settle(placed, clashes)
	return p, append(findings, fs...), nil
}

// sameNamespace reports whether two namespaces are one where the caller names none: no namespace and default.
func sameNamespace(a, b string) bool {
	return a == b || a+b == "default"
}
