package assertion

import (
	"fmt"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// Within says what is open in an environment, or may be, and not in the one that a test's within names: there it is
// denied, or cannot be said to be open. A workload that the other environment does not have has no connections there.
func Within(test *tier.Test, inside, outside Side) report.Findings {
	inner, outer := inside.in.Model.Environment, outside.in.Model.Environment
	var out report.Findings
	for _, d := range Compare(outside, inside) {
		for _, p := range d.Ports {
			if p.After <= p.Before {
				continue
			}
			ports := p.Ports.String()
			if p.Rest {
				ports = "all other ports"
			}
			open := "is open"
			if p.After == reachability.Unknown {
				open = "may be open"
			}
			out = append(out, expectationFinding(test, environmentWider, "spec.within", fmt.Sprintf(
				"%s to %s on %s %s in %s and %s in %s: close it in %s, or open it in %s", d.From, d.To, ports, open, inner, p.Before, outer, inner, outer)))
		}
	}
	return out
}
