package reachability

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// The second opinion: one connection at a time, straight from the API's text, with apimachinery's selectors. It knows
// pods with addresses and profile calico only, so that nothing is unknown.

func opinion(c Cluster, from, to Pod, protocol workload.Protocol, port int32) bool {
	if from.ID == to.ID {
		return true
	}
	return opinionSide(c, from, to, to, true, protocol, port) && opinionSide(c, to, from, to, false, protocol, port)
}

func opinionSide(c Cluster, own, other, dst Pod, egress bool, protocol workload.Protocol, port int32) bool {
	isolated := false
	for _, p := range c.Policies {
		if p.Namespace != own.Namespace || !opinionSelects(&p.Spec.PodSelector, own.Labels) {
			continue
		}
		if egress {
			if slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) || len(p.Spec.PolicyTypes) == 0 && len(p.Spec.Egress) > 0 {
				isolated = true
				for _, r := range p.Spec.Egress {
					if opinionPeers(c, p.Namespace, r.To, other) && opinionPorts(r.Ports, dst, protocol, port) {
						return true
					}
				}
			}
		} else if slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) || len(p.Spec.PolicyTypes) == 0 {
			isolated = true
			for _, r := range p.Spec.Ingress {
				if opinionPeers(c, p.Namespace, r.From, other) && opinionPorts(r.Ports, dst, protocol, port) {
					return true
				}
			}
		}
	}
	return !isolated
}

func opinionSelects(s *metav1.LabelSelector, set map[string]string) bool {
	sel, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && sel.Matches(labels.Set(set))
}

func opinionPeers(c Cluster, namespace string, peers []networkingv1.NetworkPolicyPeer, pod Pod) bool {
	if len(peers) == 0 {
		return true
	}
	for _, p := range peers {
		if p.IPBlock != nil {
			if opinionBlock(p.IPBlock, pod.IPs[0]) {
				return true
			}
			continue
		}
		inNamespace := pod.Namespace == namespace
		if p.NamespaceSelector != nil {
			set := map[string]string{"kubernetes.io/metadata.name": pod.Namespace}
			for _, n := range c.Namespaces {
				if n.Name == pod.Namespace {
					for k, v := range n.Labels {
						set[k] = v
					}
				}
			}
			inNamespace = opinionSelects(p.NamespaceSelector, set)
		}
		if inNamespace && (p.PodSelector == nil || opinionSelects(p.PodSelector, pod.Labels)) {
			return true
		}
	}
	return false
}

func opinionBlock(b *networkingv1.IPBlock, addr netip.Addr) bool {
	for _, e := range b.Except {
		if netip.MustParsePrefix(e).Contains(addr) {
			return false
		}
	}
	return netip.MustParsePrefix(b.CIDR).Contains(addr)
}

func opinionPorts(ports []networkingv1.NetworkPolicyPort, dst Pod, protocol workload.Protocol, port int32) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		want := corev1.ProtocolTCP
		if p.Protocol != nil {
			want = *p.Protocol
		}
		if string(want) != string(protocol) {
			continue
		}
		switch {
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			for _, n := range dst.NamedPorts {
				if n.Name == p.Port.StrVal && n.Protocol == protocol && n.Number == port {
					return true
				}
			}
		case p.EndPort != nil:
			if p.Port.IntVal <= port && port <= *p.EndPort {
				return true
			}
		case p.Port.IntVal == port:
			return true
		}
	}
	return false
}

// disagreement is the first connection on which the engine, its explanation, its open ports and the second opinion are
// not at one. Empty means none.
func disagreement(c Cluster) string {
	m, err := Analyze(c)
	if err != nil {
		return err.Error()
	}
	if len(m.Problems) > 0 {
		return fmt.Sprintf("the second opinion takes it, the engine refuses: %v", m.Problems)
	}
	if text := reachedDisagreement(m, c); text != "" {
		return text
	}
	for _, from := range c.Pods {
		for _, to := range c.Pods {
			open := m.Open(PodEndpoint(from.ID), PodEndpoint(to.ID))
			for _, protocol := range protocols {
				for _, port := range dice.Ports {
					want := Denied
					if opinion(c, from, to, protocol, port) {
						want = Allowed
					}
					got := m.Verdict(PodEndpoint(from.ID), PodEndpoint(to.ID), protocol, port)
					why := m.Explain(PodEndpoint(from.ID), PodEndpoint(to.ID), protocol, port)
					isOpen := slices.ContainsFunc(open, func(r PortRange) bool {
						return r.Protocol == protocol && r.First <= port && port <= r.Last && r.Value == Allowed
					})
					if got != want || why.Value != want || isOpen != (want == Allowed) {
						return fmt.Sprintf("%s -> %s %d/%s: verdict %s, explain %s, open %t; second opinion %s\n%v",
							from.ID, to.ID, port, protocol, got, why.Value, isOpen, want, why.Reasons)
					}
				}
			}
		}
	}
	return ""
}

