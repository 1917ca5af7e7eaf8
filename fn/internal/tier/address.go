package tier

import "slices"

// addressesMeet reports whether two peers have addresses in common. For internet that is public addresses.
func addressesMeet(a, b *Peer) bool {
	return slices.ContainsFunc(a.To, func(t Target) bool {
		return slices.ContainsFunc(b.To, func(u Target) bool { return blocksMeet(t, u) })
	})
}

// blocksMeet reports whether two address blocks have addresses in common. The narrower one decides: it has some unless the
// other's exceptions, or its own, take it all; exceptions that only together take all of it are not looked for.
func blocksMeet(t, u Target) bool {
	if t.CIDR == "" || u.CIDR == "" {
		return false
	}
	narrow := u
	switch {
	case covers(t.CIDR, u.CIDR):
	case covers(u.CIDR, t.CIDR):
		narrow = t
	default:
		return false
	}
	taken := func(except string) bool { return covers(except, narrow.CIDR) }
	return !slices.ContainsFunc(t.Except, taken) && !slices.ContainsFunc(u.Except, taken)
}

// minusAddresses is the peer without the other's addresses.
func minusAddresses(p, other *Peer) *Peer {
	left := p.To
	for _, cut := range other.To {
		if cut.CIDR == "" {
			continue
		}
		var next []Target
		for _, t := range left {
			next = append(next, minusBlock(t, cut)...)
		}
		left = next
	}
	return &Peer{Name: p.Name, From: left, To: left, Ports: p.Ports}
}

// minusBlock is a block without another: the block with one more exception, and what the other excepts of itself.
func minusBlock(t, cut Target) []Target {
	if !blocksMeet(t, cut) {
		return []Target{t}
	}
	var out []Target
	if !covers(cut.CIDR, t.CIDR) {
		out = append(out, Target{CIDR: t.CIDR, Except: exceptsWithin(t.CIDR, append(slices.Clone(t.Except), cut.CIDR))})
	}
	for _, kept := range cut.Except {
		if covers(t.CIDR, kept) && !slices.ContainsFunc(t.Except, func(e string) bool { return covers(e, kept) }) {
			out = append(out, Target{CIDR: kept, Except: exceptsWithin(kept, t.Except)})
		} else if covers(kept, t.CIDR) {
			out = append(out, t)
		}
	}
	return out
}
