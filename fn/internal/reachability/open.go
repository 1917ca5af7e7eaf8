package reachability

import (
	"slices"

	"tierwall.dev/fn/internal/workload"
)

var protocols = []workload.Protocol{workload.TCP, workload.UDP, workload.SCTP}

// Open is every port that is not denied, in the order TCP, UDP, SCTP and ascending; neighbours of one value are one
// range. Everything open is three ranges.
func (m *Matrix) Open(from, to Endpoint) []PortRange {
	return m.open(m.subject(from), m.subject(to), m.verdict)
}

func (m *Matrix) open(src, dst *subject, verdict func(src, dst *subject, protocol workload.Protocol, port int32) Value) []PortRange {
	var out []PortRange
	for _, protocol := range protocols {
		var ranges []PortRange
		starts := m.starts(src, dst, protocol)
		for i, first := range starts {
			last := int32(maxPort)
			if i+1 < len(starts) {
				last = starts[i+1] - 1
			}
			v := Unknown
			if src != nil && dst != nil {
				v = verdict(src, dst, protocol, first)
			}
			if n := len(ranges); n > 0 && ranges[n-1].Value == v {
				ranges[n-1].Last = last
				continue
			}
			ranges = append(ranges, PortRange{protocol, first, last, v})
		}
		out = append(out, slices.DeleteFunc(ranges, func(r PortRange) bool { return r.Value == Denied })...)
	}
	return out
}

// starts are the ports at which the value can change, from 1 on.
func (m *Matrix) starts(src, dst *subject, protocol workload.Protocol) []int32 {
	out := []int32{1}
	if src == nil || dst == nil {
		return out
	}
	add := func(first, last int32) {
		out = append(out, first)
		if last < maxPort {
			out = append(out, last+1)
		}
	}
	for _, r := range slices.Concat(m.classOf(src).rules[egressSide], m.classOf(dst).rules[ingressSide]) {
		for _, p := range r.ports {
			if p.protocol == protocol && p.name == "" {
				add(p.first, p.last)
			}
		}
	}
	for _, n := range dst.named {
		if n.Protocol == protocol && n.Number >= 1 && n.Number <= maxPort {
			add(n.Number, n.Number)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
