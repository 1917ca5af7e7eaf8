package reachability

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// TestRulesGiveTheVerdict evaluates random clusters by their rules one by one, which must agree with the verdict.
func TestRulesGiveTheVerdict(t *testing.T) {
	d := dice.New(7, 11)
	compared := 0
	for range 300 {
		m, err := Analyze(clusterOf(d.Cluster()))
		if err != nil {
			t.Fatal(err)
		}
		for from := range m.classes {
			for to := range m.classes {
				src, dst := m.classes[from].pod, m.classes[to].pod
				want := m.OpenBetween(from, to)
				got := m.open(src, dst, func(a, b *subject, protocol workload.Protocol, port int32) Value {
					return min(byRules(m, Egress, a, b, b, protocol, port), byRules(m, Ingress, b, a, b, protocol, port))
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s to %s (-matrix +rules):\n%s", src.endpoint, dst.endpoint, diff)
				}
				compared++
			}
		}
	}
	if compared == 0 {
		t.Fatal("nothing was compared")
	}
}

func byRules(m *Matrix, d Direction, own, other, dst *subject, protocol workload.Protocol, port int32) Value {
	rules, isolated := m.Rules(own.class, d)
	if !isolated {
		return Allowed
	}
	out := floor(other)
	for _, r := range rules {
		certain, possible := r.Peers()
		v := Denied
		for _, n := range possible {
			if n == other.class {
				v = Unknown
			}
		}
		for _, n := range certain {
			if n == other.class {
				v = Allowed
			}
		}
		for _, p := range r.Ports(dst.endpoint) {
			if p.Protocol == protocol && p.First <= port && port <= p.Last {
				out = max(out, min(v, p.Value))
			}
		}
	}
	return out
}
