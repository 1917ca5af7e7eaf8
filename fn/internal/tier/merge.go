package tier

import (
	"cmp"
	"slices"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Model is what the set means in one environment, whose workloads have their tiers: the preset's flows, less the top
// without, plus the set's own, less the environment's without, plus the environment's own. An environment that the set
// does not name has the shared flows. The model is not to be used where the findings have failed.
func (s *Set) Model(environment string, inv *workload.Inventory) (*Model, report.Findings) {
	local := s.environment(environment)
	e := s.expansion(environment, inv, slices.Concat(s.Flows, s.Never, s.Without, local.Flows, local.Without))
	e.addAll(s.startFlows())
	e.addClients()
	e.takeAll(s.Without)
	e.addAll(s.Flows)
	e.takeAll(local.Without)
	e.addAll(local.Flows)

	m := &Model{Environment: environment, Workloads: inv.Workloads}
	m.Groups = e.groups()
	m.Members = members(m.Groups, inv)
	for _, g := range e.resolvers(m) {
		m.Groups = insert(m.Groups, g)
	}
	m.NeverGroups = e.never(append(s.startNever(), s.Never...))
	e.sayGuesses()
	e.sayDisagreements(inv)
	return m, e.findings.Sorted()
}

// expansion prepares an environment's workloads and peers for the statements.
func (s *Set) expansion(environment string, inv *workload.Inventory, statements []FlowSpec) *expansion {
	e := &expansion{
		set: s, document: s.document(), environment: environment, peers: s.peersIn(environment),
		tierPorts: map[string]PortSet{}, cells: map[cellKey]*cell{}, said: map[report.Finding]bool{},
		references: inv.References, addressed: map[ReferenceKind]addressed{},
	}
	for _, t := range s.AllTiers() {
		e.tierPorts[t.Name] = numbers(t.Ports)
	}
	e.classes = newClasses(inv.Workloads, e.peers, statements)
	return e
}

func (e *expansion) addAll(flows []FlowSpec) {
	for i := range flows {
		e.add(&flows[i])
	}
}

func (e *expansion) takeAll(flows []FlowSpec) {
	for i := range flows {
		e.take(&flows[i])
	}
}

// take takes away what a without says. In contrast to a flow it holds across all namespaces.
func (e *expansion) take(f *FlowSpec) {
	if !e.peersDefined(f) || !e.sayUnmatched(f, report.Error) {
		return
	}
	p := e.product(f)
	took := false
	for _, key := range e.cellKeys() {
		if !p.from[key.from] || !p.to[key.to] || !e.together(f, e.classes.from.classes[key.from], e.classes.to.classes[key.to]) {
			continue
		}
		if c := e.cells[key]; c.subtract(p.ports(int(key.to))) {
			took = true
			if len(c.parts) == 0 {
				delete(e.cells, key)
			}
		}
	}
	if !took && (p.bothEnds() || !e.mayOverlap(f)) {
		e.say(withoutNothing, report.Error, f, "takes nothing away: no flow before it goes from %s to %s%s; remove it, or write what the flow says", f.From, f.To, onPorts(f.Ports))
	}
}

func onPorts(ports []PortSpec) string {
	if len(ports) == 0 {
		return ""
	}
	out := " on "
	for i, p := range ports {
		if i > 0 {
			out += ", "
		}
		out += p.String()
	}
	return out
}

// mayOverlap reports whether a flow so far could have something in common with f, if there were the workloads.
func (e *expansion) mayOverlap(f *FlowSpec) bool {
	isPeer := func(name string) bool { return e.peers[name] != nil }
	return slices.ContainsFunc(e.statements, func(s *FlowSpec) bool {
		return s.From.overlap(f.From, isPeer) && s.To.overlap(f.To, isPeer)
	})
}

// subtract takes ports away from all parts, and reports whether there were any to take.
func (c *cell) subtract(ports PortSet) bool {
	took := false
	kept := c.parts[:0]
	for _, p := range c.parts {
		left := p.ports.Minus(ports)
		if !slices.Equal(left, p.ports) {
			took, p.ports = true, left
		}
		if len(p.ports) > 0 {
			kept = append(kept, p)
		}
	}
	c.parts = kept
	return took
}

// ports is what is open between the two classes.
func (c *cell) ports() PortSet {
	out := c.parts[0].ports
	for _, p := range c.parts[1:] {
		if !slices.Equal(out, p.ports) {
			out = out.Union(p.ports)
		}
	}
	return out
}

// cellKeys are the keys of all cells, sorted.
func (e *expansion) cellKeys() []cellKey {
	keys := make([]cellKey, 0, len(e.cells))
	for k := range e.cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b cellKey) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return keys
}

// product is what a without or a never speaks of: all of its sources with all of its destinations, in all namespaces.
type product struct {
	e        *expansion
	spec     *FlowSpec
	from, to []bool
	resolved map[int]PortSet
}

func (e *expansion) product(f *FlowSpec) *product {
	p := &product{
		e: e, spec: f, resolved: map[int]PortSet{},
		from: make([]bool, len(e.classes.from.classes)), to: make([]bool, len(e.classes.to.classes)),
	}
	for _, i := range e.classes.from.matchingAny(f.From) {
		p.from[i] = !e.classes.from.classes[i].host
	}
	for _, j := range e.classes.to.matchingAny(f.To) {
		c := e.classes.to.classes[j]
		p.to[j] = !c.host && !c.client
	}
	return p
}

func (p *product) bothEnds() bool {
	return slices.Contains(p.from, true) && slices.Contains(p.to, true)
}

// ports are the ports at a destination: all where the statement names none.
func (p *product) ports(j int) PortSet {
	if len(p.spec.Ports) == 0 {
		return AllPorts()
	}
	set, ok := p.resolved[j]
	if !ok {
		set = p.e.resolve(p.spec, p.e.classes.to.classes[j]).ports
		p.resolved[j] = set
	}
	return set
}

// sayGuesses says what was guessed for the flows that hold, and which of them open all ports.
func (e *expansion) sayGuesses() {
	type place struct{ statement, to int }
	seen := map[place]bool{}
	for _, key := range e.cellKeys() {
		for _, p := range e.cells[key].parts {
			at := place{p.statement, int(key.to)}
			if seen[at] {
				continue
			}
			seen[at] = true
			e.sayGuess(e.statements[p.statement], e.classes.to.classes[key.to])
		}
	}
}

func (e *expansion) sayGuess(f *FlowSpec, c *class) {
	switch {
	case c.peer == nil:
		e.sayPorts(f, e.resolve(f, c), c)
	case len(f.Ports) == 0 && len(c.peer.Ports) == 0:
		e.say(flowAllPorts, report.Warning, f, "opens all ports to peer %s; give the flow or the peer its ports", c.peer.Name)
	}
	if c.peer != nil && c.peer.Name == Internet && len(e.set.Profile.PodCIDRs) == 0 {
		e.once(e.document.finding(podCIDRsAssumed, report.Info, "",
			"a flow goes to the internet, and spec.profile.podCIDRs is not set: pods are assumed to be inside the private ranges that the flow leaves out"))
	}
	if c.peer != nil || e.set.Profile.CNI != CNIAWS {
		return
	}
	for _, w := range c.members {
		ports := e.resolve(f, c).ports
		if extra := e.set.servicePorts(w, ports).Minus(ports); len(extra) > 0 {
			e.once(about(w, egressServicePort, report.Info, "", "egress to it names the Service's port "+extra.String()+
				" beside the pods' own, since aws-vpc-cni looks at egress before the Service has translated"))
		}
	}
}
