package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report is what a proof has to say.
type Report struct {
	// Version is the version of the program.
	Version string
	// Root is the slash-separated path from the working directory to what the findings' files are below. Empty means the
	// working directory itself. SARIF's places are written with it.
	Root string
	// Findings are about the input as a whole.
	Findings Findings
	// Environments are in the order of their names.
	Environments []Environment
}

// Environment is what was proved of one environment.
type Environment struct {
	// Name is empty where there is only one, without a name.
	Name string
	// Workloads, Policies, Flows and Nevers are how many were compared; the last two are pairs of ends.
	Workloads, Policies, Flows, Nevers int
	Findings                           Findings
}

// Title is the environment's name for people.
func (e Environment) Title() string {
	if e.Name == "" {
		return "the environment"
	}
	return e.Name
}

// Proved reports whether all that is meant holds, and nothing else is open.
func (e Environment) Proved() bool { return !e.Findings.Failed() }

// All is all findings, sorted, each once.
func (r *Report) All() Findings {
	all := slices.Clone(r.Findings)
	for _, e := range r.Environments {
		all = append(all, e.Findings...)
	}
	return all.Sorted()
}

// Format is a way to write a report.
type Format string

// The formats.
const (
	Text     Format = "text"
	JSON     Format = "json"
	SARIF    Format = "sarif"
	JUnit    Format = "junit"
	Markdown Format = "markdown"
)

// Formats are the names of all formats.
func Formats() []string {
	return []string{string(Text), string(JSON), string(SARIF), string(JUnit), string(Markdown)}
}

// Write writes the report. Text is the summaries only: findings are for standard error.
func (r *Report) Write(w io.Writer, f Format) error {
	switch f {
	case Text:
		return r.writeText(w)
	case JSON:
		return r.writeJSON(w)
	case SARIF:
		return r.writeSARIF(w)
	case JUnit:
		return r.writeJUnit(w)
	case Markdown:
		return r.writeMarkdown(w)
	}
	return fmt.Errorf("%q is no format; known are %s", f, strings.Join(Formats(), ", "))
}

func (r *Report) writeText(w io.Writer) error {
	for _, e := range r.Environments {
		if _, err := fmt.Fprintln(w, e.summary()); err != nil {
			return err
		}
	}
	return nil
}

// summary is one line that says what was proved.
func (e Environment) summary() string {
	verdict := "proved"
	if !e.Proved() {
		verdict = "NOT proved"
	}
	return fmt.Sprintf("%s: %s: %s under %s; %s meant, %s ruled out", e.Title(), verdict, count(e.Workloads, "workload"),
		count(e.Policies, "policy"), count(e.Flows, "connection"), count(e.Nevers, "connection"))
}

// count is the number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "policy":
		return fmt.Sprintf("%d policies", n)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
