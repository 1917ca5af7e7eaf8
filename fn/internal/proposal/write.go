package proposal

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

// width is how long a line of a comment gets.
const width = 118

// maxEvidence is how many pieces of evidence a line names.
const maxEvidence = 3

// maxConfirmed is how many connections are named that the preset opens and the manifests ask for.
const maxConfirmed = 40

// maxQuestions is how many questions the file holds: more than that nobody answers at one sitting.
const maxQuestions = 40

// Write is the proposal as a file: the configuration, with the evidence behind each line and the questions at its end.
// The same proposal gives the same bytes.
func (p *Proposal) Write() []byte {
	var b bytes.Buffer
	p.head(&b)
	p.tiers(&b)
	p.peerSection(&b)
	p.flowSection(&b)
	p.withoutSection(&b)
	p.environmentSection(&b)
	p.questions(&b)
	return b.Bytes()
}

func (p *Proposal) head(b *bytes.Buffer) {
	comment(b, "", "", fmt.Sprintf("What the manifests say of %d workloads, as tierwall init read them. Behind each line stands how sure it is, and why: "+
		"high, the workload's own manifest says so; medium, several share it, or names say so; low, the preset assumes it.%s",
		p.workloads, p.toDo()))
	fmt.Fprintf(b, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  annotations: {config.kubernetes.io/local-config: \"true\"}\nspec:\n",
		tier.APIVersion, tier.SetKind, quoted(p.Set.Name))
	fmt.Fprintf(b, "  preset: %s\n", p.Set.Preset)
	if len(p.kept) > 0 {
		comment(b, "  ", "  ", "Of its flows these stay: "+strings.Join(p.kept, "; "))
	}
	if list := p.confirmed; len(list) > 0 {
		if n := len(list) - maxConfirmed; n > 0 {
			list = append(slices.Clone(list[:maxConfirmed]), fmt.Sprintf("%d more", n))
		}
		comment(b, "  ", "  ", "Of what they open, the manifests say: "+strings.Join(list, "; "))
	}
}

func (p *Proposal) toDo() string {
	if len(p.Questions) == 0 {
		return ""
	}
	return " What they do not say is asked at the end."
}

// tiers writes the tiers that the preset has not, whose labels give them theirs, and the entries for the others.
func (p *Proposal) tiers(b *bytes.Buffer) {
	if len(p.Set.Tiers) > 0 {
		b.WriteString("  tiers:\n")
		for _, t := range p.Set.Tiers {
			text := "{name: " + quoted(t.Name)
			if len(t.Values) > 0 {
				text += ", values: [" + joinQuoted(t.Values) + "]"
			}
			fmt.Fprintf(b, "  - %s}   # %s\n", text, tierNotes[t.Name])
		}
	}
	for _, l := range p.labelled() {
		comment(b, "  ", "  ", l)
	}
	if len(p.Set.Workloads) == 0 {
		return
	}
	b.WriteString("  workloads:\n")
	for _, o := range p.Set.Workloads {
		text := "{name: " + quoted(o.Name)
		if o.Namespace != "" {
			text += ", namespace: " + quoted(o.Namespace)
		}
		fmt.Fprintf(b, "  - %s, tier: %s}   # %s\n", text, quoted(o.Tier), p.why(o))
	}
}

// tierNotes say what the tiers are that a proposal adds.
var tierNotes = map[string]string{
	client:     "opens connections, accepts none",
	monitoring: "metrics, logs and traces",
	controller: "talks to the Kubernetes API",
	ingress:    "the ingress controller",
}

// labelled are the workloads whose labels give their tier, by tier.
func (p *Proposal) labelled() []string {
	var out []string
	for i := 0; i < len(p.Roles); {
		t := p.Roles[i].Tier
		var words []string
		for ; i < len(p.Roles) && p.Roles[i].Tier == t; i++ {
			if r := p.Roles[i]; r.unit.role.Labelled && t != "" {
				words = append(words, r.unit.name+" ("+strings.TrimPrefix(r.Evidence.Text, "label ")+")")
			}
		}
		if len(words) > 0 {
			out = append(out, "By label, "+t+": "+strings.Join(words, ", "))
		}
	}
	return out
}

func (p *Proposal) why(o tier.Override) string {
	for _, r := range p.Roles {
		name, found := strings.CutPrefix(o.Name, r.unit.kind+"/")
		if r.unit.namespace == o.Namespace && (found || !strings.Contains(o.Name, "/")) && r.unit.name == name && r.Tier == o.Tier {
			return r.Evidence.Confidence.String() + ": " + oneLine(r.Evidence.Text)
		}
	}
	return ""
}

func (p *Proposal) peerSection(b *bytes.Buffer) {
	mark := sectionHead(b, "peers", len(p.peers), slices.ContainsFunc(p.peers, func(l peerLine) bool { return !l.open }))
	for _, l := range p.peers {
		text := "{name: " + quoted(l.Name)
		if l.Namespace != "" {
			text += ", namespace: " + quoted(l.Namespace)
		}
		if l.PodSelector != nil {
			var words []string
			for _, k := range sortedKeys(l.PodSelector.MatchLabels) {
				words = append(words, quoted(k)+": "+quoted(l.PodSelector.MatchLabels[k]))
			}
			text += ", podSelector: {matchLabels: {" + strings.Join(words, ", ") + "}}"
		}
		if len(l.CIDRs) > 0 {
			text += ", cidrs: [" + joinQuoted(l.CIDRs) + "]"
		}
		if len(l.Ports) > 0 {
			text += ", ports: [" + specsText(l.Ports) + "]"
		}
		fmt.Fprintf(b, "  %s- %s}%s\n", openMark(l.open, mark), text, evidenceText(l.evidence))
	}
}

// sectionHead writes a list's key, as a comment where all of the list is one.
func sectionHead(b *bytes.Buffer, key string, n int, active bool) string {
	switch {
	case n == 0:
	case active:
		fmt.Fprintf(b, "  %s:\n", key)
	default:
		fmt.Fprintf(b, "  # %s:\n", key)
	}
	return "# "
}

func openMark(open bool, mark string) string {
	if open {
		return mark
	}
	return ""
}

func (p *Proposal) flowSection(b *bytes.Buffer) {
	var shared []line
	for _, l := range p.flows {
		if l.environments == nil {
			shared = append(shared, l)
		}
	}
	mark := sectionHead(b, "flows", len(shared), slices.ContainsFunc(shared, func(l line) bool { return !l.open }))
	for _, l := range shared {
		fmt.Fprintf(b, "  %s- %s%s\n", openMark(l.open, mark), l.text(), evidenceText(l.evidence))
	}
}

func (p *Proposal) withoutSection(b *bytes.Buffer) {
	if len(p.Set.Without) == 0 {
		return
	}
	b.WriteString("  without:   # flows of the preset that the ones above replace, or that nothing asks for\n")
	for _, f := range p.Set.Without {
		fmt.Fprintf(b, "  - %s\n", line{from: f.From, to: f.To}.text())
	}
}

func (p *Proposal) environmentSection(b *bytes.Buffer) {
	if len(p.Set.Environments) == 0 {
		return
	}
	b.WriteString("  environments:\n")
	for _, e := range p.Set.Environments {
		fmt.Fprintf(b, "  - name: %s\n    flows:\n", quoted(e.Name))
		for _, l := range p.flows {
			if slices.Contains(l.environments, e.Name) {
				fmt.Fprintf(b, "    - %s%s\n", l.text(), evidenceText(l.evidence))
			}
		}
	}
}

// questions writes the questions as a comment at the end.
func (p *Proposal) questions(b *bytes.Buffer) {
	n := 0
	for _, q := range p.Questions {
		if q.Quiet {
			continue
		}
		if n++; n == 1 {
			b.WriteString("# Questions\n")
		}
		if n > maxQuestions {
			continue
		}
		mark := fmt.Sprintf("%d. ", n)
		comment(b, "", strings.Repeat(" ", len(mark)), mark+oneLine(q.Text))
	}
	if n > maxQuestions {
		comment(b, "", "", fmt.Sprintf("And %d more. Give init a part of the input at a time: an application, a namespace.", n-maxQuestions))
	}
}

// evidenceText is the comment behind a line.
func evidenceText(list []Evidence) string {
	if len(list) == 0 {
		return ""
	}
	return "   # " + evidenceWords(list)
}

// evidenceWords say how sure it is, and why.
func evidenceWords(list []Evidence) string {
	var words []string
	confidence := Low
	sure := false
	for _, e := range list {
		if e.Confidence != 0 {
			sure = true
			confidence = min(confidence, e.Confidence)
		}
		if text := shortened(oneLine(e.Text)); !slices.Contains(words, text) {
			words = append(words, text)
		}
	}
	if n := len(words) - maxEvidence; n > 0 {
		words = append(words[:maxEvidence:maxEvidence], fmt.Sprintf("%d more", n))
	}
	text := strings.Join(words, ", ")
	if sure {
		text = confidence.String() + ": " + text
	}
	return text
}

// maxText is how long a piece of evidence gets.
const maxText = 72

func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= maxText {
		return text
	}
	return strings.TrimSpace(string(runes[:maxText-1])) + "…"
}

// oneLine is a text that cannot end a comment: what comes from manifests may hold anything.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd {
			return ' '
		}
		return r
	}, text)
}

// comment writes a text as comment lines of at most width, words kept whole.
func comment(b *bytes.Buffer, indent, hang, text string) {
	prefix := indent + "# "
	at := prefix
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len(at)+1+len(word) > width {
			b.WriteString(at + "\n")
			at, empty = prefix+hang, true
		}
		if !empty {
			at += " "
		}
		at += word
		empty = false
	}
	b.WriteString(at + "\n")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func joinQuoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quoted(w)
	}
	return strings.Join(out, ", ")
}

func specsText(specs []tier.PortSpec) string {
	var words []string
	for _, p := range specs {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}
