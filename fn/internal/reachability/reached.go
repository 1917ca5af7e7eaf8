package reachability

import (
	"iter"
	"math/bits"

	"tierwall.dev/fn/internal/workload"
)

// Classes are the IDs of the input's pods, put together where no policy can tell them apart: what holds for one pod of a
// class holds for all, except that a pod always reaches itself. The order is by namespace, then that of the input.
func (m *Matrix) Classes() [][]string {
	out := make([][]string, len(m.classes))
	for _, s := range m.ordered {
		out[s.class] = append(out[s.class], s.endpoint.PodID)
	}
	return out
}

// Reached are the classes, by their index in Classes, to which the port is not denied, in ascending order. That a pod
// reaches itself is left out. It looks only at classes that a rule of the source names, so that all connections of
// a cluster cost about as much as there are.
func (m *Matrix) Reached(from Endpoint, protocol workload.Protocol, port int32) iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		src := m.subject(from)
		if src == nil {
			return
		}
		for i, word := range m.mayReach(src, protocol, port) {
			for ; word != 0; word &= word - 1 {
				n := i<<6 + bits.TrailingZeros64(word)
				if v := m.between(src, m.classes[n].pod, protocol, port); v != Denied && !yield(n, v) {
					return
				}
			}
		}
	}
}

// mayReach is a bit for each class that the source's egress may let it reach.
func (m *Matrix) mayReach(src *subject, protocol workload.Protocol, port int32) []uint64 {
	words := make([]uint64, (len(m.classes)+63)/64)
	c := m.classOf(src)
	everyone := !c.isolated[egressSide]
	for _, r := range c.rules[egressSide] {
		if !r.mayOpen(protocol, port) {
			continue
		}
		everyone = everyone || len(r.peers) == 0
		r.certain.addTo(words)
		r.possible.addTo(words)
	}
	for n, c := range m.classes {
		// A host-network pod may be on the source's node, whatever the rules say.
		if everyone || c.pod.host {
			words[n>>6] |= 1 << (n & 63)
		}
	}
	return words
}

// mayOpen is false if the rule's ports hold the port on no destination.
func (r *rule) mayOpen(protocol workload.Protocol, port int32) bool {
	for _, p := range r.ports {
		if p.protocol == protocol && (p.name != "" || p.first <= port && port <= p.last) {
			return true
		}
	}
	return len(r.ports) == 0
}
