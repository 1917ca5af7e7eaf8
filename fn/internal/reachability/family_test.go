package reachability

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// TestFamilies: a connection is of one family, so that ipBlocks of both ends have to hold one in common.
func TestFamilies(t *testing.T) {
	addresses := func(texts ...string) []netip.Addr {
		var out []netip.Addr
		for _, text := range texts {
			out = append(out, netip.MustParseAddr(text))
		}
		return out
	}
	both := addresses("10.0.0.1", "fd00::1")
	for _, test := range []struct {
		name            string
		from, to        []netip.Addr
		egress, ingress string // blocks of x/a and of x/b; empty means that no policy isolates
		podCIDRs        []netip.Prefix
		want            Value
	}{
		{"one block of each family", both, both, "10.0.0.0/8", "fd00::/8", nil, Denied},
		{"one block of each family, the other way round", both, both, "fd00::/8", "10.0.0.0/8", nil, Denied},
		{"blocks of one family", both, both, "fd00::/8", "fd00::/8", nil, Allowed},
		{"a block of one end", both, both, "fd00::/8", "", nil, Allowed},
		{"a block of the family that the source has not", addresses("10.0.0.1"), both, "fd00::/8", "", nil, Denied},
		{"a block of the family that the destination has not", both, addresses("10.0.0.1"), "", "fd00::/8", nil, Denied},
		{"a block of the family that both have", addresses("10.0.0.1"), both, "10.0.0.0/8", "10.0.0.0/8", nil, Allowed},
		{"addresses that are not known, somewhere private", nil, nil, "0.0.0.0/0", "::/0", nil, Denied},
		{"addresses that are not known, of one family", nil, nil, "0.0.0.0/0", "0.0.0.0/0", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Allowed},
		{"addresses that are not known, in parts of both", nil, nil, "10.0.0.0/16", "fd00::/16", nil, Denied},
		{"addresses that are not known, in parts of one", nil, nil, "10.0.0.0/16", "10.0.0.0/16", nil, Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := small(Calico)
			for _, end := range []struct{ pod, kind, rule, block string }{{"x/a", "Egress", "egress: [{to", test.egress}, {"x/b", "Ingress", "ingress: [{from", test.ingress}} {
				if end.block != "" {
					p := policyOf(t, `{podSelector: {matchLabels: {pod: `+strings.TrimPrefix(end.pod, "x/")+`}}, policyTypes: [`+end.kind+`], `+end.rule+`: [{ipBlock: {cidr: "`+end.block+`"}}]}]}`)
					p.Name = end.kind
					c.Policies = append(c.Policies, p)
				}
			}
			c.PodCIDRs = test.podCIDRs
			for i, p := range c.Pods {
				c.Pods[i].Labels = map[string]string{"pod": p.Name}
				switch p.ID {
				case "x/a":
					c.Pods[i].IPs = test.from
				case "x/b":
					c.Pods[i].IPs = test.to
				}
			}
			m, err := Analyze(c)
			if err != nil || len(m.Problems) > 0 {
				t.Fatal(err, m.Problems)
			}
			from, to := PodEndpoint("x/a"), PodEndpoint("x/b")
			got, why := m.Verdict(from, to, workload.TCP, 80), m.Explain(from, to, workload.TCP, 80)
			if got != test.want || why.Value != test.want {
				t.Errorf("verdict %s, explain %s, want %s: %v", got, why.Value, test.want, why.Reasons)
			}
			if open := m.Open(from, to); (len(open) > 0) != (test.want != Denied) {
				t.Errorf("open %v, want %s", open, test.want)
			}
		})
	}
}

// TestBetterFamily: on random clusters of pods with both families, the verdict is the better one of the two clusters
// whose pods have one family.
func TestBetterFamily(t *testing.T) {
	different := 0
	for seed := range uint64(lawfulSeeds) {
		in := dice.New(seed, 6).Cluster()
		c := clusterOf(in)
		four, six := clusterOf(in), clusterOf(in)
		for i := range c.Pods {
			four.Pods[i].IPs = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", i))}
			six.Pods[i].IPs = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("fd00::%d", i))}
			c.Pods[i].IPs = append(four.Pods[i].IPs[:1:1], six.Pods[i].IPs[0])
		}
		var matrices []*Matrix
		for _, one := range []Cluster{c, four, six} {
			m, err := Analyze(one)
			if err != nil || len(m.Problems) > 0 {
				t.Fatal(err, m.Problems)
			}
			matrices = append(matrices, m)
		}
		if text := reachedDisagreement(matrices[0], c); text != "" {
			t.Errorf("seed %d: %s", seed, text)
		}
		for _, from := range c.Pods {
			for _, to := range c.Pods {
				for _, protocol := range protocols {
					for _, port := range dice.Ports {
						var v []Value
						for _, m := range matrices {
							v = append(v, m.Verdict(PodEndpoint(from.ID), PodEndpoint(to.ID), protocol, port))
						}
						why := matrices[0].Explain(PodEndpoint(from.ID), PodEndpoint(to.ID), protocol, port)
						if v[0] != max(v[1], v[2]) || v[0] != why.Value {
							t.Fatalf("seed %d: %s -> %s %d/%s: %s, explain %s; over IPv4 %s, over IPv6 %s\n%s", seed, from.ID, to.ID, port, protocol, v[0], why.Value, v[1], v[2], in)
						}
						if v[0] != min(why.Egress, why.Ingress) {
							different++
						}
					}
				}
			}
		}
	}
	if different == 0 {
		t.Error("in no connection do the families of the ends differ")
	}
}
