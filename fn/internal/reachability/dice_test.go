package reachability

import (
	"net/netip"

	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/workload"
)

// clusterOf reads a random cluster. Its pods have addresses and its profile is calico: nothing is unknown.
func clusterOf(in dice.Cluster) Cluster {
	c := Cluster{CNI: Calico}
	for _, n := range in.Namespaces {
		c.Namespaces = append(c.Namespaces, Namespace{n.Name, n.Labels, true})
	}
	for _, p := range in.Pods {
		pod := Pod{ID: p.Name, Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}
		for _, ip := range p.Status.PodIPs {
			pod.IPs = append(pod.IPs, netip.MustParseAddr(ip.IP))
		}
		for _, port := range p.Spec.Containers[0].Ports {
			pod.NamedPorts = append(pod.NamedPorts, NamedPort{port.Name, workload.Protocol(port.Protocol), port.ContainerPort})
		}
		c.Pods = append(c.Pods, pod)
	}
	for _, p := range in.Policies {
		c.Policies = append(c.Policies, Policy{NetworkPolicy: p})
	}
	return c
}
