package reachability

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/workload"
)

// upstreamSpec is one specification of the Kubernetes suite test/e2e/network/netpol: what it applies, step by step, and
// the truth table that it expects. Rows are sources, columns are destinations: "." connects, "X" does not, "-" is the
// pod itself, which the suite leaves out.
type upstreamSpec struct {
	Spec  string
	Steps []struct {
		PodLabels, NamespaceLabels map[string]map[string]string
		Policies                   []*networkingv1.NetworkPolicy
		Checks                     []struct {
			Port     int32
			Protocol workload.Protocol
			Table    string
		}
	}
}

// upstreamPods are pods a, b and c of namespaces x, y and z, with addresses from 10.0.0.1 on, which listen on ports
// 80 and 81 of each protocol by the names serve-80-tcp to serve-81-sctp.
func upstreamPods(podLabels map[string]map[string]string) []Pod {
	var named []NamedPort
	for _, port := range []int32{80, 81} {
		for _, p := range protocols {
			named = append(named, NamedPort{fmt.Sprintf("serve-%d-%s", port, strings.ToLower(string(p))), p, port})
		}
	}
	var out []Pod
	for _, ns := range []string{"x", "y", "z"} {
		for _, name := range []string{"a", "b", "c"} {
			id := ns + "/" + name
			labels := map[string]string{"pod": name}
			maps.Copy(labels, podLabels[id])
			addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(len(out) + 1)})
			out = append(out, Pod{ID: id, Namespace: ns, Name: name, Labels: labels, NamedPorts: named, IPs: []netip.Addr{addr}})
		}
	}
	return out
}

// truthTable writes the matrix as the fixtures do.
func truthTable(m *Matrix, pods []Pod, protocol workload.Protocol, port int32) string {
	var b strings.Builder
	b.WriteString("|   ")
	for _, to := range pods {
		b.WriteString(" " + to.ID)
	}
	b.WriteString("\n")
	for _, from := range pods {
		row := "|" + from.ID
		for _, to := range pods {
			cell := map[Value]string{Allowed: ".", Denied: "X", Unknown: "?"}[m.Verdict(PodEndpoint(from.ID), PodEndpoint(to.ID), protocol, port)]
			if from.ID == to.ID {
				cell = "-"
			}
			row += "  " + cell + " "
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}

func TestUpstreamSuite(t *testing.T) {
	files, err := filepath.Glob("testdata/upstream/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 48 {
		t.Fatalf("%d specifications, the suite has 48", len(files))
	}
	seen := map[string]string{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var spec upstreamSpec
			if err := yaml.UnmarshalStrict(text, &spec); err != nil {
				t.Fatal(err)
			}
			if other := seen[spec.Spec]; other != "" || spec.Spec == "" {
				t.Fatalf("specification %q is that of %s", spec.Spec, other)
			}
			seen[spec.Spec] = file
			spec.check(t)
		})
	}
}

func (s upstreamSpec) check(t *testing.T) {
	checks := 0
	for i, step := range s.Steps {
		c := Cluster{CNI: Calico, Pods: upstreamPods(step.PodLabels)}
		for _, ns := range []string{"x", "y", "z"} {
			c.Namespaces = append(c.Namespaces, Namespace{ns, step.NamespaceLabels[ns], true})
		}
		for _, p := range step.Policies {
			c.Policies = append(c.Policies, Policy{NetworkPolicy: p})
		}
		m, err := Analyze(c)
		if err != nil || len(m.Problems) > 0 {
			t.Fatal(err, m.Problems)
		}
		for _, check := range step.Checks {
			checks++
			if diff := cmp.Diff(check.Table, truthTable(m, c.Pods, check.Protocol, check.Port)); diff != "" {
				t.Errorf("%s\nstep %d, %d/%s (-want +got):\n%s", s.Spec, i, check.Port, check.Protocol, diff)
			}
		}
	}
	if checks == 0 {
		t.Error("nothing is checked")
	}
}
