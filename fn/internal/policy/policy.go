// Package policy builds NetworkPolicies: pure functions from what is meant to objects of networking/v1, without files,
// layers or kustomize. It shares no code with package reachability, which proves what the policies let through.
package policy

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/tier"
)

const (
	// SetLabel marks a policy as this tool's own, with the name of its NetworkPolicySet.
	SetLabel = "tierwall.dev/set"
	// DescriptionAnnotation holds one line that says what the policy is for.
	DescriptionAnnotation = "tierwall.dev/description"
	// ControlsAnnotation holds the controls that the policy serves.
	ControlsAnnotation = "tierwall.dev/controls"

	// namespaceName is the one label that Kubernetes guarantees on every namespace.
	namespaceName = "kubernetes.io/metadata.name"
	controls      = "CIS Kubernetes Benchmark 5.3.2; MITRE ATT&CK T1046, T1021"
	maxPort       = 65535
)

// Meta is what a policy says of itself.
type Meta struct {
	// Set is the name of the NetworkPolicySet that owns the policy.
	Set string
	// Labels are the set's own labels.
	Labels map[string]string
	// Name and Namespace are the policy's. An empty Namespace leaves it to kustomize.
	Name, Namespace string
	// Description is one line.
	Description string
}

func (m Meta) object() metav1.ObjectMeta {
	labels := map[string]string{}
	for k, v := range m.Labels {
		labels[k] = v
	}
	labels[SetLabel] = m.Set
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, Labels: labels,
		Annotations: map[string]string{DescriptionAnnotation: m.Description, ControlsAnnotation: controls},
	}
}

func typeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}
}

// Direction says which of a subject's two sides a rule is for.
type Direction string

// The policyTypes of networking/v1.
const (
	Ingress Direction = "Ingress"
	Egress  Direction = "Egress"
)

// Rule opens ports between the subject and the peers.
type Rule struct {
	// Peers are the other ends. Empty means everyone, as in the API: "If this field is empty or missing, this rule
	// matches all sources".
	Peers []networkingv1.NetworkPolicyPeer
	// Ports are the destination's ports, never empty.
	Ports tier.PortSet
}

// DefaultDeny selects every pod of its namespace and lets nothing in or out.
func DefaultDeny(meta Meta) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta: typeMeta(), ObjectMeta: meta.object(),
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
}

// New is a policy that opens the rules for the pods that the selector selects. types are the directions that it
// isolates, written always: without them the API would derive them from the rules.
func New(meta Meta, selector metav1.LabelSelector, types []Direction, ingress, egress []Rule) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: typeMeta(), ObjectMeta: meta.object()}
	p.Spec.PodSelector = selector
	for _, t := range types {
		p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyType(t))
	}
	for _, r := range ingress {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: r.Peers, Ports: ports(r.Ports)})
	}
	for _, r := range egress {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: r.Peers, Ports: ports(r.Ports)})
	}
	return p
}

// ports writes numbers only: a named port is resolved for each pod apart, and not alike by all engines. A whole protocol
// is written without a port, all of them as no ports at all: "If this field is empty or missing, this rule matches all ports".
func ports(set tier.PortSet) []networkingv1.NetworkPolicyPort {
	if set.All() {
		return nil
	}
	out := make([]networkingv1.NetworkPolicyPort, 0, len(set))
	for _, r := range set {
		protocol := corev1.Protocol(r.Protocol)
		p := networkingv1.NetworkPolicyPort{Protocol: &protocol}
		if r.First != 1 || r.Last != maxPort {
			first := intstr.FromInt32(r.First)
			p.Port = &first
		}
		if r.First != r.Last && p.Port != nil {
			last := r.Last
			p.EndPort = &last
		}
		out = append(out, p)
	}
	return out
}

// PodPeer is a peer in the policy's own namespace.
func PodPeer(pods *metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: pods}
}

// NamespacePeer is a peer in a namespace that is known by its name. Nil pods means all of them.
func NamespacePeer(namespace string, pods *metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
			Key: namespaceName, Operator: metav1.LabelSelectorOpIn, Values: []string{namespace},
		}}},
		PodSelector: pods,
	}
}

// TargetPeers are the peers that a peer's targets stand for; all is true where one of them is everyone.
func TargetPeers(targets []tier.Target) (peers []networkingv1.NetworkPolicyPeer, all bool) {
	for _, t := range targets {
		switch {
		case t.Any:
			return nil, true
		case t.CIDR != "":
			peers = append(peers, networkingv1.NetworkPolicyPeer{
				IPBlock: &networkingv1.IPBlock{CIDR: t.CIDR, Except: slices.Clone(t.Except)},
			})
		default:
			peers = append(peers, NamespacePeer(t.Namespace, t.Pods))
		}
	}
	return peers, false
}
