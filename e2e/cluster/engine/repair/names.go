package repair

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// byPod asks for each named port of each pod that has the name apart: in ingress by a policy that selects that pod
// alone, in egress by a rule that has that pod alone as its peer. An ipBlock with a named port of egress matches nothing,
// as it does in the engine: the API does not say what it should match.
func byPod(c Cluster, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	first := p.DeepCopy()
	first.Spec.Ingress, first.Spec.Egress = nil, nil
	out := []*networkingv1.NetworkPolicy{first}
	for i, r := range p.Spec.Ingress {
		numbers, names := divided(r.Ports)
		if len(names) == 0 {
			first.Spec.Ingress = append(first.Spec.Ingress, r)
			continue
		}
		if len(numbers) > 0 {
			first.Spec.Ingress = append(first.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: r.From, Ports: numbers})
		}
		out = append(out, c.namedIngress(p, i, r.From, names)...)
	}
	for _, r := range p.Spec.Egress {
		numbers, names := divided(r.Ports)
		if len(names) == 0 {
			first.Spec.Egress = append(first.Spec.Egress, r)
			continue
		}
		if len(numbers) > 0 {
			first.Spec.Egress = append(first.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: r.To, Ports: numbers})
		}
		first.Spec.Egress = append(first.Spec.Egress, c.namedEgress(p.Namespace, r.To, names)...)
	}
	return out
}

func divided(ports []networkingv1.NetworkPolicyPort) (numbers, names []networkingv1.NetworkPolicyPort) {
	for _, p := range ports {
		if p.Port != nil && p.Port.Type == intstr.String {
			names = append(names, p)
		} else {
			numbers = append(numbers, p)
		}
	}
	return numbers, names
}

// namedIngress is a policy for each selected pod and name that it has.
func (c Cluster) namedIngress(p *networkingv1.NetworkPolicy, rule int, from []networkingv1.NetworkPolicyPeer, names []networkingv1.NetworkPolicyPort) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	if !slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
		return nil
	}
	for _, pod := range c.Pods {
		if pod.Namespace != p.Namespace || !selects(&p.Spec.PodSelector, pod.Labels) {
			continue
		}
		for _, name := range names {
			if !has(pod, name) {
				continue
			}
			one := p.DeepCopy()
			one.Name = fmt.Sprintf("%s~%d-%d", p.Name, rule, len(out))
			one.Spec = networkingv1.NetworkPolicySpec{
				PodSelector: only(pod), PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
				Ingress: []networkingv1.NetworkPolicyIngressRule{{From: from, Ports: []networkingv1.NetworkPolicyPort{name}}},
			}
			out = append(out, one)
		}
	}
	return out
}

// namedEgress is a rule for each pod that the peers match and name that it has.
func (c Cluster) namedEgress(namespace string, to []networkingv1.NetworkPolicyPeer, names []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyEgressRule {
	var out []networkingv1.NetworkPolicyEgressRule
	for _, pod := range c.Pods {
		if len(to) > 0 && !c.isPeer(pod, namespace, to) {
			continue
		}
		for _, name := range names {
			if !has(pod, name) {
				continue
			}
			selector := only(pod)
			out = append(out, networkingv1.NetworkPolicyEgressRule{
				To: []networkingv1.NetworkPolicyPeer{{
					NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: pod.Namespace}},
					PodSelector:       &selector,
				}},
				Ports: []networkingv1.NetworkPolicyPort{name},
			})
		}
	}
	return out
}

// isPeer says whether one of the selectors matches the pod, as the engine itself matches them.
func (c Cluster) isPeer(pod *corev1.Pod, namespace string, peers []networkingv1.NetworkPolicyPeer) bool {
	return slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		switch {
		case p.IPBlock != nil:
			return false
		case p.NamespaceSelector == nil && pod.Namespace != namespace:
			return false
		case p.NamespaceSelector != nil && !selects(p.NamespaceSelector, c.labelsOf(pod.Namespace)):
			return false
		}
		return p.PodSelector == nil || selects(p.PodSelector, pod.Labels)
	})
}

func (c Cluster) labelsOf(namespace string) map[string]string {
	for _, n := range c.Namespaces {
		if n.Name == namespace {
			return n.Labels
		}
	}
	return nil
}

func selects(s *metav1.LabelSelector, set map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(set))
}

// has says whether a container of the pod has a port of the name and protocol.
func has(pod *corev1.Pod, name networkingv1.NetworkPolicyPort) bool {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name.Port.StrVal && protocolOf(&port.Protocol) == protocolOf(name.Protocol) {
				return true
			}
		}
	}
	return false
}

// protocolOf: "If not specified, this field defaults to TCP".
func protocolOf(p *corev1.Protocol) corev1.Protocol {
	if p == nil || *p == "" {
		return corev1.ProtocolTCP
	}
	return *p
}

func only(pod *corev1.Pod) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{podLabel: string(pod.UID)}}
}
