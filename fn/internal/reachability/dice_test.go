package reachability

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/workload"
)

// dice makes random clusters from few names, so that selectors often match.
type dice struct{ *rand.Rand }

func (d dice) of(n int) bool          { return d.IntN(n) == 0 }
func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }
func (d dice) labels() map[string]string {
	out := map[string]string{}
	for _, k := range []string{"app", "tier"} {
		if !d.of(3) {
			out[k] = pick(d, "a", "b", "c")
		}
	}
	return out
}

func (d dice) selector() *metav1.LabelSelector {
	out := &metav1.LabelSelector{}
	if d.of(3) {
		return out
	}
	if d.of(2) {
		out.MatchLabels = map[string]string{pick(d, "app", "tier"): pick(d, "a", "b", "c")}
	}
	if d.of(2) {
		e := metav1.LabelSelectorRequirement{Key: pick(d, "app", "tier", metadataName)}
		e.Operator = pick(d, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			e.Values = []string{pick(d, "a", "b", "x"), pick(d, "c", "y")}
		}
		out.MatchExpressions = append(out.MatchExpressions, e)
	}
	return out
}

func (d dice) peers() []networkingv1.NetworkPolicyPeer {
	out := pick(d, nil, []networkingv1.NetworkPolicyPeer{})
	for range pick(d, 0, 1, 1, 2) {
		var p networkingv1.NetworkPolicyPeer
		switch d.IntN(4) {
		case 0:
			p.PodSelector = d.selector()
		case 1:
			p.NamespaceSelector = d.selector()
		case 2:
			p.PodSelector, p.NamespaceSelector = d.selector(), d.selector()
		case 3:
			p.IPBlock = pick(d,
				&networkingv1.IPBlock{CIDR: "10.0.0.0/29", Except: []string{"10.0.0.2/31", "10.0.0.5/32"}},
				&networkingv1.IPBlock{CIDR: "0.0.0.0/0"}, &networkingv1.IPBlock{CIDR: "fd00::/126", Except: []string{"fd00::1/128"}})
		}
		out = append(out, p)
	}
	return out
}

func (d dice) ports() []networkingv1.NetworkPolicyPort {
	out := pick(d, nil, []networkingv1.NetworkPolicyPort{})
	for range pick(d, 0, 1, 1, 2) {
		var p networkingv1.NetworkPolicyPort
		if d.of(2) {
			protocol := pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
			p.Protocol = &protocol
		}
		switch d.IntN(4) {
		case 0:
			port := intstr.FromInt32(pick[int32](d, 79, 80, 81))
			p.Port = &port
		case 1:
			port, end := intstr.FromInt32(pick[int32](d, 79, 80)), pick[int32](d, 80, 81)
			p.Port, p.EndPort = &port, &end
		case 2:
			port := intstr.FromString(pick(d, "web", "dns"))
			p.Port = &port
		}
		out = append(out, p)
	}
	return out
}

func (d dice) policy(i int) Policy {
	p := &networkingv1.NetworkPolicy{}
	p.Namespace, p.Name = pick(d, "x", "y"), fmt.Sprintf("p%d", i)
	p.Spec.PodSelector = *d.selector()
	p.Spec.PolicyTypes = pick(d, nil, []networkingv1.PolicyType{}, []networkingv1.PolicyType{"Ingress"}, []networkingv1.PolicyType{"Egress"}, []networkingv1.PolicyType{"Ingress", "Egress"})
	for range d.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: d.peers(), Ports: d.ports()})
	}
	for range d.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: d.peers(), Ports: d.ports()})
	}
	return Policy{NetworkPolicy: p}
}

func (d dice) cluster() Cluster {
	c := Cluster{CNI: Calico}
	for _, n := range []string{"x", "y", "z"} {
		c.Namespaces = append(c.Namespaces, Namespace{n, d.labels(), true})
	}
	for i := range 8 {
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		if d.of(3) {
			addr = netip.MustParseAddr(fmt.Sprintf("fd00::%d", i))
		}
		c.Pods = append(c.Pods, Pod{
			ID: fmt.Sprint("pod", i), Namespace: pick(d, "x", "y", "z"), Labels: d.labels(), IPs: []netip.Addr{addr},
			NamedPorts: []NamedPort{{"web", pick(d, workload.TCP, workload.UDP), pick[int32](d, 79, 80)}, {"dns", workload.UDP, 81}},
		})
	}
	for i := range d.IntN(6) {
		c.Policies = append(c.Policies, d.policy(i))
	}
	return c
}
