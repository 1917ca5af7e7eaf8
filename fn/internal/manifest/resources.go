package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The edits of this file are textual and careless of shapes that nobody writes: checkEdited parses what comes out.

// remove takes the lines or elements of entries out. empty keeps the field as an empty list.
func (r *resources) remove(entries []string, empty bool) ([]byte, *problem) {
	if r.isFlow() {
		return r.removeFlow(entries)
	}
	text := r.text
	// From the last to the first, so that offsets before stay right.
	for i := len(r.value.Content) - 1; i >= 0; i-- {
		n := r.value.Content[i]
		if !containsPath(entries, n.Value) {
			continue
		}
		line, ok := r.ownLine(n)
		if !ok {
			return nil, notEditable(n, "the entry takes more than its line; write it on one")
		}
		text = splice(text, line.start, line.end, "")
	}
	if empty {
		at := r.afterColon()
		text = splice(text, at, at, " []")
	}
	return text, nil
}

// removeFlow takes elements out of [...], one after the other: each moves the rest.
func (r *resources) removeFlow(entries []string) ([]byte, *problem) {
	for i := len(r.entries) - 1; i >= 0; i-- {
		if !containsPath(entries, r.entries[i]) {
			continue
		}
		s := r.flowElement(i)
		now, p := readResources(splice(r.text, s.start, s.end, ""))
		if p != nil || len(now.entries) != len(r.entries)-1 || !now.isFlow() {
			return nil, notEditable(r.value, "the list cannot be edited in the way it is written; write it as one entry a line")
		}
		r = now
	}
	return r.text, nil
}

func (r *resources) isFlow() bool { return r.value.Style&yaml.FlowStyle != 0 }

// add appends entries to the list, which is made where there is none.
func (r *resources) add(entries []string) ([]byte, *problem) {
	switch {
	case r.key == nil:
		return r.addField(entries), nil
	case r.value.Tag == "!!null":
		return r.addToNothing(entries, r.value.Value), nil
	case len(r.value.Content) == 0:
		return r.addToEmpty(entries), nil
	case r.isFlow():
		at := r.flowEnd(r.value.Content[len(r.value.Content)-1])
		return splice(r.text, at, at, ", "+strings.Join(flowQuoted(entries), ", ")), nil
	}
	last := r.value.Content[len(r.value.Content)-1]
	line, ok := r.ownLine(last)
	if !ok {
		return nil, notEditable(last, "the list's last entry takes more than its line; write it on one")
	}
	prefix := string(r.text[line.start:r.offset(last)])
	return r.insertLines(line.end, prefix, entries), nil
}

// addField appends the field at the end of the document.
func (r *resources) addField(entries []string) []byte {
	indent := r.rootIndent()
	text := r.insertLines(r.body.end, indent+r.dash(), entries)
	at := r.body.end
	if r.unfinished(at) {
		at += len(r.eol)
	}
	return splice(text, at, at, indent+"resources:"+r.eol)
}

// addToNothing puts entries under a key whose value is null, written as literal or not at all.
func (r *resources) addToNothing(entries []string, literal string) []byte {
	line := r.lineOf(r.key.Line)
	text := r.insertLines(line.end, r.rootIndent()+r.dash(), entries)
	if literal != "" {
		at := r.offset(r.value)
		text = splice(text, r.fromColon(at), at+len(literal), "")
	}
	return text
}

// addToEmpty turns [] into a list with a line for each entry; an empty list that takes several lines keeps its brackets.
func (r *resources) addToEmpty(entries []string) []byte {
	open := r.offset(r.value)
	line := r.lineOf(r.value.Line)
	closing := bytes.IndexByte(r.text[open:line.end], ']')
	if closing < 0 || len(bytes.TrimSpace(r.text[open+1:open+closing])) > 0 {
		return splice(r.text, open+1, open+1, strings.Join(flowQuoted(entries), ", "))
	}
	text := r.insertLines(line.end, r.rootIndent()+r.dash(), entries)
	return splice(text, r.fromColon(open), open+closing+1, "")
}

