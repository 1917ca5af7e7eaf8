package assertion

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// End is an end of a connection to explain.
type End struct {
	// Text names it.
	Text string

	end
}

// WorkloadEnd is the pods of a workload of the environment.
func (p *Proof) WorkloadEnd(w *workload.Workload) End {
	i := p.number[w]
	return End{w.String(), end{number: i, class: p.class(i)}}
}

// PeerEnds are the ends that a peer stands for, as a source or as a destination: ranges of addresses, each told apart
// from the others by a policy or a flow, and pods of its namespaces.
func (p *Proof) PeerEnds(peer *tier.Peer, source bool) []End {
	d := reachability.Egress
	if source {
		d = reachability.Ingress
	}
	var out []End
	for _, i := range p.meant.members[peer] {
		out = append(out, p.WorkloadEnd(p.workloads[i]))
	}
	for _, probe := range p.probesOf(peer, d) {
		out = append(out, End{probe.text, end{number: -1, class: -1, probe: probe}})
	}
	return out
}

// AddressEnd is the addresses of a prefix.
func AddressEnd(prefix netip.Prefix) End {
	e := reachability.ExternalEndpoint(prefix)
	return End{prefix.String(), end{number: -1, class: -1, probe: rangeProbe(e)}}
}

// ElsewhereEnd is a pod of a namespace that neither the input nor a policy or flow names.
func ElsewhereEnd() End {
	return End{elsewhere, end{number: -1, class: -1, probe: podProbe(elsewhere, nil)}}
}

// Open reports whether a connection is open, and whether the input decides that; Explain gives the reasons.
func (p *Proof) Open(from, to End, protocol workload.Protocol, port int32) (open, decided bool) {
	v := p.Matrix.Verdict(p.endpointOf(from.end), p.endpointOf(to.end), protocol, port)
	return v == reachability.Allowed, v != reachability.Unknown
}

// Peers are the peers that the environment's flows, invariants and tests name, in their order.
func (p *Proof) Peers() []*tier.Peer { return p.peers() }

// Answer is the verdict of one connection and what decides it.
type Answer struct {
	Value reachability.Value
	// Meant are the places that ask for the connection. Empty means that no flow means it.
	Meant []string
	// Reasons are the policies and rules that decide, egress first, a line each.
	Reasons []string
}

// Explain says what decides a connection. From and to of one workload are two of its pods.
func (p *Proof) Explain(from, to End, protocol workload.Protocol, port int32) Answer {
	source := p.endpointOf(from.end)
	if from.probe == nil && from.number == to.number {
		w := p.workloads[from.number]
		source = reachability.Endpoint{Namespace: namespaceOf(w.Namespace), PodLabels: w.PodLabels}
	}
	v := p.Matrix.Explain(source, p.endpointOf(to.end), protocol, port)
	out := Answer{Value: v.Value, Meant: p.declared(from, to, protocol, port)}
	// The ends are named in the question: without their names, answers for many ranges of addresses are one. One name may
	// begin the other.
	names := []string{source.String(), "the source", p.endpointOf(to.end).String(), "the destination"}
	if len(names[2]) > len(names[0]) {
		names = []string{names[2], names[3], names[0], names[1]}
	}
	unnamed := strings.NewReplacer(names...)
	for _, r := range v.Reasons {
		r.Text = unnamed.Replace(r.Text)
		out.Reasons = append(out.Reasons, p.reason(r))
	}
	return out
}

func (p *Proof) reason(r reachability.Reason) string {
	if r.Policy == "" {
		return fmt.Sprintf("%s %s: %s", r.Direction, r.Value, r.Text)
	}
	policy := p.policyOf(r.Source)
	if r.Rule == reachability.Isolation {
		return fmt.Sprintf("%s %s: %s: %s", r.Direction, r.Value, policy, r.Text)
	}
	return fmt.Sprintf("%s %s: %s spec.%s[%d]: %s", r.Direction, r.Value, policy, r.Direction, r.Rule, r.Text)
}

// declared are the places that ask for the connection.
func (p *Proof) declared(from, to End, protocol workload.Protocol, port int32) []string {
	var out []string
	for _, g := range p.in.Model.Groups {
		named := slices.ContainsFunc(g.Ports, func(r tier.PortRange) bool {
			return r.Protocol == protocol && r.First <= port && port <= r.Last
		})
		if named && p.among(g.From, from, reachability.Ingress) && p.among(g.To, to, reachability.Egress) {
			out = append(out, g.Declared...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// among reports whether the end is one of a group's sources (ingress) or destinations.
func (p *Proof) among(list []tier.Endpoint, e End, d reachability.Direction) bool {
	return slices.ContainsFunc(list, func(x tier.Endpoint) bool {
		switch {
		case x.Workload != nil:
			return e.probe == nil && x.Workload == p.workloads[e.number]
		case e.probe != nil:
			return e.probe.is(x.Peer, d)
		}
		return slices.ContainsFunc(slices.Concat(x.Peer.From, x.Peer.To), func(t tier.Target) bool {
			w := p.workloads[e.number]
			return t.Namespace == namespaceOf(w.Namespace) && t.Namespace != "" && selects(t.Pods, w.PodLabels)
		})
	})
}
