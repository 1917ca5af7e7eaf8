// Package report holds findings: what the tool has to say about its input, each with an id, a severity, a place and
// one line that stands alone; and the writers that show them.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Severity is how much a finding matters. The zero value is not valid.
type Severity string

// The severities of the KRM functions specification.
const (
	Error   Severity = "error"   // the run fails, nothing is written
	Warning Severity = "warning" // something will likely not work as meant
	Info    Severity = "info"    // worth knowing
)

// ID names a kind of finding: lower case words joined by hyphens. docs/findings.md has a section for each.
type ID string

// Object names the object that a finding is about.
type Object struct {
	APIVersion, Kind, Namespace, Name string
}

// String is KIND NAMESPACE/NAME, or KIND NAME without a namespace.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Finding is one thing to say about the input.
type Finding struct {
	ID       ID
	Severity Severity
	// Object is what the finding is about. The zero value means a file as a whole.
	Object Object
	// File is the slash-separated path below the package's root. Empty means that the input has no paths.
	File string
	// Index is the document's position in its file, from 0.
	Index int
	// Field is the path of the field, such as spec.flows[2].from. Empty means the whole document.
	Field string
	// Message is what was found, what is allowed and what to do: one line, lower case, without file, object and field,
	// which String puts before it. It depends on the input alone: no times, no absolute paths, no "added".
	Message string
}

// String is the finding as one line that stands alone:
//
//	base/web.yaml[1] Deployment shop/web: spec.template.metadata.labels.tier: "fronted" is no known tier … [tier-unknown]
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Index > 0 {
			fmt.Fprintf(&b, "[%d]", f.Index)
		}
	}
	if f.Object.Kind != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.Object.String())
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	fmt.Fprintf(&b, " [%s]", f.ID)
	return oneLine(b.String())
}

// oneLine escapes what would end the line, move a terminal's cursor or turn the direction of the text: names come from
// manifests that anyone may have written.
func oneLine(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// hidden reports whether a rune is a control, a mark of format or a separator of lines.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Findings is a list of findings. As an error it stands for its findings of severity error.
type Findings []Finding

// Error is the findings of severity error, a line each.
func (fs Findings) Error() string {
	var lines []string
	for _, f := range fs {
		if f.Severity == Error {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Failed reports whether a finding is of severity error.
func (fs Findings) Failed() bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Error })
}

// Sorted is the findings without repetitions, errors first, then warnings, then the rest; within a severity by file,
// index, object, field, id and message. kpt shows only the first four, and the order must not depend on the run.
func (fs Findings) Sorted() Findings {
	out := slices.Clone(fs)
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Index, b.Index),
			cmp.Compare(a.Object.Kind, b.Object.Kind),
			cmp.Compare(a.Object.Namespace, b.Object.Namespace),
			cmp.Compare(a.Object.Name, b.Object.Name),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(out)
}

func (s Severity) rank() int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	}
	return 2
}
