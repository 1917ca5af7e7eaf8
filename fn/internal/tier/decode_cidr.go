package tier

import (
	"fmt"
	"net/netip"
	"slices"

	"tierwall.dev/fn/internal/manifest"
)

// addresses reads a peer's cidrs and except.
func (d *decoder) addresses(f manifest.Field, p *PeerSpec) {
	cidrs, except := f.At("cidrs"), f.At("except")
	p.CIDRs = d.texts(cidrs, checkCIDR)
	d.notEmpty(cidrs, "a CIDR")
	p.Except = d.texts(except, checkCIDR)
	if len(p.Except) > 0 && !cidrs.Present() {
		d.bad(configMissing, except.Path, "needs cidrs to be taken from")
		return
	}
	for _, item := range except.Items() {
		e, _ := item.Text()
		if checkCIDR(e) != "" || slices.ContainsFunc(p.CIDRs, func(c string) bool { return checkCIDR(c) != "" }) {
			continue
		}
		// "Except values will be rejected if they are outside the cidr range" (networking/v1, IPBlock); one that equals it
		// would leave nothing. One that is wider than a block within another could only stand with the other, so that the
		// block would stay open.
		within := slices.IndexFunc(p.CIDRs, func(c string) bool { return covers(e, c) })
		switch {
		case slices.Contains(p.CIDRs, e):
			d.bad(configBadValue, item.Path, "%q equals one of the cidrs, so that nothing of it is left; leave both out", e)
		case !slices.ContainsFunc(p.CIDRs, func(c string) bool { return covers(c, e) }):
			d.bad(configBadValue, item.Path, "%q is outside the cidrs", e)
		case within >= 0:
			d.bad(configBadValue, item.Path, "%q leaves nothing of %q, which is one of the cidrs; leave that one out, or narrow the exception", e, p.CIDRs[within])
		}
	}
}

// checkClusterCIDR is checkCIDR for a range that internet leaves out, which must not be all addresses: "Except values will be
// rejected if they are outside the cidr range", and one that equals it would leave nothing.
func checkClusterCIDR(s string) string {
	if wrong := checkCIDR(s); wrong != "" {
		return wrong
	}
	if prefix(s).Bits() == 0 {
		return fmt.Sprintf("%q leaves nothing of the internet; write the cluster's own range", s)
	}
	return ""
}

// checkCIDR is stricter than the API: it refuses what API servers warn of, since engines read it in different ways.
func checkCIDR(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
			return fmt.Sprintf("%q is an address, no CIDR; write %q", s, netip.PrefixFrom(a, a.BitLen()))
		}
		return fmt.Sprintf("%q is no CIDR; write an address and a prefix length, such as 203.0.113.0/24", s)
	}
	switch {
	case p.Addr().Is4In6():
		return fmt.Sprintf("%q is an IPv4 address written as IPv6, which API servers refuse%s", s, mappedAs(p))
	case p.Masked() != p:
		return fmt.Sprintf("%q has bits set beyond its prefix length; write %q", s, p.Masked())
	case p.String() != s:
		return fmt.Sprintf("%q is not in canonical form; write %q", s, p)
	}
	return ""
}

// mappedAs is the advice for an IPv4-mapped CIDR, if there is an IPv4 one like it.
func mappedAs(p netip.Prefix) string {
	if p.Bits() < 96 {
		return ""
	}
	return fmt.Sprintf("; write %q", netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Masked())
}
