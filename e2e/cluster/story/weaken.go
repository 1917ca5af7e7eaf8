package story

import (
	"context"
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/e2e/cluster/truth"
)

// weakening is a mistake that people make in policies, made in one of the package's.
type weakening struct {
	name   string
	policy string
	// change makes it. Nil deletes the policy.
	change func(*networking.NetworkPolicySpec)
}

// weakenings open what is to be closed, or close what is to be open.
var weakenings = []weakening{
	{"the database lets anyone in", "database-network-policy", func(s *networking.NetworkPolicySpec) { s.Ingress[0].From = nil }},
	{"the backend lets in any pod of any namespace", "backend-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Ingress[0].From = []networking.NetworkPolicyPeer{{NamespaceSelector: &meta.LabelSelector{}}}
	}},
	{"metrics are open to every namespace", "prometheus-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Ingress[0].From[0].NamespaceSelector = &meta.LabelSelector{}
	}},
	{"a policy that lets everything out is left from a search for a fault", "frontend-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Egress = []networking.NetworkPolicyEgressRule{{}}
	}},
	{"a typing error in a selector", "backend-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Ingress[0].From[0].PodSelector.MatchLabels["app"] = "fronted"
	}},
	{"a typing error in a port", "cache-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Ingress[0].Ports[0].Port = new(intstr.FromInt32(6380))
	}},
	{"names are not resolved: the rule for DNS is forgotten", "backend-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Egress = slices.Delete(s.Egress, 2, 3)
	}},
	{"the protocol of a rule is UDP", "frontend-network-policy", func(s *networking.NetworkPolicySpec) {
		s.Ingress[0].Ports[0].Protocol = new(core.ProtocolUDP)
	}},
	{"the cache's policy is deleted", "cache-network-policy", nil},
	{"the cache's policy selects nothing, after a rename of its pods", "cache-network-policy", func(s *networking.NetworkPolicySpec) {
		s.PodSelector.MatchLabels["app"] = "redis-renamed"
	}},
}

// weaken makes the mistake in the cluster, and returns what puts it right again.
func (w *World) weaken(ctx context.Context, e Environment, mistake weakening) (func(context.Context) error, error) {
	policies := w.Client.NetworkingV1().NetworkPolicies(e.Namespace)
	policy, err := policies.Get(ctx, mistake.policy, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	again := &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Name: policy.Name, Labels: policy.Labels, Annotations: policy.Annotations}, Spec: *policy.Spec.DeepCopy(),
	}
	if err := policies.Delete(ctx, policy.Name, meta.DeleteOptions{}); err != nil {
		return nil, err
	}
	if mistake.change != nil {
		wrong := again.DeepCopy()
		mistake.change(&wrong.Spec)
		if _, err := policies.Create(ctx, wrong, meta.CreateOptions{FieldValidation: meta.FieldValidationStrict}); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		if mistake.change != nil {
			if err := policies.Delete(ctx, policy.Name, meta.DeleteOptions{}); err != nil {
				return err
			}
		}
		_, err := policies.Create(ctx, again, meta.CreateOptions{})
		return err
	}, w.Sync(ctx)
}

// everywhere are the namespaces whose pods are probed against each other: everything that the cluster runs.
var everywhere = []string{prod.Namespace, staging.Namespace, monitoring, stranger, meta.NamespaceSystem}

// predictCluster returns what tierwall says of what the cluster holds, for all pairs of its workloads. The peers are left
// out: without the package's configuration the provider's range is a part of the internet. One pod stands for each
// workload where one is enough.
func (w *World) predictCluster(ctx context.Context, onePod bool) (Predicted, error) {
	m, err := w.mapOfCluster(ctx)
	if err != nil {
		return Predicted{}, err
	}
	ends := map[string][]End{}
	var names []string
	for _, namespace := range everywhere {
		pods, err := w.podEnds(ctx, namespace)
		if err != nil {
			return Predicted{}, err
		}
		for name, all := range pods {
			if onePod {
				all = all[:1]
			}
			ends[name] = all
			names = append(names, name)
		}
	}
	for _, node := range m.Nodes {
		if !node.Peer && len(ends[node.Name]) == 0 {
			return Predicted{}, fmt.Errorf("no pod stands for %s, which the map has", node.Name)
		}
	}
	return predictTasks(m, names, names, ends)
}

// caughtAt returns the cells in which a weakened cluster is predicted to differ from the one before.
func caughtAt(before, weakened truth.Table) ([]truth.Difference, error) {
	differences := truth.Compare(before, weakened)
	if len(differences) == 0 {
		return nil, fmt.Errorf("the proof says that the mistake changes nothing")
	}
	return differences, nil
}
