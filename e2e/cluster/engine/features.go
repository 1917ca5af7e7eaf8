package engine

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// AllFeatures are the parts of the API that are counted, so that a run can say what it has tried.
var AllFeatures = []string{
	"no policy", "policyTypes left out", "egress without Egress", "both types", "no rules", "rule for everyone",
	"podSelector", "namespaceSelector", "both selectors", "expressions", "ipBlock IPv4", "ipBlock IPv6", "except",
	"several blocks", "number", "named port", "endPort", "protocol alone", "SCTP", "UDP", "pod of one family",
	"several containers",
}

// Features are the features that the cluster has, each once.
func Features(c Cluster) []string {
	has := map[string]bool{"no policy": len(c.Policies) == 0}
	for _, p := range c.Pods {
		has["pod of one family"] = has["pod of one family"] || len(p.Status.PodIPs) == 1
		has["several containers"] = has["several containers"] || len(p.Spec.Containers) > 1
	}
	for _, p := range c.Policies {
		policyFeatures(p, has)
	}
	var out []string
	for _, f := range AllFeatures {
		if has[f] {
			out = append(out, f)
		}
	}
	return out
}

func policyFeatures(p *networkingv1.NetworkPolicy, has map[string]bool) {
	set := func(name string, holds bool) { has[name] = has[name] || holds }
	types := p.Spec.PolicyTypes
	set("policyTypes left out", len(types) == 0)
	set("egress without Egress", len(types) > 0 && !slices.Contains(types, networkingv1.PolicyTypeEgress) && len(p.Spec.Egress) > 0)
	set("both types", len(types) == 2)
	set("no rules", len(p.Spec.Ingress)+len(p.Spec.Egress) == 0)
	set("expressions", len(p.Spec.PodSelector.MatchExpressions) > 0)
	for _, r := range p.Spec.Ingress {
		ruleFeatures(r.From, r.Ports, set)
	}
	for _, r := range p.Spec.Egress {
		ruleFeatures(r.To, r.Ports, set)
	}
}

func ruleFeatures(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, set func(string, bool)) {
	set("rule for everyone", len(peers) == 0)
	blocks := 0
	for _, p := range peers {
		if p.IPBlock != nil {
			blocks++
			v6 := slices.Contains([]byte(p.IPBlock.CIDR), ':')
			set("ipBlock IPv6", v6)
			set("ipBlock IPv4", !v6)
			set("except", len(p.IPBlock.Except) > 0)
			continue
		}
		set("podSelector", p.PodSelector != nil && p.NamespaceSelector == nil)
		set("namespaceSelector", p.PodSelector == nil)
		set("both selectors", p.PodSelector != nil && p.NamespaceSelector != nil)
	}
	set("several blocks", blocks > 1)
	for _, p := range ports {
		set("protocol alone", p.Port == nil)
		set("named port", p.Port != nil && p.Port.Type == intstr.String)
		set("number", p.Port != nil && p.Port.Type == intstr.Int)
		set("endPort", p.EndPort != nil)
		set("UDP", p.Protocol != nil && *p.Protocol == "UDP")
		set("SCTP", p.Protocol != nil && *p.Protocol == "SCTP")
	}
}
