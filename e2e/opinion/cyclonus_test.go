package opinion

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/reachability/dice"
)

// cyclonus is the simulator of github.com/mattfenwick/cyclonus with the policies of a cluster.
type cyclonus struct {
	policies *matcher.Policy
	peers    map[string]*matcher.TrafficPeer
	ports    map[string][]corev1.ContainerPort
}

// newCyclonus gives it the cluster as it stands; simplified is what its commands do first. It panics on what it does
// not take, which is the error.
func newCyclonus(c dice.Cluster, simplified bool) (out *cyclonus, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cyclonus panics: %v", p)
		}
	}()
	out = &cyclonus{matcher.BuildNetworkPolicies(simplified, c.Policies), map[string]*matcher.TrafficPeer{}, map[string][]corev1.ContainerPort{}}
	labels := map[string]map[string]string{}
	for _, n := range c.Namespaces {
		labels[n.Name] = n.Labels
	}
	for _, p := range c.Pods {
		out.peers[p.Name] = &matcher.TrafficPeer{IP: p.Status.PodIPs[0].IP, Internal: &matcher.InternalPeer{
			Namespace: p.Namespace, NamespaceLabels: labels[p.Namespace], PodLabels: p.Labels}}
		out.ports[p.Name] = p.Spec.Containers[0].Ports
	}
	return out, nil
}

// ask asks once, with the first name that the destination has for the port.
func (e *cyclonus) ask(c cell) answer { return e.askNamed(c, append(e.names(c), "")[0]) }

// askEach asks with each name that the destination has for the port, and by its number.
func (e *cyclonus) askEach(c cell) answer {
	var out answer
	for _, name := range append(e.names(c), "") {
		one := e.askNamed(c, name)
		out = answer{out.egress || one.egress, out.ingress || one.ingress}
	}
	return out
}

func (e *cyclonus) names(c cell) []string {
	var out []string
	for _, p := range e.ports[c.to] {
		if p.ContainerPort == c.port && p.Protocol == c.protocol {
			out = append(out, p.Name)
		}
	}
	return out
}

func (e *cyclonus) askNamed(c cell, name string) answer {
	traffic := &matcher.Traffic{Source: e.peer(c.from), Destination: e.peer(c.to), ResolvedPort: int(c.port), ResolvedPortName: name, Protocol: c.protocol}
	result := e.policies.IsTrafficAllowed(traffic)
	return answer{result.Egress.IsAllowed(), result.Ingress.IsAllowed()}
}

func (e *cyclonus) peer(name string) *matcher.TrafficPeer {
	if p, ok := e.peers[name]; ok {
		return p
	}
	return &matcher.TrafficPeer{IP: name}
}

// stored is the cluster as the API server keeps it: with its defaults, which cyclonus expects.
func stored(c dice.Cluster) dice.Cluster {
	out := dice.Cluster{Pods: c.Pods}
	for _, n := range c.Namespaces {
		n = n.DeepCopy()
		n.Labels = with(n.Labels, corev1.LabelMetadataName, n.Name)
		out.Namespaces = append(out.Namespaces, n)
	}
	for _, p := range c.Policies {
		p = p.DeepCopy()
		if len(p.Spec.PolicyTypes) == 0 {
			p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(p.Spec.Egress) > 0 {
				p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
		out.Policies = append(out.Policies, p)
	}
	return out
}

func with(labels map[string]string, key, value string) map[string]string {
	out := maps.Clone(labels)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = value
	return out
}

// spelled says the same in a way that cyclonus reads as the API does: see the known disagreements.
func spelled(c dice.Cluster) dice.Cluster {
	out := dice.Cluster{}
	for _, n := range c.Namespaces {
		n = n.DeepCopy()
		n.Labels = spelledLabels(n.Labels)
		out.Namespaces = append(out.Namespaces, n)
	}
	for _, p := range c.Pods {
		p = p.DeepCopy()
		p.Labels = spelledLabels(p.Labels)
		out.Pods = append(out.Pods, p)
	}
	for _, p := range c.Policies {
		p = p.DeepCopy()
		for _, s := range selectors(p) {
			spellNotIn(s)
			spellEmptyValues(s)
		}
		out.Policies = append(out.Policies, p)
	}
	return out
}

// selectors are all selectors of a policy.
func selectors(p *networkingv1.NetworkPolicy) []*selector {
	out := []*selector{&p.Spec.PodSelector}
	var peers []networkingv1.NetworkPolicyPeer
	for _, r := range p.Spec.Ingress {
		peers = append(peers, r.From...)
	}
	for _, r := range p.Spec.Egress {
		peers = append(peers, r.To...)
	}
	for _, peer := range peers {
		out = append(out, peer.PodSelector, peer.NamespaceSelector)
	}
	return slices.DeleteFunc(out, func(s *selector) bool { return s == nil })
}
