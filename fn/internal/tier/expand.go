package tier

import (
	"cmp"
	"fmt"
	"slices"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// expansion makes flows between workloads of one environment out of the set's statements.
type expansion struct {
	set         *Set
	document    document
	environment string
	peers       map[string]*Peer
	tierPorts   map[string]PortSet
	classes     *classes
	// public is internet as invariants mean it, made when first needed.
	public *Peer
	// references are the environment's, and addressed what those of each kind name, made when first needed.
	references []workload.Reference
	addressed  map[ReferenceKind]addressed
	// presetNever are the preset's invariants, made when first needed.
	presetNever []*product

	// statements are all flows that were added, in their order; parts name them by index.
	statements []*FlowSpec
	// cells are the flows, by source and destination class.
	cells map[cellKey]*cell

	// invariants are the nevers, once they have met all flows.
	invariants []*invariant

	said     map[report.Finding]bool
	findings report.Findings
}

// cellKey is a pair of classes: indices into classes.from and classes.to.
type cellKey struct{ from, to int32 }

// cell is what is open between two classes, by the statement that opens it.
type cell struct{ parts []part }

type part struct {
	statement int
	ports     PortSet
}

// once adds a finding that was not said before.
func (e *expansion) once(f report.Finding) {
	if !e.said[f] {
		e.said[f] = true
		e.findings = append(e.findings, f)
	}
}

// say adds a finding about a statement: at its field, or, for one of the preset, about the whole configuration.
func (e *expansion) say(id report.ID, severity report.Severity, f *FlowSpec, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if f.preset {
		e.once(e.document.finding(id, severity, "", f.Field+": "+message))
		return
	}
	e.once(e.document.finding(id, severity, f.Field, message))
}

// add expands a flow and adds it.
func (e *expansion) add(f *FlowSpec) {
	if !e.peersDefined(f) {
		return
	}
	e.sayUnmatched(f, report.Warning)
	index := len(e.statements)
	e.statements = append(e.statements, f)
	from := e.classes.from.matchingAny(f.From)
	resolve := e.resolver(f)
	opened := false
	for _, ref := range f.To {
		to := e.destinations(f, ref)
		for _, i := range from {
			source := e.classes.from.classes[i]
			if source.host {
				continue
			}
			for _, j := range to.reachedFrom(source) {
				opened = e.open(f, index, i, j, resolve) || opened
			}
		}
		to.sayAmbiguous(e, f, ref)
	}
	e.sayWithin(f, opened)
}

// open adds a flow between two classes, if the statement means this pair, and reports whether it does.
func (e *expansion) open(f *FlowSpec, statement, i, j int, resolve func(int) resolved) bool {
	source, destination := e.classes.from.classes[i], e.classes.to.classes[j]
	if destination.host || destination.client || !e.together(f, source, destination) {
		return false
	}
	if !e.namespacesKnown(f, source, destination) {
		return false
	}
	ports := e.atAddresses(f, i, j, resolve(j).ports)
	if len(ports) == 0 {
		return false
	}
	key := cellKey{int32(i), int32(j)}
	c := e.cells[key]
	if c == nil {
		c = &cell{}
		e.cells[key] = c
	}
	if n := len(c.parts); n > 0 && c.parts[n-1].statement == statement {
		return true
	}
	c.parts = append(c.parts, part{statement, ports})
	return true
}

// namespacesKnown refuses a flow between a namespace that is known and one that is not: each end's rule must name the
// other's namespace.
func (e *expansion) namespacesKnown(f *FlowSpec, from, to *class) bool {
	if from.peer != nil || to.peer != nil || from.namespace == to.namespace || (from.namespace != "" && to.namespace != "") {
		return true
	}
	e.say(namespaceUnknown, report.Error, f, "goes from tier %s %s to tier %s %s, and a rule across namespaces must name both; give the manifests their namespace",
		from.tier, inNamespaceWords(from.namespace), to.tier, inNamespaceWords(to.namespace))
	return false
}

func inNamespaceWords(namespace string) string {
	if namespace == "" {
		return "without a namespace"
	}
	return fmt.Sprintf("in namespace %q", namespace)
}

// resolver resolves a statement's ports once for each destination class.
func (e *expansion) resolver(f *FlowSpec) func(int) resolved {
	seen := map[int]resolved{}
	return func(j int) resolved {
		r, ok := seen[j]
		if !ok {
			r = e.resolve(f, e.classes.to.classes[j])
			seen[j] = r
			if len(r.ports) == 0 || len(r.unresolved) > 0 {
				e.sayPorts(f, r, e.classes.to.classes[j])
			}
		}
		return r
	}
}

// resolve is the ports that a flow means at a destination.
func (e *expansion) resolve(f *FlowSpec, c *class) resolved {
	switch {
	case c.peer == nil && len(f.Ports) > 0:
		return e.resolvePorts(f.Ports, c.members[0])
	case f.Within.byAddress():
		return resolved{ports: AllPorts()}
	case c.peer == nil:
		return e.servingPorts(c.members[0])
	case len(f.Ports) > 0:
		return resolved{ports: numbers(f.Ports)}
	case len(c.peer.Ports) > 0:
		return resolved{ports: c.peer.Ports}
	}
	return resolved{ports: AllPorts()}
}

// peersDefined reports whether all of a statement's peers have an address in this environment.
func (e *expansion) peersDefined(f *FlowSpec) bool {
	ok := true
	for _, refs := range []Refs{f.From, f.To} {
		for _, r := range refs {
			_, isTier := e.tierPorts[r.Name]
			if r.Name == everything || isTier || e.peers[r.Name] != nil {
				continue
			}
			ok = false
			if e.environment == "" {
				e.say(peerUndefined, report.Error, f, "peer %q is defined in some environments only; add it to spec.peers, or name the environment", r.Name)
				continue
			}
			e.say(peerUndefined, report.Error, f, "peer %q is not defined in environment %q; add it to spec.peers, or to the environment's peers", r.Name, e.environment)
		}
	}
	return ok
}

// sayUnmatched says which endpoints name a workload that is not there.
func (e *expansion) sayUnmatched(f *FlowSpec, severity report.Severity) bool {
	matched := true
	for i, refs := range []Refs{f.From, f.To} {
		s := []*side{&e.classes.from, &e.classes.to}[i]
		for _, r := range refs {
			if r.Workload == "" && r.Namespace == "" || len(s.matching(r)) > 0 {
				continue
			}
			matched = false
			e.say(endpointUnmatched, severity, f, "%q matches no workload of tier %s%s", r, r.Name, e.nearWorkload(r))
		}
	}
	return matched
}

func (e *expansion) nearWorkload(r Ref) string {
	var names []string
	for _, i := range e.classes.from.byTier[r.Name] {
		for _, w := range e.classes.from.classes[i].members {
			if r.Workload != "" && (r.Namespace == "" || r.Namespace == w.Namespace) {
				names = append(names, w.Called())
			}
		}
	}
	return didYouMean(r.Workload, names)
}

// destinations are the classes that a statement's endpoint means as a destination, by namespace.
type destinations struct {
	// explicit is true where the configuration names the namespace, or a peer, or an address tells: then every source reaches all.
	explicit bool
	all      []int
	// in are the classes of each namespace that holds the endpoint, and holding those namespaces, sorted.
	in      map[string][]int
	holding []string
	// ambiguous are the sources' namespaces and tiers for which several other namespaces hold the endpoint.
	ambiguous map[[2]string]bool
}

func (e *expansion) destinations(f *FlowSpec, r Ref) *destinations {
	d := &destinations{all: e.classes.to.matching(r), in: map[string][]int{}, ambiguous: map[[2]string]bool{}}
	d.explicit = r.Namespace != "" || e.peers[r.Name] != nil || f.Within.byAddress()
	for _, j := range d.all {
		if c := e.classes.to.classes[j]; c.peer == nil && !c.client {
			d.in[c.namespace] = append(d.in[c.namespace], j)
		}
	}
	d.holding = sortedKeys(d.in)
	return d
}

// reachedFrom are the classes that a source reaches: those in its own namespace; if that holds none, those in the one
// other namespace that does; if several do, none. A peer has no namespace of its own, and reaches all.
func (d *destinations) reachedFrom(source *class) []int {
	if d.explicit || source.peer != nil {
		return d.all
	}
	if own, ok := d.in[source.namespace]; ok {
		return own
	}
	switch len(d.holding) {
	case 0:
		return nil
	case 1:
		return d.in[d.holding[0]]
	}
	d.ambiguous[[2]string{source.namespace, source.tier}] = true
	return nil
}

// sayAmbiguous says once for a statement's endpoint that sources could not tell which namespace is meant.
func (d *destinations) sayAmbiguous(e *expansion, f *FlowSpec, r Ref) {
	if len(d.ambiguous) == 0 {
		return
	}
	var sources [][2]string
	for s := range d.ambiguous {
		sources = append(sources, s)
	}
	slices.SortFunc(sources, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	others := ""
	if n := len(sources) - 1; n > 0 {
		others = fmt.Sprintf(" (and for %d more)", n)
	}
	from, to := Ref{Namespace: sources[0][0], Name: sources[0][1]}, r
	to.Namespace = d.holding[0]
	e.say(namespaceAmbiguous, report.Warning, f,
		"opens nothing for tier %s %s%s: that namespace holds no %s, and several others do (%s); write the one that is meant, such as flows: [{from: %s, to: %s}]",
		from.Name, inNamespaceWords(from.Namespace), others, r, listed(d.holding), Refs{from}.yaml(), Refs{to}.yaml())
}

// listed is a few of the words, and how many more there are.
func listed(words []string) string {
	const few = 4
	out := ""
	for i, w := range words {
		if i == few && len(words) > few+1 {
			return out + fmt.Sprintf(" and %d more", len(words)-few)
		}
		if i > 0 {
			out += ", "
		}
		out += w
	}
	return out
}

// addClients opens each tier to its own Jobs and CronJobs: a Job that wears a store's tier is a client of that store.
func (e *expansion) addClients() {
	tiers := map[string]bool{}
	for _, c := range e.classes.from.classes {
		if c.client {
			tiers[c.tier] = true
		}
	}
	for _, tier := range sortedKeys(tiers) {
		e.addClientsOf(tier)
	}
}

func (e *expansion) addClientsOf(tier string) {
	f := &FlowSpec{From: names(tier), To: names(tier), Field: "clients of tier " + tier, preset: true}
	to := e.destinations(f, f.To[0])
	index := len(e.statements)
	e.statements = append(e.statements, f)
	resolve := e.quietResolver(f)
	for _, i := range e.classes.from.byTier[tier] {
		source := e.classes.from.classes[i]
		if !source.client || source.host {
			continue
		}
		for _, j := range to.reachedFrom(source) {
			e.open(f, index, i, j, resolve)
		}
	}
	to.sayAmbiguous(e, f, f.To[0])
}

// quietResolver resolves ports without findings.
func (e *expansion) quietResolver(f *FlowSpec) func(int) resolved {
	return func(j int) resolved { return e.resolve(f, e.classes.to.classes[j]) }
}
