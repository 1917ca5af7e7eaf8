package reachability

import (
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// Explain is Verdict with all reasons. It is evaluated from the policies themselves, without classes and sets.
func (m *Matrix) Explain(from, to Endpoint, protocol workload.Protocol, port int32) Verdict {
	src, dst := m.subject(from), m.subject(to)
	for _, end := range []struct {
		d Direction
		e Endpoint
		s *subject
	}{{Egress, from, src}, {Ingress, to, dst}} {
		if end.s == nil {
			text := "pod " + end.e.PodID + " is not in the input"
			return Verdict{Unknown, Unknown, Unknown, []Reason{{Direction: end.d, Rule: Isolation, Value: Unknown, Text: text}}}
		}
	}
	if itself(src, dst) {
		reason := Reason{Direction: Egress, Rule: Isolation, Value: Allowed, Text: "a pod always reaches itself"}
		return Verdict{Allowed, Allowed, Allowed, []Reason{reason}}
	}
	v := m.explainOver(anyFamily, src, dst, protocol, port)
	if !m.familiesMatter(src, dst) {
		return v
	}
	best := Denied
	for _, f := range m.families(src, dst) {
		best = max(best, m.explainOver(f, src, dst, protocol, port).Value)
	}
	if best < v.Value {
		v.Value = best
		text := "the ipBlocks of egress and those of ingress hold addresses of different families: no connection has both"
		v.Reasons = append([]Reason{{Direction: Ingress, Rule: Isolation, Value: best, Text: text}}, v.Reasons...)
	}
	return v
}

func (m *Matrix) explainOver(f family, src, dst *subject, protocol workload.Protocol, port int32) Verdict {
	out, egress := m.explainSide(Egress, src, dst, dst, protocol, port, f)
	in, ingress := m.explainSide(Ingress, dst, src, dst, protocol, port, f)
	return Verdict{Value: min(out, in), Egress: out, Ingress: in, Reasons: append(egress, ingress...)}
}

func (m *Matrix) explainSide(d Direction, own, other, dst *subject, protocol workload.Protocol, port int32, f family) (Value, []Reason) {
	if own.external || own.host {
		return Allowed, []Reason{{Direction: d, Rule: Isolation, Value: Allowed, Text: unboundText(own)}}
	}
	var isolating, opening []Reason
	out := floor(other)
	for _, p := range m.policies[own.name] {
		if !p.isolates[d] || !p.selects(own) {
			continue
		}
		isolating = append(isolating, Reason{p.id, p.source, d, Isolation, Denied, "isolates " + own.endpoint.String() + ", and no rule of it matches"})
		for _, r := range p.rules[d] {
			peer, ports := r.matches(other, m.around, f), r.opens(dst, protocol, port)
			v := min(peer, ports)
			if v == Denied {
				continue
			}
			out = max(out, v)
			opening = append(opening, Reason{p.id, p.source, d, r.index, v, matchText(peer, ports, other)})
		}
	}
	switch {
	case len(isolating) == 0:
		return Allowed, []Reason{{Direction: d, Rule: Isolation, Value: Allowed, Text: "no policy isolates " + own.endpoint.String()}}
	case len(opening) > 0:
		return out, opening
	case out == Unknown:
		reason := Reason{Direction: d, Rule: Isolation, Value: Unknown, Text: other.endpoint.String() + " is on the host network: traffic with the pod's own node is always allowed"}
		return out, slices.Concat([]Reason{reason}, isolating)
	}
	return out, isolating
}

func unboundText(s *subject) string {
	if s.external {
		return "no policy binds addresses outside the cluster"
	}
	return s.endpoint.String() + " is on the host network: policies do not bind it"
}

func matchText(peer, ports Value, other *subject) string {
	switch {
	case ports == Unknown:
		return "a named port of a pod that is not in the input"
	case peer == Allowed:
		return "matches " + other.endpoint.String()
	case other.external:
		return "holds a part of " + other.endpoint.String()
	}
	return "may match " + other.endpoint.String() + ": an address, or a label of its namespace, is not known"
}
