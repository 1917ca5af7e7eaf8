package reachability

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/workload"
)

// policyOf reads one NetworkPolicy of namespace x from its spec.
func policyOf(t *testing.T, spec string) Policy {
	t.Helper()
	p := &networkingv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
		t.Fatalf("policy %s: %v", spec, err)
	}
	p.Namespace, p.Name = "x", "p"
	return Policy{p, "p.yaml"}
}

// small is a cluster of x/a, x/b, y/a and the host-network pod x/node; labels pod and ns are their names.
func small(cni Profile, policies ...Policy) Cluster {
	c := Cluster{CNI: cni, Policies: policies}
	for _, ns := range []string{"x", "y"} {
		c.Namespaces = append(c.Namespaces, Namespace{ns, map[string]string{"ns": ns}, true})
	}
	for _, id := range []string{"x/a", "x/b", "y/a", "x/node"} {
		ns, name, _ := strings.Cut(id, "/")
		c.Pods = append(c.Pods, Pod{
			ID: id, Namespace: ns, Name: name, Labels: map[string]string{"pod": name}, HostNetwork: name == "node",
			NamedPorts: []NamedPort{{"web", workload.TCP, 80}, {"dns", workload.UDP, 53}},
		})
	}
	return c
}

// parseEndpoint reads NAMESPACE/POD, an address, or NAMESPACE:POD for a pod that is not in the input.
func parseEndpoint(t *testing.T, s string) Endpoint {
	t.Helper()
	if addr, err := netip.ParseAddr(s); err == nil {
		return ExternalEndpoint(netip.PrefixFrom(addr, addr.BitLen()))
	}
	if prefix, err := netip.ParsePrefix(s); err == nil {
		return ExternalEndpoint(prefix)
	}
	if ns, pod, ok := strings.Cut(s, ":"); ok {
		return Endpoint{Namespace: ns, PodLabels: map[string]string{"pod": pod}}
	}
	return PodEndpoint(s)
}