// fromColon is the place behind the key's colon if only spaces stand between it and at, else at.
func (r *resources) fromColon(at int) int {
	if colon := r.afterColon(); colon <= at && len(trimBlank(r.text[colon:at])) == 0 {
		return colon
	}
	return at
}

// insertLines puts lines at the start of a line, or at the end of the text, whose last line stays as finished or
// unfinished as it was.
func (r *resources) insertLines(at int, prefix string, entries []string) []byte {
	var lines strings.Builder
	for i, e := range entries {
		if i == 0 && r.unfinished(at) {
			lines.WriteString(r.eol)
		}
		lines.WriteString(prefix + quote(e))
		if i < len(entries)-1 || !r.unfinished(at) {
			lines.WriteString(r.eol)
		}
	}
	return splice(r.text, at, at, lines.String())
}

// unfinished reports whether the line that ends at the offset has no line end.
func (r *resources) unfinished(at int) bool {
	return at > r.body.start && r.text[at-1] != '\n'
}

func (r *resources) rootIndent() string {
	if r.root == nil {
		return ""
	}
	return strings.Repeat(" ", r.root.Column-1)
}

// dash is "- " with the indentation that the kustomization's other lists have.
func (r *resources) dash() string {
	if r.root == nil {
		return "- "
	}
	for i := 1; i < len(r.root.Content); i += 2 {
		v := r.root.Content[i]
		if v.Kind == yaml.SequenceNode && v.Style&yaml.FlowStyle == 0 && len(v.Content) > 0 {
			return strings.Repeat(" ", max(0, v.Column-r.root.Column)) + "- "
		}
	}
	return "- "
}

// lineOf is the span of a line of the body, its line end included. Lines count from 1.
func (r *resources) lineOf(line int) span {
	s := span{r.starts[line-1], r.body.end}
	if line < len(r.starts) {
		s.end = r.starts[line]
	}
	return s
}

// offset is where a node begins. The library counts columns in characters, from 1.
func (r *resources) offset(n *yaml.Node) int {
	line := r.lineOf(n.Line)
	at := line.start
	for i := 1; i < n.Column && at < line.end; i++ {
		_, size := utf8.DecodeRune(r.text[at:line.end])
		at += size
	}
	return at
}

// ownLine is the line of a block element, if the line holds exactly that.
func (r *resources) ownLine(n *yaml.Node) (span, bool) {
	line := r.lineOf(n.Line)
	var alone []string
	err := yaml.Unmarshal(bytes.TrimSpace(r.text[line.start:line.end]), &alone)
	return line, err == nil && len(alone) == 1 && alone[0] == n.Value
}

// afterColon is the place behind the key's colon.
func (r *resources) afterColon() int {
	at := r.offset(r.key) + len(r.key.Value)
	if colon := bytes.IndexByte(r.text[at:], ':'); colon >= 0 {
		at += colon + 1
	}
	return at
}

// flowElement is the span of an element of [...] with the comma that goes with it.
func (r *resources) flowElement(i int) span {
	elements := r.value.Content
	switch {
	case i+1 < len(elements):
		return span{r.offset(elements[i]), r.offset(elements[i+1])}
	case i > 0:
		return span{r.flowEnd(elements[i-1]), r.flowEnd(elements[i])}
	}
	return span{r.offset(elements[i]), r.flowEnd(elements[i])}
}

// flowEnd is the place behind an element of [...].
func (r *resources) flowEnd(n *yaml.Node) int {
	at := r.offset(n)
	if quote := r.text[at]; quote == '"' || quote == '\'' {
		for at++; at < r.body.end && r.text[at] != quote; at++ {
		}
		return min(at+1, r.body.end)
	}
	end := at
	for end < r.body.end && bytes.IndexByte([]byte(",]\r\n"), r.text[end]) < 0 {
		end++
	}
	return at + len(bytes.TrimRight(r.text[at:end], " \t"))
}

// flowQuoted quotes what [...] would take apart.
func flowQuoted(entries []string) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = quote(e)
		if strings.ContainsAny(e, ",[]{}:#") && out[i] == e {
			out[i] = `"` + e + `"`
		}
	}
	return out
}
