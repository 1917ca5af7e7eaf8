//go:build cluster

package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/e2e/cluster/engine/repair"
	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/reachability/dice"
)

// shown is a cluster that shows a fault.
type shown struct {
	// file is the fixture's name.
	file  string
	fault repair.Fault
	// cells are those of which the engine, unrepaired, has at least one wrong; api is what they are by the API.
	cells []string
	api   reachability.Value
	// error is what the engine logs where it enforces nothing.
	error string
}

// faults show all of them. Of some, either of two cells is wrong, by the order in which the engine happens to see the
// pods.
var faults = []shown{
	{file: "both-types-in-one-chain", fault: repair.BothTypes, cells: []string{"x/client -> x/server 80/TCP over IPv4"}, api: reachability.Denied},
	{file: "a-name-that-nobody-has", fault: repair.NamedPorts, cells: []string{"x/client -> x/server 80/TCP over IPv4"}, api: reachability.Denied},
	{file: "names-of-several-pods", fault: repair.NamedPorts,
		cells: []string{"x/client -> x/two 81/TCP over IPv4", "x/client -> x/one 82/TCP over IPv4",
			"x/client -> x/two 81/TCP over IPv6", "x/client -> x/one 82/TCP over IPv6"}, api: reachability.Denied},
	{file: "a-name-to-everyone", fault: repair.NamedPorts, cells: []string{"x/client -> x/third 80/TCP over IPv4"}, api: reachability.Denied},
	{file: "except-of-another-block", fault: repair.BlocksOfOneRule, cells: []string{"x/client -> x/server 80/TCP over IPv4"}, api: reachability.Allowed},
	{file: "all-of-ipv6", fault: repair.AllOfIPv6, cells: []string{"x/client -> far 80/TCP over IPv6"}, api: reachability.Allowed},
	{file: "names-run-together", fault: repair.Names,
		cells: []string{"a/client -> a/server 80/TCP over IPv4", "ab/client -> ab/server 81/TCP over IPv4",
			"a/client -> a/server 80/TCP over IPv6", "ab/client -> ab/server 81/TCP over IPv6"}, api: reachability.Allowed},
	{file: "pods-run-together", fault: repair.Names, cells: []string{"a/client -> ab/c 80/TCP over IPv4"}, api: reachability.Allowed},
	{file: "sets-of-two-families", fault: repair.Sets, error: "ip6tables-restore"},
	{file: "neighbour-discovery-judged", fault: repair.Neighbours, cells: []string{"x/client -> x/server 80/TCP over IPv6"}, api: reachability.Allowed},
}

