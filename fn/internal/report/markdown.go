package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// maxMarkdown is how many findings of one severity a comment on a pull request shows.
const maxMarkdown = 50

// writeMarkdown is for a comment on a pull request: a table of the environments, and the findings.
func (r *Report) writeMarkdown(w io.Writer) error {
	var b bytes.Buffer
	all := r.All()
	title := "proved: exactly the intended connections are open"
	if all.Failed() {
		title = "not proved"
	}
	fmt.Fprintf(&b, "### tierwall: %s\n\n", title)
	if len(r.Environments) > 0 {
		b.WriteString("| environment | verdict | workloads | policies | connections meant | ruled out |\n|---|---|--:|--:|--:|--:|\n")
		for _, e := range r.Environments {
			verdict := "proved"
			if !e.Proved() {
				verdict = "**not proved**"
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", escapeMarkdown(e.Title()), verdict, e.Workloads, e.Policies, e.Flows, e.Nevers)
		}
		b.WriteByte('\n')
	}
	for _, s := range []struct {
		severity Severity
		title    string
	}{{Error, "Errors"}, {Warning, "Warnings"}, {Info, "For information"}} {
		writeSection(&b, all, s.severity, s.title)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeSection(b *bytes.Buffer, all Findings, severity Severity, title string) {
	n := 0
	for _, f := range all {
		if f.Severity != severity {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintf(b, "#### %s\n\n", title)
		}
		if n > maxMarkdown {
			continue
		}
		place := f.Object.String()
		if f.Object.Kind == "" {
			place = ""
		}
		parts := []string{"**" + string(f.ID) + "**"}
		for _, part := range []string{f.File, place, f.Field} {
			if part != "" {
				parts = append(parts, "`"+strings.ReplaceAll(part, "`", "'")+"`")
			}
		}
		fmt.Fprintf(b, "- %s: %s\n", strings.Join(parts, " "), escapeMarkdown(f.Message))
	}
	if n > maxMarkdown {
		fmt.Fprintf(b, "- and %d more\n", n-maxMarkdown)
	}
	if n > 0 {
		b.WriteByte('\n')
	}
}

// escapeMarkdown keeps what stands in a message from being read as Markdown or HTML.
func escapeMarkdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "@", "@\u200b").Replace(s)
}