func TestVerdict(t *testing.T) {
	type check struct {
		from, to string
		protocol workload.Protocol
		port     int32
		want     Value
	}
	const tcp, udp = workload.TCP, workload.UDP
	for _, test := range []struct {
		name, spec string
		cni        Profile
		checks     []check
	}{
		{name: "absent ingress isolates", spec: `{podSelector: {matchLabels: {pod: a}}}`, checks: []check{
			{"x/b", "x/a", tcp, 80, Denied},
			{"x/a", "x/a", tcp, 80, Allowed}, // itself
			{"x/b", "y/a", tcp, 80, Allowed}, // same labels, other namespace
			{"x/a", "x/b", tcp, 80, Allowed}, // egress is not isolated
			{"8.8.8.8", "x/a", tcp, 80, Denied},
			{"x/node", "x/a", tcp, 80, Unknown}, // it may be the pod's own node
		}},
		{name: "ingress [] isolates", spec: `{podSelector: {}, ingress: []}`, checks: []check{
			{"y/a", "x/a", tcp, 80, Denied}, {"y/a", "x/node", tcp, 80, Allowed}, {"y/a", "x:new", tcp, 80, Denied},
		}},
		{name: "ingress [{}] opens", spec: `{podSelector: {}, ingress: [{}]}`, checks: []check{
			{"y/a", "x/a", tcp, 80, Allowed}, {"8.8.8.8", "x/a", tcp, 80, Allowed},
		}},
		{name: "from [] opens", spec: `{podSelector: {}, ingress: [{from: [], ports: []}]}`, checks: []check{{"y/a", "x/a", tcp, 80, Allowed}}},
		{name: "egress [] without policyTypes does not isolate", spec: `{podSelector: {}, egress: []}`, checks: []check{
			{"x/a", "y/a", tcp, 80, Allowed}, {"y/a", "x/a", tcp, 80, Denied},
		}},
		{name: "egress rules default policyTypes to both", spec: `{podSelector: {}, egress: [{ports: [{port: 53}]}]}`, checks: []check{
			{"x/a", "y/a", tcp, 53, Allowed}, {"x/a", "y/a", udp, 53, Denied}, {"y/a", "x/a", tcp, 53, Denied},
		}},
		{name: "egress rules without their type do nothing", spec: `{podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 53}]}]}`, checks: []check{
			{"x/a", "y/a", tcp, 80, Allowed},
		}},
		{name: "podSelector {} is the own namespace", spec: `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`, checks: []check{
			{"x/b", "x/a", tcp, 80, Allowed}, {"y/a", "x/a", tcp, 80, Denied}, {"8.8.8.8", "x/a", tcp, 80, Denied},
		}},
		{name: "namespaceSelector {} is all pods and nothing outside", spec: `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`, checks: []check{
			{"y/a", "x/a", tcp, 80, Allowed}, {"q:a", "x/a", tcp, 80, Allowed}, {"8.8.8.8", "x/a", tcp, 80, Denied},
		}},
		{name: "both selectors in one peer", spec: `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}]}]}`, checks: []check{
			{"x/a", "x/b", tcp, 80, Allowed}, {"y/a", "x/b", tcp, 80, Denied}, {"x:b", "x/a", tcp, 80, Denied},
		}},
		{name: "a namespace not in the input", spec: `{podSelector: {}, egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: q}}}, {namespaceSelector: {matchLabels: {name: r}}}]}]}`, checks: []check{
			{"x/a", "q:a", tcp, 80, Allowed}, {"x/a", "r:a", tcp, 80, Unknown}, {"x/a", "y/a", tcp, 80, Denied},
		}},
		{name: "NotIn matches an absent key", spec: `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: absent, operator: NotIn, values: [v]}]}}]}]}`, checks: []check{
			{"y/a", "x/a", tcp, 80, Allowed},
		}},
		{name: "named ports by protocol", spec: `{podSelector: {}, ingress: [{ports: [{port: web}, {port: dns}]}]}`, checks: []check{
			{"y/a", "x/a", tcp, 80, Allowed}, {"y/a", "x/a", udp, 53, Denied}, {"y/a", "x/a", tcp, 53, Denied}, {"y/a", "x:new", tcp, 80, Unknown},
		}},
		{name: "protocol alone", spec: `{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}`, checks: []check{
			{"y/a", "x/a", udp, 9, Allowed}, {"y/a", "x/a", tcp, 9, Denied}, {"y/a", "x/a", workload.SCTP, 9, Denied},
		}},
		{name: "block with except", spec: `{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10]}}]}]}`, checks: []check{
			{"x/a", "8.8.8.8", tcp, 443, Allowed}, {"x/a", "10.1.1.1", tcp, 443, Denied}, {"x/a", "0.0.0.0/0", tcp, 443, Unknown},
			{"x/a", "2001:db8::1", tcp, 443, Denied}, {"x/a", "y/a", tcp, 80, Denied},
		}},
		{name: "block over pods, generic", spec: `{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, checks: []check{{"x/a", "y/a", tcp, 80, Unknown}}},
		{name: "block over pods, calico", cni: Calico, spec: `{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, checks: []check{{"x/a", "y/a", tcp, 80, Allowed}}},
		{name: "block over pods, cilium", cni: Cilium, spec: `{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, checks: []check{{"x/a", "y/a", tcp, 80, Denied}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := Analyze(small(test.cni, policyOf(t, test.spec)))
			if err != nil || len(m.Problems) > 0 {
				t.Fatal(err, m.Problems)
			}
			for _, c := range test.checks {
				from, to := parseEndpoint(t, c.from), parseEndpoint(t, c.to)
				if got := m.Verdict(from, to, c.protocol, c.port); got != c.want {
					t.Errorf("%s -> %s %d/%s: got %s, want %s", c.from, c.to, c.port, c.protocol, got, c.want)
				}
				if got := m.Explain(from, to, c.protocol, c.port); got.Value != c.want || len(got.Reasons) == 0 {
					t.Errorf("explain %s -> %s %d/%s: got %s, want %s: %v", c.from, c.to, c.port, c.protocol, got.Value, c.want, got.Reasons)
				}
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct{ spec, want string }{
		{`{podSelector: {}, ingress: [{from: [{}]}]}`, "x/p: spec.ingress[0].from[0]: the peer has no field: set podSelector, namespaceSelector or ipBlock"},
		{`{podSelector: {}, ingress: [{ports: [{endPort: 90}]}]}`, "x/p: spec.ingress[0].ports[0].endPort: endPort stands without port: give the first port"},
		{`{podSelector: {}, ingress: [{ports: [{port: web, endPort: 90}]}]}`, `x/p: spec.ingress[0].ports[0].endPort: endPort stands with the named port "web": give a number`},
		{`{podSelector: {}, ingress: [{ports: [{port: 91, endPort: 90}]}]}`, "x/p: spec.ingress[0].ports[0].endPort: 90 is not from port 91 to 65535"},
		{`{podSelector: {}, ingress: [{ports: [{port: 0}]}]}`, "x/p: spec.ingress[0].ports[0].port: 0 is not from 1 to 65535"},
		{`{podSelector: {}, ingress: [{ports: [{protocol: tcp}]}]}`, `x/p: spec.ingress[0].ports[0].protocol: "tcp" is not one of TCP, UDP, SCTP`},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: all}}]}]}`, `x/p: spec.egress[0].to[0].ipBlock.cidr: "all" is not a CIDR such as 10.0.0.0/8`},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::ffff:10.0.0.0/104"}}]}]}`, `x/p: spec.egress[0].to[0].ipBlock.cidr: "::ffff:10.0.0.0/104" is a block of IPv4 written as IPv6: write it as IPv4`},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::/0", except: ["::ffff:10.0.0.0/104"]}}]}]}`, `x/p: spec.egress[0].to[0].ipBlock.except[0]: "::ffff:10.0.0.0/104" is a block of IPv4 written as IPv6: write it as IPv4`},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]}`, "x/p: spec.egress[0].to[0].ipBlock.except[0]: 11.0.0.0/9 is not a strict part of 10.0.0.0/8"},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}`, "x/p: spec.egress[0].to[0].ipBlock.except[0]: 10.0.0.0/8 is not a strict part of 10.0.0.0/8"},
		{`{podSelector: {}, ingress: [{ports: [{port: ""}]}]}`, "x/p: spec.ingress[0].ports[0].port: the port's name is empty"},
		{`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}`, "x/p: spec.egress[0].to[0]: ipBlock stands beside a selector: make two peers of it"},
		{`{podSelector: {matchExpressions: [{key: k, operator: Gt, values: [v]}]}}`, `x/p: spec.podSelector.matchExpressions[0]: operator "Gt" is not one of In, NotIn, Exists, DoesNotExist`},
		{`{podSelector: {}, ingress: [{ports: [{port: "80"}]}]}`, `x/p: spec.ingress[0].ports[0].port: "80" is not the name of a port, which must contain at least one letter (a-z); a number is written without quotes`},
		{`{podSelector: {}, ingress: [{ports: [{port: a-name-too-long-}]}]}`, `x/p: spec.ingress[0].ports[0].port: "a-name-too-long-" is not the name of a port, which must be no more than 15 characters; a number is written without quotes`},
		{`{podSelector: {matchLabels: {a b: c}}}`, `x/p: spec.podSelector.matchLabels: "a b" is not the key of a label: a key's name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`},
		{`{podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [a, -b]}]}}]}]}`, `x/p: spec.ingress[0].from[0].podSelector.matchExpressions[0]: "-b" is not the value of a label: a value must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`},
		{`{podSelector: {}, policyTypes: [Both]}`, `x/p: spec.policyTypes[0]: "Both" is not one of Ingress, Egress`},
	} {
		m, err := Analyze(small(Generic, policyOf(t, test.spec)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range m.Problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff([]string{test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.spec, diff)
		}
		if v := m.Verdict(PodEndpoint("y/a"), PodEndpoint("x/a"), workload.TCP, 80); v != Allowed {
			t.Errorf("%s: a refused policy counts as absent, got %s", test.spec, v)
		}
	}
}

func TestOpen(t *testing.T) {
	spec := `{podSelector: {}, ingress: [{ports: [{port: 80, endPort: 90}, {port: 91}, {protocol: UDP, port: dns}]}]}`
	m, err := Analyze(small(Generic, policyOf(t, spec)))
	if err != nil {
		t.Fatal(err)
	}
	want := []PortRange{{workload.TCP, 80, 91, Allowed}, {workload.UDP, 53, 53, Allowed}}
	if diff := cmp.Diff(want, m.Open(PodEndpoint("y/a"), PodEndpoint("x/a"))); diff != "" {
		t.Errorf("open ports (-want +got):\n%s", diff)
	}
}
