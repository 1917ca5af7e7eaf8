package tier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// PortRange is a run of ports of one protocol, both ends included, from 1 to 65535.
type PortRange struct {
	Protocol    workload.Protocol
	First, Last int32
}

// String is 8080/TCP or 8000-8010/TCP.
func (r PortRange) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("%d/%s", r.First, r.Protocol)
	}
	return fmt.Sprintf("%d-%d/%s", r.First, r.Last, r.Protocol)
}

// PortSet is a set of ports: ranges that do not overlap, sorted by protocol and first port. Neighbours that merely touch
// stay apart, as people write them. The zero value is the empty set.
type PortSet []PortRange

const maxPort = 65535

// AllPorts is every port of every protocol.
func AllPorts() PortSet {
	return PortSet{{workload.SCTP, 1, maxPort}, {workload.TCP, 1, maxPort}, {workload.UDP, 1, maxPort}}
}

// All reports whether the set is every port of every protocol.
func (s PortSet) All() bool { return len(AllPorts().Minus(s)) == 0 }

// Union is the ports of either set. Ranges that overlap become one.
func (s PortSet) Union(t PortSet) PortSet {
	all := append(slices.Clone(s), t...)
	slices.SortFunc(all, comparePortRanges)
	var out PortSet
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1].Protocol == r.Protocol && r.First <= out[n-1].Last {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Minus is the ports of s that are not in t.
func (s PortSet) Minus(t PortSet) PortSet {
	out := slices.Clone(s)
	for _, cut := range t {
		var next PortSet
		for _, r := range out {
			if r.Protocol != cut.Protocol || r.Last < cut.First || cut.Last < r.First {
				next = append(next, r)
				continue
			}
			if r.First < cut.First {
				next = append(next, PortRange{r.Protocol, r.First, cut.First - 1})
			}
			if cut.Last < r.Last {
				next = append(next, PortRange{r.Protocol, cut.Last + 1, r.Last})
			}
		}
		out = next
	}
	return out
}

// Intersect is the ports of both sets.
func (s PortSet) Intersect(t PortSet) PortSet { return s.Minus(s.Minus(t)) }

// String is the ranges with ", " between them, "all ports", or "no port".
func (s PortSet) String() string {
	switch {
	case len(s) == 0:
		return "no port"
	case s.All():
		return "all ports"
	}
	parts := make([]string, len(s))
	for i, r := range s {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}

func comparePortRanges(a, b PortRange) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
}
