package placement

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// endpoints is a set of other ends, by their numbers in the universe, ascending. Equal sets are one pointer.
type endpoints struct{ members []int32 }

// universe numbers the endpoints of the package: first the declarations, then the peers, told apart by what they stand
// for, so that a peer that an environment overrides is another endpoint there.
type universe struct {
	declarations []*declaration
	peers        []*tier.Peer
	peerNumber   map[string]int32
	sets         map[string]*endpoints
}

func newUniverse(declarations []*declaration) *universe {
	for i, d := range declarations {
		d.number = int32(i)
	}
	return &universe{declarations: declarations, peerNumber: map[string]int32{}, sets: map[string]*endpoints{}}
}

func (u *universe) peer(p *tier.Peer) int32 {
	key := p.Name + "\x00" + describePeer(p)
	n, ok := u.peerNumber[key]
	if !ok {
		n = int32(len(u.declarations) + len(u.peers))
		u.peers = append(u.peers, p)
		u.peerNumber[key] = n
	}
	return n
}

// set is the one set of the members, which it sorts and keeps.
func (u *universe) set(members []int32) *endpoints {
	slices.Sort(members)
	members = slices.Compact(members)
	key := make([]byte, 0, 4*len(members))
	for _, m := range members {
		key = binary.LittleEndian.AppendUint32(key, uint32(m))
	}
	if s := u.sets[string(key)]; s != nil {
		return s
	}
	s := &endpoints{members: members}
	u.sets[string(key)] = s
	return s
}

func (u *universe) union(a, b *endpoints) *endpoints {
	switch {
	case a == nil || a == b:
		return b
	case b == nil:
		return a
	}
	return u.set(append(slices.Clone(a.members), b.members...))
}

// filter keeps the members for which keep is true.
func (u *universe) filter(s *endpoints, keep func(int32) bool) *endpoints {
	var kept []int32
	for _, m := range s.members {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	if len(kept) == len(s.members) {
		return s
	}
	return u.set(kept)
}

// cell is one port range of one direction.
type cell struct {
	direction policy.Direction
	ports     tier.PortRange
}

func compareCells(a, b cell) int {
	return cmp.Or(cmp.Compare(b.direction, a.direction), cmp.Compare(a.ports.Protocol, b.ports.Protocol),
		cmp.Compare(a.ports.First, b.ports.First), cmp.Compare(a.ports.Last, b.ports.Last))
}

// rules are what is open for one subject: for each cell the other ends, never empty.
type rules map[cell]*endpoints

func (r rules) add(u *universe, c cell, s *endpoints) {
	if s != nil && len(s.members) > 0 {
		r[c] = u.union(r[c], s)
	}
}

// common is what is open in both.
func (r rules) common(u *universe, o rules) rules {
	out := rules{}
	for c, s := range r {
		other := o[c]
		if other == nil {
			continue
		}
		if other == s {
			out[c] = s
			continue
		}
		out.add(u, c, u.filter(s, func(m int32) bool { _, found := slices.BinarySearch(other.members, m); return found }))
	}
	return out
}

// minus is what is open in r and not in o.
func (r rules) minus(u *universe, o rules) rules {
	out := rules{}
	for c, s := range r {
		other := o[c]
		if other == nil {
			out[c] = s
			continue
		}
		out.add(u, c, u.filter(s, func(m int32) bool { _, found := slices.BinarySearch(other.members, m); return !found }))
	}
	return out
}

// where is what is open to the other ends for which keep is true.
func (r rules) where(u *universe, keep func(policy.Direction, int32) bool) rules {
	out := rules{}
	for c, s := range r {
		out.add(u, c, u.filter(s, func(m int32) bool { return keep(c.direction, m) }))
	}
	return out
}

func (r rules) equal(o rules) bool { return maps.Equal(r, o) }

// cells are the cells in the order in which rules are written.
func (r rules) cells() []cell { return slices.SortedFunc(maps.Keys(r), compareCells) }

// directions are those that the rules are for.
func (r rules) directions() []policy.Direction {
	var out []policy.Direction
	for _, c := range r.cells() {
		if !slices.Contains(out, c.direction) {
			out = append(out, c.direction)
		}
	}
	return out
}

// rulesOf are the rules of every subject of a model, by the subject's number. number gives an endpoint's number, and
// false for one that has none.
func rulesOf(u *universe, m *tier.Model, number func(tier.Endpoint) (int32, bool)) map[int32]rules {
	out := map[int32]rules{}
	numbers := func(ends []tier.Endpoint) *endpoints {
		var members []int32
		for _, e := range ends {
			if n, ok := number(e); ok {
				members = append(members, n)
			}
		}
		return u.set(members)
	}
	give := func(subject *workload.Workload, others *endpoints, direction policy.Direction, ports tier.PortSet) {
		n, ok := number(tier.Endpoint{Workload: subject})
		if !ok {
			return
		}
		if out[n] == nil {
			out[n] = rules{}
		}
		for _, p := range ports {
			out[n].add(u, cell{direction, p}, others)
		}
	}
	add := func(ends, others []tier.Endpoint, direction policy.Direction, ports tier.PortSet) {
		all := numbers(others)
		var known *endpoints
		for _, e := range ends {
			if e.Workload != nil {
				give(e.Workload, all, direction, ports)
				continue
			}
			for _, w := range m.Members[e.Peer.Name] {
				if direction == policy.Ingress && w.Client {
					continue // it lets nothing in
				}
				if known == nil {
					known = numbers(inKnownNamespaces(others))
				}
				give(w, known, direction, ports)
			}
		}
	}
	for _, g := range m.Groups {
		egress := g.EgressPorts
		if egress == nil {
			egress = g.Ports
		}
		add(g.From, g.To, policy.Egress, egress)
		add(g.To, g.From, policy.Ingress, g.Ports)
	}
	return out
}

// inKnownNamespaces leaves out the workloads whose namespace is not yet known: a policy of another namespace cannot name it.
func inKnownNamespaces(ends []tier.Endpoint) []tier.Endpoint {
	return slices.DeleteFunc(slices.Clone(ends), func(e tier.Endpoint) bool { return e.Workload != nil && e.Workload.Namespace == "" })
}
