//go:build cluster

package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/e2e/cluster/engine/prober"
)

// upstreamFiles are the 48 specifications of Kubernetes' suite test/e2e/network/netpol, fixtures of the proof.
const upstreamFiles = "../../../fn/internal/reachability/testdata/upstream/*.yaml"

// specification is one of them: what it applies, step by step, and the truth tables that it expects. Rows are sources,
// columns are destinations: "." connects, "X" does not, "-" is the pod itself.
type specification struct {
	Spec  string
	Steps []struct {
		PodLabels, NamespaceLabels map[string]map[string]string
		Policies                   []*networkingv1.NetworkPolicy
		Checks                     []struct {
			Port     int32
			Protocol corev1.Protocol
			Table    string
		}
	}
}

var upstreamNamespaces, upstreamNames = []string{"x", "y", "z"}, []string{"a", "b", "c"}

// upstreamCluster is pods a, b and c of namespaces x, y and z, with the labels of a step.
func upstreamCluster(podLabels, namespaceLabels map[string]map[string]string, policies []*networkingv1.NetworkPolicy) Cluster {
	c := Cluster{Policies: policies}
	var ports []corev1.ContainerPort
	for _, port := range []int32{80, 81} {
		for _, p := range protocols {
			ports = append(ports, corev1.ContainerPort{Name: fmt.Sprintf("serve-%d-%s", port, strings.ToLower(string(p))), ContainerPort: port, Protocol: p})
		}
	}
	for _, ns := range upstreamNamespaces {
		n := &corev1.Namespace{}
		n.Name, n.Labels = ns, namespaceLabels[ns]
		c.Namespaces = append(c.Namespaces, n)
		for _, name := range upstreamNames {
			p := &corev1.Pod{}
			p.Namespace, p.Name, p.Labels = ns, name, map[string]string{"pod": name}
			maps.Copy(p.Labels, podLabels[ns+"/"+name])
			p.Spec.Containers = []corev1.Container{{Name: "main", Image: "example.com/main", Ports: ports}}
			i := len(c.Pods)
			p.Status.PodIPs = []corev1.PodIP{{IP: Address4(i).String()}, {IP: Address6(i).String()}}
			c.Pods = append(c.Pods, p)
		}
	}
	return c
}

// TestUpstream replays the specifications on the engine. Each table must be what is observed, over IPv4, and over IPv6
// too unless a policy has an ipBlock, which the suite writes for one family. All other cells, those of the hosts
// included, must be as the proof predicts.
func TestUpstream(t *testing.T) {
	w := world(t)
	files, err := filepath.Glob(upstreamFiles)
	if err != nil || len(files) != 48 {
		t.Fatalf("%d specifications, the suite has 48: %v", len(files), err)
	}
	var all Result
	tables := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s specification
			if err := yaml.UnmarshalStrict(text, &s); err != nil {
				t.Fatal(err)
			}
			before := tables
			for i := range s.Steps {
				r, n := s.replay(t, w, i)
				all.sum(r)
				tables += n
			}
			if tables == before {
				t.Error("nothing is checked")
			}
		})
	}
	summary.add(fmt.Sprintf("%d upstream specifications, %d tables", len(files), tables), all)
}

// replay applies a step and compares; it gives the number of tables that were checked.
func (s specification) replay(t *testing.T, w *World, step int) (Result, int) {
	t.Helper()
	st := s.Steps[step]
	c := upstreamCluster(st.PodLabels, st.NamespaceLabels, st.Policies)
	r, err := w.Compare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	report(t, w, fmt.Sprintf("%s, step %d", s.Spec, step), c, r)
	of := families
	if slices.ContainsFunc(st.Policies, func(p *networkingv1.NetworkPolicy) bool { return slices.ContainsFunc(peersOf(p), isBlock) }) {
		of = []Family{IPv4}
	}
	n := 0
	for _, check := range st.Checks {
		for _, f := range of {
			n++
			if diff := cmp.Diff(check.Table, observedTable(r, c, f, check.Protocol, check.Port)); diff != "" {
				t.Errorf("%s\nstep %d, %d/%s over %s (-specified +observed):\n%s", s.Spec, step, check.Port, check.Protocol, f, diff)
			}
		}
	}
	return r, n
}

func peersOf(p *networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for _, r := range p.Spec.Ingress {
		out = append(out, r.From...)
	}
	for _, r := range p.Spec.Egress {
		out = append(out, r.To...)
	}
	return out
}

// observedTable writes the outcomes on one port between all pods as the specifications do.
func observedTable(r Result, c Cluster, f Family, protocol corev1.Protocol, port int32) string {
	signs := map[prober.Outcome]string{prober.Open: ".", prober.Rejected: "X"}
	var b strings.Builder
	b.WriteString("|   ")
	for _, to := range c.Pods {
		b.WriteString(" " + idOf(to))
	}
	b.WriteString("\n")
	for _, from := range c.Pods {
		row := "|" + idOf(from)
		for _, to := range c.Pods {
			sign, ok := signs[r.Outcomes[Cell{idOf(from), idOf(to), f, protocol, port}]]
			switch {
			case from == to:
				sign = "-"
			case !ok:
				sign = "?"
			}
			row += "  " + sign + " "
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}
