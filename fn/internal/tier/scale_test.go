package tier

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/workload"
)

// TestOrderDoesNotMatter: the inventory's order is not the model's.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 11))
		s, inv := randomSet(r), randomInventory(r)
		for _, w := range inv.Workloads {
			w.NoScrape = r.IntN(2) == 0
		}
		randomEvidence(r, inv)
		m, findings := s.Model("prod", inv)
		r.Shuffle(len(inv.Workloads), func(i, j int) { inv.Workloads[i], inv.Workloads[j] = inv.Workloads[j], inv.Workloads[i] })
		r.Shuffle(len(inv.Services), func(i, j int) { inv.Services[i], inv.Services[j] = inv.Services[j], inv.Services[i] })
		r.Shuffle(len(inv.Exposures), func(i, j int) { inv.Exposures[i], inv.Exposures[j] = inv.Exposures[j], inv.Exposures[i] })
		r.Shuffle(len(inv.References), func(i, j int) {
			inv.References[i], inv.References[j] = inv.References[j], inv.References[i]
		})
		again, findingsAgain := s.Model("prod", inv)
		for _, d := range []string{
			cmp.Diff(described(m.Groups), described(again.Groups)), cmp.Diff(described(m.NeverGroups), described(again.NeverGroups)),
			cmp.Diff(lines(pairs(m.Groups)), lines(pairs(again.Groups))), cmp.Diff(joined(findings), joined(findingsAgain)),
		} {
			if d != "" {
				t.Fatalf("seed %d: another order of the input gives another model (-first +second):\n%s", seed, d)
			}
		}
		sameInEachForm(t, m)
	}
}

// randomEvidence adds Services, what exposes them, and references.
func randomEvidence(r *rand.Rand, inv *workload.Inventory) {
	pick := func() *workload.Workload { return inv.Workloads[r.IntN(len(inv.Workloads))] }
	for i := range 4 {
		s := &workload.Service{
			Name: fmt.Sprintf("s%d", i), Type: []string{"ClusterIP", "LoadBalancer"}[r.IntN(2)], Workloads: []*workload.Workload{pick(), pick()},
			Ports: []workload.ServicePort{{Protocol: workload.TCP, Port: 80, TargetPort: int32(1 + r.IntN(6))}},
		}
		inv.Services = append(inv.Services, s)
		inv.Exposures = append(inv.Exposures, workload.Exposure{Kind: "Ingress", Name: s.Name, Service: s})
		inv.References = append(inv.References, workload.Reference{From: pick(), To: s, Where: fmt.Sprint(r.IntN(2)), Weak: r.IntN(2) == 0})
	}
}

func described(groups []Group) []string {
	var out []string
	for _, g := range groups {
		out = append(out, fmt.Sprintf("%v -> %v %s by %v", keysOf(g.From), keysOf(g.To), g.Ports, g.Declared))
	}
	return out
}

func keysOf(list []Endpoint) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.Key())
	}
	return out
}

// sameInEachForm: Groups and Each say the same, in the promised order.
func sameInEachForm(t *testing.T, m *Model) {
	t.Helper()
	var fromGroups []Flow
	for _, g := range m.Groups {
		if !slices.IsSorted(keysOf(g.From)) || !slices.IsSorted(keysOf(g.To)) {
			t.Errorf("a group's endpoints are not sorted: %v %v", keysOf(g.From), keysOf(g.To))
		}
		for _, from := range g.From {
			for _, to := range g.To {
				fromGroups = append(fromGroups, Flow{From: from, To: to, Ports: g.Ports, EgressPorts: g.EgressPorts, Declared: g.Declared})
			}
		}
	}
	var visited []Flow
	m.Each(func(f Flow) bool {
		visited = append(visited, f)
		return true
	})
	byEnds := func(a, b Flow) int {
		return slices.Compare([]string{a.From.Key(), a.To.Key()}, []string{b.From.Key(), b.To.Key()})
	}
	if !slices.IsSortedFunc(visited, byEnds) {
		t.Error("the flows that Each visits are not sorted by From and To")
	}
	slices.SortFunc(fromGroups, byEnds)
	if d := cmp.Diff(lines(fromGroups), lines(visited)); d != "" {
		t.Errorf("Groups and Each differ:\n%s", d)
	}
}

