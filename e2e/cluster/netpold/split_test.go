package netpold

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSplitPolicy(t *testing.T) {
	const in, out = networking.PolicyTypeIngress, networking.PolicyTypeEgress
	policy := func(name string, types []networking.PolicyType, ingress, egress int) *networking.NetworkPolicy {
		p := &networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "shop", Name: name}}
		p.Spec.PolicyTypes = types
		if ingress > 0 {
			p.Spec.Ingress = make([]networking.NetworkPolicyIngressRule, ingress)
		}
		if egress > 0 {
			p.Spec.Egress = make([]networking.NetworkPolicyEgressRule, egress)
		}
		return p
	}
	both := []networking.PolicyType{in, out}
	cases := map[string]struct {
		policy *networking.NetworkPolicy
		want   []*networking.NetworkPolicy
	}{
		"one type stays": {
			policy("web", []networking.PolicyType{in}, 1, 0),
			[]*networking.NetworkPolicy{policy("web", []networking.PolicyType{in}, 1, 0)},
		},
		"both types become one each, with the rules of theirs": {
			policy("web", both, 1, 2),
			[]*networking.NetworkPolicy{
				policy("web~ingress", []networking.PolicyType{in}, 1, 0),
				policy("web~egress", []networking.PolicyType{out}, 0, 2),
			},
		},
		"a default deny denies both directions still": {
			policy("deny", both, 0, 0),
			[]*networking.NetworkPolicy{
				policy("deny~ingress", []networking.PolicyType{in}, 0, 0),
				policy("deny~egress", []networking.PolicyType{out}, 0, 0),
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := c.policy.DeepCopy()
			if diff := cmp.Diff(c.want, splitPolicy(c.policy)); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, c.policy); diff != "" {
				t.Errorf("the informer's own object was changed (-before +after):\n%s", diff)
			}
		})
	}
}
