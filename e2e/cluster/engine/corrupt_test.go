//go:build cluster

package engine

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/e2e/apirules"
	"tierwall.dev/fn/internal/reachability/dice"
)

// corrupt changes a random part of the policy to what is often, but not always, refused.
func corrupt(d dice.Dice, p *networkingv1.NetworkPolicy) {
	long := strings.Repeat("a", 63)
	texts := []string{"", "a", "A", "a b", "-a", "a-", "a_b", "a.b", "a/b", "a/b/c", "example.com/a", long, long + "a", "ä", "80", "a--b", "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"}
	text := func() string { return dice.Pick(d, texts...) }
	numbers := []int32{-1, 0, 1, 80, 81, 65535, 65536}
	// None has bits behind its prefix and is good otherwise: servers before 1.36 take those, and so does reachability.
	cidr := func() string {
		return dice.Pick(d, "10.0.0.0/8", "10.0.0.0/33", "10.0.0.0", "", " 10.0.0.0/8", "010.0.0.0/8", "10.0.0.0/08", "10.1.0.0/16",
			"::/0", "::/129", "fd00::/8", "fd00:0::/8", "::ffff:10.0.0.0/104", "fe80::%eth0/64", "1.2.3.4/32", "0.0.0.0/0")
	}
	selector := func(s *metav1.LabelSelector) {
		if d.OneIn(2) {
			s.MatchLabels = map[string]string{text(): text()}
			return
		}
		e := metav1.LabelSelectorRequirement{Key: text(), Operator: dice.Pick[metav1.LabelSelectorOperator](d, "In", "NotIn", "Exists", "DoesNotExist", "in", "", "Gt")}
		for range d.IntN(3) {
			e.Values = append(e.Values, text())
		}
		s.MatchExpressions = []metav1.LabelSelectorRequirement{e}
	}
	port := func() networkingv1.NetworkPolicyPort {
		var out networkingv1.NetworkPolicyPort
		if d.OneIn(3) {
			protocol := dice.Pick[corev1.Protocol](d, "TCP", "tcp", "ICMP", "", "SCTP")
			out.Protocol = &protocol
		}
		if !d.OneIn(4) {
			n := dice.Pick(d, intstr.FromInt32(dice.Pick(d, numbers...)), intstr.FromString(text()))
			out.Port = &n
		}
		if d.OneIn(3) {
			n := dice.Pick(d, numbers...)
			out.EndPort = &n
		}
		return out
	}
	peer := func() networkingv1.NetworkPolicyPeer {
		var out networkingv1.NetworkPolicyPeer
		if d.OneIn(3) {
			out.PodSelector = &metav1.LabelSelector{}
			selector(out.PodSelector)
		}
		if d.OneIn(3) {
			out.NamespaceSelector = &metav1.LabelSelector{}
			selector(out.NamespaceSelector)
		}
		if d.OneIn(2) {
			out.IPBlock = &networkingv1.IPBlock{CIDR: cidr()}
			for range d.IntN(2) {
				out.IPBlock.Except = append(out.IPBlock.Except, cidr())
			}
		}
		return out
	}
	switch d.IntN(6) {
	case 0:
		selector(&p.Spec.PodSelector)
	case 1:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{dice.Pick[networkingv1.PolicyType](d, "Ingress", "ingress", "", "Both")}
	case 2:
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{Ports: []networkingv1.NetworkPolicyPort{port()}})
	case 3:
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{Ports: []networkingv1.NetworkPolicyPort{port()}})
	case 4:
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{peer()}})
	case 5:
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{peer()}})
	}
}

// TestCorrupted: of random policies, some of which are wrong, reachability refuses those that the API server refuses. So
// does apirules, to which other tests hold what is emitted, and some more.
func TestCorrupted(t *testing.T) {
	w := world(t)
	const count = 1000
	refused, wrong := 0, 0
	for seed := range uint64(count) {
		d := dice.New(seed, stream+1)
		p := d.Policy("p")
		p.Namespace = "default"
		for range d.IntN(2) + 1 {
			corrupt(d, p)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		server, proof := w.dryRun(t.Context(), string(text)), proofRefuses(string(text))
		if server != nil {
			refused++
			if len(apirules.Broken(p)) == 0 {
				t.Errorf("seed %d: the API server says %v, apirules nothing, of\n%s", seed, server, text)
			}
		}
		if (server != nil) == (proof != "") {
			continue
		}
		if wrong++; wrong <= 10 {
			t.Errorf("seed %d: the API server says %v, reachability %q, of\n%s", seed, server, proof, text)
		}
	}
	if wrong > 10 {
		t.Errorf("%d more", wrong-10)
	}
	if refused < count/10 || refused > count-count/10 {
		t.Errorf("%d of %d policies are refused: too few of one kind", refused, count)
	}
	summary.row("%d random policies, %d refused by the API server: the proof differs on %d\t\t\t\t\t", count, refused, wrong)
}
