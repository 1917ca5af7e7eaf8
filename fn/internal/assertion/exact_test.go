package assertion_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// shape is a size of environment.
type shape struct{ workloads, perNamespace int }

var tierNames = []string{"frontend", "backend", "database", "cache", "worker"}

// inventory has workloads of all tiers in each namespace.
func (s shape) inventory() *workload.Inventory {
	inv := &workload.Inventory{}
	for i := range s.workloads {
		name := fmt.Sprintf("app-%05d", i)
		t := tierNames[i%len(tierNames)]
		inv.Workloads = append(inv.Workloads, &workload.Workload{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: fmt.Sprintf("team-%04d", i/s.perNamespace), Name: name,
			PodLabels: map[string]string{"app": name, "tier": t}, Selector: map[string]string{"app": name},
			Ports:   []workload.Port{{Protocol: workload.TCP, Number: 8080, Origin: workload.FromContainer}},
			Metrics: []workload.Port{{Protocol: workload.TCP, Number: 9090, Origin: workload.FromContainer}},
		})
	}
	return inv
}

// input is the environment with the policies that are emitted for it.
func input(t testing.TB, set *tier.Set, inv *workload.Inventory) assertion.Input {
	t.Helper()
	findings := set.AssignTiers(inv)
	model, fs := set.Model("", inv)
	findings = append(findings, fs...)
	policies, fs := placement.Flat(placement.Owner{Set: set.Name}, model)
	findings = append(findings, fs...)
	if findings.Failed() {
		t.Fatal(findings)
	}
	in := assertion.Input{Model: model, Inventory: inv, Profile: set.Profile, OwnLabel: policy.SetLabel}
	for _, p := range policies {
		objects, err := manifest.ReadFile("policies.yaml", manifest.EncodePolicy(p))
		if err != nil {
			t.Fatal(err)
		}
		in.Objects = append(in.Objects, objects...)
	}
	return in
}

func prove(t testing.TB, in assertion.Input) report.Findings {
	t.Helper()
	p, err := assertion.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return p.Findings()
}

// TestEmittedPoliciesOpenTheFlowsExactly is the law that generator and proof, which share no code, must meet: on random
// environments, the policies that are emitted prove without a word.
func TestEmittedPoliciesOpenTheFlowsExactly(t *testing.T) {
	for seed := range uint64(150) {
		set, inv := random(rand.New(rand.NewPCG(seed, 5)))
		if findings := prove(t, input(t, set, inv)); len(findings) > 0 {
			t.Fatalf("seed %d:\n%s", seed, lines(findings))
		}
	}
}

func lines(findings report.Findings) string {
	var out string
	for _, f := range findings {
		out += fmt.Sprintf("%s: %s\n", f.Severity, f)
	}
	return out
}

// random is a set and an inventory: several namespaces, tiers that miss, workloads without a tier, Jobs, several ports.
func random(r *rand.Rand) (*tier.Set, *workload.Inventory) {
	set := tier.Default()
	set.Profile.CNI = []tier.CNI{tier.CNIGeneric, tier.CNICalico, tier.CNICilium}[r.IntN(3)]
	set.Profile.DNS = []tier.DNSProfile{tier.DNSCoreDNS, tier.DNSOpenShift, tier.DNSNodeLocal, tier.DNSGKE}[r.IntN(4)]
	inv := &workload.Inventory{}
	for i := range 1 + r.IntN(10) {
		name := fmt.Sprintf("app-%d", i)
		w := &workload.Workload{APIVersion: "apps/v1", Kind: "Deployment", Name: name, Namespace: []string{"a", "b", "c"}[r.IntN(3)],
			PodLabels: map[string]string{"app": name}, Selector: map[string]string{"app": name}}
		if r.IntN(6) > 0 {
			w.PodLabels["tier"] = slices.Concat(tierNames, []string{"queue", "nothing"})[r.IntN(7)]
		}
		if r.IntN(8) == 0 {
			w.APIVersion, w.Kind, w.Client, w.Selector = "batch/v1", "Job", true, nil
		}
		for _, port := range []int32{8080, 8443, 53}[:1+r.IntN(3)] {
			if r.IntN(3) > 0 {
				w.Ports = append(w.Ports, workload.Port{Protocol: workload.TCP, Number: port, Origin: workload.FromContainer})
			}
		}
		if r.IntN(2) == 0 {
			w.Metrics = []workload.Port{{Protocol: workload.TCP, Number: 9090 + int32(r.IntN(2)), Origin: workload.FromContainer}}
		}
		inv.Workloads = append(inv.Workloads, w)
	}
	slices.SortFunc(inv.Workloads, func(a, b *workload.Workload) int { return cmp.Compare(a.ID(), b.ID()) })
	return set, inv
}

func BenchmarkProof(b *testing.B) {
	for _, s := range []shape{{10, 10}, {1_000, 50}, {10_000, 50}, {10_000, 5}, {3_000, 3_000}} {
		b.Run(fmt.Sprintf("%d/%d", s.workloads, s.perNamespace), func(b *testing.B) {
			in := input(b, tier.Default(), s.inventory())
			b.ResetTimer()
			for b.Loop() {
				if findings := prove(b, in); findings.Failed() {
					b.Fatal(lines(findings))
				}
			}
		})
	}
}
