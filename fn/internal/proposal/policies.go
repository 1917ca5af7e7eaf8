package proposal

import (
	"cmp"
	"maps"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// A hand-written policy says who may reach whom, where a rule of it selects pods by their labels. A rule that lets in every
// pod of a namespace, or everyone, says nothing of single workloads.

// handWritten adds the links that the rules of an environment's hand-written policies mean.
func (d *draft) handWritten(environment int) {
	for _, p := range d.environments[environment].Policies {
		subjects := d.selected(environment, p.Namespace, &p.Spec.PodSelector)
		e := Evidence{Text: "policy " + p.Name, Confidence: High}
		for _, r := range p.Spec.Ingress {
			for _, peer := range r.From {
				for _, from := range d.peered(environment, p.Namespace, peer) {
					d.permitted(environment, []*workload.Workload{from}, subjects, r.Ports, e)
				}
			}
		}
		for _, r := range p.Spec.Egress {
			for _, peer := range r.To {
				d.permitted(environment, subjects, d.peered(environment, p.Namespace, peer), r.Ports, e)
			}
		}
	}
}

func (d *draft) permitted(environment int, from, to []*workload.Workload, ports []networkingv1.NetworkPolicyPort, e Evidence) {
	for _, a := range from {
		for _, b := range to {
			p := pair{d.unitOf[a], d.unitOf[b]}
			if a.HostNetwork || b.HostNetwork || b.Client || p.from.role.Tier == "" || p.to.role.Tier == "" || !sameKnowledge(a, b) {
				continue
			}
			d.add(environment, p, permittedPorts(ports, b), e)
		}
	}
}

// permittedPorts are the pod's ports that a rule names; its serving ports where the rule names none: "If this field is
// empty or missing, this rule matches all ports" (networking/v1).
func permittedPorts(ports []networkingv1.NetworkPolicyPort, w *workload.Workload) tier.PortSet {
	if len(ports) == 0 {
		return portSet(w.Ports)
	}
	var out tier.PortSet
	for _, p := range ports {
		protocol := workload.TCP
		if p.Protocol != nil {
			protocol = workload.Protocol(*p.Protocol)
		}
		switch {
		case p.Port == nil:
			out = out.Union(portSet(w.Ports))
		case p.Port.Type == intstr.String:
			for _, n := range w.NamedPorts {
				if n.Name == p.Port.StrVal && n.Protocol == protocol {
					out = out.Union(portSet([]workload.Port{n}))
				}
			}
		case p.Port.IntVal >= 1 && p.Port.IntVal <= 65535:
			last := p.Port.IntVal
			if p.EndPort != nil && *p.EndPort > last && *p.EndPort <= 65535 {
				last = *p.EndPort
			}
			out = out.Union(tier.PortSet{{Protocol: protocol, First: p.Port.IntVal, Last: last}})
		}
	}
	return out
}

// peered are the workloads that a peer means by the labels of their pods; none where it does not look at them.
func (d *draft) peered(environment int, namespace string, peer networkingv1.NetworkPolicyPeer) []*workload.Workload {
	if peer.PodSelector == nil || len(peer.PodSelector.MatchLabels)+len(peer.PodSelector.MatchExpressions) == 0 {
		return nil
	}
	if peer.NamespaceSelector == nil {
		return d.selected(environment, namespace, peer.PodSelector)
	}
	selector, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	if err != nil {
		return nil
	}
	var out []*workload.Workload
	for _, name := range d.namespacesOf(environment) {
		if selector.Matches(d.namespaceLabels(environment, name)) {
			out = append(out, d.selected(environment, name, peer.PodSelector)...)
		}
	}
	return out
}

// selected are the workloads of a namespace that a selector which is not empty selects.
func (d *draft) selected(environment int, namespace string, selector *metav1.LabelSelector) []*workload.Workload {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || s.Empty() {
		return nil
	}
	var out []*workload.Workload
	for _, w := range d.environments[environment].Inventory.Workloads {
		if cmp.Or(w.Namespace, "default") == cmp.Or(namespace, "default") && s.Matches(labels.Set(w.PodLabels)) {
			out = append(out, w)
		}
	}
	return out
}

func (d *draft) namespacesOf(environment int) []string {
	var out []string
	for _, w := range d.environments[environment].Inventory.Workloads {
		if n := len(out); n == 0 || out[n-1] != w.Namespace { // workloads are sorted by namespace
			out = append(out, w.Namespace)
		}
	}
	return out
}

// namespaceLabels are those that the input gives a namespace, and the one that every namespace wears: "The Kubernetes
// control plane sets an immutable label kubernetes.io/metadata.name on all namespaces" (Kubernetes documentation, Network
// Policies).
func (d *draft) namespaceLabels(environment int, name string) labels.Set {
	out := labels.Set{corev1.LabelMetadataName: cmp.Or(name, "default")}
	for _, n := range d.environments[environment].Inventory.Namespaces {
		if n.Name == name {
			maps.Copy(out, n.Labels)
		}
	}
	return out
}
