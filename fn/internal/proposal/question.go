package proposal

import (
	"fmt"
	"slices"
	"strings"
)

// Answers are what a person answered, by the Key of the question.
type Answers map[string]string

// QuestionKind is what a question is about; questions are listed in this order.
type QuestionKind int

// The kinds of questions, the most urgent first.
const (
	questionBlind QuestionKind = iota + 1
	questionAPI
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
	// Quiet is true for a question that the file asks in another form, of several workloads at once.
	Quiet bool
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

// doubt notes a connection that is asked about, unless a person has answered whom its source calls.
func (d *draft) doubt(p pair, e Evidence) {
	if _, known := d.doubts[p]; !known && d.answers[callsKey(p.from)] == "" {
		d.doubts[p] = e
	}
}

// addAnswered adds the connections that a person has answered.
func (d *draft) addAnswered() {
	for _, from := range d.units {
		for _, name := range strings.FieldsFunc(d.answers[callsKey(from)], isSeparator) {
			for _, to := range d.units {
				if to.name == name && !to.first().Client && to.role.Tier != "" {
					d.addServing(pair{from, to}, Evidence{Text: "as answered", Confidence: High})
				}
			}
		}
	}
}

// addServing adds a connection to what the destination serves, in all environments.
func (d *draft) addServing(p pair, e Evidence) {
	for i := range d.environments {
		if p.from.in[i] != nil && p.to.in[i] != nil && sameKnowledge(p.from.in[i], p.to.in[i]) {
			d.add(i, p, portSet(p.to.in[i].Ports), e)
		}
	}
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
				strings.Join(names, ", "), u.name, d.doubts[targets[u][0]].Text, quoted(u.ref().String()), strings.Join(refs, ", "))})
	}
}

func againstQuestion(p pair, e Evidence) Question {
	return Question{Kind: questionAgainst,
		Text: fmt.Sprintf("%s and %s name each other (%s): the flow from %s to %s goes against the tiers and is left out. If it is meant: - %s",
			p.from.name, p.to.name, e.Text, p.from.role.Tier, p.to.role.Tier, line{from: one(p.from.ref()), to: one(p.to.ref())}.text())}
}

func namespaceQuestion(p pair, e Evidence) Question {
	return Question{Kind: questionNamespace,
		Text: fmt.Sprintf("%s calls %s (%s), but only one of them names its namespace, and a rule must name both: give both manifests a namespace.",
			p.from.name, p.to.name, e.Text)}
}

// askSilent asks about the workloads that do not say whom they call, for which the chain stays.
func (d *draft) askSilent(k *knowledge) {
	var names []string
	for _, p := range sortedPairs(d.chained) {
		if k.says(p.from) || slices.Contains(names, p.from.name) || d.answers[callsKey(p.from)] != "" {
			continue
		}
		names = append(names, p.from.name)
		d.ask(Question{Kind: questionSilent, Key: callsKey(p.from), Quiet: true, Several: true, Choices: d.callable(p.from),
			Text: fmt.Sprintf("Whom does %s call? No manifest says.", p.from.name)})
	}
	if len(names) == 0 {
		return
	}
	d.ask(Question{Kind: questionSilent, Text: fmt.Sprintf("Whom do these call: %s? No manifest says, so the preset's chain of tiers stays for them. "+
		"Look at their code, or run kubectl exec POD -- ss -tn, and write the flows.", strings.Join(names, ", "))})
}

// callable are the names of the units that a unit may call, and none.
func (d *draft) callable(from *unit) []string {
	var out []string
	for _, u := range d.units {
		if u != from && !u.first().Client && !u.first().HostNetwork && u.role.Tier != "" && len(u.first().Ports) > 0 {
			out = append(out, u.name)
		}
	}
	return append(out, "none")
}

// askRoles asks about the tiers that nothing but the want of anything better tells.
func (d *draft) askRoles() {
	var names []string
	for _, u := range d.units {
		if u.role.Tier == "" || u.role.Evidence.Confidence != Low {
			continue
		}
		names = append(names, u.name)
		d.ask(Question{Kind: questionRole, Key: tierKey(u), Quiet: true, Choices: d.tierNames(),
			Text: fmt.Sprintf("Which tier is %s? It %s, so it is taken for %s.", u.name, u.role.Evidence.Text, u.role.Tier)})
	}
	if len(names) == 0 {
		return
	}
	d.ask(Question{Kind: questionRole, Text: fmt.Sprintf("Are these of the tiers above: %s? Neither label, image, port nor name tells.", strings.Join(names, ", "))})
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
