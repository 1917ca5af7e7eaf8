package reachability

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// filler computes each rule's sets of classes, each distinct peer once.
type filler struct {
	m           *Matrix
	byNamespace map[string][]int
	names       []string // of the namespaces that have pods, sorted
	all         []int    // every class
	memo        map[string][2]set
	// namespaces are the names that a namespaceSelector, given by its key, matches or may match.
	namespaces map[string][]string
}

func newFiller(m *Matrix, byNamespace map[string][]int) *filler {
	f := &filler{m: m, byNamespace: byNamespace, memo: map[string][2]set{}, namespaces: map[string][]string{}}
	f.names = slices.Sorted(maps.Keys(byNamespace))
	for i := range m.classes {
		f.all = append(f.all, i)
	}
	return f
}

func (f *filler) fill(policies []*policy) {
	for _, p := range policies {
		for _, rules := range p.rules {
			for _, r := range rules {
				if len(r.peers) > 0 {
					f.fillRule(r)
				}
			}
		}
	}
}

func (f *filler) fillRule(r *rule) {
	key := r.peersKey()
	if sets, ok := f.memo[key]; ok {
		r.certain, r.possible = sets[0], sets[1]
		return
	}
	var certain, possible []int
	for _, n := range f.candidates(r) {
		switch r.matches(f.m.classes[n].pod, f.m.around, anyFamily) {
		case Allowed:
			certain = append(certain, n)
		case Unknown:
			possible = append(possible, n)
		}
	}
	r.certain, r.possible = newSet(certain), newSet(possible)
	f.memo[key] = [2]set{r.certain, r.possible}
}

// candidates are the classes that the rule's peers may match, in ascending order, and perhaps some others.
func (f *filler) candidates(r *rule) []int {
	names := map[string]bool{}
	for _, p := range r.peers {
		switch {
		case p.block != nil:
			return f.all
		case p.namespaces == nil:
			names[p.policyNamespace] = true
		default:
			for _, n := range f.selected(p.namespaces) {
				names[n] = true
			}
		}
	}
	if len(names) == len(f.names) {
		return f.all
	}
	var out []int
	// Classes are numbered in the order of the namespaces' names.
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, f.byNamespace[n]...)
	}
	return out
}

// selected are the namespaces with pods that the selector matches or may match.
func (f *filler) selected(s *selector) []string {
	if out, ok := f.namespaces[s.key]; ok {
		return out
	}
	var out []string
	for _, name := range f.names {
		n := f.m.namespaces[name]
		if s.matches(n.namespaceLabels, n.complete) != Denied {
			out = append(out, name)
		}
	}
	f.namespaces[s.key] = out
	return out
}

// peersKey is equal for rules whose peers are the same.
func (r *rule) peersKey() string {
	var b strings.Builder
	for _, p := range r.peers {
		switch {
		case p.block != nil:
			b.WriteString("block " + p.block.cidr.String())
			for _, e := range p.block.except {
				b.WriteString("-" + e.String())
			}
		case p.namespaces == nil:
			b.WriteString("own " + strconv.Quote(p.policyNamespace) + p.pods.key)
		default:
			b.WriteString("ns " + p.namespaces.key)
			if p.pods != nil {
				b.WriteString("pods " + p.pods.key)
			}
		}
		b.WriteByte('|')
	}
	return b.String()
}