// TestFaults shows each fault of the engine that is repaired: without the repair what is observed is not what the API
// says, and with all of them it is.
func TestFaults(t *testing.T) {
	w := world(t)
	var all Result
	for _, f := range faults {
		t.Run("repaired/"+f.file, func(t *testing.T) {
			c := readCluster(t, f.file)
			r, err := w.compareAnew(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			report(t, w, f.file, c, r)
			all.sum(r)
		})
	}
	summary.add(fmt.Sprintf("%d clusters that show the engine's faults, repaired", len(faults)), all)
	t.Cleanup(func() {
		if err := w.restart(context.WithoutCancel(t.Context()), repaired...); err != nil {
			t.Fatal(err)
		}
	})
	for _, f := range faults {
		t.Run("unrepaired/"+f.file, func(t *testing.T) {
			others := slices.DeleteFunc(slices.Clone(repair.All), func(one repair.Fault) bool { return one == f.fault })
			if err := w.restart(t.Context(), "--repair="+join(others), "--reject"); err != nil {
				t.Fatal(err)
			}
			wrong, err := w.wrong(t, f)
			if f.error != "" {
				if err == nil || !w.logged(f.error) {
					t.Errorf("the engine works, or does not say %q: %v", f.error, err)
				}
				summary.row("unrepaired: %s, as %s shows\tit enforces nothing\t\t\t\t", f.fault, f.file)
				return
			}
			if err != nil || wrong == 0 {
				t.Errorf("none of %v is wrong, that the API says is %s: %v", f.cells, f.api, err)
			}
			summary.row("unrepaired: %s, as %s shows\t%d of %d are wrong\t\t\t\t", f.fault, f.file, wrong, len(f.cells))
		})
	}
}

// wrong is how many of the cells that show the fault are not what the API says. The error is that of a sync.
func (w *World) wrong(t *testing.T, f shown) (int, error) {
	t.Helper()
	c := readCluster(t, f.file)
	p, err := predict(c)
	if err != nil {
		t.Fatal(err)
	}
	all, err := cells(c)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(cell Cell) bool { return !slices.Contains(f.cells, cell.String()) })
	if len(all) != len(f.cells) {
		t.Fatalf("%v are cells, of %v", all, f.cells)
	}
	for _, cell := range all {
		if v := p.of(cell); v != f.api {
			t.Fatalf("%s is %s by the API, the proof says %s", cell, f.api, v)
		}
	}
	if err := w.apply(t.Context(), c); err != nil {
		return 0, err
	}
	if err := w.wire.forgetNeighbours(); err != nil {
		t.Fatal(err)
	}
	observed, err := w.observe(c, all, longTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return len(differing(p, all, observed)), nil
}

// TestShrink: of a cluster on which the engine is wrong, only what makes it wrong is left.
func TestShrink(t *testing.T) {
	w := world(t)
	t.Cleanup(func() {
		if err := w.restart(context.WithoutCancel(t.Context()), repaired...); err != nil {
			t.Fatal(err)
		}
	})
	others := slices.DeleteFunc(slices.Clone(repair.All), func(one repair.Fault) bool { return one == repair.BothTypes })
	if err := w.restart(t.Context(), "--repair="+join(others), "--reject"); err != nil {
		t.Fatal(err)
	}
	want := readCluster(t, "both-types-in-one-chain")
	noisy := want
	noisy.Pods, noisy.Policies = slices.Clone(want.Pods), slices.Clone(want.Policies)
	stranger := noisy.Pods[0].DeepCopy()
	stranger.Name, stranger.Status.PodIPs = "stranger", []corev1.PodIP{{IP: Address4(2).String()}}
	noisy.Pods = append(noisy.Pods, stranger)
	wide := noisy.Policies[0].DeepCopy()
	rule := wide.Spec.Ingress[0].DeepCopy()
	rule.From = append(rule.From, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "203.0.113.0/24"}})
	wide.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{*rule, {Ports: []networkingv1.NetworkPolicyPort{{}}}}
	other := wide.DeepCopy()
	other.Name, other.Spec.PodSelector.MatchLabels = "other", map[string]string{"app": "nobody"}
	noisy.Policies = []*networkingv1.NetworkPolicy{wide, other}

	small := w.Shrink(t.Context(), noisy)
	r, err := w.Compare(t.Context(), small)
	if err != nil || len(r.Disagreements) == 0 {
		t.Fatalf("the smallest cluster is as predicted: %v\n%s", err, small)
	}
	if len(small.Pods) != 2 || len(small.Policies) != 1 || len(small.Policies[0].Spec.Ingress) != 1 {
		t.Errorf("it could be smaller:\n%s", small)
	}
}

// TestFaultsAreDocumented: each has its row in docs/semantics.md, and each cluster shows one.
func TestFaultsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range faults {
		files = append(files, f.file)
		if !strings.Contains(string(text), "`"+f.file+"`") {
			t.Errorf("docs/semantics.md does not name %s", f.file)
		}
	}
	for _, fault := range repair.All {
		if !slices.ContainsFunc(faults, func(f shown) bool { return f.fault == fault }) {
			t.Errorf("no cluster shows %s", fault)
		}
	}
	fixtures, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range fixtures {
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); !slices.Contains(files, name) {
			t.Errorf("%s shows no fault", file)
		}
	}
}

func join(faults []repair.Fault) string {
	var out []string
	for _, f := range faults {
		out = append(out, string(f))
	}
	return strings.Join(out, ",")
}

// restart starts the engine again with other arguments, on an empty cluster.
func (w *World) restart(ctx context.Context, arguments ...string) error {
	if err := w.applier.apply(ctx, Cluster{}); err != nil {
		return err
	}
	return w.lab.StartEngine(ctx, arguments...)
}

// logged says whether the engine has logged the text since it was started.
func (w *World) logged(text string) bool {
	log, err := os.ReadFile(filepath.Join(w.lab.Dir, "netpold.log"))
	return err == nil && bytes.Contains(log, []byte(text))
}

// compareAnew is Compare once every end has to ask for the way to the others again.
func (w *World) compareAnew(ctx context.Context, c Cluster) (Result, error) {
	return w.compare(ctx, c, w.wire.forgetNeighbours)
}

// readCluster reads Namespaces, Pods and NetworkPolicies. The pods get the addresses of the places in their order.
func readCluster(t *testing.T, name string) Cluster {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "faults", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := dice.Read(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, p := range c.Pods {
		for j := range p.Spec.Containers[0].Ports {
			p.Spec.Containers[0].Ports[j].Protocol = corev1.ProtocolTCP // the API server's default
		}
		p.Status.PodIPs = []corev1.PodIP{{IP: Address4(i).String()}, {IP: Address6(i).String()}}
	}
	return c
}
