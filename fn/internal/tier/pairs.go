package tier

import (
	"cmp"
	"slices"
	"strconv"
)

// Each calls visit for each flow of the model, sorted by From and To, without holding them all. It stops where visit
// returns false.
func (m *Model) Each(visit func(Flow) bool) { each(m.Groups, visit) }

// EachNever is Each for the invariants.
func (m *Model) EachNever(visit func(Flow) bool) { each(m.NeverGroups, visit) }

// end is a destination and the group that has it.
type end struct {
	to    Endpoint
	group int
}

func each(groups []Group, visit func(Flow) bool) {
	sources, in := bySource(groups)
	// Sources that are in the same groups have the same destinations.
	known := map[string][]end{}
	var keys map[Endpoint]string
	for _, from := range sources {
		b := make([]byte, 0, 32)
		for _, g := range in[from] {
			b = strconv.AppendInt(b, int64(g), 36)
			b = append(b, ',')
		}
		ends, ok := known[string(b)]
		if !ok {
			if keys == nil {
				keys = destinationKeys(groups)
			}
			ends = endsOf(groups, in[from], keys)
			known[string(b)] = ends
		}
		for _, e := range ends {
			g := &groups[e.group]
			if !visit(Flow{From: from, To: e.to, Ports: g.Ports, EgressPorts: g.EgressPorts, Declared: g.Declared}) {
				return
			}
		}
	}
}

// bySource are the sources of all groups, sorted, and the groups that each is in.
func bySource(groups []Group) ([]Endpoint, map[Endpoint][]int) {
	in := map[Endpoint][]int{}
	var sources []Endpoint
	keys := map[Endpoint]string{}
	for i, g := range groups {
		for _, from := range g.From {
			if in[from] == nil {
				sources = append(sources, from)
				keys[from] = from.Key()
			}
			in[from] = append(in[from], i)
		}
	}
	slices.SortStableFunc(sources, func(a, b Endpoint) int { return cmp.Compare(keys[a], keys[b]) })
	return sources, in
}

func destinationKeys(groups []Group) map[Endpoint]string {
	keys := map[Endpoint]string{}
	for _, g := range groups {
		for _, to := range g.To {
			if _, ok := keys[to]; !ok {
				keys[to] = to.Key()
			}
		}
	}
	return keys
}

func endsOf(groups []Group, in []int, keys map[Endpoint]string) []end {
	n := 0
	for _, g := range in {
		n += len(groups[g].To)
	}
	ends := make([]end, 0, n)
	for _, g := range in {
		for _, to := range groups[g].To {
			ends = append(ends, end{to, g})
		}
	}
	slices.SortStableFunc(ends, func(a, b end) int {
		return cmp.Or(cmp.Compare(keys[a.to], keys[b.to]), cmp.Compare(a.group, b.group))
	})
	return ends
}
