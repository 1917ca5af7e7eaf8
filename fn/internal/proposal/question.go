package proposal

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

// Answers are what a person answered, by the Key of the question.
type Answers map[string]string

// QuestionKind is what a question is about; questions are listed in this order.
type QuestionKind int

// The kinds of questions, the most urgent first.
const (
	questionAPI QuestionKind = iota + 1
	questionExternal
	questionRole
	questionSilent
	questionAgainst
	questionWeak
	questionNamespace
	questionExposure
	questionScrape
	questionNoTier
	questionLarge
)

// Question is something that the manifests do not tell.
type Question struct {
	Kind QuestionKind
	// Key names the question in Answers. Empty means that no single answer settles it.
	Key string
	// Text is the question, and how to find out, in one line.
	Text string
	// Choices are the answers that are allowed. Empty means any that Check takes.
	Choices []string
	// Several is true where an answer may name several of the choices.
	Several bool
	// Check says what is wrong with an answer; empty for a good one. Nil for a question with choices.
	Check func(string) string
}

// ask adds a question, once.
func (d *draft) ask(q Question) {
	if q.Key != "" && d.answers[q.Key] != "" {
		return
	}
	if !slices.ContainsFunc(d.questions, func(o Question) bool { return o.Kind == q.Kind && o.Key == q.Key && o.Text == q.Text }) {
		d.questions = append(d.questions, q)
	}
}

func flowKey(p pair) string {
	return fmt.Sprintf("flow %s to %s", p.from.ref(), p.to.ref())
}

func flowText(p pair, ports tier.PortSet) string {
	text := fmt.Sprintf("{from: %s, to: %s", quoted(p.from.ref().String()), quoted(p.to.ref().String()))
	if len(ports) > 0 {
		text += ", ports: [" + portsText(ports) + "]"
	}
	return text + "}"
}

// doubt is a connection that is asked about.
type doubt struct {
	ports    tier.PortSet
	evidence Evidence
}

// doubt notes a connection that is asked about, and adds it if the answer was that it is meant.
func (d *draft) doubt(environment int, p pair, ports tier.PortSet, e Evidence) {
	if slices.Contains(strings.FieldsFunc(d.answers[callsKey(p.from)], isSeparator), p.to.name) {
		d.add(environment, p, ports, Evidence{Text: e.Text + ", as answered", Confidence: High})
		return
	}
	o := d.doubts[p]
	if o == nil {
		o = &doubt{evidence: e}
		d.doubts[p] = o
	}
	o.ports = o.ports.Union(ports)
}

func callsKey(u *unit) string { return "calls " + u.id() }

// askDoubts asks once for each workload which of the connections are meant that only shared evidence asks for.
func (d *draft) askDoubts() {
	targets := map[*unit][]pair{}
	for _, p := range sortedPairs(d.doubts) {
		if d.links[p] == nil {
			targets[p.from] = append(targets[p.from], p)
		}
	}
	for _, u := range d.units {
		var names, refs []string
		for _, p := range targets[u] {
			names = append(names, p.to.name)
			refs = append(refs, quoted(p.to.ref().String()))
		}
		if len(names) == 0 {
			continue
		}
		d.ask(Question{Kind: questionWeak, Key: callsKey(u), Choices: append(names, "none"), Several: true,
			Text: fmt.Sprintf("Which of %s does %s call? It shares their addresses with others (%s), which does not tell. For those that it calls: - {from: %s, to: [%s]}",
				strings.Join(names, ", "), u.name, d.doubts[targets[u][0]].evidence.Text, quoted(u.ref().String()), strings.Join(refs, ", "))})
	}
}

func againstQuestion(p pair, e Evidence) Question {
	return Question{Kind: questionAgainst, Key: flowKey(p),
		Text: fmt.Sprintf("%s and %s name each other (%s): the flow from %s to %s goes against the tiers and is left out. If it is meant: - %s",
			p.from.name, p.to.name, e.Text, p.from.role.Tier, p.to.role.Tier, flowText(p, nil))}
}

func namespaceQuestion(p pair, e Evidence) Question {
	return Question{Kind: questionNamespace, Key: "",
		Text: fmt.Sprintf("%s calls %s (%s), but only one of them names its namespace, and a rule must name both: give both manifests a namespace.",
			p.from.name, p.to.name, e.Text)}
}

// askSilent asks about the workloads that do not say whom they call, for which the chain stays.
func (d *draft) askSilent(k *knowledge) {
	var names []string
	for _, p := range sortedPairs(d.chained) {
		if !k.says(p.from) && !slices.Contains(names, p.from.name) {
			names = append(names, p.from.name)
		}
	}
	if len(names) == 0 {
		return
	}
	d.ask(Question{Kind: questionSilent, Text: fmt.Sprintf("Whom do these call: %s? No manifest says, so the preset's chain of tiers stays for them. "+
		"Look at their code, or run kubectl exec POD -- ss -tn, and write the flows.", strings.Join(names, ", "))})
}

// Accept is the answer as Answers takes it, or what is wrong with it.
func (q Question) Accept(answer string) (accepted, problem string) {
	if q.Check != nil {
		return answer, q.Check(answer)
	}
	words := []string{answer}
	if q.Several {
		words = strings.FieldsFunc(answer, isSeparator)
	}
	for i, w := range words {
		at := slices.IndexFunc(q.Choices, func(c string) bool { return strings.EqualFold(c, w) })
		if at < 0 {
			return "", fmt.Sprintf("%q is none of %s", w, strings.Join(q.Choices, ", "))
		}
		words[i] = q.Choices[at]
	}
	return strings.Join(words, ", "), ""
}
