package reachability

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/workload"
)

const maxPort = 65535

// policy is a NetworkPolicy with the API's defaults, ready to be matched.
type policy struct {
	namespace, id, source string
	subjects              selector
	isolates              map[Direction]bool
	rules                 map[Direction][]*rule
}

// rule is one item of spec.ingress or spec.egress.
type rule struct {
	policy    *policy
	direction Direction
	index     int
	// peers are ORed. Empty means everyone, inside and outside.
	peers []peer
	// ports are ORed. Empty means every port of every protocol.
	ports []portSpec
	// certain and possible are the classes of pods that a peer matches, and those that one may match.
	certain, possible set
}

// peer is either a block, or selectors that must both hold; nil is an absent selector.
type peer struct {
	block           *block
	pods            *selector
	namespaces      *selector
	policyNamespace string
}

// portSpec is a range of ports, or a name to be resolved on the destination.
type portSpec struct {
	protocol    workload.Protocol
	first, last int32
	name        string
}

// compiler collects what the API server refuses in one policy.
type compiler struct {
	policy   *policy
	problems []Problem
}

func (c *compiler) refuse(field, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.policy.id, c.policy.source, field, fmt.Sprintf(format, args...)})
}

// compile gives the policy, or every problem for which the API server refuses it.
func compile(in Policy) (*policy, []Problem) {
	c := &compiler{policy: &policy{source: in.Source}}
	if in.NetworkPolicy == nil {
		c.refuse("", "there is no NetworkPolicy")
		return nil, c.problems
	}
	p := c.policy
	p.namespace, p.id = in.Namespace, in.Namespace+"/"+in.Name
	p.subjects = c.selector(&in.Spec.PodSelector, "spec.podSelector")
	p.isolates = c.policyTypes(in.Spec)
	p.rules = map[Direction][]*rule{}
	for i, r := range in.Spec.Ingress {
		p.rules[Ingress] = append(p.rules[Ingress], c.rule(Ingress, i, r.From, "from", r.Ports))
	}
	for i, r := range in.Spec.Egress {
		p.rules[Egress] = append(p.rules[Egress], c.rule(Egress, i, r.To, "to", r.Ports))
	}
	return p, c.problems
}

// policyTypes: "If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set and
// Egress will be set if the NetworkPolicy has any egress rules": an empty egress list sets none.
func (c *compiler) policyTypes(spec networkingv1.NetworkPolicySpec) map[Direction]bool {
	if len(spec.PolicyTypes) == 0 {
		return map[Direction]bool{Ingress: true, Egress: len(spec.Egress) > 0}
	}
	out := map[Direction]bool{}
	for i, t := range spec.PolicyTypes {
		switch t {
		case networkingv1.PolicyTypeIngress:
			out[Ingress] = true
		case networkingv1.PolicyTypeEgress:
			out[Egress] = true
		default:
			c.refuse(fmt.Sprintf("spec.policyTypes[%d]", i), "%q is not one of Ingress, Egress", t)
		}
	}
	return out
}

func (c *compiler) selector(s *metav1.LabelSelector, field string) selector {
	sel, sub, problem := newSelector(s)
	if problem != "" {
		c.refuse(field+sub, "%s", problem)
	}
	return sel
}

func (c *compiler) rule(d Direction, i int, peers []networkingv1.NetworkPolicyPeer, word string, ports []networkingv1.NetworkPolicyPort) *rule {
	r := &rule{policy: c.policy, direction: d, index: i}
	field := fmt.Sprintf("spec.%s[%d]", d, i)
	for j, p := range peers {
		r.peers = append(r.peers, c.peer(p, fmt.Sprintf("%s.%s[%d]", field, word, j)))
	}
	for j, p := range ports {
		r.ports = append(r.ports, c.port(p, fmt.Sprintf("%s.ports[%d]", field, j)))
	}
	return r
}

