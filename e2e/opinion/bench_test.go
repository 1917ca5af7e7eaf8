//go:build bench

package opinion

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/reachability/dice"
)

var (
	sizes  = flag.String("sizes", "100,500", "the `numbers` of workloads to measure, separated by commas")
	beside = flag.String("beside", "", "a further `COMMAND` to measure: it is given the folder of the manifests as its last argument, as in 'netpol-analyzer list --dirpath'")
)

const podsPerNamespace = 50

var benchTiers = []string{"frontend", "backend", "database", "cache", "worker"}

// TestBenchBesideOthers measures every connection of clusters of N workloads: in process, what is open between all of
// them on all ports, beside cyclonus's simulator on one port; and the whole binary, beside another's where -beside names
// it, as in make bench BESIDE='netpol-analyzer list --dirpath', which CI has no way to get.
func TestBenchBesideOthers(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "tierwall")
	run(t, exec.Command("go", "-C", "../..", "build", "-o", binary, "./fn"))
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			t.Fatalf("-sizes: %q is no number of workloads", size)
		}
		c := tiered(t, n)
		manifests := withoutAddresses(c)
		ours, open := timeOf(t, func() int { return openInTierwall(t, manifests) })
		theirs, theirOpen := timeOf(t, func() int { return openInCyclonus(t, c) })
		if open != theirOpen || open == 0 {
			t.Errorf("%d workloads: %d pairs are open, cyclonus says %d", n, open, theirOpen)
		}
		fmt.Printf("%5d workloads, %4d policies: in process %v, cyclonus %v on one port: %.0f times as long\n", n, len(c.Policies), ours, theirs, theirs.Seconds()/ours.Seconds())

		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "cluster.yaml"), []byte(c.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		whole := run(t, exec.Command(binary, "map", filepath.Join(dir, "cluster.yaml"), "-o", "json"))
		fmt.Printf("%5d workloads: tierwall map -o json takes %v of CPU\n", n, whole)
		if *beside != "" {
			words := append(strings.Fields(*beside), dir)
			other := run(t, exec.Command(words[0], words[1:]...))
			fmt.Printf("%5d workloads: %s takes %v of CPU: %.0f times as long as the binary, %.0f times as long as in process\n",
				n, *beside, other, other.Seconds()/whole.Seconds(), other.Seconds()/ours.Seconds())
		}
	}
}

// run gives the CPU time that the command took.
func run(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%.2000s", cmd, err, said.String())
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Millisecond)
}

// timeOf is the shortest of three runs, each on one core.
func timeOf(t *testing.T, count func() int) (time.Duration, int) {
	t.Helper()
	var best time.Duration
	var n int
	for i := range 3 {
		start := time.Now()
		n = count()
		if took := time.Since(start); i == 0 || took < best {
			best = took
		}
	}
	return best.Round(10 * time.Microsecond), n
}

const benchPort = 8080

// withoutAddresses is what manifests know, and all that tierwall reads of a pod.
func withoutAddresses(c dice.Cluster) dice.Cluster {
	var pods []*corev1.Pod
	for _, p := range c.Pods {
		p = p.DeepCopy()
		p.Status = corev1.PodStatus{}
		pods = append(pods, p)
	}
	c.Pods = pods
	return c
}

// openInTierwall is how many pairs of pods are open on benchPort, after all ports of all pairs were worked out.
func openInTierwall(t *testing.T, c dice.Cluster) int {
	m, err := tierwall(c)
	if err != nil {
		t.Fatal(err)
	}
	classes, open := m.Classes(), 0
	for from := range classes {
		for to := range classes {
			for _, r := range m.OpenBetween(from, to) {
				if r.Protocol == "TCP" && r.First <= benchPort && benchPort <= r.Last && r.Value == reachability.Allowed {
					open += len(classes[from]) * len(classes[to])
					if from == to {
						open -= len(classes[from])
					}
				}
			}
		}
	}
	return open
}

func openInCyclonus(t *testing.T, c dice.Cluster) int {
	e, err := newCyclonus(stored(c), true)
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, from := range c.Pods {
		for _, to := range c.Pods {
			if from != to {
				if a := e.ask(cell{from.Name, to.Name, corev1.ProtocolTCP, benchPort}); a.egress && a.ingress {
					open++
				}
			}
		}
	}
	return open
}

// tiered has n pods, and in each namespace a default deny and a policy for each tier, chained from the first on.
func tiered(t *testing.T, n int) dice.Cluster {
	var c dice.Cluster
	for i := range n {
		ns := fmt.Sprintf("team-%d", i/podsPerNamespace)
		if i%podsPerNamespace == 0 {
			c.Namespaces = append(c.Namespaces, &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: ns}})
			c.Policies = append(c.Policies, tieredPolicy(t, ns, "deny", `{podSelector: {}, policyTypes: [Ingress, Egress]}`))
			for j, tier := range benchTiers {
				c.Policies = append(c.Policies, tieredPolicy(t, ns, tier, fmt.Sprintf(`{podSelector: {matchLabels: {tier: %s}}, policyTypes: [Ingress, Egress],
					ingress: [{from: [{podSelector: {matchLabels: {tier: %s}}}], ports: [{port: 8080}]},
						{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: team-0}}, podSelector: {matchLabels: {tier: worker}}}], ports: [{port: 9090}]}],
					egress: [{to: [{podSelector: {matchLabels: {tier: %s}}}], ports: [{port: 8080}]},
						{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]},
						{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}], ports: [{port: 443}]}]}`,
					tier, benchTiers[max(j-1, 0)], benchTiers[min(j+1, len(benchTiers)-1)])))
			}
		}
		c.Pods = append(c.Pods, &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("app-%d", i), Labels: map[string]string{"app": fmt.Sprintf("app-%d", i), "tier": benchTiers[i%len(benchTiers)]}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main",
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: benchPort, Protocol: corev1.ProtocolTCP}}}}},
			Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250)}}},
		})
	}
	return c
}

func tieredPolicy(t *testing.T, ns, name, spec string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(spec, "\t", " ")), &p.Spec); err != nil {
		t.Fatal(err)
	}
	return p
}
