package placement

import (
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// Flat is the policies of a model that is one layer and one environment: a plain stream, kustomize's stream, or a folder
// without kustomizations. They are sorted by namespace; in each default-deny-all is the first and
// prometheus-network-policy the last. A workload whose pods cannot be told apart from others is a finding of severity
// error.
func Flat(owner Owner, m *tier.Model) ([]*networkingv1.NetworkPolicy, report.Findings) {
	var declarations []*declaration
	for _, w := range m.Workloads {
		declarations = append(declarations, &declaration{layer: ".", kind: w.Kind, name: w.Name, namespace: w.Namespace, tier: w.Tier})
	}
	p := newPlan(owner, declarations)
	sc := p.newScene(m, m.Workloads)
	s := &site{dir: ".", scenes: []*scene{sc}, transformed: []Transformed{{Kept: true}}}
	for _, part := range s.partitions(bound(declarations, sc), true) {
		p.defaultDeny(s, part)
		at := len(p.placed)
		p.scrape(s, part)
		scrape := p.placed[at:len(p.placed):len(p.placed)]
		p.placed = p.placed[:at:at]
		p.subjectPolicies(s, part)
		p.placed = append(p.placed, scrape...)
	}
	p.leftover(sc, []*site{s})
	out := make([]*networkingv1.NetworkPolicy, len(p.placed))
	for i, placed := range p.placed {
		out[i] = placed.Policy
	}
	return out, p.findings
}

// bound are the declarations that policies bind: not those on the host's network.
func bound(declarations []*declaration, sc *scene) []*declaration {
	var out []*declaration
	for _, d := range declarations {
		if w := sc.built[d.number]; w != nil && !w.HostNetwork {
			out = append(out, d)
		}
	}
	return out
}
