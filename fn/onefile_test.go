package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// TestAPolicyInWords: the comment before a policy says what each of its rules says, in the names of the model.
func TestAPolicyInWords(t *testing.T) {
	office := &tier.Peer{Name: "office", From: []tier.Target{{CIDR: "203.0.113.0/24"}, {CIDR: "2001:db8::/32"}}, To: []tier.Target{{CIDR: "203.0.113.9/32"}}}
	m := &tier.Model{Groups: []tier.Group{{From: []tier.Endpoint{{Peer: office}}, To: []tier.Endpoint{{Peer: office}}}}}
	for i := range 9 {
		m.Workloads = append(m.Workloads, &workload.Workload{Name: fmt.Sprintf("api-%d", i), Namespace: "shop", PodLabels: map[string]string{"app": fmt.Sprint(i), "tier": "api"}})
	}
	m.Workloads = append(m.Workloads, &workload.Workload{Name: "db", Namespace: "data", PodLabels: map[string]string{"tier": "db"}})

	block := func(cidr string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr}}
	}
	pods := func(key, value string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	}
	udp, tcp := corev1.ProtocolUDP, corev1.ProtocolTCP
	number, last := intstr.FromInt32(8000), int32(8010)
	for _, c := range []struct {
		name    string
		in, out []policy.Rule
		ports   []networkingv1.NetworkPolicyPort
		want    string
	}{
		{"nothing", nil, nil, nil, "Says so."},
		{"everyone, all ports", []policy.Rule{{}}, []policy.Rule{{}}, nil, "In: all ports from anyone. Out: all ports to everyone."},
		{"a workload", []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{policy.PodPeer(pods("app", "3"))}}}, nil, nil, "In: all ports from api-3."},
		{"a workload elsewhere", nil, []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{policy.NamespacePeer("data", pods("tier", "db"))}}}, nil, "Out: all ports to data/db."},
		{"the same labels elsewhere", nil, []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{policy.PodPeer(pods("tier", "db"))}}}, nil, "Out: all ports to pods that the package does not hold."},
		{"many", []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{policy.PodPeer(pods("tier", "api"))}}}, nil, nil, "In: all ports from api-0, api-1, api-2, api-3, api-4, api-5, 3 others."},
		{"a peer of two blocks", []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{block("203.0.113.0/24"), block("2001:db8::/32")}}}, nil, nil, "In: all ports from office."},
		{"a peer's other side", nil, []policy.Rule{{Peers: []networkingv1.NetworkPolicyPeer{block("203.0.113.0/24"), block("203.0.113.9/32")}}}, nil, "Out: all ports to 203.0.113.0/24, office."},
		{"ports", []policy.Rule{{}}, nil, []networkingv1.NetworkPolicyPort{{Protocol: &tcp, Port: &number, EndPort: &last}, {Protocol: &udp, Port: &number}, {Protocol: &udp}}, "In: 8000-8010 8000/UDP all ports/UDP from anyone."},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policy.New(policy.Meta{Name: "p", Namespace: "shop", Description: "Says so."}, metav1.LabelSelector{}, nil, c.in, c.out)
			for i := range p.Spec.Ingress {
				p.Spec.Ingress[i].Ports = c.ports
			}
			for i := range p.Spec.Egress {
				p.Spec.Egress[i].Ports = c.ports
			}
			if diff := cmp.Diff(c.want, newWording(m).policy(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNamesStayInTheirComment: an environment's name is that of a directory, which may hold any character.
func TestNamesStayInTheirComment(t *testing.T) {
	p := policy.DefaultDeny(policy.Meta{Set: "s", Name: "default-deny-all", Description: "Denies."})
	for _, separator := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", "\x00"} {
		text := annotated("s", &tier.Model{Environment: "prod" + separator + "kind: Secret"}, []*networkingv1.NetworkPolicy{p})
		if !strings.HasPrefix(string(text), "# The NetworkPolicies of environment prod kind: Secret of set s,") {
			t.Errorf("%q: the first line is not one comment:\n%s", separator, text)
		}
		objects, err := manifest.ReadFile("f.yaml", text)
		if err != nil || len(objects) != 1 || objects[0].Kind != "NetworkPolicy" {
			t.Errorf("%q: read back as %v, %v", separator, objects, err)
		}
	}
}