func (c *compiler) peer(in networkingv1.NetworkPolicyPeer, field string) peer {
	out := peer{policyNamespace: c.policy.namespace}
	if in.IPBlock == nil && in.PodSelector == nil && in.NamespaceSelector == nil {
		c.refuse(field, "the peer has no field: set podSelector, namespaceSelector or ipBlock")
		return out
	}
	if in.IPBlock != nil {
		if in.PodSelector != nil || in.NamespaceSelector != nil {
			c.refuse(field, "ipBlock stands beside a selector: make two peers of it")
		}
		out.block = c.block(*in.IPBlock, field+".ipBlock")
		return out
	}
	if in.PodSelector != nil {
		s := c.selector(in.PodSelector, field+".podSelector")
		out.pods = &s
	}
	if in.NamespaceSelector != nil {
		s := c.selector(in.NamespaceSelector, field+".namespaceSelector")
		out.namespaces = &s
	}
	return out
}

func (c *compiler) block(in networkingv1.IPBlock, field string) *block {
	cidr, ok := c.cidr(in.CIDR, field+".cidr")
	if !ok {
		return &block{}
	}
	out := &block{cidr: cidr.Masked()}
	for i, e := range in.Except {
		at := fmt.Sprintf("%s.except[%d]", field, i)
		except, ok := c.cidr(e, at)
		if !ok {
			continue
		}
		// "Except values will be rejected if they are outside the cidr range"; validation also wants a strict subset.
		if except.Bits() <= cidr.Bits() || !cidr.Masked().Contains(except.Addr()) {
			c.refuse(at, "%s is not a strict part of %s", e, in.CIDR)
			continue
		}
		out.except = append(out.except, except.Masked())
	}
	return out
}

// cidr reads a block. API servers before 1.36 also take one with bits behind its prefix, and leave those out.
func (c *compiler) cidr(text, field string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		c.refuse(field, "%q is not a CIDR such as 10.0.0.0/8", text)
	case p.Addr().Is4In6():
		c.refuse(field, "%q is a block of IPv4 written as IPv6: write it as IPv4", text)
	}
	return p, err == nil && !p.Addr().Is4In6()
}

// port: "If this field is not specified, this field defaults to TCP" (protocol); "If this field is not provided, this
// matches all port names and numbers" (port).
func (c *compiler) port(in networkingv1.NetworkPolicyPort, field string) portSpec {
	out := portSpec{protocol: workload.TCP, first: 1, last: maxPort}
	if in.Protocol != nil {
		out.protocol = workload.Protocol(*in.Protocol)
		switch *in.Protocol {
		case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
		default:
			c.refuse(field+".protocol", "%q is not one of TCP, UDP, SCTP", *in.Protocol)
		}
	}
	switch {
	case in.Port == nil:
		if in.EndPort != nil {
			c.refuse(field+".endPort", "endPort stands without port: give the first port")
		}
	case in.Port.Type == intstr.String:
		out.name = in.Port.StrVal
		if out.name == "" {
			c.refuse(field+".port", "the port's name is empty")
		} else if wrong := validation.IsValidPortName(out.name); len(wrong) > 0 {
			c.refuse(field+".port", "%q is not the name of a port, which %s; a number is written without quotes", out.name, wrong[0])
		}
		if in.EndPort != nil {
			c.refuse(field+".endPort", "endPort stands with the named port %q: give a number", out.name)
		}
	default:
		out.first, out.last = in.Port.IntVal, in.Port.IntVal
		if in.EndPort != nil {
			out.last = *in.EndPort
		}
		c.checkRange(out, field)
	}
	return out
}

func (c *compiler) checkRange(p portSpec, field string) {
	if p.first < 1 || p.first > maxPort {
		c.refuse(field+".port", "%d is not from 1 to 65535", p.first)
		return
	}
	if p.last < p.first || p.last > maxPort {
		c.refuse(field+".endPort", "%d is not from port %d to 65535", p.last, p.first)
	}
}
