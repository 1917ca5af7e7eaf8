package main

import (
	"maps"
	"path"
	"slices"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// checkEnvironments says which environments the tests name that are none of the project's, nor one that cannot be built
// here.
func checkEnvironments(tests []*tier.Test, p *project, tree *placement.Tree) report.Findings {
	names := p.names()
	for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
		if !slices.ContainsFunc(names, func(n string) bool { return n == name || n == path.Base(name) }) {
			names = append(names, name)
		}
	}
	var out report.Findings
	for _, t := range tests {
		out = append(out, t.CheckEnvironments(names)...)
	}
	return out
}

// within compares an environment with those that the tests want it to be within.
func (p *project) within(one *proof, all []*proof) report.Findings {
	var out report.Findings
	for _, t := range p.tests {
		if t.Within == "" || !t.In(one.name) || one.Proof == nil {
			continue
		}
		other := named(all, t.Within, one.name)
		if other == nil || other == one || other.Proof == nil {
			continue // what is not there, or not proved, is said elsewhere
		}
		names := p.sameWorkloads(one, other)
		out = append(out, assertion.Within(t, assertion.Side{Proof: one.Proof, Name: names[0]}, assertion.Side{Proof: other.Proof, Name: names[1]})...)
	}
	return out
}

// named is the environment of the name; of several overlays that share it the one beside the environment that asks.
func named(all []*proof, name, beside string) *proof {
	var best *proof
	for _, one := range all {
		switch {
		case one.name == name:
			return one
		case path.Base(one.name) == name && (best == nil || path.Dir(one.name) == path.Dir(beside)):
			best = one
		}
	}
	return best
}

// sameWorkloads are the names by which the workloads of two environments of one package are the same: their kind and the
// name that their manifest gives them, whatever namespace, prefix and suffix an environment adds; with more of what they
// are where several have one name.
func (p *project) sameWorkloads(a, b *proof) [2]func(*workload.Workload) string {
	declared := func(w *workload.Workload) string { return w.Kind + " " + w.Name }
	if p.declared != nil {
		declared = func(w *workload.Workload) string { return w.Kind + " " + p.declared(w) }
	}
	names := []func(*workload.Workload) string{
		declared,
		func(w *workload.Workload) string { return declared(w) + " of tier " + w.Tier },
		func(w *workload.Workload) string { return declared(w) + " (" + w.Source.String() + ")" },
		(*workload.Workload).String,
	}
	known := [2]map[*workload.Workload]string{{}, {}}
	left := [2][]*workload.Workload{a.model.Workloads, b.model.Workloads}
	for i, name := range names {
		named := [2]map[string][]*workload.Workload{byName(left[0], name), byName(left[1], name)}
		left = [2][]*workload.Workload{}
		for side := range named {
			for key, ws := range named[side] {
				if i < len(names)-1 && (len(ws) > 1 || len(named[1-side][key]) > 1) {
					left[side] = append(left[side], ws...)
					continue
				}
				for _, w := range ws {
					known[side][w] = key
				}
			}
		}
	}
	return [2]func(*workload.Workload) string{
		func(w *workload.Workload) string { return known[0][w] },
		func(w *workload.Workload) string { return known[1][w] },
	}
}

func byName(ws []*workload.Workload, name func(*workload.Workload) string) map[string][]*workload.Workload {
	out := map[string][]*workload.Workload{}
	for _, w := range ws {
		key := name(w)
		out[key] = append(out[key], w)
	}
	return out
}

// declaredName is the name that the workload's manifest gives it: of those of its kind in its file the longest within the
// name that it was built to.
func (f *folder) declaredName(w *workload.Workload) string {
	names := f.namesIn(w.Source.File)
	if len(names) == 0 {
		return w.Name // generated, or of a file that is not there
	}
	for length := len(w.Name); length > 0; length-- {
		for start := 0; start+length <= len(w.Name); start++ {
			if name := w.Name[start : start+length]; names[kindAndName{w.Kind, name}] {
				return name
			}
		}
	}
	return w.Name
}

// kindAndName are those of an object.
type kindAndName struct{ kind, name string }

// namesIn are the objects that a file declares.
func (f *folder) namesIn(file string) map[kindAndName]bool {
	if names, known := f.names[file]; known {
		return names
	}
	names := map[kindAndName]bool{}
	if file != "" {
		objects, err := f.read(file)
		if err == nil {
			for _, o := range objects {
				names[kindAndName{o.Kind, o.Name}] = true
			}
		}
	}
	if f.names == nil {
		f.names = map[string]map[kindAndName]bool{}
	}
	f.names[file] = names
	return names
}

// giveDeclared gives workloads the name of their manifest, where kustomize has put something around it.
func giveDeclared(inventory *workload.Inventory, declared func(*workload.Workload) string) {
	if declared == nil {
		return
	}
	for _, w := range inventory.Workloads {
		if name := declared(w); name != w.Name {
			w.Declared = name
		}
	}
}
