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

// TestManyClasses: with more classes than a word has bits, the sets and the policies themselves still agree.
func TestManyClasses(t *testing.T) {
	c := shape{300, 50, true}.cluster()
	m, err := Analyze(c)
	if err != nil {
		t.Fatal(err)
	}
	classes := m.Classes()
	if len(classes) != len(c.Pods) {
		t.Fatalf("%d classes, want one a pod", len(classes))
	}
	open := 0
	for from := 0; from < len(classes); from += 7 {
		values := map[int]Value{}
		for n, v := range m.Reached(PodEndpoint(classes[from][0]), workload.TCP, 8080) {
			values[n] = v
		}
		for to := range classes {
			if to == from {
				continue
			}
			want := m.Explain(PodEndpoint(classes[from][0]), PodEndpoint(classes[to][0]), workload.TCP, 8080).Value
			if values[to] != want {
				t.Errorf("%s -> %s: reached %s, explain %s", classes[from][0], classes[to][0], values[to], want)
			}
			if want == Allowed {
				open++
			}
		}
	}
	if open == 0 {
		t.Error("nothing is open: the check would see no mistake")
	}
}

// TestBlocksAndPods: what ipBlock means for pods, by profile and by what is known of their addresses.
func TestBlocksAndPods(t *testing.T) {
	known := []netip.Addr{netip.MustParseAddr("::ffff:10.244.0.7"), netip.MustParseAddr("fd00::7")}
	podCIDRs := []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}
	for _, test := range []struct {
		cni      Profile
		block    string
		ips      []netip.Addr
		podCIDRs []netip.Prefix
		to       string
		want     Value
	}{
		{Calico, "10.0.0.0/8", nil, podCIDRs, "y/a", Allowed},
		{Calico, "10.244.0.0/17", nil, podCIDRs, "y/a", Unknown}, // a part of where pods live
		{Calico, "10.0.0.0/16", nil, podCIDRs, "y/a", Denied},
		{Calico, "fd00::/8", nil, podCIDRs, "y/a", Denied}, // pods have no such address
		{Calico, "10.0.0.0/8", nil, nil, "y/a", Unknown},   // pods are somewhere private
		{Calico, "8.0.0.0/8", nil, nil, "y/a", Denied},
		{Calico, "10.244.0.7/32", known, nil, "y/a", Allowed},
		{Calico, "fd00::7/128", known, nil, "y/a", Allowed}, // any address of a dual-stack pod
		{Calico, "10.244.0.8/32", known, nil, "y/a", Denied},
		{AWSVPCCNI, "10.244.0.7/32", known, nil, "y/a", Allowed},
		{Generic, "10.244.0.7/32", known, nil, "y/a", Unknown},
		{Generic, "10.244.0.8/32", known, nil, "y/a", Denied},
		{Cilium, "10.244.0.7/32", known, nil, "y/a", Denied},
		{Calico, "0.0.0.0/0", nil, nil, "x/node", Unknown}, // a node's address can be anywhere
		{Calico, "10.0.0.0/8", known, nil, "x/node", Allowed},
	} {
		c := small(test.cni, policyOf(t, `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "`+test.block+`"}}]}]}`))
		c.PodCIDRs = test.podCIDRs
		for i := range c.Pods {
			c.Pods[i].IPs = test.ips
		}
		m, err := Analyze(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Verdict(PodEndpoint("x/a"), PodEndpoint(test.to), workload.TCP, 80); got != test.want {
			t.Errorf("%s: block %s to %s with addresses %v in %v: got %s, want %s", test.cni, test.block, test.to, test.ips, test.podCIDRs, got, test.want)
		}
	}
}

func TestSet(t *testing.T) {
	in := []int{70, 127, 128, 200}
	s := newSet(in)
	var got []int
	for n := range 400 {
		if s.has(n) {
			got = append(got, n)
		}
	}
	if diff := cmp.Diff(in, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	if newSet(nil).has(0) {
		t.Error("the empty set has 0")
	}
}
