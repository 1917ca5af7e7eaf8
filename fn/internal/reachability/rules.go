package reachability

import (
	"maps"
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// Rule is one item of a policy's spec.ingress or spec.egress, apart from the pods that the policy selects. Rules are
// equal if they are the same item of the same policy.
type Rule struct {
	m    *Matrix
	rule *rule
}

// Class is the index in Classes of the pod's class, or -1 where the input has no such pod.
func (m *Matrix) Class(podID string) int {
	if s := m.pods[podID]; s != nil {
		return s.class
	}
	return -1
}

// Rules are the rules that bind the pods of a class in one direction, in the order of the policies; isolated is false
// where no policy isolates them, so that everything is open.
func (m *Matrix) Rules(class int, d Direction) (rules []Rule, isolated bool) {
	side := egressSide
	if d == Ingress {
		side = ingressSide
	}
	c := m.classOf(m.classes[class].pod)
	for _, r := range c.rules[side] {
		rules = append(rules, Rule{m, r})
	}
	return rules, c.isolated[side]
}

// SelectsNothing are the sources of the policies that select no pod of the input, in the order of their namespaces.
func (m *Matrix) SelectsNothing() []string {
	selecting := map[*policy]bool{}
	for _, c := range m.classes {
		for _, p := range c.policies {
			selecting[p] = true
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.policies)) {
		for _, p := range m.policies[name] {
			if !selecting[p] {
				out = append(out, p.source)
			}
		}
	}
	return out
}

// Between is the verdict for a pod of one class and another pod of the same or another class.
func (m *Matrix) Between(from, to int, protocol workload.Protocol, port int32) Value {
	return m.between(m.classes[from].pod, m.classes[to].pod, protocol, port)
}

// OpenBetween is Open for a pod of one class and another pod of the same or another class.
func (m *Matrix) OpenBetween(from, to int) []PortRange {
	return m.open(m.classes[from].pod, m.classes[to].pod, m.between)
}

// Source is the Policy.Source of the rule's policy.
func (r Rule) Source() string { return r.rule.policy.source }

// Direction is the direction of the rule.
func (r Rule) Direction() Direction { return r.rule.direction }

// Index is the rule's place in spec.ingress or spec.egress.
func (r Rule) Index() int { return r.rule.index }

// Everyone is true for a rule without peers: "this rule matches all sources" or destinations, inside and outside.
func (r Rule) Everyone() bool { return len(r.rule.peers) == 0 }

// HasBlocks is true if a peer is an ipBlock; HasSelectors if one is not.
func (r Rule) HasBlocks() bool { return r.rule.hasBlock() }

// HasSelectors is true if a peer is of selectors.
func (r Rule) HasSelectors() bool {
	return slices.ContainsFunc(r.rule.peers, func(p peer) bool { return p.block == nil })
}

func (r *rule) hasBlock() bool {
	return slices.ContainsFunc(r.peers, func(p peer) bool { return p.block != nil })
}

// HasNames is true if a port is given by its name, so that Ports depends on the destination.
func (r Rule) HasNames() bool {
	for _, p := range r.rule.ports {
		if p.name != "" {
			return true
		}
	}
	return false
}

// Peers are the classes of pods that the rule's peers match for certain, and those that they may match, in ascending
// order. All of them for a rule without peers.
func (r Rule) Peers() (certain, possible []int) {
	if !r.Everyone() {
		return r.rule.certain.numbers(), r.rule.possible.numbers()
	}
	for n := range r.m.classes {
		certain = append(certain, n)
	}
	return certain, nil
}

// PeersKey is equal for rules whose peers are the same.
func (r Rule) PeersKey() string { return r.rule.peersKey() }

// Matches says whether the rule's peers hold the endpoint.
func (r Rule) Matches(e Endpoint) Value {
	s := r.m.subject(e)
	if s == nil {
		return Unknown
	}
	return r.rule.matches(s, r.m.around, anyFamily)
}

// Ports are the ports of the destination that the rule names, as they are written. Unknown for a name that may be any
// port of a pod that is not in the input.
func (r Rule) Ports(to Endpoint) []PortRange {
	if len(r.rule.ports) == 0 {
		var out []PortRange
		for _, p := range protocols {
			out = append(out, PortRange{p, 1, maxPort, Allowed})
		}
		return out
	}
	dst := r.m.subject(to)
	var out []PortRange
	for _, p := range r.rule.ports {
		switch {
		case p.name == "":
			out = append(out, PortRange{p.protocol, p.first, p.last, Allowed})
		case dst == nil || dst.virtual:
			out = append(out, PortRange{p.protocol, 1, maxPort, Unknown})
		default:
			for _, n := range dst.named {
				if n.Name == p.name && n.Protocol == p.protocol {
					out = append(out, PortRange{p.protocol, n.Number, n.Number, Allowed})
				}
			}
		}
	}
	return out
}
