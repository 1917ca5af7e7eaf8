package reachability

import (
	"fmt"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/reachability/dice"
)

// lawfulSeeds is how many random clusters each law is tried on.
const lawfulSeeds = 100

// TestNothingChanges tries, on random clusters, what must not change any verdict.
func TestNothingChanges(t *testing.T) {
	for _, law := range []struct {
		name   string
		change func(dice.Dice, dice.Cluster) dice.Cluster
	}{
		{"the order of policies", reversed},
		{"the names of policies", renamed},
		{"a policy for each direction and rule", splitByRule},
		{"a policy for each direction, peer and port", splitByPeerAndPort},
		{"policies that select nothing", withIdle},
		{"a policy twice", doubled},
	} {
		t.Run(law.name, func(t *testing.T) {
			different := 0
			for seed := range uint64(lawfulSeeds) {
				changed := func(c dice.Cluster) dice.Cluster { return law.change(dice.New(seed, 5), c) }
				broken := func(c dice.Cluster) string { return difference(t, c, changed(c)) }
				c := dice.New(seed, 4).Cluster()
				if broken(c) != "" {
					c = c.Shrink(func(smaller dice.Cluster) bool { return broken(smaller) != "" })
					t.Fatalf("seed %d: %s\n%s", seed, broken(c), c)
				}
				if c.String() != changed(c).String() {
					different++
				}
			}
			if different < lawfulSeeds/2 {
				t.Errorf("only %d of %d clusters were changed", different, lawfulSeeds)
			}
		})
	}
}

// difference is the first connection whose verdict differs, between pods, and between pods and addresses outside.
func difference(t *testing.T, before, after dice.Cluster) string {
	t.Helper()
	first, second := analyzed(t, before), analyzed(t, after)
	ends := first.Externals()
	for _, p := range before.Pods {
		ends = append(ends, PodEndpoint(p.Name))
	}
	for _, from := range ends {
		for _, to := range ends {
			for _, protocol := range protocols {
				for _, port := range dice.Ports {
					was, is := first.Verdict(from, to, protocol, port), second.Verdict(from, to, protocol, port)
					if was != is {
						return fmt.Sprintf("%s -> %s %d/%s: was %s, is %s", from, to, port, protocol, was, is)
					}
				}
			}
		}
	}
	return ""
}

func analyzed(t *testing.T, c dice.Cluster) *Matrix {
	t.Helper()
	m, err := Analyze(clusterOf(c))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Problems) > 0 {
		t.Fatalf("%v\n%s", m.Problems, c)
	}
	return m
}

func reversed(_ dice.Dice, c dice.Cluster) dice.Cluster {
	c.Policies = slices.Clone(c.Policies)
	slices.Reverse(c.Policies)
	return c
}

func renamed(_ dice.Dice, c dice.Cluster) dice.Cluster {
	return edited(c, func(i int, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
		p.Name = fmt.Sprintf("a-%d-%s", 9-i, p.Name)
		return []*networkingv1.NetworkPolicy{p}
	})
}

func doubled(_ dice.Dice, c dice.Cluster) dice.Cluster {
	return edited(c, func(_ int, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
		twin := p.DeepCopy()
		twin.Name += "-again"
		return []*networkingv1.NetworkPolicy{p, twin}
	})
}

