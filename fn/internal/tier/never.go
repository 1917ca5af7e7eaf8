package tier

import (
	"cmp"
	"fmt"
	"slices"

	"tierwall.dev/fn/internal/report"
)

// never are the invariants that hold. Flows suspend the cells of the preset's that they open; against an invariant of the
// user a flow is an error.
func (e *expansion) never(statements []FlowSpec) []Group {
	var out []Group
	keys := e.cellKeys()
	for i := range statements {
		f := &statements[i]
		if !e.peersDefined(f) {
			continue
		}
		if !e.sayUnmatched(f, report.Error) {
			continue
		}
		n := &invariant{product: e.product(f), suspended: map[cellKey][]suspension{}}
		for _, key := range keys {
			n.meet(key)
		}
		n.sayMet()
		e.invariants = append(e.invariants, n)
		out = append(out, n.groups()...)
	}
	return out
}

// invariant is a never with the flows that it meets.
type invariant struct {
	*product
	// suspended is what flows open of each pair of the invariant's classes.
	suspended map[cellKey][]suspension
	// met are the statements that open something of the invariant, with what they open, in their order.
	met []meeting
}

// suspension is ports of a pair that a flow opens. The peer is the flow's, where the invariant's is another that has
// addresses in common with it; nil means the whole pair.
type suspension struct {
	ports PortSet
	peer  *Peer
}

type meeting struct {
	statement int
	ports     PortSet
	from, to  *class
}

// meet compares the invariant with what is open between two classes.
func (n *invariant) meet(key cellKey) {
	for _, at := range n.pairsLike(key) {
		from, to := n.e.classes.from.classes[key.from], n.e.classes.to.classes[key.to]
		if !n.e.together(n.spec, from, to) {
			continue
		}
		var open PortSet
		for _, p := range n.e.cells[key].parts {
			common := p.ports.Intersect(n.neverPorts(at))
			if len(common) == 0 {
				continue
			}
			open = open.Union(common)
			n.met = append(n.met, meeting{p.statement, common, from, to})
		}
		if len(open) == 0 {
			continue
		}
		s := suspension{ports: open}
		switch {
		case at.from != key.from:
			s.peer = from.peer
		case at.to != key.to:
			s.peer = to.peer
		}
		n.suspended[at] = append(n.suspended[at], s)
	}
}

func (n *invariant) neverPorts(at cellKey) PortSet { return n.ports(int(at.to)) }

// pairsLike are the invariant's pairs that a flow between two classes opens something of: the same pair, or one with a
// peer that has addresses in common with the flow's.
func (n *invariant) pairsLike(key cellKey) []cellKey {
	from := like(&n.e.classes.from, n.from, key.from)
	if len(from) == 0 {
		return nil
	}
	to := like(&n.e.classes.to, n.to, key.to)
	var out []cellKey
	for _, i := range from {
		for _, j := range to {
			out = append(out, cellKey{i, j})
		}
	}
	return out
}

// like are the classes of an invariant that have something in common with a flow's class: that class, and peers that share
// addresses with its peer.
func like(s *side, in []bool, i int32) []int32 {
	var out []int32
	if in[i] {
		out = append(out, i)
	}
	peer := s.classes[i].peer
	if peer == nil {
		return out
	}
	for _, j := range s.byPeer {
		if in[j] && int32(j) != i && addressesMeet(s.classes[j].peer, peer) {
			out = append(out, int32(j))
		}
	}
	slices.Sort(out)
	return out
}

// sayMet says, for each statement that opens something of the invariant, what that means.
func (n *invariant) sayMet() {
	slices.SortStableFunc(n.met, func(a, b meeting) int { return cmp.Compare(a.statement, b.statement) })
	for i, m := range n.met {
		if i > 0 && n.met[i-1].statement == m.statement {
			continue
		}
		flow := n.e.statements[m.statement]
		what := fmt.Sprintf("%s to %s on %s", m.from, m.to, m.ports)
		switch {
		case n.spec.preset:
			n.e.say(neverSuspended, report.Info, flow, "opens %s, which %s rules out: that invariant does not hold where this flow does", what, n.spec.Field)
		case flow.preset:
			n.e.say(neverAgainstFlow, report.Error, n.spec, "rules out %s, which %s opens; take the flow away with without: [{from: %s, to: %s}]",
				what, flow.Field, n.spec.From.yaml(), n.spec.To.yaml())
		default:
			n.e.say(neverAgainstFlow, report.Error, n.spec, "rules out %s, which %s opens; remove one of the two", what, flow.Field)
		}
	}
}

