// Package dice makes random clusters for tests: namespaces, pods and NetworkPolicies from so few names, addresses and
// ports that selectors, blocks and rules often match. The API server would take all of it. It knows nothing of what a
// policy means.
package dice

import (
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Dice is a source of random objects. Equal seeds give equal objects.
type Dice struct{ *rand.Rand }

// New gives the dice of a seed; tests that want other clusters take another stream.
func New(seed, stream uint64) Dice { return Dice{rand.New(rand.NewPCG(seed, stream))} }

// OneIn is true once in n times.
func (d Dice) OneIn(n int) bool { return d.IntN(n) == 0 }

// Pick gives one of the values.
func Pick[T any](d Dice, from ...T) T { return from[d.IntN(len(from))] }

// Labels are up to two labels; a value is seldom empty.
func (d Dice) Labels() map[string]string {
	out := map[string]string{}
	for _, k := range []string{"app", "tier"} {
		if !d.OneIn(3) {
			out[k] = d.value()
		}
	}
	return out
}

func (d Dice) value() string { return Pick(d, "a", "b", "c", "a", "b", "c", "") }

// Selector is empty, or has a label, an expression, or both.
func (d Dice) Selector() *metav1.LabelSelector {
	out := &metav1.LabelSelector{}
	if d.OneIn(3) {
		return out
	}
	if d.OneIn(2) {
		out.MatchLabels = map[string]string{Pick(d, "app", "tier"): d.value()}
	}
	if d.OneIn(2) {
		e := metav1.LabelSelectorRequirement{Key: Pick(d, "app", "tier", corev1.LabelMetadataName)}
		e.Operator = Pick(d, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			e.Values = []string{Pick(d, "a", "b", "x"), Pick(d, "c", "y")}
		}
		out.MatchExpressions = append(out.MatchExpressions, e)
	}
	return out
}

// Policy is a NetworkPolicy of namespace x or y.
func (d Dice) Policy(name string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}}
	p.Namespace, p.Name = Pick(d, "x", "y"), name
	p.Spec.PodSelector = *d.Selector()
	p.Spec.PolicyTypes = Pick(d, nil, []networkingv1.PolicyType{}, []networkingv1.PolicyType{"Ingress"}, []networkingv1.PolicyType{"Egress"}, []networkingv1.PolicyType{"Ingress", "Egress"})
	for range d.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: d.peers(), Ports: d.ports()})
	}
	for range d.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: d.peers(), Ports: d.ports()})
	}
	return p
}

func (d Dice) peers() []networkingv1.NetworkPolicyPeer {
	out := Pick(d, nil, []networkingv1.NetworkPolicyPeer{})
	for range Pick(d, 0, 1, 1, 2) {
		var p networkingv1.NetworkPolicyPeer
		switch d.IntN(4) {
		case 0:
			p.PodSelector = d.Selector()
		case 1:
			p.NamespaceSelector = d.Selector()
		case 2:
			p.PodSelector, p.NamespaceSelector = d.Selector(), d.Selector()
		case 3:
			p.IPBlock = d.block()
		}
		out = append(out, p)
	}
	return out
}

func (d Dice) block() *networkingv1.IPBlock {
	return Pick(d,
		&networkingv1.IPBlock{CIDR: "10.0.0.0/29", Except: []string{"10.0.0.2/31", "10.0.0.5/32"}},
		&networkingv1.IPBlock{CIDR: "0.0.0.0/0"},
		&networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "8.8.8.0/24"}},
		&networkingv1.IPBlock{CIDR: "fd00::/126", Except: []string{"fd00::1/128"}},
		&networkingv1.IPBlock{CIDR: "::/0", Except: []string{"fd00::4/126"}},
	)
}

func (d Dice) ports() []networkingv1.NetworkPolicyPort {
	out := Pick(d, nil, []networkingv1.NetworkPolicyPort{})
	for range Pick(d, 0, 1, 1, 2) {
		var p networkingv1.NetworkPolicyPort
		if d.OneIn(2) {
			protocol := Pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
			p.Protocol = &protocol
		}
		switch d.IntN(4) {
		case 0:
			port := intstr.FromInt32(Pick[int32](d, 79, 80, 81))
			p.Port = &port
		case 1:
			port, end := intstr.FromInt32(Pick[int32](d, 79, 80)), Pick[int32](d, 80, 81)
			p.Port, p.EndPort = &port, &end
		case 2:
			port := intstr.FromString(Pick(d, "web", "dns"))
			p.Port = &port
		}
		out = append(out, p)
	}
	return out
}
