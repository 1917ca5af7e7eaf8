package assertion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// rulebook remembers what the rules' peers match, by the peers.
type rulebook struct {
	probes  *probes
	byPeers map[string]*others
	byRule  map[reachability.Rule]*others
}

// others are what a rule's peers match: one workload of each role and class, in the order of the classes, and probes.
type others struct {
	workloads []int
	probes    []matchedProbe
}

type matchedProbe struct {
	*probe
	value reachability.Value
}

func newRulebook(p *Proof) rulebook {
	return rulebook{p.newProbes(), map[string]*others{}, map[reachability.Rule]*others{}}
}

// othersOf are the ends that a rule with peers lets in or out.
func (p *Proof) othersOf(r reachability.Rule) *others {
	if out, known := p.rules.byRule[r]; known {
		return out
	}
	key := r.PeersKey()
	out, known := p.rules.byPeers[key]
	if !known {
		out = p.readOthers(r)
		p.rules.byPeers[key] = out
	}
	p.rules.byRule[r] = out
	return out
}

func (p *Proof) readOthers(r reachability.Rule) *others {
	out := &others{}
	seen := map[int]bool{}
	classes, _ := r.Peers()
	if !r.HasSelectors() {
		classes = nil // addresses are judged as ranges
	}
	for _, c := range classes {
		for _, i := range p.byClass[c] {
			// A named port may differ between classes of one role.
			if role := p.meant.roleOf[i]; !seen[role] || r.HasNames() {
				seen[role] = true
				out.workloads = append(out.workloads, i)
			}
		}
	}
	if r.HasBlocks() {
		for _, probe := range p.rules.probes.ranges {
			if v := r.Matches(probe.endpoint); v != reachability.Denied {
				out.probes = append(out.probes, matchedProbe{probe, v})
			}
		}
	}
	if r.HasSelectors() {
		for _, probe := range p.rules.probes.pods {
			v := r.Matches(probe.endpoint)
			if v == reachability.Denied || v == reachability.Unknown && r.HasBlocks() {
				continue
			}
			out.probes = append(out.probes, matchedProbe{probe, v})
		}
	}
	return out
}

// excess is one thing that a rule opens and no flow means.
type excess struct {
	// text is the connection in words.
	text string
	// value is Allowed where the connection is open, Denied where the other end denies it, Unknown where that, or what
	// the rule means, cannot be said.
	value reachability.Value
}

// maxExamples is how many connections a message names.
const maxExamples = 3

type ruleExcess struct {
	rule  reachability.Rule
	found []excess
}

// unmeant says of each rule what it opens for a workload that no flow means.
func (p *Proof) unmeant() report.Findings {
	var order []*ruleExcess
	byRule := map[reachability.Rule]*ruleExcess{}
	judged := map[ruleAndRole]bool{}
	for c, members := range p.byClass {
		for _, d := range []reachability.Direction{reachability.Egress, reachability.Ingress} {
			rules, _ := p.Matrix.Rules(c, d)
			for _, r := range rules {
				e := byRule[r]
				if e == nil {
					e = &ruleExcess{rule: r}
					byRule[r] = e
					order = append(order, e)
				}
				for _, i := range members {
					key := ruleAndRole{rule: r, role: p.meant.roleOf[i]}
					if r.HasNames() {
						key.class = c
					}
					if !judged[key] {
						judged[key] = true
						p.judge(e, i)
					}
				}
			}
		}
	}
	var out report.Findings
	for _, e := range order {
		if len(e.found) > 0 {
			out = append(out, p.sayExcess(e))
		}
	}
	return out
}

type ruleAndRole struct {
	rule        reachability.Rule
	role, class int
}

// judge collects what the rule opens for the workload beyond what is meant.
func (p *Proof) judge(e *ruleExcess, own int) {
	r, d, role := e.rule, e.rule.Direction(), p.meant.roleOf[own]
	if r.Everyone() {
		var allowed tier.PortSet
		if d == reachability.Ingress {
			allowed = p.meant.roles[role].fromAnyone
		}
		if left := opened(r, p.endpoint(own)).Minus(allowed); len(left) > 0 {
			e.add(connection(d, p.workloads[own].String(), "everyone", left), reachability.Allowed)
		}
		return
	}
	for _, other := range p.othersOf(r).workloads {
		from, to := own, other
		if d == reachability.Ingress {
			from, to = other, own
		}
		left := opened(r, p.endpoint(to)).Minus(p.meant.ofRoles(p.meant.roleOf[from], p.meant.roleOf[to], d))
		if len(left) > 0 {
			open := portsOf(p.Matrix.OpenBetween(p.class(from), p.class(to)), reachability.Allowed).Intersect(left)
			value := reachability.Denied
			if len(open) > 0 {
				left, value = open, reachability.Allowed
			}
			e.add(connection(d, p.workloads[own].String(), p.workloads[other].String(), left), value)
		}
	}
	for _, probe := range p.othersOf(r).probes {
		to := probe.endpoint
		if d == reachability.Ingress {
			to = p.endpoint(own)
		}
		if left := opened(r, to).Minus(p.meant.ofProbe(role, probe.probe, d)); len(left) > 0 {
			e.add(connection(d, p.workloads[own].String(), probe.text, left), probe.value)
		}
	}
}

// opened are the ports of the destination that the rule names.
func opened(r reachability.Rule, to reachability.Endpoint) tier.PortSet {
	return portsOf(r.Ports(to), reachability.Unknown)
}

func (e *ruleExcess) add(text string, value reachability.Value) {
	e.found = append(e.found, excess{text, value})
}

// connection is "A reach B on PORTS", from the side of the policy's subject.
func connection(d reachability.Direction, own, other string, ports tier.PortSet) string {
	if d == reachability.Ingress {
		own, other = other, own
	}
	return fmt.Sprintf("%s reach %s on %s", own, other, ports)
}

// sayExcess is the finding of a rule: about what is really open, where anything is.
func (p *Proof) sayExcess(e *ruleExcess) report.Finding {
	policy := p.policyOf(e.rule.Source())
	worst := slices.MaxFunc(e.found, func(a, b excess) int { return cmp.Compare(a.rank(), b.rank()) }).value
	var texts []string
	for _, x := range e.found {
		if x.value == worst && !slices.Contains(texts, x.text) {
			texts = append(texts, x.text)
		}
	}
	list := listed(texts)
	field := fmt.Sprintf("spec.%s[%d]", e.rule.Direction(), e.rule.Index())
	switch {
	case worst == reachability.Allowed:
		return policy.finding(connectionUnmeant, report.Error, field,
			"lets %s, which no flow means: narrow the rule, or add the flow", list)
	case worst == reachability.Unknown:
		return policy.finding(ruleUnknown, report.Warning, field,
			"may let %s, which no flow means; the labels of the namespace are not known: match it by %s", list, metadataName)
	case policy.ours:
		return policy.finding(ruleUnmeant, report.Error, field,
			"would let %s, which no flow means; the other end still denies it: run tierwall render on the folder", list)
	}
	return policy.finding(ruleUnmeant, report.Warning, field,
		"would let %s, which no flow means; the other end still denies it: narrow the rule, or add the flow", list)
}

func (x excess) rank() int {
	return map[reachability.Value]int{reachability.Denied: 1, reachability.Unknown: 0, reachability.Allowed: 2}[x.value]
}

// listed are the first few texts, and how many more there are.
func listed(texts []string) string {
	if len(texts) <= maxExamples {
		return strings.Join(texts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(texts[:maxExamples], "; "), len(texts)-maxExamples)
}