// String is the class for a message: one workload, or its tier, or the peer.
func (c *class) String() string {
	switch {
	case c.peer != nil:
		return c.peer.Name
	case len(c.members) == 1 || c.name != "" || c.declared != "":
		return Ref{Name: c.tier, Workload: c.members[0].Called()}.String()
	}
	return c.tier
}

// groups are the invariant's pairs less what flows suspend. Workloads of which nothing is suspended stay together.
func (n *invariant) groups() []Group {
	suspends := map[int32]bool{}
	for key := range n.suspended {
		suspends[key.from] = true
	}
	b := &groupBuilder{classes: n.e.classes, declared: []string{n.spec.Field}}
	var together []int32
	for i := range n.from {
		switch {
		case !n.from[i]:
		case n.spec.Within != nil, n.e.classes.from.classes[i].peer != nil, suspends[int32(i)]:
			n.row(b, []int32{int32(i)})
		default:
			together = append(together, int32(i))
		}
	}
	if len(together) > 0 {
		n.row(b, together)
	}
	return b.groups
}

// row adds the sources with each destination, by the ports that stay closed. Several sources are all workloads, and have no
// suspensions.
func (n *invariant) row(b *groupBuilder, sources []int32) {
	source := n.e.classes.from.classes[sources[0]]
	var sets []PortSet
	var to [][]int32
	byPorts := map[string]int{}
	for j := range n.to {
		destination := n.e.classes.to.classes[j]
		if !n.to[j] || !n.e.together(n.spec, source, destination) {
			continue
		}
		for _, left := range n.remainders(cellKey{sources[0], int32(j)}) {
			switch {
			case source.peer != nil:
				b.apart([]Endpoint{{Peer: left.peer}}, destination.ends, left.ports)
			case destination.peer != nil:
				b.apart(n.e.classes.from.endpoints(sources), []Endpoint{{Peer: left.peer}}, left.ports)
			default:
				key := flowKey(left.ports, nil, nil)
				k, ok := byPorts[key]
				if !ok {
					k = len(sets)
					byPorts[key] = k
					sets, to = append(sets, left.ports), append(to, nil)
				}
				to[k] = append(to[k], int32(j))
			}
		}
	}
	b.row(sources, sets, to)
}

// remainder is ports of a pair that stay closed; peer stands for the pair's peer, of which flows may have taken addresses.
type remainder struct {
	ports PortSet
	peer  *Peer
}

// remainders are what of a pair stays closed.
func (n *invariant) remainders(key cellKey) []remainder {
	peer := cmp.Or(n.e.classes.from.classes[key.from].peer, n.e.classes.to.classes[key.to].peer)
	left := []remainder{{ports: n.ports(int(key.to)), peer: n.addresses(peer)}}
	for _, s := range n.suspended[key] {
		var next []remainder
		for _, r := range left {
			if rest := r.ports.Minus(s.ports); len(rest) > 0 {
				next = append(next, remainder{rest, r.peer})
			}
			if s.peer == nil {
				continue
			}
			if common := r.ports.Intersect(s.ports); len(common) > 0 {
				if reduced := minusAddresses(r.peer, s.peer); len(reduced.To) > 0 {
					next = append(next, remainder{common, reduced})
				}
			}
		}
		left = next
	}
	return slices.DeleteFunc(left, func(r remainder) bool { return len(r.ports) == 0 })
}

// addresses is the peer as an invariant means it: internet is public addresses, as a source too.
func (n *invariant) addresses(p *Peer) *Peer {
	if p == nil || !slices.ContainsFunc(p.From, func(t Target) bool { return t.Any }) {
		return p
	}
	if n.e.public == nil {
		n.e.public = &Peer{Name: p.Name, From: p.To, To: p.To, Ports: p.Ports}
	}
	return n.e.public
}
