package tier

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// byAddress reports whether addresses decide which pairs are meant.
func (w *Within) byAddress() bool { return w != nil && w.Reference != "" }

// apart reports whether the statement has to tell workloads apart one by one.
func (w *Within) apart() bool { return w.byAddress() || w != nil && len(w.SameName) > 0 }

// together reports whether the labels and the names say that the two classes belong together. What addresses say is a
// matter of ports: see addressed.
func (e *expansion) together(f *FlowSpec, from, to *class) bool {
	if f.Within == nil {
		return true
	}
	if from.peer != nil || to.peer != nil {
		return false
	}
	if f.Within.SameLabel != "" {
		k, _ := slices.BinarySearch(e.classes.labels, f.Within.SameLabel)
		if from.labels[k] == absent || from.labels[k] != to.labels[k] {
			return false
		}
	}
	return len(f.Within.SameName) == 0 || namedAlike(from.members[0], to.members[0], f.Within.SameName)
}

// namedAlike reports whether two workloads have the same name without one of the endings: as kustomize builds them, or in
// their manifests where kustomize has put the same around both.
func namedAlike(a, b *workload.Workload, endings []string) bool {
	if sameName(a.Name, b.Name, endings) {
		return true
	}
	prefixA, suffixA, _ := strings.Cut(a.Name, a.Called())
	prefixB, suffixB, _ := strings.Cut(b.Name, b.Called())
	return prefixA == prefixB && suffixA == suffixB && sameName(a.Called(), b.Called(), endings)
}

// sameName reports whether two names are the same without one of the endings, which each of them has once or not at all.
func sameName(a, b string, endings []string) bool {
	others := stems(b, endings)
	return slices.ContainsFunc(stems(a, endings), func(s string) bool { return slices.Contains(others, s) })
}

func stems(name string, endings []string) []string {
	out := []string{name}
	for _, ending := range endings {
		if stem, found := strings.CutSuffix(name, ending); found && stem != "" {
			out = append(out, stem)
		}
	}
	return out
}

// addressed are the ports that a workload's addresses of Services name, by the workload that they lead to.
type addressed map[*workload.Workload]map[*workload.Workload]PortSet

// addresses are what the references name; with only those of the workload's own manifests where shared is false.
func addresses(refs []workload.Reference, shared bool) addressed {
	out := addressed{}
	for _, r := range meaning(refs, shared) {
		for _, w := range r.To.Workloads {
			if out[r.From] == nil {
				out[r.From] = map[*workload.Workload]PortSet{}
			}
			out[r.From][w] = out[r.From][w].Union(targetPorts(r.To, r.Port, w))
		}
	}
	return out
}

// meaning are the references that say which connection is meant: where a workload has a Service's address with a port, its
// addresses of that Service without one say nothing more, since the port is then put together with them; but what is shared
// says nothing of what is its own, and what is no address nothing at all.
func meaning(refs []workload.Reference, shared bool) []workload.Reference {
	type call struct {
		from *workload.Workload
		to   *workload.Service
		weak bool
	}
	var out []workload.Reference
	withPort := map[call]bool{}
	for _, r := range refs {
		if r.From == nil || r.To == nil || r.Weak && !shared || !r.Via.IsAddress() {
			continue
		}
		out = append(out, r)
		if r.Port != 0 {
			withPort[call{r.From, r.To, true}] = true
			withPort[call{r.From, r.To, r.Weak}] = true
		}
	}
	return slices.DeleteFunc(out, func(r workload.Reference) bool { return r.Port == 0 && withPort[call{r.From, r.To, r.Weak}] })
}

// atAddresses are the ports that the source's addresses name at the destination, of those that a flow means; all of these where
// the flow does not ask for addresses. An address opens nothing that an invariant of the preset rules out: nobody has written
// that this workload may call that one.
func (e *expansion) atAddresses(f *FlowSpec, i, j int, ports PortSet) PortSet {
	if !f.Within.byAddress() {
		return ports
	}
	from, to := e.classes.from.classes[i], e.classes.to.classes[j]
	known, made := e.addressed[f.Within.Reference]
	if !made {
		known = addresses(e.references, f.Within.Reference == ReferenceShared)
		e.addressed[f.Within.Reference] = known
	}
	return known[from.members[0]][to.members[0]].Intersect(ports).Minus(e.ruledOut(i, j))
}

// ruledOut is what the preset's invariants rule out between two classes.
func (e *expansion) ruledOut(i, j int) PortSet {
	if e.presetNever == nil {
		e.presetNever = []*product{}
		statements := e.set.startNever()
		for k := range statements {
			e.presetNever = append(e.presetNever, e.product(&statements[k]))
		}
	}
	var out PortSet
	for _, p := range e.presetNever {
		if p.from[i] && p.to[j] {
			out = out.Union(p.ports(j))
		}
	}
	return out
}

// sayWithin says why a flow opens less than it seems to: a label that a workload lacks, or no pair that belongs together.
func (e *expansion) sayWithin(f *FlowSpec, opened bool) {
	if f.Within == nil {
		return
	}
	from, to := e.bound(&e.classes.from, f.From, false), e.bound(&e.classes.to, f.To, true)
	if len(from) == 0 || len(to) == 0 {
		return
	}
	if f.Within.SameLabel != "" {
		e.sayUnlabelled(f, from, f.From, "source")
		e.sayUnlabelled(f, to, f.To, "destination")
	}
	if !opened {
		e.say(withinNothing, report.Warning, f, "opens nothing: of %s and %s no two workloads belong together by %s", f.From, f.To, f.Within)
	}
}

// bound are the classes of workloads that the endpoints mean and policies bind.
func (e *expansion) bound(s *side, refs Refs, serving bool) []*class {
	var out []*class
	for _, i := range s.matchingAny(refs) {
		if c := s.classes[i]; c.peer == nil && !c.host && !(serving && c.client) {
			out = append(out, c)
		}
	}
	return out
}

// sayUnlabelled says which workloads do not wear the label that the flow compares. Of "*" nobody says that all have it.
func (e *expansion) sayUnlabelled(f *FlowSpec, classes []*class, refs Refs, end string) {
	if slices.ContainsFunc(refs, func(r Ref) bool { return r.Name == everything }) {
		return
	}
	k, _ := slices.BinarySearch(e.classes.labels, f.Within.SameLabel)
	for _, c := range classes {
		if c.labels[k] != absent {
			continue
		}
		for _, w := range c.members {
			e.once(about(w, withinUnlabelled, report.Warning, podLabels(w), fmt.Sprintf(
				"the pods do not wear the label %s, which %s compares, so that flow does not have them as a %s; set it on the pod template",
				f.Within.SameLabel, f.Field, end)))
		}
	}
}

// String is the conditions for a message.
func (w *Within) String() string {
	var parts []string
	if w.SameLabel != "" {
		parts = append(parts, "sameLabel: "+w.SameLabel)
	}
	if len(w.SameName) > 0 {
		parts = append(parts, "sameName: ["+strings.Join(w.SameName, ", ")+"]")
	}
	if w.Reference != "" {
		parts = append(parts, "reference: "+string(w.Reference))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
