package netpold

import (
	networking "k8s.io/api/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// splitInformer shows the controller each policy that has both types as two policies of one type. By the API's
// definition the two readings are equal: types are judged apart, and policies add up. But kube-router jumps to the
// chain of a policy with both types for either direction, so that between two pods that one such policy selects, an
// ingress rule also satisfies egress, and the other way round.
type splitInformer struct{ cache.SharedIndexInformer }

func (s splitInformer) GetIndexer() cache.Indexer {
	return splitIndexer{s.SharedIndexInformer.GetIndexer()}
}

type splitIndexer struct{ cache.Indexer }

func (s splitIndexer) List() []any {
	var out []any
	for _, object := range s.Indexer.List() {
		policy, ok := object.(*networking.NetworkPolicy)
		if !ok {
			out = append(out, object)
			continue
		}
		for _, part := range splitPolicy(policy) {
			out = append(out, part)
		}
	}
	return out
}

// splitPolicy returns the policy itself when it has one type, and else one policy for each type. "~" cannot be in the
// name of a real policy.
func splitPolicy(policy *networking.NetworkPolicy) []*networking.NetworkPolicy {
	if len(policy.Spec.PolicyTypes) != 2 {
		return []*networking.NetworkPolicy{policy}
	}
	ingress, egress := policy.DeepCopy(), policy.DeepCopy()
	ingress.Name += "~ingress"
	ingress.Spec.PolicyTypes = []networking.PolicyType{networking.PolicyTypeIngress}
	ingress.Spec.Egress = nil
	egress.Name += "~egress"
	egress.Spec.PolicyTypes = []networking.PolicyType{networking.PolicyTypeEgress}
	egress.Spec.Ingress = nil
	return []*networking.NetworkPolicy{ingress, egress}
}
