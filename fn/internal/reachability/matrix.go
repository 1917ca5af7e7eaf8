package reachability

import (
	"fmt"
	"net/netip"
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// Matrix answers what gets through between any two endpoints. It is read-only and safe for concurrent use.
type Matrix struct {
	// Problems are the policies that the API server refuses, in the order of the input. They count as absent.
	Problems []Problem

	around     *surroundings
	pods       map[string]*subject
	ordered    []*subject // pods in the order of the input
	namespaces map[string]namespace
	policies   map[string][]*policy // by namespace, in the order of the input
	// classes are pods that no policy can tell apart; each is stood for by its first pod.
	classes   []*class
	externals []addrRange
}

// class is what the policies say of all its pods.
type class struct {
	pod      *subject
	policies []*policy // that select it, in the order of the input
	isolated [2]bool   // by side
	rules    [2][]*rule
	blocks   [2]bool // by side: a peer of a rule is an ipBlock
}

// sides index a class's arrays.
const (
	egressSide = iota
	ingressSide
)

// Analyze reads the cluster. Invalid policies become Problems of the result; the error is for two pods with one ID.
func Analyze(c Cluster) (*Matrix, error) {
	m := &Matrix{around: newSurroundings(c), policies: map[string][]*policy{}}
	var all []*policy
	for _, in := range c.Policies {
		p, problems := compile(in)
		if len(problems) > 0 {
			m.Problems = append(m.Problems, problems...)
			continue
		}
		all = append(all, p)
		m.policies[p.namespace] = append(m.policies[p.namespace], p)
	}
	m.readNamespaces(c.Namespaces)
	if err := m.readPods(c.Pods); err != nil {
		return nil, err
	}
	m.classify(c.Pods, all)
	m.readExternals(c, all)
	return m, nil
}

func newSurroundings(c Cluster) *surroundings {
	out := &surroundings{cni: c.CNI, podCIDRs: c.PodCIDRs}
	if len(out.podCIDRs) == 0 {
		out.podCIDRs = privateRanges
	}
	return out
}

func (m *Matrix) readNamespaces(in []Namespace) {
	m.namespaces = make(map[string]namespace, len(in))
	for _, n := range in {
		labels := make(map[string]string, len(n.Labels)+1)
		for k, v := range n.Labels {
			labels[k] = v
		}
		labels[metadataName] = n.Name
		m.namespaces[n.Name] = namespace{n.Name, labels, n.Known}
	}
}

func (m *Matrix) namespaceOf(name string) namespace {
	if n, ok := m.namespaces[name]; ok {
		return n
	}
	return namespace{name, map[string]string{metadataName: name}, false}
}

func (m *Matrix) readPods(in []Pod) error {
	m.pods = make(map[string]*subject, len(in))
	for _, p := range in {
		if p.ID == "" {
			return fmt.Errorf("pod %s/%s: no ID", p.Namespace, p.Name)
		}
		if m.pods[p.ID] != nil {
			return fmt.Errorf("pod %q: occurs twice", p.ID)
		}
		if _, ok := m.namespaces[p.Namespace]; !ok {
			m.namespaces[p.Namespace] = m.namespaceOf(p.Namespace)
		}
		s := &subject{
			endpoint: PodEndpoint(p.ID), namespace: m.namespaces[p.Namespace],
			labels: p.Labels, host: p.HostNetwork, ips: p.IPs, named: p.NamedPorts, class: -1,
		}
		m.pods[p.ID] = s
		m.ordered = append(m.ordered, s)
	}
	return nil
}

func (m *Matrix) readExternals(c Cluster, policies []*policy) {
	prefixes := slices.Concat(c.Externals, c.PodCIDRs, c.ServiceCIDRs)
	for _, p := range policies {
		for _, b := range p.blocks() {
			prefixes = append(append(prefixes, b.cidr), b.except...)
		}
	}
	prefixes = slices.DeleteFunc(prefixes, func(p netip.Prefix) bool { return !p.IsValid() })
	m.externals = partition(prefixes)
}

func (p *policy) blocks() []*block {
	var out []*block
	for _, rules := range p.rules {
		for _, r := range rules {
			for _, peer := range r.peers {
				if peer.block != nil {
					out = append(out, peer.block)
				}
			}
		}
	}
	return out
}

// Externals are all addresses of both families, cut so that no policy tells two addresses of one range apart, in
// ascending order, IPv4 first. Every prefix of Cluster.Externals is a union of ranges.
func (m *Matrix) Externals() []Endpoint {
	out := make([]Endpoint, len(m.externals))
	for i, r := range m.externals {
		out[i] = Endpoint{First: r.first, Last: r.last}
	}
	return out
}

// subject gives all that is known of the endpoint. A PodID that the input does not have is an endpoint about which
// nothing is known; it gives nil.
func (m *Matrix) subject(e Endpoint) *subject {
	switch {
	case e.PodID != "":
		return m.pods[e.PodID]
	case e.First.IsValid():
		return &subject{endpoint: e, external: true, class: -1}
	}
	return &subject{endpoint: e, namespace: m.namespaceOf(e.Namespace), labels: e.PodLabels, virtual: true, class: -1}
}

// Verdict is the value of one connection: the lesser of what both ends say, over the family of addresses for which that
// is the most. An endpoint with a PodID that is not in the input is unknown.
func (m *Matrix) Verdict(from, to Endpoint, protocol workload.Protocol, port int32) Value {
	src, dst := m.subject(from), m.subject(to)
	if src == nil || dst == nil {
		return Unknown
	}
	return m.verdict(src, dst, protocol, port)
}

func (m *Matrix) verdict(src, dst *subject, protocol workload.Protocol, port int32) Value {
	if itself(src, dst) {
		return Allowed
	}
	return m.between(src, dst, protocol, port)
}

// between is the verdict for two ends that are not the same pod.
func (m *Matrix) between(src, dst *subject, protocol workload.Protocol, port int32) Value {
	out := m.over(anyFamily, src, dst, protocol, port)
	if out == Denied || !m.familiesMatter(src, dst) {
		return out
	}
	out = Denied
	for _, f := range m.families(src, dst) {
		out = max(out, m.over(f, src, dst, protocol, port))
	}
	return out
}

// over is between over one family, or over any: then each end is taken by the family that lets most through.
func (m *Matrix) over(f family, src, dst *subject, protocol workload.Protocol, port int32) Value {
	out := m.side(egressSide, src, dst, dst, protocol, port, f)
	if out == Denied {
		return Denied
	}
	return min(out, m.side(ingressSide, dst, src, dst, protocol, port, f))
}

// itself: a pod always reaches itself.
func itself(src, dst *subject) bool {
	return src.endpoint.PodID != "" && src.endpoint.PodID == dst.endpoint.PodID
}

// side is what the policies of one end say of the other.
func (m *Matrix) side(side int, own, other, dst *subject, protocol workload.Protocol, port int32, f family) Value {
	c := m.classOf(own)
	if !c.isolated[side] {
		return Allowed
	}
	out := floor(other)
	for _, r := range c.rules[side] {
		v := r.holdsPeer(other, m.around, f)
		if v <= out {
			continue
		}
		out = max(out, min(v, r.opens(dst, protocol, port)))
		if out == Allowed {
			return Allowed
		}
	}
	return out
}

// floor is what no policy of the other end can take away. "Traffic to and from the node where a Pod is running is
// always allowed": a host-network pod may be on that node.
func floor(other *subject) Value {
	if other.host {
		return Unknown
	}
	return Denied
}

// holdsPeer is matches, by the sets where the pod has a class.
func (r *rule) holdsPeer(s *subject, around *surroundings, f family) Value {
	switch {
	case len(r.peers) == 0:
		return Allowed
	case s.class < 0 || f != anyFamily && r.hasBlock():
		return r.matches(s, around, f)
	case r.certain.has(s.class):
		return Allowed
	case r.possible.has(s.class):
		return Unknown
	}
	return Denied
}

var unbound = &class{}

// classOf gives what the policies say of the subject; they do not bind what is outside or on the host network.
func (m *Matrix) classOf(s *subject) *class {
	switch {
	case s.external || s.host:
		return unbound
	case s.class >= 0:
		return m.classes[s.class]
	}
	return newClass(s, m.policies[s.name])
}
