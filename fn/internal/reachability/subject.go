package reachability

import (
	"net/netip"

	"tierwall.dev/fn/internal/workload"
)

// subject is an endpoint with all that is known of it.
type subject struct {
	endpoint Endpoint
	external bool
	namespace
	labels map[string]string
	host   bool
	ips    []netip.Addr
	named  []NamedPort
	// virtual pods are not in the input: their named ports are not known.
	virtual bool
	// class is the pod's class, -1 for what is not in the input.
	class int
}

// namespace is a namespace's labels, complete if they are all there are.
type namespace struct {
	name            string
	namespaceLabels map[string]string
	complete        bool
}

// surroundings are what the cluster says of all pods.
type surroundings struct {
	cni      Profile
	podCIDRs []netip.Prefix
}

// selects is true if the policy's podSelector matches the pod: "The array of rules is applied to any pods selected by
// this field". Policies do not bind host-network pods.
func (p *policy) selects(s *subject) bool {
	return !s.external && !s.host && p.namespace == s.name && p.subjects.matches(s.labels, true) == Allowed
}

// matches says whether the rule's peers hold the subject, over the family. "If this field is empty or missing, this rule
// matches all sources" (from); the same of destinations (to).
func (r *rule) matches(s *subject, around *surroundings, f family) Value {
	if len(r.peers) == 0 {
		return Allowed
	}
	out := Denied
	for i := range r.peers {
		out = max(out, r.peers[i].matches(s, around, f))
	}
	return out
}

func (p *peer) matches(s *subject, around *surroundings, f family) Value {
	if p.block != nil {
		if !f.has(p.block.cidr.Addr()) {
			return Denied
		}
		return p.block.matches(s, around)
	}
	// A host-network pod is seen with its node's address, which no selector matches.
	if s.external || s.host {
		return Denied
	}
	out := Allowed
	if p.namespaces == nil {
		// podSelector alone "selects the Pods matching PodSelector in the policy's own Namespace".
		if s.name != p.policyNamespace {
			return Denied
		}
	} else {
		out = p.namespaces.matches(s.namespaceLabels, s.complete)
	}
	if p.pods != nil {
		out = min(out, p.pods.matches(s.labels, true))
	}
	return out
}

// matches of a block: what ipBlock means for pods and nodes is up to the network plugin.
func (b *block) matches(s *subject, around *surroundings) Value {
	switch {
	case s.external:
		return b.holds(addrRange{s.endpoint.First, s.endpoint.Last})
	case around.cni == Cilium:
		return Denied
	}
	var out Value
	switch {
	case len(s.ips) > 0:
		out = b.holdsAny(s.ips)
	case s.host:
		out = Unknown // a node's address can be anywhere
	default:
		out = b.holdsSomewhere(around.podCIDRs)
	}
	if around.cni != Calico && around.cni != AWSVPCCNI {
		out = min(out, Unknown)
	}
	return out
}

// opens says whether the rule's ports hold the port of the destination.
func (r *rule) opens(to *subject, protocol workload.Protocol, port int32) Value {
	if len(r.ports) == 0 {
		return Allowed
	}
	out := Denied
	for i := range r.ports {
		out = max(out, r.ports[i].holds(to, protocol, port))
	}
	return out
}

// holds resolves a name on the destination pod, with the same protocol; a name that the pod does not have matches
// nothing, and neither does a name where the destination is outside.
func (p *portSpec) holds(to *subject, protocol workload.Protocol, port int32) Value {
	if p.protocol != protocol {
		return Denied
	}
	if p.name == "" {
		if p.first <= port && port <= p.last {
			return Allowed
		}
		return Denied
	}
	if to.virtual {
		return Unknown
	}
	for _, n := range to.named {
		if n.Name == p.name && n.Protocol == protocol && n.Number == port {
			return Allowed
		}
	}
	return Denied
}
