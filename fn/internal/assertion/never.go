package assertion

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// breach is connections that must be closed and are open, or may be, by the same rules.
type breach struct {
	declared []string
	from     end
	value    reachability.Value
	reasons  []reachability.Reason
	texts    []string
}

// breaches are what of the groups is open, or may be.
func (p *Proof) breaches(groups []tier.Group) []*breach {
	var order []*breach
	byCause := map[string]*breach{}
	for g := range groups {
		group := &groups[g]
		sources, destinations := p.ends(group.From, reachability.Ingress), p.ends(group.To, reachability.Egress)
		byClass := map[int]end{}
		var probes []end
		for _, to := range destinations {
			if to.probe == nil {
				byClass[to.class] = to
			} else {
				probes = append(probes, to)
			}
		}
		for _, from := range sources {
			for _, to := range append(p.candidates(from, destinations, byClass), probes...) {
				open := p.open(from, to)
				ports := portsOf(open, reachability.Unknown).Intersect(group.Ports)
				if len(ports) == 0 {
					continue
				}
				b := &breach{declared: group.Declared, from: from, value: reachability.Unknown}
				if sure := ports.Intersect(portsOf(open, reachability.Allowed)); len(sure) > 0 {
					ports, b.value = sure, reachability.Allowed
				}
				b.reasons = p.opening(from, to, ports[0])
				key := fmt.Sprint(b.declared, b.value, b.reasons)
				if byCause[key] == nil {
					byCause[key] = b
					order = append(order, b)
				}
				byCause[key].texts = append(byCause[key].texts, fmt.Sprintf("%s to %s on %s", p.text(from), p.text(to), ports))
			}
		}
	}
	return order
}

// candidates are the destinations among classes that the source's egress may open anything to.
func (p *Proof) candidates(from end, all []end, byClass map[int]end) []end {
	workloads := func() []end {
		return slices.DeleteFunc(slices.Clone(all), func(e end) bool { return e.probe != nil })
	}
	if from.probe != nil || p.workloads[from.number].HostNetwork {
		return workloads()
	}
	rules, isolated := p.Matrix.Rules(from.class, reachability.Egress)
	if !isolated || slices.ContainsFunc(rules, reachability.Rule.Everyone) {
		return workloads()
	}
	classes := map[int]bool{}
	for _, r := range rules {
		certain, possible := r.Peers()
		for _, c := range slices.Concat(certain, possible) {
			classes[c] = true
		}
	}
	var out []end
	if len(byClass) < len(classes) {
		for _, e := range workloads() {
			if classes[e.class] || p.workloads[e.number].HostNetwork {
				out = append(out, e)
			}
		}
		return out
	}
	for c := range classes {
		if e, ok := byClass[c]; ok {
			out = append(out, e)
		}
	}
	for _, e := range byClass {
		if p.workloads[e.number].HostNetwork && !classes[e.class] {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b end) int { return a.number - b.number })
	return out
}

// opening are the rules that let the port through, or the lack of isolation.
func (p *Proof) opening(from, to end, port tier.PortRange) []reachability.Reason {
	var out []reachability.Reason
	for _, r := range p.Matrix.Explain(p.endpointOf(from), p.endpointOf(to), port.Protocol, port.First).Reasons {
		if r.Value != reachability.Denied && r.Policy != "" {
			r.Text = ""
			out = append(out, r)
		}
	}
	return out
}

// never says which invariants are open, and by which rules.
func (p *Proof) never() report.Findings {
	var out report.Findings
	for _, b := range p.breaches(p.in.Model.NeverGroups) {
		out = append(out, p.atRule(b, neverOpen, strings.Join(b.declared, ", ")+" rules out "+p.sayBreach(b)))
	}
	return out
}

// sayBreach is the breach for a message, without what rules it out.
func (p *Proof) sayBreach(b *breach) string {
	is := "which is open"
	if b.value == reachability.Unknown {
		is = "which may be open"
	}
	if len(b.reasons) == 0 {
		return fmt.Sprintf("%s, %s: no policy isolates either end", listed(b.texts), is)
	}
	var by []string
	for _, r := range b.reasons {
		by = append(by, fmt.Sprintf("%s spec.%s[%d]", p.policyOf(r.Source), r.Direction, r.Rule))
	}
	return fmt.Sprintf("%s, %s by %s", listed(b.texts), is, strings.Join(by, " and "))
}

// atRule puts a breach's finding at the first rule that opens it, or at the source where none is isolated.
func (p *Proof) atRule(b *breach, id report.ID, message string) report.Finding {
	if len(b.reasons) > 0 {
		r := b.reasons[0]
		return p.policyOf(r.Source).finding(id, report.Error, fmt.Sprintf("spec.%s[%d]", r.Direction, r.Rule), "%s", message)
	}
	if b.from.probe != nil {
		return report.Finding{ID: id, Severity: report.Error, Message: message}
	}
	return findingOf(p.workloads[b.from.number], id, report.Error, "%s", message)
}