// reachedDisagreement is the first pair on which Reached and Verdict are not at one.
func reachedDisagreement(m *Matrix, c Cluster) string {
	for _, from := range c.Pods {
		values := map[int]Value{}
		for n, v := range m.Reached(PodEndpoint(from.ID), workload.TCP, 80) {
			values[n] = v
		}
		for n, ids := range m.Classes() {
			for _, id := range ids {
				if v := m.Verdict(PodEndpoint(from.ID), PodEndpoint(id), workload.TCP, 80); id != from.ID && v != values[n] {
					return fmt.Sprintf("%s -> %s 80/TCP: verdict %s, reached %s", from.ID, id, v, values[n])
				}
			}
		}
	}
	return ""
}

// opinionClusters is how many random clusters are compared, of 960 connections each:
// go test -run SecondOpinion ./fn/internal/reachability -clusters 10000
var opinionClusters = flag.Uint64("clusters", 150, "random clusters for the second opinion")

func TestSecondOpinion(t *testing.T) {
	if *opinionClusters == 0 {
		t.Fatal("nothing to compare: -clusters is 0")
	}
	for seed := range *opinionClusters {
		c := dice.New(seed, 1).Cluster()
		if disagreement(clusterOf(c)) == "" {
			continue
		}
		c = c.Shrink(func(smaller dice.Cluster) bool { return disagreement(clusterOf(smaller)) != "" })
		t.Fatalf("seed %d: %s\n%s", seed, disagreement(clusterOf(c)), c)
	}
}

// TestOneAnswer: where something is unknown, Verdict, Explain, Open and Reached still say the same, and a range of the
// partition of addresses is never unknown to a pod.
func TestOneAnswer(t *testing.T) {
	for seed := range uint64(100) {
		d := dice.New(seed, 3)
		c := clusterOf(d.Cluster())
		c.CNI = dice.Pick(d, Generic, Calico, Cilium, AWSVPCCNI)
		c.Namespaces = c.Namespaces[:d.IntN(3)]
		for i := range c.Pods {
			c.Pods[i].HostNetwork = d.OneIn(5)
			if d.OneIn(2) {
				c.Pods[i].IPs = nil
			}
		}
		m, err := Analyze(c)
		if err != nil {
			t.Fatal(err)
		}
		if text := reachedDisagreement(m, c); text != "" {
			t.Errorf("seed %d: %s", seed, text)
		}
		ends := append(m.Externals(), Endpoint{Namespace: "x", PodLabels: d.Labels()}, Endpoint{Namespace: "q", PodLabels: d.Labels()})
		for _, p := range c.Pods {
			ends = append(ends, PodEndpoint(p.ID))
		}
		for _, from := range ends {
			for _, to := range ends {
				checkOneAnswer(t, seed, m, from, to)
			}
		}
	}
}

func checkOneAnswer(t *testing.T, seed uint64, m *Matrix, from, to Endpoint) {
	t.Helper()
	open := m.Open(from, to)
	for _, port := range []int32{79, 80, 81} {
		want := Denied
		for _, r := range open {
			if r.Protocol == workload.TCP && r.First <= port && port <= r.Last {
				want = r.Value
			}
		}
		got, why := m.Verdict(from, to, workload.TCP, port), m.Explain(from, to, workload.TCP, port)
		if got != want || why.Value != want || len(why.Reasons) == 0 {
			t.Errorf("seed %d: %s -> %s %d/TCP: verdict %s, explain %s, open %s: %v", seed, from, to, port, got, why.Value, want, why.Reasons)
		}
		if from.First.IsValid() && to.PodID != "" && m.pods[to.PodID] != nil && got == Unknown {
			t.Errorf("seed %d: %s -> %s: an external range of the partition is never unknown: %v", seed, from, to, why.Reasons)
		}
	}
}

// FuzzAnalyze: no policy, however broken, makes the analysis panic or Verdict and Explain differ.
func FuzzAnalyze(f *testing.F) {
	f.Add([]byte(`{"podSelector": {}, "ingress": [{"from": [{}], "ports": [{"endPort": 3}]}]}`))
	f.Add([]byte(`{"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "::/0", "except": ["1.1.1.1/1"]}}]}]}`))
	f.Fuzz(func(t *testing.T, spec []byte) {
		p := &networkingv1.NetworkPolicy{}
		if yaml.Unmarshal(spec, &p.Spec) != nil {
			return
		}
		p.Namespace = "x"
		m, err := Analyze(small(Generic, Policy{NetworkPolicy: p}))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range append(m.Externals(), PodEndpoint("x/a"), PodEndpoint("x/node"), Endpoint{Namespace: "q"}) {
			for _, pair := range [][2]Endpoint{{e, PodEndpoint("x/b")}, {PodEndpoint("x/b"), e}} {
				m.Open(pair[0], pair[1])
				fast, slow := m.Verdict(pair[0], pair[1], workload.TCP, 80), m.Explain(pair[0], pair[1], workload.TCP, 80)
				if fast != slow.Value {
					t.Fatalf("%s -> %s: verdict %s, explain %s", pair[0], pair[1], fast, slow.Value)
				}
			}
		}
	})
}
