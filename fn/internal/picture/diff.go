package picture

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Comparison is what differs between two maps.
type Comparison struct {
	// Version is the version of tierwall.
	Version string
	// Old and New name what is compared.
	Old, New     string
	Environments []Compared
}

// Compared is what differs between two environments.
type Compared struct {
	// Old and New are the environments' names.
	Old string `json:"old"`
	New string `json:"new"`
	// Only is old or new where the other side has no such environment; nothing else is said of it then.
	Only string `json:"only,omitempty"`
	// Added and Removed are the workloads that only one side has.
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changes []Change `json:"changes"`
}

// Change is what differs from one end to another.
type Change struct {
	From  string        `json:"from"`
	To    string        `json:"to"`
	Ports []PortChanged `json:"ports"`
}

// Denied is the verdict of a port that is not open. Only a comparison says it.
const Denied Verdict = "denied"

// PortChanged is a port whose verdict differs.
type PortChanged struct {
	// Port is written as Port.Port is.
	Port   string  `json:"port"`
	Before Verdict `json:"before"`
	After  Verdict `json:"after"`
	// Meant is true if a flow of the new side means it.
	Meant bool `json:"meant"`
}

// opened is true for a port of which more gets through than before.
func (p PortChanged) opened() bool { return p.After == Allowed || p.Before == Denied }

// label is the port with a question mark where one of its verdicts is unknown, and an exclamation mark where it is opened
// and no flow means it.
func (p PortChanged) label() string {
	unknown := p.Before == Unknown || p.After == Unknown
	out := Port{Port: p.Port, Verdict: Allowed, Meant: !p.opened() || p.Meant}
	if unknown {
		out.Verdict = Unknown
	}
	return out.label()
}

// labels are the ports opened, or closed.
func (c Change) labels(opened bool) string {
	var out []string
	for _, p := range c.Ports {
		if p.opened() == opened {
			out = append(out, p.label())
		}
	}
	return strings.Join(out, " ")
}

// Differs is true if anything does.
func (c *Comparison) Differs() bool {
	return slices.ContainsFunc(c.Environments, func(e Compared) bool {
		return e.Only != "" || len(e.Added)+len(e.Removed)+len(e.Changes) > 0
	})
}

// Markdown is a table for a comment on a pull request; it is a format of comparisons only.
const Markdown Format = "markdown"

// DiffFormats are the names of the formats of a comparison.
func DiffFormats() []string { return []string{string(Text), string(JSON), string(Markdown)} }

// Write writes the comparison. Nothing is written as text where nothing differs.
func (c *Comparison) Write(w io.Writer, f Format) error {
	var err error
	switch f {
	case Text:
		_, err = io.WriteString(w, c.text())
	case Markdown:
		_, err = io.WriteString(w, c.markdown())
	case JSON:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(c.document())
	default:
		err = fmt.Errorf("%q is no format; known are %s", f, strings.Join(DiffFormats(), ", "))
	}
	return err
}

// DiffSchemaID names the schema of the JSON form, docs/diff.schema.json.
const DiffSchemaID = "https://tierwall.dev/schema/diff-v1.json"

type diffDocument struct {
	Schema       string     `json:"$schema"`
	Version      string     `json:"version"`
	Old          string     `json:"old"`
	New          string     `json:"new"`
	Differs      bool       `json:"differs"`
	Environments []Compared `json:"environments"`
}

// document is the comparison with lists where the JSON form must have them.
func (c *Comparison) document() diffDocument {
	out := diffDocument{DiffSchemaID, c.Version, c.Old, c.New, c.Differs(), []Compared{}}
	for _, e := range c.Environments {
		e.Added, e.Removed, e.Changes = append([]string{}, e.Added...), append([]string{}, e.Removed...), append([]Change{}, e.Changes...)
		out.Environments = append(out.Environments, e)
	}
	return out
}

// title names the two environments: what is compared, and the environment where that does not say.
func (e Compared) title(c *Comparison) (old, now string) {
	name := func(source, environment string) string {
		if environment == "" || source == "-" || strings.HasSuffix(source, "#"+environment) {
			return source
		}
		return source + "#" + environment
	}
	return name(c.Old, e.Old), name(c.New, e.New)
}

// line is one line of a comparison: what is more, or less, on the new side.
type line struct {
	opened          bool
	from, to, ports string
}

