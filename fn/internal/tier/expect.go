package tier

import (
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Expected is what an expectation means in one environment: that every connection of Groups has the verdict. As in an
// invariant, internet means public addresses.
type Expected struct {
	// Field is where the expectation is written, such as spec.expect[2].
	Field string
	// Verdict is never empty: Denied where the expectation gives the only sources, which Groups leave out then.
	Verdict Verdict
	// Only are the only sources that may be allowed. Empty where the expectation gives a verdict.
	Only []Endpoint
	// Groups are the connections. Empty where no workload is meant.
	Groups []Group
}

// ForTest is the set as a test sees it: with the test's own tier labels, if it has any. AssignTiers of that set gives the
// workloads the tiers that the test means.
func (s *Set) ForTest(t *Test) *Set {
	if len(t.TierLabels) == 0 {
		return s
	}
	c := *s
	c.TierLabels = t.TierLabels
	return &c
}

// Expect is what a test's expectations mean in one environment, whose workloads have their tiers, in their order. What is to
// be allowed follows the rule for flows across namespaces; what is to be denied holds across all of them.
func (s *Set) Expect(environment string, inv *workload.Inventory, t *Test) ([]Expected, report.Findings) {
	var statements []FlowSpec
	for _, x := range t.Expect {
		statements = append(statements, x.flow(), FlowSpec{From: x.Only})
	}
	e := s.expansion(environment, inv, statements)
	e.document = document{t.object, t.Source}
	var out []Expected
	for i := range t.Expect {
		out = append(out, e.expect(&t.Expect[i]))
	}
	return out, e.findings.Sorted()
}

// flow is the expectation's connections as a flow is written.
func (x *Expectation) flow() FlowSpec {
	return FlowSpec{From: x.From, To: x.To, Ports: x.Ports, Field: x.Field}
}

func (e *expansion) expect(x *Expectation) Expected {
	out := Expected{Field: x.Field, Verdict: x.Verdict}
	if len(x.Only) > 0 {
		out.Verdict = Denied
	}
	f := x.flow()
	only := FlowSpec{From: x.Only, Field: x.Field}
	if !e.namesKnown(&f) || !e.oneEndIsWorkloads(&f) || !e.namesKnown(&only) || !e.sayUnmatched(&f, report.Error) || !e.sayUnmatched(&only, report.Error) {
		return out
	}
	if out.Verdict == Allowed {
		out.Groups = e.allowed(&f)
	} else {
		out.Groups, out.Only = e.denied(&f, x.Only)
	}
	if len(out.Groups) == 0 {
		e.say(expectNothing, report.Warning, &f, "is about no connection: no workloads are meant by %s to %s", x.From, x.To)
	}
	return out
}

// allowed are the connections that a flow would open.
func (e *expansion) allowed(f *FlowSpec) []Group {
	e.cells, e.statements = map[cellKey]*cell{}, nil
	e.add(f)
	return e.groups()
}

// denied are all connections but those from the sources of only.
func (e *expansion) denied(f *FlowSpec, only Refs) ([]Group, []Endpoint) {
	n := &invariant{product: e.product(f)}
	var may []Endpoint
	for _, i := range e.classes.from.matchingAny(only) {
		n.from[i] = false
		may = append(may, e.classes.from.classes[i].ends...)
	}
	sortEndpoints(may)
	return n.groups(), may
}

// oneEndIsWorkloads refuses a statement from a peer to a peer, of which no policy decides.
func (e *expansion) oneEndIsWorkloads(f *FlowSpec) bool {
	isPeer := func(r Ref) bool { return e.peers[r.Name] != nil }
	if !slices.ContainsFunc(f.From, isPeer) || !slices.ContainsFunc(f.To, isPeer) {
		return true
	}
	e.say(configBadValue, report.Error, f, "goes from a peer to a peer (%s to %s); one end must be workloads", f.From, f.To)
	return false
}

// namesKnown says which of a statement's names are no tiers and peers.
func (e *expansion) namesKnown(f *FlowSpec) bool {
	tiers := e.set.TierNames()
	known := slices.Concat(tiers, sortedKeys(e.peers))
	ok := true
	for _, r := range slices.Concat(f.From, f.To) {
		if r.Name != everything && !slices.Contains(known, r.Name) {
			ok = false
			e.say(configUnknownName, report.Error, f, "%q is no known tier or peer; known are %s%s", r.Name, strings.Join(known, ", "), didYouMean(r.Name, known))
		}
	}
	return ok
}
