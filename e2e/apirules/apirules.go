// Package apirules says what the API server would refuse in a NetworkPolicy. It is written from the API's documentation
// (networking/v1 and meta/v1), is for tests, and knows nothing of how policies are made.
package apirules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

// rules collects the rules that are broken.
type rules struct{ broken []string }

// Broken are the rules that a policy breaks, each as "FIELD: what is wrong"; none for one that the API server takes.
func Broken(p *networkingv1.NetworkPolicy) []string {
	r := &rules{}
	r.metadata(p.ObjectMeta)
	r.selector("spec.podSelector", &p.Spec.PodSelector)
	r.types(p.Spec)
	for i, rule := range p.Spec.Ingress {
		at := fmt.Sprintf("spec.ingress[%d]", i)
		r.ports(at, rule.Ports)
		r.peers(at+".from", rule.From)
	}
	for i, rule := range p.Spec.Egress {
		at := fmt.Sprintf("spec.egress[%d]", i)
		r.ports(at, rule.Ports)
		r.peers(at+".to", rule.To)
	}
	return r.broken
}

func (r *rules) check(field string, wrong []string) {
	for _, w := range wrong {
		r.broken = append(r.broken, field+": "+w)
	}
}

func (r *rules) metadata(m metav1.ObjectMeta) {
	r.check("metadata.name", validation.IsDNS1123Subdomain(m.Name))
	if m.Namespace != "" {
		r.check("metadata.namespace", validation.IsDNS1123Label(m.Namespace))
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		r.check("metadata.labels", validation.IsQualifiedName(key))
		r.check("metadata.labels."+key, validation.IsValidLabelValue(m.Labels[key]))
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		r.check("metadata.annotations", validation.IsQualifiedName(strings.ToLower(key)))
		size += len(key) + len(m.Annotations[key])
	}
	if size > 256*1024 {
		r.check("metadata.annotations", []string{"longer than 256 KiB"})
	}
}

func (r *rules) selector(field string, s *metav1.LabelSelector) {
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		r.check(field, []string{err.Error()})
	}
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		r.check(field+".matchLabels", validation.IsQualifiedName(key))
		r.check(field+".matchLabels."+key, validation.IsValidLabelValue(s.MatchLabels[key]))
	}
	for i, e := range s.MatchExpressions {
		at := fmt.Sprintf("%s.matchExpressions[%d]", field, i)
		r.check(at+".key", validation.IsQualifiedName(e.Key))
		for _, v := range e.Values {
			r.check(at+".values", validation.IsValidLabelValue(v))
		}
	}
}

// types: "Valid options are ["Ingress"], ["Egress"], or ["Ingress", "Egress"]"; rules of a type that is not listed are
// never looked at.
func (r *rules) types(spec networkingv1.NetworkPolicySpec) {
	types := spec.PolicyTypes
	if len(types) == 0 || len(types) > 2 || len(types) == 2 && types[0] == types[1] {
		r.check("spec.policyTypes", []string{fmt.Sprintf("%v is no set of one or two types", types)})
	}
	for _, t := range types {
		if t != networkingv1.PolicyTypeIngress && t != networkingv1.PolicyTypeEgress {
			r.check("spec.policyTypes", []string{string(t) + " is no type"})
		}
	}
	if len(spec.Ingress) > 0 && !slices.Contains(types, networkingv1.PolicyTypeIngress) {
		r.check("spec.ingress", []string{"there are rules, but the type is not listed"})
	}
	if len(spec.Egress) > 0 && !slices.Contains(types, networkingv1.PolicyTypeEgress) {
		r.check("spec.egress", []string{"there are rules, but the type is not listed"})
	}
}

func (r *rules) ports(field string, ports []networkingv1.NetworkPolicyPort) {
	for i, p := range ports {
		at := fmt.Sprintf("%s.ports[%d]", field, i)
		if p.Protocol != nil && !slices.Contains([]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, *p.Protocol) {
			r.check(at+".protocol", []string{string(*p.Protocol) + " is none"})
		}
		switch {
		case p.Port == nil && p.EndPort != nil:
			r.check(at+".endPort", []string{"needs a port"})
		case p.Port == nil:
		case p.Port.Type == intstr.String:
			r.check(at+".port", validation.IsValidPortName(p.Port.StrVal))
			if p.EndPort != nil {
				r.check(at+".endPort", []string{"cannot be set beside a port's name"})
			}
		default:
			r.check(at+".port", validation.IsValidPortNum(int(p.Port.IntVal)))
			if p.EndPort != nil {
				r.check(at+".endPort", validation.IsValidPortNum(int(*p.EndPort)))
				if *p.EndPort < p.Port.IntVal {
					r.check(at+".endPort", []string{"lies before the port"})
				}
			}
		}
	}
}

// peers: "If [ipBlock] is set then neither of the other fields can be".
func (r *rules) peers(field string, peers []networkingv1.NetworkPolicyPeer) {
	for i, p := range peers {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case p.IPBlock != nil && (p.PodSelector != nil || p.NamespaceSelector != nil):
			r.check(at, []string{"an ipBlock beside a selector"})
		case p.IPBlock == nil && p.PodSelector == nil && p.NamespaceSelector == nil:
			r.check(at, []string{"a peer of nothing"})
		}
		if p.PodSelector != nil {
			r.selector(at+".podSelector", p.PodSelector)
		}
		if p.NamespaceSelector != nil {
			r.selector(at+".namespaceSelector", p.NamespaceSelector)
		}
		if p.IPBlock != nil {
			r.block(at+".ipBlock", p.IPBlock)
		}
	}
}

// block: "Except values will be rejected if they are outside the cidr range", and must be strictly inside.
func (r *rules) block(field string, b *networkingv1.IPBlock) {
	outer, ok := r.cidr(field+".cidr", b.CIDR)
	for i, e := range b.Except {
		at := fmt.Sprintf("%s.except[%d]", field, i)
		inner, okay := r.cidr(at, e)
		if ok && okay && (!outer.Contains(inner.Addr()) || inner.Bits() <= outer.Bits()) {
			r.check(at, []string{e + " is not strictly inside " + b.CIDR})
		}
	}
}

func (r *rules) cidr(field, text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		r.check(field, []string{err.Error()})
	case p.Masked().String() != text:
		r.check(field, []string{text + " is not in canonical form"})
	case p.Addr().Is4In6():
		r.check(field, []string{text + " is an IPv4 address written as IPv6"})
	}
	return p, err == nil
}
