package reachability

import (
	"net/netip"
	"slices"
)

// privateRanges are where pods are assumed to be if nothing says where: RFC 1918, RFC 6598 and RFC 4193.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("fc00::/7"),
}

// block is an ipBlock: the addresses of cidr without those of except.
type block struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

// addrRange is first to last, inclusive, of one family.
type addrRange struct{ first, last netip.Addr }

func rangeOf(p netip.Prefix) addrRange { return addrRange{p.Masked().Addr(), lastAddr(p)} }

// lastAddr is the highest address of p.
func lastAddr(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 1 << (7 - i%8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

func (r addrRange) within(o addrRange) bool {
	return r.first.BitLen() == o.first.BitLen() && !r.first.Less(o.first) && !o.last.Less(r.last)
}

func (r addrRange) overlaps(o addrRange) bool {
	return r.first.BitLen() == o.first.BitLen() && !r.last.Less(o.first) && !o.last.Less(r.first)
}

// holds is Allowed if all addresses of r are in the block, Denied if none is, and Unknown if only some are.
func (b block) holds(r addrRange) Value {
	cidr := rangeOf(b.cidr)
	if !r.overlaps(cidr) {
		return Denied
	}
	out := Allowed
	if !r.within(cidr) {
		out = Unknown
	}
	for _, e := range b.except {
		excepted := rangeOf(e)
		if r.within(excepted) {
			return Denied
		}
		if r.overlaps(excepted) {
			out = Unknown
		}
	}
	return out
}

// holdsAny is Allowed if one of the pod's addresses is in the block.
func (b block) holdsAny(addrs []netip.Addr) Value {
	for _, a := range addrs {
		a = a.Unmap()
		if b.holds(addrRange{a, a}) == Allowed {
			return Allowed
		}
	}
	return Denied
}

// holdsSomewhere is what is known of a pod whose address is somewhere in cidrs: of the families that the block is of,
// Allowed if all of them are inside, Denied if all are outside.
func (b block) holdsSomewhere(cidrs []netip.Prefix) Value {
	seen, all, some := false, true, false
	for _, c := range cidrs {
		if c.Addr().BitLen() != b.cidr.Addr().BitLen() {
			continue
		}
		seen = true
		v := b.holds(rangeOf(c))
		all = all && v == Allowed
		some = some || v != Denied
	}
	switch {
	case !seen || !some:
		return Denied
	case all:
		return Allowed
	}
	return Unknown
}

// partition cuts the address space of both families at the ends of the prefixes, in ascending order, IPv4 first.
func partition(prefixes []netip.Prefix) []addrRange {
	prefixes = append(slices.Clone(prefixes), netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
	var starts []netip.Addr
	for _, p := range prefixes {
		r := rangeOf(p)
		starts = append(starts, r.first)
		if next := r.last.Next(); next.IsValid() {
			starts = append(starts, next)
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	out := make([]addrRange, 0, len(starts))
	for i, first := range starts {
		last := lastAddr(netip.PrefixFrom(first, 0))
		if i+1 < len(starts) && starts[i+1].BitLen() == first.BitLen() {
			last = starts[i+1].Prev()
		}
		out = append(out, addrRange{first, last})
	}
	return out
}