// large is n workloads in namespaces of the given size, in five tiers, with a Service each. distinct gives each its own port.
func large(n, size int, distinct bool) *workload.Inventory {
	inv := &workload.Inventory{}
	tiers := []string{frontend, backend, database, cache, queue}
	for i := range n {
		port := workload.Port{Protocol: workload.TCP, Number: []int32{8080, 8081, 5432, 6379, 5672}[i%5]}
		if distinct {
			port.Number = int32(10000 + i)
		}
		w := &workload.Workload{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: fmt.Sprintf("team-%03d", i/size), Name: fmt.Sprintf("app-%05d", i),
			PodLabels: map[string]string{"app": fmt.Sprint(i), "tier": tiers[i%5]}, Tier: tiers[i%5], Ports: []workload.Port{port},
			Metrics: []workload.Port{{Protocol: workload.TCP, Number: 9090}}, Images: []string{"registry.example.com/team/app:1"},
		}
		inv.Workloads = append(inv.Workloads, w)
		s := &workload.Service{Namespace: w.Namespace, Name: w.Name, Type: "ClusterIP", Workloads: []*workload.Workload{w},
			Ports: []workload.ServicePort{{Protocol: workload.TCP, Port: 80, TargetPort: port.Number}}}
		inv.Services = append(inv.Services, s)
		if i%5 == 0 {
			inv.Exposures = append(inv.Exposures, workload.Exposure{Kind: "Ingress", Namespace: w.Namespace, Name: w.Name, Service: s})
		}
	}
	return inv
}

// TestOneLargeNamespace: millions of pairs are a few groups.
func TestOneLargeNamespace(t *testing.T) {
	for _, distinct := range []bool{false, true} {
		m, findings := Default().Model("", large(10_000, 10_000, distinct))
		if findings.Failed() {
			t.Fatal(findings)
		}
		pairs, most := 0, 20
		if distinct {
			most = 20_000
		}
		for _, g := range m.Groups {
			pairs += len(g.From) * len(g.To)
		}
		// frontend to backend, backend to three stores, internet, and all with Prometheus and DNS.
		if want := 2000*2000*4 + 2000 + 2*2000 + 2*10_000; pairs != want {
			t.Errorf("%d pairs, want %d", pairs, want)
		}
		if len(m.Groups) > most {
			t.Errorf("%d groups, want at most %d", len(m.Groups), most)
		}
		visited := 0
		m.Each(func(Flow) bool {
			visited++
			return visited < 1000
		})
		if visited != 1000 {
			t.Errorf("Each went on for %d flows, want 1000", visited)
		}
	}
}

func BenchmarkModel(b *testing.B) {
	for _, shape := range []struct {
		name     string
		n, size  int
		distinct bool
	}{
		{"100", 100, 50, false}, {"1000", 1000, 50, false}, {"10000", 10_000, 50, false}, {"10000/small", 10_000, 5, false},
		{"10000/one-namespace", 10_000, 10_000, false}, {"10000/one-namespace-distinct-ports", 10_000, 10_000, true},
	} {
		b.Run(shape.name, func(b *testing.B) {
			inv := large(shape.n, shape.size, shape.distinct)
			s := Default()
			b.ReportAllocs()
			for b.Loop() {
				s.Model("", inv)
			}
		})
	}
}

func BenchmarkAssignTiers(b *testing.B) {
	inv := large(10_000, 50, false)
	s := Default()
	for b.Loop() {
		s.AssignTiers(inv)
	}
}

// pairs are the groups' flows one by one.
func pairs(groups []Group) []Flow {
	var out []Flow
	each(groups, func(f Flow) bool {
		out = append(out, f)
		return true
	})
	return out
}
