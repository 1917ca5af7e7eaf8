package reachability

import (
	"net/netip"
	"slices"
)

// family is a family of addresses. A connection has one, and ipBlocks tell it: a pod with addresses of both may be let
// out over IPv4 alone and let in over IPv6 alone, and is then not reached.
type family uint8

// The families. anyFamily is either.
const (
	anyFamily family = iota
	ipv4
	ipv6
)

var bothFamilies = []family{ipv4, ipv6}

func familyOf(a netip.Addr) family {
	if a.Unmap().Is4() {
		return ipv4
	}
	return ipv6
}

// has says whether a connection over the family can have the address.
func (f family) has(a netip.Addr) bool { return f == anyFamily || f == familyOf(a) }

// familiesMatter is false where the ends taken apart, each by its better family, say what one family does: where at
// most one end has ipBlocks, and both have addresses of the same families.
func (m *Matrix) familiesMatter(src, dst *subject) bool {
	if src.external || dst.external {
		return false
	}
	out, in := m.classOf(src).blocks[egressSide], m.classOf(dst).blocks[ingressSide]
	if !out && !in {
		return false
	}
	if len(m.families(src, dst)) == 0 {
		// Pods that have no family in common are taken for pods of whose addresses too little is known.
		return false
	}
	return out && in || !slices.Equal(m.familiesOf(src), m.familiesOf(dst))
}

// families are those that a connection between the two pods can have.
func (m *Matrix) families(src, dst *subject) []family {
	to := m.familiesOf(dst)
	var out []family
	for _, f := range m.familiesOf(src) {
		if slices.Contains(to, f) {
			out = append(out, f)
		}
	}
	return out
}

// familiesOf are those of the pod's addresses, in order; of the cluster's pod addresses if they are not known.
func (m *Matrix) familiesOf(s *subject) []family {
	var out []family
	for _, f := range bothFamilies {
		has := slices.ContainsFunc(s.ips, f.has)
		if len(s.ips) == 0 {
			has = s.host || slices.ContainsFunc(m.around.podCIDRs, func(p netip.Prefix) bool { return f.has(p.Addr()) })
		}
		if has {
			out = append(out, f)
		}
	}
	return out
}
