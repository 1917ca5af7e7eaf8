package tier

import (
	"math/rand/v2"
	"testing"

	"tierwall.dev/fn/internal/workload"
)

// ports reads a set: 80 443 53/UDP 8000-8010, "all", or nothing.
func ports(t testing.TB, text string) PortSet {
	t.Helper()
	if text == "all" {
		return AllPorts()
	}
	var out PortSet
	for _, word := range splitWords(text) {
		p, err := parsePort(word)
		if err != nil || p.Name != "" {
			t.Fatalf("the test's own port %q: %v", word, err)
		}
		out = append(out, p.Range)
	}
	return PortSet(nil).Union(out)
}

var portSetCases = []struct{ a, op, b, want string }{
	{"", "union", "", "no port"},
	{"80", "union", "", "80/TCP"},
	{"443", "union", "80", "80/TCP, 443/TCP"},
	{"80", "union", "80", "80/TCP"},
	{"80", "union", "80/UDP", "80/TCP, 80/UDP"},
	{"80", "union", "81", "80/TCP, 81/TCP"}, // neighbours stay apart
	{"80-90", "union", "85-95", "80-95/TCP"},
	{"80-90", "union", "82", "80-90/TCP"},
	{"80-82", "union", "82-84", "80-84/TCP"},
	{"80", "union", "all", "all ports"},

	{"80", "minus", "80", "no port"},
	{"80", "minus", "80/UDP", "80/TCP"},
	{"80-90", "minus", "85", "80-84/TCP, 86-90/TCP"},
	{"80-90", "minus", "80", "81-90/TCP"},
	{"80-90", "minus", "90", "80-89/TCP"},
	{"80-90", "minus", "70-100", "no port"},
	{"80-90", "minus", "82-84 86", "80-81/TCP, 85/TCP, 87-90/TCP"},
	{"all", "minus", "1-65535", "1-65535/SCTP, 1-65535/UDP"},
	{"all", "minus", "all", "no port"},
	{"", "minus", "80", "no port"},

	{"80 443", "intersect", "443 53/UDP", "443/TCP"},
	{"80-90", "intersect", "85-95", "85-90/TCP"},
	{"80", "intersect", "all", "80/TCP"},
	{"80", "intersect", "", "no port"},
}

func TestPortSet(t *testing.T) {
	for _, tc := range portSetCases {
		a, b := ports(t, tc.a), ports(t, tc.b)
		before := a.String() + b.String()
		var got PortSet
		switch tc.op {
		case "union":
			got = a.Union(b)
		case "minus":
			got = a.Minus(b)
		case "intersect":
			got = a.Intersect(b)
		}
		if got.String() != tc.want {
			t.Errorf("%q %s %q is %s, want %s", tc.a, tc.op, tc.b, got, tc.want)
		}
		if a.String()+b.String() != before {
			t.Errorf("%q %s %q changed its operands", tc.a, tc.op, tc.b)
		}
	}
}

// TestPortSetLaws compares the operations with sets of single ports.
func TestPortSetLaws(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b := randomPorts(random), randomPorts(random)
		for _, protocol := range []workload.Protocol{workload.TCP, workload.UDP} {
			for n := int32(1); n <= 20; n++ {
				p := workload.Port{Protocol: protocol, Number: n}
				inA, inB := a.contains(p), b.contains(p)
				if got, want := a.Union(b).contains(p), inA || inB; got != want {
					t.Fatalf("%s in %s union %s: %t, want %t", p, a, b, got, want)
				}
				if got, want := a.Minus(b).contains(p), inA && !inB; got != want {
					t.Fatalf("%s in %s minus %s: %t, want %t", p, a, b, got, want)
				}
				if got, want := a.Intersect(b).contains(p), inA && inB; got != want {
					t.Fatalf("%s in %s intersect %s: %t, want %t", p, a, b, got, want)
				}
			}
		}
		for _, set := range []PortSet{a.Union(b), a.Minus(b), a.Intersect(b)} {
			for i := 1; i < len(set); i++ {
				if set[i-1].Protocol == set[i].Protocol && set[i-1].Last >= set[i].First || comparePortRanges(set[i-1], set[i]) >= 0 {
					t.Fatalf("%s overlaps, or is not sorted", set)
				}
			}
		}
	}
}

func randomPorts(random *rand.Rand) PortSet {
	var out PortSet
	for range random.IntN(4) {
		first := int32(1 + random.IntN(20))
		out = append(out, PortRange{
			Protocol: []workload.Protocol{workload.TCP, workload.UDP}[random.IntN(2)],
			First:    first, Last: min(20, first+int32(random.IntN(5))),
		})
	}
	return PortSet(nil).Union(out)
}
