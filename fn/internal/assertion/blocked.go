package assertion

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// end is one end of a group's connections: workloads that no policy tells apart, or a probe.
type end struct {
	// number is the first of the workloads. -1 for a probe.
	number int
	class  int
	probe  *probe
	// peer is what the end stands for; nil for a workload that is an end itself.
	peer *tier.Peer
}

func (p *Proof) endpointOf(e end) reachability.Endpoint {
	if e.probe != nil {
		return e.probe.endpoint
	}
	return p.endpoint(e.number)
}

func (p *Proof) text(e end) string {
	if e.probe != nil {
		return e.probe.text
	}
	return p.workloads[e.number].String()
}

// ends are the classes and probes of a group's ends, in their order.
func (p *Proof) ends(list []tier.Endpoint, d reachability.Direction) []end {
	var out []end
	seen := map[int]bool{}
	add := func(i int, peer *tier.Peer) {
		if c := p.class(i); !seen[c] {
			seen[c] = true
			out = append(out, end{number: i, class: c, peer: peer})
		}
	}
	for _, e := range list {
		if e.Workload != nil {
			add(p.number[e.Workload], nil)
			continue
		}
		for _, i := range p.meant.members[e.Peer] {
			add(i, e.Peer)
		}
		for _, probe := range p.probesOf(e.Peer, d) {
			out = append(out, end{number: -1, class: -1, probe: probe, peer: e.Peer})
		}
	}
	return out
}

// probesOf are the probes that stand for a peer as a source (ingress) or a destination (egress).
func (p *Proof) probesOf(peer *tier.Peer, d reachability.Direction) []*probe {
	key := peerAndDirection{peer, d}
	if out, known := p.meant.probes[key]; known {
		return out
	}
	targets := peer.To
	if d == reachability.Ingress {
		targets = peer.From
	}
	var out []*probe
	for _, list := range [][]*probe{p.rules.probes.ranges, p.rules.probes.pods} {
		for _, probe := range list {
			if slices.ContainsFunc(targets, func(t tier.Target) bool { return probe.matches(t) }) && !p.speculative(probe, targets) {
				out = append(out, probe)
			}
		}
	}
	p.meant.probes[key] = out
	return out
}

// speculative is true for a pod that only a policy's selector made up: of a peer that is all pods of its namespace, one
// that wears no label stands for them.
func (p *Proof) speculative(probe *probe, targets []tier.Target) bool {
	if probe.endpoint.First.IsValid() {
		return false
	}
	for _, t := range targets {
		if t.Namespace == probe.endpoint.Namespace {
			for _, labels := range examples(t.Pods) {
				if fmt.Sprint(labels) == fmt.Sprint(probe.endpoint.PodLabels) {
					return false
				}
			}
		}
		if t.Any && probe.endpoint.Namespace == elsewhere && len(probe.endpoint.PodLabels) == 0 {
			return false
		}
	}
	return true
}

type peerAndDirection struct {
	peer      *tier.Peer
	direction reachability.Direction
}

// verdict of one port between two ends. Two workloads of one class are two pods, of which neither is the other.
func (p *Proof) verdict(from, to end, protocol workload.Protocol, port int32) reachability.Value {
	if from.probe == nil && to.probe == nil {
		return p.Matrix.Between(from.class, to.class, protocol, port)
	}
	return p.Matrix.Verdict(p.endpointOf(from), p.endpointOf(to), protocol, port)
}

func (p *Proof) open(from, to end) []reachability.PortRange {
	if from.probe == nil && to.probe == nil {
		return p.Matrix.OpenBetween(from.class, to.class)
	}
	return p.Matrix.Open(p.endpointOf(from), p.endpointOf(to))
}

// missing are the ports that are not open, and whether that is sure.
func (p *Proof) missing(from, to end, want tier.PortSet) (tier.PortSet, reachability.Value) {
	worst := reachability.Allowed
	var out tier.PortSet
	for _, r := range want {
		if r.First == r.Last {
			if v := p.verdict(from, to, r.Protocol, r.First); v != reachability.Allowed {
				worst = min(worst, v)
				out = append(out, r)
			}
			continue
		}
		open := p.open(from, to)
		if left := (tier.PortSet{r}).Minus(portsOf(open, reachability.Allowed)); len(left) > 0 {
			out = append(out, left...)
			worst = min(worst, reachability.Unknown)
			if len(left.Minus(portsOf(open, reachability.Unknown))) > 0 {
				worst = reachability.Denied
			}
		}
	}
	return out, worst
}

// shortfall is connections that are meant and not open, of one cause.
type shortfall struct {
	declared []string
	// at is the end whose policies deny, and by which.
	at        end
	direction reachability.Direction
	value     reachability.Value
	because   string
	texts     []string
}

// shortfalls are what of the groups does not get through.
func (p *Proof) shortfalls(groups []tier.Group) []*shortfall {
	var order []*shortfall
	byCause := map[string]*shortfall{}
	for g := range groups {
		group := &groups[g]
		sources := p.takingPart(p.ends(group.From, reachability.Ingress), reachability.Egress)
		destinations := p.takingPart(p.ends(group.To, reachability.Egress), reachability.Ingress)
		for _, from := range sources {
			for _, to := range destinations {
				left, value := p.missing(from, to, group.Ports)
				if len(left) == 0 {
					continue
				}
				s := p.cause(group, from, to, left[0], value)
				key := fmt.Sprint(s.declared, s.direction, s.value, s.at.number, s.at.probe, s.because)
				if byCause[key] == nil {
					byCause[key] = s
					order = append(order, s)
				}
				byCause[key].texts = append(byCause[key].texts, fmt.Sprintf("%s to %s on %s", p.text(from), p.text(to), left))
			}
		}
	}
	return order
}

