// Package reachability says what a set of NetworkPolicies lets through: anyone's policies, not only ours. It reads
// pods, namespaces and policies, and answers for every pair of endpoints and every port: allowed, denied or unknown,
// each with its reasons. It knows nothing of tiers or of how policies are generated, so that a mistake made there
// cannot cancel itself out here. The authority is the API documentation of k8s.io/api/networking/v1.
package reachability

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/workload"
)

// Profile is the network plugin, which decides what the API leaves open.
type Profile string

// The profiles. The empty profile is Generic.
const (
	Generic   Profile = "generic"     // ipBlock against a pod's address is unknown
	Calico    Profile = "calico"      // ipBlock matches pods by their addresses
	Cilium    Profile = "cilium"      // ipBlock never matches pods or nodes
	AWSVPCCNI Profile = "aws-vpc-cni" // ipBlock matches pods by their addresses
)

// Cluster is what is analysed.
type Cluster struct {
	Namespaces []Namespace
	Pods       []Pod
	Policies   []Policy
	CNI        Profile
	// Externals are address ranges that Matrix.Externals tells apart, beside those that policies name.
	Externals []netip.Prefix
	// PodCIDRs are where pods without a known address live. Empty means anywhere in the private ranges.
	PodCIDRs []netip.Prefix
	// ServiceCIDRs are told apart by Matrix.Externals; policies see a Service's endpoints, never its own address.
	ServiceCIDRs []netip.Prefix
}

// Namespace is a namespace and what is known of its labels.
type Namespace struct {
	Name string
	// Labels need not hold kubernetes.io/metadata.name, which every namespace has.
	Labels map[string]string
	// Known is true if Labels are all there are. If false, a selector on any other label gives unknown. A namespace
	// that is not in the input is treated as one that is not known and has no labels.
	Known bool
}

// Pod is a pod, or all pods of one template.
type Pod struct {
	// ID is unique in the cluster.
	ID, Namespace, Name string
	Labels              map[string]string
	// NamedPorts are what a policy's named port is resolved by when this pod is the destination.
	NamedPorts []NamedPort
	// HostNetwork pods are not bound by policies, and selectors do not match them.
	HostNetwork bool
	// IPs are the pod's addresses. Empty means unknown: see Cluster.PodCIDRs.
	IPs []netip.Addr
}

// NamedPort is a container port that has a name.
type NamedPort struct {
	Name     string
	Protocol workload.Protocol
	Number   int32 // from 1 to 65535
}

// Policy is a NetworkPolicy as read, without API defaults.
type Policy struct {
	*networkingv1.NetworkPolicy
	// Source is where it was read from, for messages.
	Source string
}

// Endpoint is one end of a connection: a pod of the input (PodID), a pod that is not in the input (Namespace and
// PodLabels), or a range of addresses outside the cluster (First to Last). Exactly one of the three is set.
type Endpoint struct {
	PodID string
	// Namespace and PodLabels describe a pod of a namespace by all its labels. The policies of the input bind it; its
	// named ports and addresses are not known.
	Namespace string
	PodLabels map[string]string
	// First and Last are inclusive and of one family.
	First, Last netip.Addr
}

// PodEndpoint is the pod with the ID.
func PodEndpoint(id string) Endpoint { return Endpoint{PodID: id} }

// ExternalEndpoint is all addresses of the prefix. Where a policy's block holds only a part of them, the verdict is
// unknown: ask for the ranges of Matrix.Externals to get exact ones.
func ExternalEndpoint(p netip.Prefix) Endpoint {
	return Endpoint{First: p.Masked().Addr(), Last: lastAddr(p)}
}

// String names the endpoint in reasons.
func (e Endpoint) String() string {
	switch {
	case e.PodID != "":
		return e.PodID
	case e.First.IsValid():
		return e.First.String() + "-" + e.Last.String()
	}
	return "a pod of namespace " + e.Namespace
}
