package assertion

import (
	"fmt"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Opener is what opens a connection at one of its ends: a rule, or that the end needs none.
type Opener struct {
	// Direction is egress for the end that the connection comes from.
	Direction reachability.Direction
	// Policy is NAMESPACE/NAME, and Source where it was read from. Empty where no policy has to open: see Text.
	Policy string
	Source workload.Source
	// Field is the rule, such as spec.egress[0].
	Field string
	// Text says why no policy has to open, or why it is not known whether the rule does. Empty for a rule that does.
	Text string
}

// Openers is every rule that opens one of the connection's ports at the workloads that are its ends, egress first, in the
// order of the policies. What binds a peer is not known, so nothing is said of its own policies.
func (p *Proof) Openers(c Connection) []Opener {
	open := c.Ports.Union(c.Unknown)
	var out []Opener
	if c.From.Workload != nil {
		out = p.openersAt(c.From, c.To, reachability.Egress, open)
	}
	if c.To.Workload != nil {
		out = append(out, p.openersAt(c.To, c.From, reachability.Ingress, open)...)
	}
	return out
}

func (p *Proof) openersAt(own, other tier.Endpoint, d reachability.Direction, open tier.PortSet) []Opener {
	i := p.number[own.Workload]
	rules, isolated := p.Matrix.Rules(p.class(i), d)
	switch {
	case own.Workload.HostNetwork:
		return []Opener{{Direction: d, Text: fmt.Sprintf("%s is on the host network: policies do not bind it", own.Workload)}}
	case !isolated:
		return []Opener{{Direction: d, Text: fmt.Sprintf("no policy isolates %s", own.Workload)}}
	}
	var out []Opener
	others := p.endpointsOf(other, d)
	for _, r := range rules {
		value := reachability.Denied
		for _, e := range others {
			to := e
			if d == reachability.Ingress {
				to = p.endpoint(i)
			}
			if len(opened(r, to).Intersect(open)) > 0 {
				value = max(value, p.matches(r, e))
			}
		}
		if value == reachability.Denied {
			continue
		}
		policy := p.policyOf(r.Source())
		o := Opener{Direction: d, Policy: policy.Namespace + "/" + policy.Name, Source: policy.object.Source,
			Field: fmt.Sprintf("spec.%s[%d]", d, r.Index())}
		if value == reachability.Unknown {
			o.Text = "it is not known whether this rule matches"
		}
		out = append(out, o)
	}
	if other.Workload != nil && other.Workload.HostNetwork {
		out = append(out, Opener{Direction: d, Text: fmt.Sprintf("%s is on the host network: traffic with a pod's own node is always allowed", other.Workload)})
	}
	return out
}

// matches says whether the rule's peers hold the end.
func (p *Proof) matches(r reachability.Rule, e reachability.Endpoint) reachability.Value {
	if r.Everyone() {
		return reachability.Allowed
	}
	return r.Matches(e)
}

// endpointsOf are what an end is to the policies of the other.
func (p *Proof) endpointsOf(e tier.Endpoint, d reachability.Direction) []reachability.Endpoint {
	if e.Workload != nil {
		return []reachability.Endpoint{p.endpoint(p.number[e.Workload])}
	}
	var out []reachability.Endpoint
	for _, probe := range p.probesOf(e.Peer, d) {
		out = append(out, probe.endpoint)
	}
	return out
}
