package proposal

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

// yes and no are the answers to a question that asks for one of the two.
const (
	yes = "yes"
	no  = "no"
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

func weakQuestion(p pair, ports tier.PortSet, e Evidence) Question {
	return Question{Kind: questionWeak, Key: flowKey(p), Choices: []string{yes, no},
		Text: fmt.Sprintf("Does %s call %s? Only %s says so, and the tiers do not. If it does: - %s", p.from.name, p.to.name, e.Text, flowText(p, ports))}
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
	d.ask(Question{Kind: questionSilent, Text: fmt.Sprintf("Whom do %s call? Their manifests hold no address, so the preset's chain of tiers stays for them; "+
		"look at their code or run kubectl exec POD -- ss -tn, and write the flows.", strings.Join(names, ", "))})
}

// Accept is the answer as Answers takes it, or what is wrong with it.
func (q Question) Accept(answer string) (accepted, problem string) {
	if q.Check != nil {
		return answer, q.Check(answer)
	}
	var found []string
	for _, c := range q.Choices {
		if strings.EqualFold(c, answer) {
			return c, ""
		}
		if strings.HasPrefix(c, strings.ToLower(answer)) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0], ""
	}
	return "", fmt.Sprintf("%q is none of %s", answer, strings.Join(q.Choices, ", "))
}
