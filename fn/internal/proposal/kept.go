package proposal

import (
	"fmt"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

// presetFlows are the flows of the preset three-tier, by their ends and the text after them.
var presetFlows = []struct {
	from, to []string
	ports    string
}{
	{[]string{tier.Internet}, []string{frontend}, ""},
	{[]string{frontend}, []string{backend}, ""},
	{[]string{backend, worker}, stores, ""},
	{[]string{frontend, backend, worker}, []string{tier.Internet}, " on 443"},
	{[]string{tier.Prometheus}, []string{"*"}, " on metrics"},
	{[]string{"*"}, []string{tier.DNS}, ""},
}

// kept are the preset's flows that stay, in words, between tiers that the application has.
func (d *draft) kept(without []tier.FlowSpec) []string {
	gone := map[tierPair]bool{}
	for _, f := range without {
		for _, from := range f.From {
			for _, to := range f.To {
				gone[tierPair{from.Name, to.Name}] = true
			}
		}
	}
	here := map[string]bool{tier.Internet: true, tier.DNS: true, tier.Prometheus: true, "*": true}
	for _, u := range d.units {
		here[u.role.Tier] = true
	}
	var out []string
	for _, f := range presetFlows {
		byTargets := map[string][]string{}
		var order []string
		for _, from := range f.from {
			var to []string
			for _, t := range f.to {
				if here[from] && here[t] && !gone[tierPair{from, t}] {
					to = append(to, t)
				}
			}
			if key := strings.Join(to, ", "); key != "" {
				if byTargets[key] == nil {
					order = append(order, key)
				}
				byTargets[key] = append(byTargets[key], from)
			}
		}
		for _, to := range order {
			out = append(out, strings.ReplaceAll(strings.Join(byTargets[to], ", ")+" to "+to, "*", "all")+f.ports)
		}
	}
	return out
}

// confirmedLinks are the links that the preset opens anyway, so that no line says why.
func (d *draft) confirmedLinks() []string {
	var out []string
	for _, p := range sortedPairs(d.links) {
		if _, cell := d.cells[p]; cell && !d.replaced[tierPair{p.from.role.Tier, p.to.role.Tier}] {
			out = append(out, fmt.Sprintf("%s to %s (%s)", p.from.name, p.to.name, evidenceWords(d.links[p].evidence)))
		}
	}
	return out
}