func (p *Proof) takingPart(list []end, d reachability.Direction) []end {
	return slices.DeleteFunc(list, func(e end) bool { return !p.takesPart(e, d) })
}

// takesPart is false for a workload that a peer stands for where others take the peer's part: what else runs in Prometheus'
// namespace need not reach anyone, nor need anyone reach a job.
func (p *Proof) takesPart(e end, d reachability.Direction) bool {
	if e.peer == nil || e.probe != nil {
		return true
	}
	others, own := false, false
	for _, w := range p.in.Model.Members[e.peer.Name] {
		if d == reachability.Egress || !w.Client {
			others = true
			own = own || p.class(p.number[w]) == e.class
		}
	}
	return own || !others && !p.unknownScraper(e.peer)
}

// unknownScraper is true for Prometheus where it is a namespace with workloads of the input, of which none is known to
// scrape: then a pod that is not in the input stands for it, and not all that runs beside it.
func (p *Proof) unknownScraper(peer *tier.Peer) bool {
	return peer.Name == tier.Prometheus && len(p.in.Model.Members[peer.Name]) == 0 && len(p.meant.members[peer]) > 0 &&
		!slices.ContainsFunc(peer.From, func(t tier.Target) bool { return t.Namespace == "" || t.Pods != nil })
}

// cause finds the end that denies the first of the ports.
func (p *Proof) cause(g *tier.Group, from, to end, port tier.PortRange, value reachability.Value) *shortfall {
	source := p.endpointOf(from)
	if from.probe == nil && from.class == to.class {
		w := p.workloads[from.number] // another pod of the same kind: a pod always reaches itself
		source = reachability.Endpoint{Namespace: namespaceOf(w.Namespace), PodLabels: w.PodLabels}
	}
	v := p.Matrix.Explain(source, p.endpointOf(to), port.Protocol, port.First)
	s := &shortfall{declared: g.Declared, at: to, direction: reachability.Ingress, value: value}
	if v.Egress <= v.Ingress {
		s.at, s.direction = from, reachability.Egress
	}
	var because []string
	for _, r := range v.Reasons {
		if r.Direction != s.direction || r.Policy == "" {
			continue
		}
		text := p.policyOf(r.Source).String()
		if r.Rule != reachability.Isolation {
			text += fmt.Sprintf(" spec.%s[%d]", r.Direction, r.Rule)
		}
		because = append(because, text)
	}
	s.because = listed(because)
	return s
}

// String is the shortfall for a message, without the places that ask for it.
func (p *Proof) sayShortfall(s *shortfall) string {
	if s.value == reachability.Unknown {
		return fmt.Sprintf("%s: whether its %s lets it through cannot be said (%s)", listed(s.texts), s.direction, s.because)
	}
	return fmt.Sprintf("%s: the %s of %s is isolated by %s, and no rule lets it through", listed(s.texts), s.direction, p.text(s.at), s.because)
}

// blocked says which flows do not get through, at the workload whose end denies them. A peer's end is another matter: its
// workloads may be opened by other means than a policy of the package, and which of them take its part may not be known.
// A workload without a tier has flows only as one of those.
func (p *Proof) blocked() report.Findings {
	var out report.Findings
	for _, s := range p.shortfalls(p.in.Model.Groups) {
		id, severity, advice := flowBlocked, report.Error, ""
		switch {
		case s.value == reachability.Unknown:
			id, severity = flowUnproven, report.Warning
		case s.at.peer != nil, s.at.probe == nil && p.workloads[s.at.number].Tier == "":
			id, severity = peerIsolated, report.Warning
			advice = "; tierwall render opens this end too if labels tell its pods from others, or open it by hand"
			if s.at.probe != nil {
				advice = p.adviceForPods(s.at.peer)
			}
		}
		out = append(out, p.at(s, id, severity, fmt.Sprintf("%s means %s%s", strings.Join(s.declared, ", "), p.sayShortfall(s), advice)))
	}
	return out
}

// adviceForPods is what to do about a peer's pods that are not in the input, and fall under a default deny that is.
func (p *Proof) adviceForPods(peer *tier.Peer) string {
	if !p.unknownScraper(peer) {
		return "; no workload of the input has those pods: declare them, spec.workloads with pods, or write their policy beside these"
	}
	return fmt.Sprintf("; no workload of the input is known to be it: if one of that namespace is, such as %s, name its pods by the peer's podSelector, else declare it, spec.workloads with pods, or write its policy beside these",
		p.workloads[p.meant.members[peer][0]])
}

// at puts a shortfall's finding at the workload that denies it, or at none where that is a peer.
func (p *Proof) at(s *shortfall, id report.ID, severity report.Severity, message string) report.Finding {
	if s.at.probe != nil {
		return report.Finding{ID: id, Severity: severity, Message: message}
	}
	return findingOf(p.workloads[s.at.number], id, severity, "%s", message)
}
