package assertion

import (
	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
)

// portsOf are the ports of ranges with at least the value.
func portsOf(ranges []reachability.PortRange, least reachability.Value) tier.PortSet {
	var out tier.PortSet
	for _, r := range ranges {
		if r.Value >= least {
			out = append(out, tier.PortRange{Protocol: r.Protocol, First: r.First, Last: r.Last})
		}
	}
	return out.Union(nil)
}
