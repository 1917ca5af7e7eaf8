package reachability

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/workload"
)

func TestExplain(t *testing.T) {
	named := func(name string, p Policy) Policy {
		p.Name = name
		return p
	}
	c := small(Generic,
		named("deny-all", policyOf(t, `{podSelector: {}, policyTypes: [Ingress, Egress]}`)),
		named("from-b", policyOf(t, `{podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81}]}, {from: [{podSelector: {matchLabels: {pod: b}}}]}, {from: [{podSelector: {}}], ports: [{port: web}]}]}`)),
		named("to-world", policyOf(t, `{podSelector: {matchLabels: {pod: b}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`)),
	)
	for _, test := range []struct {
		from, to string
		port     int32
		want     []string
	}{
		{"x/b", "x/a", 80, []string{
			"egress unknown: x/to-world spec.egress[0]: may match x/a: an address, or a label of its namespace, is not known",
			"ingress allowed: x/from-b spec.ingress[1]: matches x/b",
			"ingress allowed: x/from-b spec.ingress[2]: matches x/b",
		}},
		{"y/a", "x/a", 80, []string{
			"egress allowed: no policy isolates y/a",
			"ingress denied: x/deny-all: isolates x/a, and no rule of it matches",
			"ingress denied: x/from-b: isolates x/a, and no rule of it matches",
		}},
		{"x/a", "y/a", 80, []string{
			"egress denied: x/deny-all: isolates x/a, and no rule of it matches",
			"ingress allowed: no policy isolates y/a",
		}},
		{"x/a", "x/a", 80, []string{"egress allowed: a pod always reaches itself"}},
		{"8.8.8.8", "x/a", 81, []string{
			"egress allowed: no policy binds addresses outside the cluster",
			"ingress allowed: x/from-b spec.ingress[0]: matches 8.8.8.8-8.8.8.8",
		}},
		{"x/node", "x/b", 80, []string{
			"egress allowed: x/node is on the host network: policies do not bind it",
			"ingress unknown: x/node is on the host network: traffic with the pod's own node is always allowed",
			"ingress denied: x/deny-all: isolates x/b, and no rule of it matches",
		}},
		{"x/gone", "x/b", 80, []string{"egress unknown: pod x/gone is not in the input"}},
	} {
		m, err := Analyze(c)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range m.Explain(parseEndpoint(t, test.from), parseEndpoint(t, test.to), workload.TCP, test.port).Reasons {
			got = append(got, r.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s -> %s %d/TCP (-want +got):\n%s", test.from, test.to, test.port, diff)
		}
	}
}

func TestExternals(t *testing.T) {
	c := small(Generic, policyOf(t, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}`))
	c.Externals = []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}
	m, err := Analyze(c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Value{}
	for _, e := range m.Externals() {
		got[e.String()] = m.Verdict(e, PodEndpoint("x/a"), workload.TCP, 80)
	}
	want := map[string]Value{
		"0.0.0.0-9.255.255.255":                              Denied,
		"10.0.0.0-10.0.255.255":                              Allowed,
		"10.1.0.0-10.1.255.255":                              Denied,
		"10.2.0.0-10.255.255.255":                            Allowed,
		"11.0.0.0-255.255.255.255":                           Denied,
		"::-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff":          Denied,
		"2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff":  Denied,
		"2001:db9::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": Denied,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts by range (-want +got):\n%s", diff)
	}
}

func TestClasses(t *testing.T) {
	c := small(Generic, policyOf(t, `{podSelector: {matchLabels: {pod: a}}}`))
	c.Pods = append(c.Pods, Pod{ID: "x/c", Namespace: "x", Labels: map[string]string{"other": "label"}})
	c.Pods[1].Labels = nil // x/b
	m, err := Analyze(c)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"x/a"}, {"x/b", "x/c"}, {"x/node"}, {"y/a"}}
	if diff := cmp.Diff(want, m.Classes()); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}

func TestAnalyzeRefusesPodsOfOneID(t *testing.T) {
	_, err := Analyze(Cluster{Pods: []Pod{{ID: "a"}, {ID: "a"}}})
	if err == nil || err.Error() != `pod "a": occurs twice` {
		t.Errorf("got %v", err)
	}
	m, err := Analyze(Cluster{Policies: []Policy{{Source: "p.yaml"}, {NetworkPolicy: &networkingv1.NetworkPolicy{}}}})
	if err != nil || len(m.Problems) != 1 {
		t.Errorf("a policy without a NetworkPolicy is one problem: %v %v", err, m.Problems)
	}
}
