package reachability

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/workload"
)

var tiers = []string{"frontend", "backend", "database", "cache", "worker"}

// shape is a size of cluster for measuring.
type shape struct {
	pods, perNamespace int
	// dense pods each have a label of their own that a selector reads, so that each is a class of its own.
	dense bool
}

func (s shape) String() string {
	name := fmt.Sprintf("pods=%d/policies=%d", s.pods, (s.pods+s.perNamespace-1)/s.perNamespace*6)
	if s.dense {
		name += "/dense"
	}
	return name
}

// cluster has six policies a namespace: a default deny, one a tier, chained from the frontend to the stores.
func (s shape) cluster() Cluster {
	var c Cluster
	for i := range s.pods {
		ns := fmt.Sprintf("team-%d", i/s.perNamespace)
		if i%s.perNamespace == 0 {
			c.Namespaces = append(c.Namespaces, Namespace{ns, map[string]string{"team": ns}, true})
			c.Policies = append(c.Policies, tierPolicies(ns, s.dense)...)
		}
		labels := map[string]string{"app": fmt.Sprintf("app-%d", i), "tier": tiers[i%len(tiers)]}
		c.Pods = append(c.Pods, Pod{
			ID: fmt.Sprintf("%s/app-%d", ns, i), Namespace: ns, Name: labels["app"], Labels: labels,
			NamedPorts: []NamedPort{{"http", workload.TCP, 8080}},
		})
	}
	return c
}

func tierPolicies(ns string, dense bool) []Policy {
	named := func(name string, spec networkingv1.NetworkPolicySpec) Policy {
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: spec}
		return Policy{p, ns + ".yaml"}
	}
	both := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	out := []Policy{named("deny", networkingv1.NetworkPolicySpec{PolicyTypes: both})}
	for i, tier := range tiers {
		spec := networkingv1.NetworkPolicySpec{PodSelector: *label("tier", tier), PolicyTypes: both}
		from := networkingv1.NetworkPolicyPeer{PodSelector: label("tier", tiers[max(i-1, 0)])}
		to := networkingv1.NetworkPolicyPeer{PodSelector: label("tier", tiers[min(i+1, len(tiers)-1)])}
		if dense {
			from.PodSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}
		}
		scraper := networkingv1.NetworkPolicyPeer{NamespaceSelector: label(metadataName, "team-0"), PodSelector: label("tier", "worker")}
		dns := networkingv1.NetworkPolicyPeer{NamespaceSelector: label(metadataName, "kube-system"), PodSelector: label("k8s-app", "kube-dns")}
		internet := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}}}
		spec.Ingress = []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{from}, Ports: tcp(8080)},
			{From: []networkingv1.NetworkPolicyPeer{scraper}, Ports: tcp(9090)},
		}
		spec.Egress = []networkingv1.NetworkPolicyEgressRule{
			{To: []networkingv1.NetworkPolicyPeer{to}, Ports: tcp(8080)},
			{To: []networkingv1.NetworkPolicyPeer{dns}, Ports: tcp(53)},
			{To: []networkingv1.NetworkPolicyPeer{internet}, Ports: tcp(443)},
		}
		out = append(out, named(tier, spec))
	}
	return out
}

func label(k, v string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{k: v}}
}

func tcp(port int32) []networkingv1.NetworkPolicyPort {
	protocol, number := corev1.ProtocolTCP, intstr.FromInt32(port)
	return []networkingv1.NetworkPolicyPort{{Protocol: &protocol, Port: &number}}
}

// BenchmarkAnalyze reads a cluster and prints, beside the usual, how much longer the next size takes than the last.
func BenchmarkAnalyze(b *testing.B) {
	last := map[bool]time.Duration{}
	for _, s := range []shape{
		{10, 50, false}, {100, 50, false}, {1000, 50, false}, {1250, 50, false}, {2500, 50, false}, {5000, 50, false}, {10000, 50, false},
		{10000, 5, false}, {2500, 50, true}, {5000, 50, true}, {10000, 50, true}, {10000, 10000, true},
	} {
		c := s.cluster()
		b.Run(s.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Analyze(c); err != nil {
					b.Fatal(err)
				}
			}
			each := b.Elapsed() / time.Duration(b.N)
			if prev := last[s.dense]; prev > 0 {
				b.ReportMetric(float64(each)/float64(prev), "x-previous")
			}
			last[s.dense] = each
		})
	}
}

// BenchmarkProof reads a cluster and looks at every connection on two ports.
func BenchmarkProof(b *testing.B) {
	for _, s := range []shape{{1000, 50, false}, {10000, 50, false}, {10000, 5, false}, {10000, 50, true}} {
		c := s.cluster()
		b.Run(s.String(), func(b *testing.B) {
			open := 0
			for b.Loop() {
				m, err := Analyze(c)
				if err != nil {
					b.Fatal(err)
				}
				open = 0
				for _, ids := range m.Classes() {
					for _, port := range []int32{8080, 9090} {
						for range m.Reached(PodEndpoint(ids[0]), workload.TCP, port) {
							open++
						}
					}
				}
			}
			b.ReportMetric(float64(open), "open")
		})
	}
}

// BenchmarkVerdict asks for pairs of one cluster in turn.
func BenchmarkVerdict(b *testing.B) {
	c := shape{10000, 50, false}.cluster()
	m, err := Analyze(c)
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		from, to := c.Pods[i%len(c.Pods)], c.Pods[(i*7)%len(c.Pods)]
		m.Verdict(PodEndpoint(from.ID), PodEndpoint(to.ID), workload.TCP, 8080)
		i++
	}
}
