package engine

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/workload"
)

// prediction is the cluster as reachability has it: for each family alone, as a connection has one, and for both.
type prediction struct {
	byFamily map[Family]*reachability.Matrix
	both     *reachability.Matrix
	hosts    map[string]end
}

// predict analyses the cluster. Profile calico lets blocks match pods by their addresses, as kube-router does.
func predict(c Cluster) (*prediction, error) {
	p := &prediction{byFamily: map[Family]*reachability.Matrix{}, hosts: map[string]end{}}
	for _, h := range hosts {
		p.hosts[h.id] = h
	}
	for _, f := range families {
		m, err := analyze(c, f)
		if err != nil {
			return nil, err
		}
		p.byFamily[f] = m
	}
	var err error
	p.both, err = analyze(c, families...)
	return p, err
}

func analyze(c Cluster, of ...Family) (*reachability.Matrix, error) {
	in := reachability.Cluster{CNI: reachability.Calico}
	for _, n := range c.Namespaces {
		in.Namespaces = append(in.Namespaces, reachability.Namespace{Name: n.Name, Labels: n.Labels, Known: true})
	}
	for _, p := range c.Pods {
		pod, err := podOf(p, of)
		if err != nil {
			return nil, err
		}
		if len(pod.IPs) > 0 {
			in.Pods = append(in.Pods, pod)
		}
	}
	for _, p := range c.Policies {
		in.Policies = append(in.Policies, reachability.Policy{NetworkPolicy: p, Source: p.Namespace + "/" + p.Name})
	}
	m, err := reachability.Analyze(in)
	if err == nil && len(m.Problems) > 0 {
		err = fmt.Errorf("refused: %v", m.Problems)
	}
	return m, err
}

// podOf is the pod with its addresses of the families.
func podOf(p *corev1.Pod, of []Family) (reachability.Pod, error) {
	out := reachability.Pod{ID: idOf(p), Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}
	for _, ip := range p.Status.PodIPs {
		a, err := netip.ParseAddr(ip.IP)
		if err != nil {
			return out, fmt.Errorf("pod %s: %w", out.ID, err)
		}
		for _, f := range of {
			if familyOf(a) == f {
				out.IPs = append(out.IPs, a)
			}
		}
	}
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			out.NamedPorts = append(out.NamedPorts, reachability.NamedPort{Name: port.Name, Protocol: workload.Protocol(port.Protocol), Number: port.ContainerPort})
		}
	}
	return out, nil
}

func (p *prediction) endpoint(id string, f Family) reachability.Endpoint {
	if h, ok := p.hosts[id]; ok {
		return reachability.ExternalEndpoint(netip.PrefixFrom(h.address[f], h.address[f].BitLen()))
	}
	return reachability.PodEndpoint(id)
}

// of is the verdict on one connection.
func (p *prediction) of(c Cell) reachability.Value {
	return p.byFamily[c.Family].Verdict(p.endpoint(c.From, c.Family), p.endpoint(c.To, c.Family), workload.Protocol(c.Protocol), c.Port)
}

// why explains the verdict.
func (p *prediction) why(c Cell) []reachability.Reason {
	return p.byFamily[c.Family].Explain(p.endpoint(c.From, c.Family), p.endpoint(c.To, c.Family), workload.Protocol(c.Protocol), c.Port).Reasons
}

// contradiction is the first pair of pods for which the analysis with the addresses of both families does not say what
// those of each family do: allowed where one family is. Empty means none.
func (p *prediction) contradiction(all []Cell) string {
	type pair struct {
		from, to string
		protocol corev1.Protocol
		port     int32
	}
	best := map[pair]reachability.Value{}
	for _, c := range all {
		if p.hosts[c.From].outside || p.hosts[c.To].outside {
			continue
		}
		k := pair{c.From, c.To, c.Protocol, c.Port}
		best[k] = max(best[k], p.of(c))
	}
	for _, c := range all {
		want, ok := best[pair{c.From, c.To, c.Protocol, c.Port}]
		if !ok {
			continue
		}
		got := p.both.Verdict(reachability.PodEndpoint(c.From), reachability.PodEndpoint(c.To), workload.Protocol(c.Protocol), c.Port)
		if got != want {
			return fmt.Sprintf("%s -> %s %d/%s: with both families %s, the better of each family alone %s", c.From, c.To, c.Port, c.Protocol, got, want)
		}
	}
	return ""
}
