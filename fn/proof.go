package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
)

// prove proves what would be applied once the rendering is written: each environment as kustomize builds it then. An
// environment that kustomize refuses, or that opens anything else than what is meant, is an error, and nothing is written.
func (f *folder) prove(r *rendering, tree *placement.Tree, plan *planned) error {
	tests, findings := f.readTests()
	p := &project{set: f.set, tests: tests, declared: f.declaredName}
	var err error
	if len(tree.Layers) == 0 {
		p.environments = []applied{{f.set.Environment, f.objectsWritten(r)}}
	} else {
		roots := plan.roots
		if len(r.write)+len(r.remove) > 0 {
			roots, err = f.buildWritten(r, tree, plan.frozen)
		}
		p.environments = appliedTogether(roots)
	}
	if err != nil {
		return err
	}
	findings = append(findings, checkEnvironments(tests, p, tree)...)
	found, err := p.findings()
	if err != nil {
		return err
	}
	r.findings = slices.Concat(r.findings, findings, found)
	if r.findings.Failed() {
		return r.findings
	}
	return nil
}

// buildWritten builds every environment again, with what would be written.
func (f *folder) buildWritten(r *rendering, tree *placement.Tree, frozen map[string]bool) ([]*builtRoot, error) {
	replaced := map[string][]byte{}
	for name, content := range r.write {
		replaced[filepath.Join(f.root, name)] = content
	}
	var out []*builtRoot
	names := slices.Sorted(maps.Keys(tree.Roots))
	for i, name := range names {
		root := tree.Roots[name]
		if frozen[root.Dir] {
			continue
		}
		f.progress("building "+root.Dir+" with the new policies", i, len(names))
		built, err := placement.Build(placement.Replaced(f.fsys, replaced), f.root, root.Dir, []string{root.Dir})
		if err != nil {
			return nil, report.Findings{f.notBuilt(root.Dir, tree, fmt.Errorf("with the new policies: %w", err))}
		}
		out = append(out, f.newRoot(name, root, built))
	}
	return out, nil
}

// objectsWritten are the objects of a folder without kustomizations, with what would be written.
func (f *folder) objectsWritten(r *rendering) []*manifest.Object {
	written := &folder{files: maps.Clone(f.files), objects: maps.Clone(f.objects)}
	for name, content := range r.write {
		written.files[name] = content
		delete(written.objects, name)
	}
	for _, name := range r.remove {
		delete(written.files, name)
	}
	objects, _ := written.everyObject() // what cannot be read was said before
	return objects
}
