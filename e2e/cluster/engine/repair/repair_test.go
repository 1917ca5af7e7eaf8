package repair

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// stored is the cluster as an API server keeps it: with UIDs, types of policies and the namespaces' own label.
func stored(in dice.Cluster) Cluster {
	out := Cluster{Pods: in.Pods, Policies: in.Policies, Namespaces: in.Namespaces}
	for i, p := range out.Pods {
		p.UID = types.UID(fmt.Sprintf("pod-%d", i))
	}
	for _, n := range out.Namespaces {
		n.Labels[corev1.LabelMetadataName] = n.Name
	}
	for _, p := range out.Policies {
		if len(p.Spec.PolicyTypes) == 0 {
			p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(p.Spec.Egress) > 0 {
				p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
	}
	return out
}

func analyzed(t *testing.T, c Cluster) *reachability.Matrix {
	t.Helper()
	in := reachability.Cluster{CNI: reachability.Calico}
	for _, n := range c.Namespaces {
		in.Namespaces = append(in.Namespaces, reachability.Namespace{Name: n.Name, Labels: n.Labels, Known: true})
	}
	for _, p := range c.Pods {
		pod := reachability.Pod{ID: string(p.UID), Namespace: p.Namespace, Labels: p.Labels, IPs: []netip.Addr{netip.MustParseAddr(p.Status.PodIP)}}
		for _, port := range p.Spec.Containers[0].Ports {
			pod.NamedPorts = append(pod.NamedPorts, reachability.NamedPort{Name: port.Name, Protocol: workload.Protocol(port.Protocol), Number: port.ContainerPort})
		}
		in.Pods = append(in.Pods, pod)
	}
	for _, p := range c.Policies {
		in.Policies = append(in.Policies, reachability.Policy{NetworkPolicy: p})
	}
	m, err := reachability.Analyze(in)
	if err != nil || len(m.Problems) > 0 {
		t.Fatal(err, m.Problems)
	}
	return m
}

// TestNothingElseIsMeant: on random clusters, the repaired policies, each fault apart and all together, let through
// what the written ones do.
func TestNothingElseIsMeant(t *testing.T) {
	for name, faults := range map[string][]Fault{
		"all": All, string(BothTypes): {BothTypes}, string(NamedPorts): {NamedPorts}, string(BlocksOfOneRule): {BlocksOfOneRule},
		string(AllOfIPv6): {AllOfIPv6}, string(Names): {Names},
	} {
		t.Run(name, func(t *testing.T) {
			changed := 0
			for seed := range uint64(100) {
				c := stored(dice.New(seed, 21).Cluster())
				withoutNamesBesideBlocks(c)
				for _, p := range c.Pods {
					p.Status.PodIP = p.Status.PodIPs[0].IP
				}
				repaired := Cluster{Namespaces: c.Namespaces, Policies: Policies(c, faults)}
				for _, p := range c.Pods {
					repaired.Pods = append(repaired.Pods, Pod(p, faults))
				}
				if !cmp.Equal(c.Policies, repaired.Policies) {
					changed++
				}
				compare(t, seed, c, repaired)
			}
			if changed == 0 {
				t.Error("no policy was rewritten")
			}
			t.Logf("the policies of %d of 100 clusters were rewritten", changed)
		})
	}
}

// withoutNamesBesideBlocks: see byPod.
func withoutNamesBesideBlocks(c Cluster) {
	for _, p := range c.Policies {
		for i, r := range p.Spec.Egress {
			if slices.ContainsFunc(r.To, func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil }) {
				_, names := divided(r.Ports)
				for j := range names {
					p.Spec.Egress[i].Ports[j].Port = nil
				}
				p.Spec.Egress[i].Ports, _ = divided(p.Spec.Egress[i].Ports)
			}
		}
	}
}

func compare(t *testing.T, seed uint64, c, repaired Cluster) {
	t.Helper()
	before, after := analyzed(t, c), analyzed(t, repaired)
	// The halves of ::/0 are two ranges in the repaired policies.
	ends := after.Externals()
	for _, p := range c.Pods {
		ends = append(ends, reachability.PodEndpoint(string(p.UID)))
	}
	for _, from := range ends {
		for _, to := range ends {
			for _, protocol := range []workload.Protocol{workload.TCP, workload.UDP, workload.SCTP} {
				for _, port := range dice.Ports {
					was, is := before.Verdict(from, to, protocol, port), after.Verdict(from, to, protocol, port)
					if was != is {
						text, _ := yaml.Marshal(c.Policies)
						t.Fatalf("seed %d: %s -> %s %d/%s is %s, was %s\n%s", seed, from, to, port, protocol, is, was, text)
					}
				}
			}
		}
	}
}

func policy(t *testing.T, text string) *networkingv1.NetworkPolicy {
	t.Helper()
	p := &networkingv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicies(t *testing.T) {
	namespaces := []*corev1.Namespace{{}}
	namespaces[0].Name, namespaces[0].Labels = "x", map[string]string{corev1.LabelMetadataName: "x"}
	web := func(uid string, ports ...corev1.ContainerPort) *corev1.Pod {
		p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}}}
		p.Namespace, p.Name, p.UID = "x", uid, types.UID(uid)
		return p
	}
	pods := []*corev1.Pod{
		web("one", corev1.ContainerPort{Name: "web", ContainerPort: 80, Protocol: corev1.ProtocolTCP}),
		web("none"),
	}
	for _, test := range []struct {
		name   string
		fault  Fault
		policy string
		want   []string
	}{
		{"one type stays", BothTypes, `{metadata: {name: p}, spec: {podSelector: {}, policyTypes: [Ingress]}}`,
			[]string{`{metadata: {name: p}, spec: {podSelector: {}, policyTypes: [Ingress]}}`}},
		{"both types", BothTypes, `{metadata: {name: p}, spec: {podSelector: {}, ingress: [{}], policyTypes: [Ingress, Egress]}}`, []string{
			`{metadata: {name: p~ingress}, spec: {podSelector: {}, ingress: [{}], policyTypes: [Ingress]}}`,
			`{metadata: {name: p~egress}, spec: {podSelector: {}, policyTypes: [Egress]}}`}},
		{"a name in ingress", NamedPorts,
			`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, ingress: [{ports: [{port: web}, {port: 81}]}], policyTypes: [Ingress]}}`, []string{
				`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, ingress: [{ports: [{port: 81}]}], policyTypes: [Ingress]}}`,
				`{metadata: {namespace: x, name: p~0-0}, spec: {podSelector: {matchLabels: {tierwall.dev/pod-uid: one}}, ingress: [{ports: [{port: web}]}], policyTypes: [Ingress]}}`}},
		{"a name in egress", NamedPorts,
			`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, egress: [{ports: [{port: web}]}], policyTypes: [Egress]}}`, []string{
				`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, egress: [{ports: [{port: web}], to: [{podSelector: {matchLabels: {tierwall.dev/pod-uid: one}},
				  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}}]}], policyTypes: [Egress]}}`}},
		{"a name of another protocol", NamedPorts,
			`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, egress: [{ports: [{port: web, protocol: UDP}]}], policyTypes: [Egress]}}`,
			[]string{`{metadata: {namespace: x, name: p}, spec: {podSelector: {}, policyTypes: [Egress]}}`}},
		{"blocks of one rule", BlocksOfOneRule,
			`{metadata: {name: p}, spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: 11.0.0.0/8}}], ports: [{port: 80}]}], policyTypes: [Ingress]}}`,
			[]string{`{metadata: {name: p}, spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}, {from: [{ipBlock: {cidr: 11.0.0.0/8}}], ports: [{port: 80}]}], policyTypes: [Ingress]}}`}},
		{"a rule for everyone stays one", BlocksOfOneRule,
			`{metadata: {name: p}, spec: {podSelector: {}, egress: [{}], policyTypes: [Egress]}}`,
			[]string{`{metadata: {name: p}, spec: {podSelector: {}, egress: [{}], policyTypes: [Egress]}}`}},
		{"all of IPv6", AllOfIPv6,
			`{metadata: {name: p}, spec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::/0", except: ["fd00::/8", "2001:db8::/32"]}}, {ipBlock: {cidr: 0.0.0.0/0}}]}], policyTypes: [Egress]}}`,
			[]string{`{metadata: {name: p}, spec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::/1", except: ["2001:db8::/32"]}}, {ipBlock: {cidr: "8000::/1", except: ["fd00::/8"]}}, {ipBlock: {cidr: 0.0.0.0/0}}]}], policyTypes: [Egress]}}`}},
		{"names", Names, `{metadata: {name: p}, spec: {podSelector: {}}}`, []string{`{metadata: {name: /p}, spec: {podSelector: {}}}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []*networkingv1.NetworkPolicy
			for _, text := range test.want {
				want = append(want, policy(t, text))
			}
			got := Policies(Cluster{namespaces, pods, []*networkingv1.NetworkPolicy{policy(t, test.policy)}}, []Fault{test.fault})
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b intstr.IntOrString) bool { return a.String() == b.String() })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for list, want := range map[string][]Fault{"": nil, "all": All, "all-of-ipv6,names-run-together": {AllOfIPv6, Names}} {
		if got, err := Parse(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("Parse(%q) = %v, %v, want %v", list, got, err, want)
		}
	}
	if _, err := Parse("all-of-ipv6,names"); err == nil || !strings.Contains(err.Error(), `"names"`) {
		t.Errorf("an unknown fault is let pass: %v", err)
	}
}
