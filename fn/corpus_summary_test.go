//go:build corpus

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// summary is a policy in a few lines: what it selects, then a line for each rule.
func summary(p *networkingv1.NetworkPolicy) string {
	var out strings.Builder
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + "/" + name
	}
	fmt.Fprintf(&out, "%s selects %s for %v\n", name, selectorText(&p.Spec.PodSelector), p.Spec.PolicyTypes)
	for _, r := range p.Spec.Ingress {
		fmt.Fprintf(&out, "  in  on %s from %s\n", portsText(r.Ports), peersText(r.From))
	}
	for _, r := range p.Spec.Egress {
		fmt.Fprintf(&out, "  out on %s to %s\n", portsText(r.Ports), peersText(r.To))
	}
	return out.String()
}

func selectorText(s *metav1.LabelSelector) string {
	if text := metav1.FormatLabelSelector(s); text != "<none>" {
		return text
	}
	return "every pod"
}

func portsText(ports []networkingv1.NetworkPolicyPort) string {
	var words []string
	for _, p := range ports {
		word := p.Port.String()
		if p.EndPort != nil {
			word += fmt.Sprintf("-%d", *p.EndPort)
		}
		words = append(words, fmt.Sprintf("%s/%s", word, *p.Protocol))
	}
	return cmp.Or(strings.Join(words, " "), "every port")
}

func peersText(peers []networkingv1.NetworkPolicyPeer) string {
	var words []string
	for _, p := range peers {
		switch {
		case p.IPBlock != nil && len(p.IPBlock.Except) > 0:
			words = append(words, p.IPBlock.CIDR+" except "+strings.Join(p.IPBlock.Except, " "))
		case p.IPBlock != nil:
			words = append(words, p.IPBlock.CIDR)
		case p.NamespaceSelector == nil:
			words = append(words, selectorText(p.PodSelector))
		case p.PodSelector == nil:
			words = append(words, "every pod of "+selectorText(p.NamespaceSelector))
		default:
			words = append(words, selectorText(p.PodSelector)+" of "+selectorText(p.NamespaceSelector))
		}
	}
	return cmp.Or(strings.Join(words, "; "), "everyone")
}
