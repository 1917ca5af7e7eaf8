package assertion

import (
	"fmt"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// oldAnnotation isolated a namespace before networking/v1; nothing reads it any more.
const oldAnnotation = "net.beta.kubernetes.io/network-policy"

// isolation says which namespaces and workloads no policy isolates. Those on the host network none can.
func (p *Proof) isolation() report.Findings {
	byNamespace := map[string][]int{}
	for i, w := range p.workloads {
		if w.HostNetwork {
			continue
		}
		byNamespace[namespaceOf(w.Namespace)] = append(byNamespace[namespaceOf(w.Namespace)], i)
	}
	policiesIn := map[string][]*policy{}
	for _, policy := range p.policies {
		policiesIn[policy.Namespace] = append(policiesIn[policy.Namespace], policy)
	}
	var out report.Findings
	for _, name := range slices.Sorted(maps.Keys(byNamespace)) {
		members := byNamespace[name]
		first := p.workloads[members[0]]
		severity := report.Warning
		if slices.ContainsFunc(members, func(i int) bool { return p.workloads[i].Tier != "" }) {
			severity = report.Error
		}
		policies := policiesIn[name]
		if len(policies) == 0 {
			out = append(out, findingOf(first, namespaceUnprotected, severity,
				"namespace %s holds %s and no NetworkPolicy, so everything may reach them: give it a default deny, or run tierwall render", name, countOf(members)))
			continue
		}
		out = append(out, p.defaultDeny(name, first, policies)...)
		out = append(out, p.unisolated(members)...)
	}
	return append(out, p.annotated()...)
}

func countOf(members []int) string {
	if len(members) == 1 {
		return "1 workload"
	}
	return fmt.Sprintf("%d workloads", len(members))
}

// defaultDeny says in which direction no policy isolates every pod of the namespace, so that a new one would be open.
func (p *Proof) defaultDeny(name string, first *workload.Workload, policies []*policy) report.Findings {
	isolated := map[networkingv1.PolicyType]bool{}
	severity := report.Warning
	for _, policy := range policies {
		if policy.ours {
			severity = report.Error
		}
		selector := policy.Spec.PodSelector
		if len(selector.MatchLabels)+len(selector.MatchExpressions) > 0 {
			continue
		}
		for _, t := range policyTypes(policy.Spec) {
			isolated[t] = true
		}
	}
	var out report.Findings
	for _, t := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		if !isolated[t] {
			out = append(out, findingOf(first, namespaceOpen, severity,
				"no policy of namespace %s isolates the %s of every pod (podSelector: {}), so a new workload would be open: add a default deny", name, word(t)))
		}
	}
	return out
}

func word(t networkingv1.PolicyType) string {
	if t == networkingv1.PolicyTypeEgress {
		return "egress"
	}
	return "ingress"
}

// policyTypes are those of the policy with the API's default: Ingress always, Egress where there are egress rules.
func policyTypes(spec networkingv1.NetworkPolicySpec) []networkingv1.PolicyType {
	switch {
	case len(spec.PolicyTypes) > 0:
		return spec.PolicyTypes
	case len(spec.Egress) > 0:
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// unisolated says which of a namespace's workloads no policy isolates.
func (p *Proof) unisolated(members []int) report.Findings {
	var out report.Findings
	for _, i := range members {
		w := p.workloads[i]
		severity := report.Warning
		if w.Tier != "" {
			severity = report.Error
		}
		for _, d := range []reachability.Direction{reachability.Ingress, reachability.Egress} {
			if _, isolated := p.Matrix.Rules(p.class(i), d); !isolated {
				out = append(out, findingOf(w, workloadUnisolated, severity,
					"no policy isolates its %s, so all of it is open: select it by a policy with policyTypes %s", d, map[reachability.Direction]string{
						reachability.Ingress: "Ingress", reachability.Egress: "Egress"}[d]))
			}
		}
	}
	return out
}

// annotated says which namespaces bear the annotation that isolated them before networking/v1.
func (p *Proof) annotated() report.Findings {
	var out report.Findings
	for _, o := range p.in.Objects {
		if o.Kind != "Namespace" || o.APIVersion != "v1" {
			continue
		}
		if _, has := o.At("metadata", "annotations").StringMap()[oldAnnotation]; has {
			out = append(out, report.Finding{ID: namespaceAnnotation, Severity: report.Warning, Object: o.Ref(), File: o.Source.File,
				Index: o.Source.Index, Field: "metadata.annotations", Message: fmt.Sprintf("%s does nothing since networking/v1: remove it, and isolate by a policy that selects every pod", oldAnnotation)})
		}
	}
	return out
}