// edited puts, for each policy, others in its place; it gives edit a copy.
func edited(c dice.Cluster, edit func(int, *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy) dice.Cluster {
	var out []*networkingv1.NetworkPolicy
	for i, p := range c.Policies {
		out = append(out, edit(i, p.DeepCopy())...)
	}
	c.Policies = out
	return c
}

func splitByRule(_ dice.Dice, c dice.Cluster) dice.Cluster {
	return edited(c, func(_ int, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
		return split(p, p.Spec.Ingress, p.Spec.Egress)
	})
}

// splitByPeerAndPort uses that a rule's peers, and its ports, are alternatives.
func splitByPeerAndPort(_ dice.Dice, c dice.Cluster) dice.Cluster {
	return edited(c, func(_ int, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
		var ingress []networkingv1.NetworkPolicyIngressRule
		for _, r := range p.Spec.Ingress {
			for _, from := range oneByOne(r.From) {
				for _, ports := range oneByOne(r.Ports) {
					ingress = append(ingress, networkingv1.NetworkPolicyIngressRule{From: from, Ports: ports})
				}
			}
		}
		var egress []networkingv1.NetworkPolicyEgressRule
		for _, r := range p.Spec.Egress {
			for _, to := range oneByOne(r.To) {
				for _, ports := range oneByOne(r.Ports) {
					egress = append(egress, networkingv1.NetworkPolicyEgressRule{To: to, Ports: ports})
				}
			}
		}
		return split(p, ingress, egress)
	})
}

// oneByOne is a list for each item; an empty list, which stands for everything, stays one.
func oneByOne[T any](list []T) [][]T {
	if len(list) == 0 {
		return [][]T{list}
	}
	var out [][]T
	for _, item := range list {
		out = append(out, []T{item})
	}
	return out
}

// split is a policy for each direction that isolates, with no rule, and one for each of its rules.
func split(p *networkingv1.NetworkPolicy, ingress []networkingv1.NetworkPolicyIngressRule, egress []networkingv1.NetworkPolicyEgressRule) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	part := func(kind networkingv1.PolicyType) *networkingv1.NetworkPolicySpec {
		one := p.DeepCopy()
		one.Name = fmt.Sprintf("%s-%d", p.Name, len(out))
		one.Spec = networkingv1.NetworkPolicySpec{PodSelector: one.Spec.PodSelector, PolicyTypes: []networkingv1.PolicyType{kind}}
		out = append(out, one)
		return &one.Spec
	}
	unsaid := len(p.Spec.PolicyTypes) == 0
	if unsaid || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
		part(networkingv1.PolicyTypeIngress)
		for _, r := range ingress {
			part(networkingv1.PolicyTypeIngress).Ingress = []networkingv1.NetworkPolicyIngressRule{r}
		}
	}
	if unsaid && len(egress) > 0 || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
		part(networkingv1.PolicyTypeEgress)
		for _, r := range egress {
			part(networkingv1.PolicyTypeEgress).Egress = []networkingv1.NetworkPolicyEgressRule{r}
		}
	}
	return out
}

// withIdle adds policies whose selector no pod has, and policies of a namespace without pods.
func withIdle(d dice.Dice, c dice.Cluster) dice.Cluster {
	c.Policies = slices.Clone(c.Policies)
	for i := range 3 {
		nobody := d.Policy(fmt.Sprintf("nobody%d", i))
		nobody.Spec.PodSelector.MatchExpressions = append(nobody.Spec.PodSelector.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: "absent", Operator: metav1.LabelSelectorOpExists})
		elsewhere := d.Policy(fmt.Sprintf("elsewhere%d", i))
		elsewhere.Namespace = "empty"
		c.Policies = append(c.Policies, nobody, elsewhere)
	}
	return c
}

// TestMoreNeverCloses: a further policy never closes a connection of a pod that is isolated already.
func TestMoreNeverCloses(t *testing.T) {
	for seed := range uint64(lawfulSeeds) {
		d := dice.New(seed, 2)
		c := d.Cluster()
		for _, ns := range []string{"x", "y", "z"} {
			deny := policyOf(t, `{podSelector: {}, policyTypes: [Ingress, Egress]}`).NetworkPolicy
			deny.Namespace, deny.Name = ns, "deny"
			c.Policies = append(c.Policies, deny)
		}
		more := c
		more.Policies = append(slices.Clone(c.Policies), d.Policy("more"))
		before, after := analyzed(t, c), analyzed(t, more)
		for _, from := range c.Pods {
			for _, to := range c.Pods {
				for _, port := range dice.Ports {
					was := before.Verdict(PodEndpoint(from.Name), PodEndpoint(to.Name), protocols[0], port)
					is := after.Verdict(PodEndpoint(from.Name), PodEndpoint(to.Name), protocols[0], port)
					if is < was {
						t.Errorf("seed %d: a further policy closes %s -> %s %d: %s, was %s", seed, from.Name, to.Name, port, is, was)
					}
				}
			}
		}
	}
}