func (e Compared) lines() []line {
	var out []line
	for _, c := range e.Changes {
		for _, opened := range []bool{false, true} {
			if ports := c.labels(opened); ports != "" {
				out = append(out, line{opened, c.From, c.To, ports})
			}
		}
	}
	return out
}

// text is as diff -u has it: - for what is closed, + for what is opened.
func (c *Comparison) text() string {
	var b strings.Builder
	unmeant, unknown := false, false
	for _, e := range c.Environments {
		old, now := e.title(c)
		switch {
		case e.Only == "old":
			fmt.Fprintf(&b, "- environment %s\n", printable(old))
			continue
		case e.Only == "new":
			fmt.Fprintf(&b, "+ environment %s\n", printable(now))
			continue
		case len(e.Added)+len(e.Removed)+len(e.Changes) == 0:
			continue
		}
		fmt.Fprintf(&b, "--- %s\n+++ %s\n", printable(old), printable(now))
		for _, w := range e.Removed {
			fmt.Fprintf(&b, "- workload %s\n", printable(w))
		}
		for _, w := range e.Added {
			fmt.Fprintf(&b, "+ workload %s\n", printable(w))
		}
		lines, widest := e.lines(), 0
		for _, l := range lines {
			widest = max(widest, min(50, utf8.RuneCountInString(l.from+" -> "+l.to)))
		}
		for _, l := range lines {
			sign := "-"
			if l.opened {
				sign = "+"
			}
			what := printable(l.from + " -> " + l.to)
			fmt.Fprintf(&b, "%s %s%s%s\n", sign, what, strings.Repeat(" ", max(0, widest-utf8.RuneCountInString(what))+gap), l.ports)
			unmeant = unmeant || strings.Contains(l.ports, "!")
			unknown = unknown || strings.Contains(l.ports, "?")
		}
	}
	b.WriteString(legend(unknown, unmeant))
	return b.String()
}

// maxMarkdown is how many rows a table has.
const maxMarkdown = 200

func (c *Comparison) markdown() string {
	var b strings.Builder
	if !c.Differs() {
		return "### tierwall: the same connections are open\n"
	}
	opened, closed := 0, 0
	for _, e := range c.Environments {
		for _, l := range e.lines() {
			if l.opened {
				opened++
			} else {
				closed++
			}
		}
	}
	fmt.Fprintf(&b, "### tierwall: %d connections opened, %d closed\n", opened, closed)
	for _, e := range c.Environments {
		old, now := e.title(c)
		switch {
		case e.Only == "old":
			fmt.Fprintf(&b, "\n%s is no longer there.\n", escapeMarkdown(old))
		case e.Only == "new":
			fmt.Fprintf(&b, "\n%s is new.\n", escapeMarkdown(now))
		case len(e.Added)+len(e.Removed)+len(e.Changes) > 0:
			fmt.Fprintf(&b, "\n#### %s to %s\n", escapeMarkdown(old), escapeMarkdown(now))
			e.writeMarkdown(&b)
		}
	}
	return b.String()
}

func (e Compared) writeMarkdown(b *strings.Builder) {
	for _, part := range []struct {
		title string
		names []string
	}{{"Workloads added", e.Added}, {"Workloads removed", e.Removed}} {
		if len(part.names) > 0 {
			fmt.Fprintf(b, "\n%s: %s\n", part.title, escapeMarkdown(strings.Join(part.names, ", ")))
		}
	}
	lines := e.lines()
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n| | from | to | ports | |\n|---|---|---|---|---|\n")
	for i, l := range lines {
		if i == maxMarkdown {
			fmt.Fprintf(b, "\nand %d more\n", len(lines)-maxMarkdown)
			return
		}
		what, note := "closed", ""
		if l.opened {
			what = "**opened**"
			if strings.Contains(l.ports, "!") {
				note = "no flow means it"
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", what, escapeMarkdown(l.from), escapeMarkdown(l.to), escapeMarkdown(l.ports), note)
	}
}

// escapeMarkdown keeps what stands in a name from being read as Markdown or HTML.
func escapeMarkdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "[", `\[`, "]", `\]`,
		"|", `\|`, "#", `\#`, "@", "@\u200b", "!", `\!`).Replace(printable(s))
}
