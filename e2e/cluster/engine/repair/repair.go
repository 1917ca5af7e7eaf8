// Package repair knows the faults of kube-router v2.1.0, and says policies to it in other words that mean the same where
// it misreads the ones that were written. Each fault has a row in docs/semantics.md and a cluster in ../testdata/faults
// that shows it on the real engine. The rewriting is pure; it narrows what the engine is asked at a time and leaves the
// answer to it: no port name is resolved here, and no address is matched.
package repair

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Fault is one way in which the engine does not do what the policies say.
type Fault string

// The faults.
const (
	// BothTypes: between two pods that one policy with both policyTypes selects, a rule of either direction satisfies
	// the other one too, for the policy has one chain.
	BothTypes Fault = "both-types-in-one-chain"
	// NamedPorts: a name that no destination has opens every port; the numbers of different pods and names are mixed
	// up, for they share a map; without a peer, a name of egress is looked up in the policy's namespace alone and its
	// number is then open everywhere.
	NamedPorts Fault = "named-ports-of-several-pods"
	// BlocksOfOneRule: all ipBlocks of a rule are one set, so that the except of one cuts into the others.
	BlocksOfOneRule Fault = "except-of-another-block"
	// AllOfIPv6: ::/0 is taken for 2000::/3 and fd00::/8.
	AllOfIPv6 Fault = "all-of-ipv6"
	// Names: the chain of a policy, and that of a pod, is called by a hash of the namespace and the name with nothing
	// between them, so that policy bc of namespace a and policy c of namespace ab share theirs.
	Names Fault = "names-run-together"
	// Sets: with both families, the rules name the sets of IPv6 addresses without the prefix that the engine itself gives
	// them, so that each sync ends before IPv6 is enforced, and often before IPv4 is. It is repaired in front of ipset:
	// see package netpold.
	Sets Fault = "sets-of-two-families"
	// Neighbours: IPv6 neighbour discovery is judged by the policies, so that a pod whose egress is closed to its gateway
	// reaches nobody. It is repaired by a rule in front of the engine's: see package netpold.
	Neighbours Fault = "neighbour-discovery-judged"
)

// All are the faults, in the order in which they are repaired.
var All = []Fault{BothTypes, NamedPorts, BlocksOfOneRule, AllOfIPv6, Names, Sets, Neighbours}

// Cluster is what the policies are about.
type Cluster struct {
	Namespaces []*corev1.Namespace
	Pods       []*corev1.Pod
	Policies   []*networkingv1.NetworkPolicy
}

// podLabel is on every pod that the engine is shown, with the pod's UID, so that a policy can select one pod.
const podLabel = "tierwall.dev/pod-uid"

// Pod is the pod as the engine is shown it: with the label by which a rewritten policy selects it alone, and a name
// that cannot run together with its namespace's.
func Pod(p *corev1.Pod, faults []Fault) *corev1.Pod {
	out := p.DeepCopy()
	if slices.Contains(faults, NamedPorts) {
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		out.Labels[podLabel] = string(p.UID)
	}
	if slices.Contains(faults, Names) {
		out.Name = "/" + p.Name
	}
	return out
}

// Policies are the cluster's policies without what would meet one of the faults. Policies that need no repair are the
// given ones, not copies. The names of new policies hold "~", which no real name does.
func Policies(c Cluster, faults []Fault) []*networkingv1.NetworkPolicy {
	out := c.Policies
	for _, fault := range All {
		rewrite := repairs[fault]
		if rewrite == nil || !slices.Contains(faults, fault) {
			continue
		}
		var next []*networkingv1.NetworkPolicy
		for _, p := range out {
			next = append(next, rewrite(c, p)...)
		}
		out = next
	}
	return out
}

// repairs are the faults that another wording of a policy avoids.
var repairs = map[Fault]func(Cluster, *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy{
	BothTypes:       byType,
	NamedPorts:      byPod,
	BlocksOfOneRule: byBlock,
	AllOfIPv6:       inHalves,
	Names:           apart,
}

// Parse reads a list of faults with commas between them; "all" is all of them, and nothing is none.
func Parse(list string) ([]Fault, error) {
	switch list {
	case "all":
		return All, nil
	case "":
		return nil, nil
	}
	var out []Fault
	for _, name := range strings.Split(list, ",") {
		if !slices.Contains(All, Fault(name)) {
			return nil, fmt.Errorf("fault %q is none of %v", name, All)
		}
		out = append(out, Fault(name))
	}
	return out, nil
}

// byType makes one policy for each type.
func byType(_ Cluster, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	if len(p.Spec.PolicyTypes) != 2 {
		return []*networkingv1.NetworkPolicy{p}
	}
	ingress, egress := p.DeepCopy(), p.DeepCopy()
	ingress.Name += "~ingress"
	ingress.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	ingress.Spec.Egress = nil
	egress.Name += "~egress"
	egress.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	egress.Spec.Ingress = nil
	return []*networkingv1.NetworkPolicy{ingress, egress}
}

// apart gives the policy a name that begins with what no namespace's name holds.
func apart(_ Cluster, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	out := p.DeepCopy()
	out.Name = "/" + p.Name
	return []*networkingv1.NetworkPolicy{out}
}
