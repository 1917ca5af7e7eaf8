// Package opinion asks programs of others what they think of tierwall's answers: cyclonus of its verdicts, the OASIS
// schema of its SARIF.
package opinion

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// cell is one connection. An end is a pod's name, or an address outside the cluster.
type cell struct {
	from, to string
	protocol corev1.Protocol
	port     int32
}

func (c cell) String() string { return fmt.Sprintf("%s -> %s %d/%s", c.from, c.to, c.port, c.protocol) }

// answer is what the policies of each end say.
type answer struct{ egress, ingress bool }

func (a answer) String() string {
	word := map[bool]string{true: "allowed", false: "denied"}
	return "egress " + word[a.egress] + ", ingress " + word[a.ingress]
}

var (
	protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	outside   = []string{"8.8.8.8", "8.8.4.4", "10.0.0.200", "2001:db8::1"}
)

// cells are all connections between pods, and between pods and addresses outside, on the ports of random policies.
func cells(c dice.Cluster) []cell {
	var pods []string
	for _, p := range c.Pods {
		pods = append(pods, p.Name)
	}
	ends := append(append([]string{}, pods...), outside...)
	var out []cell
	for i, from := range ends {
		for j, to := range ends {
			if i >= len(pods) && j >= len(pods) {
				continue
			}
			for _, protocol := range protocols {
				for _, port := range dice.Ports {
					out = append(out, cell{from, to, protocol, port})
				}
			}
		}
	}
	return out
}

// tierwall is the cluster as reachability has it. Profile calico lets blocks match pods, as cyclonus does.
func tierwall(c dice.Cluster) (*reachability.Matrix, error) {
	in := reachability.Cluster{CNI: reachability.Calico}
	for _, n := range c.Namespaces {
		in.Namespaces = append(in.Namespaces, reachability.Namespace{Name: n.Name, Labels: n.Labels, Known: true})
	}
	for _, p := range c.Pods {
		pod := reachability.Pod{ID: p.Name, Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}
		for _, ip := range p.Status.PodIPs {
			address, err := netip.ParseAddr(ip.IP)
			if err != nil {
				return nil, err
			}
			pod.IPs = append(pod.IPs, address)
		}
		for _, port := range p.Spec.Containers[0].Ports {
			pod.NamedPorts = append(pod.NamedPorts, reachability.NamedPort{Name: port.Name, Protocol: workload.Protocol(port.Protocol), Number: port.ContainerPort})
		}
		in.Pods = append(in.Pods, pod)
	}
	for _, p := range c.Policies {
		in.Policies = append(in.Policies, reachability.Policy{NetworkPolicy: p})
	}
	m, err := reachability.Analyze(in)
	if err == nil && len(m.Problems) > 0 {
		err = fmt.Errorf("refused: %v", m.Problems)
	}
	return m, err
}

// askTierwall gives an error where the verdict is unknown, or is not what both ends make of it.
func askTierwall(m *reachability.Matrix, c cell) (answer, error) {
	from, to := endpoint(c.from), endpoint(c.to)
	verdict := m.Verdict(from, to, workload.Protocol(c.protocol), c.port)
	why := m.Explain(from, to, workload.Protocol(c.protocol), c.port)
	a := answer{why.Egress == reachability.Allowed, why.Ingress == reachability.Allowed}
	whole := reachability.Denied
	if a.egress && a.ingress {
		whole = reachability.Allowed
	}
	if verdict != whole || why.Value != whole || why.Egress == reachability.Unknown || why.Ingress == reachability.Unknown {
		return a, fmt.Errorf("%s: the verdict is %s, its explanation says %s: egress %s, ingress %s", c, verdict, why.Value, why.Egress, why.Ingress)
	}
	return a, nil
}

func endpoint(name string) reachability.Endpoint {
	if address, err := netip.ParseAddr(name); err == nil {
		return reachability.ExternalEndpoint(netip.PrefixFrom(address, address.BitLen()))
	}
	return reachability.PodEndpoint(name)
}

// readCluster reads Namespaces, Pods and NetworkPolicies from a file.
func readCluster(t *testing.T, file string) dice.Cluster {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dice.Read(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}
