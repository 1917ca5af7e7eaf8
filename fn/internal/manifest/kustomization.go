package manifest

import (
	"bytes"
	"path"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// EditResources is a kustomization with entries removed from its resources and others appended, and every other byte
// as it was: comments, quotes, line ends, the list's own style. Entries that name the same path ("./a.yaml", "a.yaml")
// are the same: one that is there already is not added again, and remove takes all of them. Nil or empty input is a
// kustomization without fields.
//
// The result is parsed before it is returned. A kustomization in a shape that cannot be edited so gives a finding
// (report.Findings) and no result, never a damaged file.
func EditResources(kustomization []byte, add, remove []string) ([]byte, error) {
	old, p := readResources(kustomization)
	if p != nil {
		return nil, p.findings()
	}
	kept, added := changeResources(old.entries, add, remove)
	text := kustomization
	if len(kept) < len(old.entries) {
		if text, p = old.remove(remove, len(kept) == 0); p != nil {
			return nil, p.findings()
		}
	}
	if len(added) > 0 {
		now, p := readResources(text)
		if p == nil {
			text, p = now.add(added)
		}
		if p != nil {
			return nil, p.findings()
		}
	}
	if err := checkEdited(old, text, append(kept, added...)); err != nil {
		return nil, err
	}
	return text, nil
}

// changeResources is what stays of the entries and what comes to them.
func changeResources(old, add, remove []string) (kept, added []string) {
	for _, e := range old {
		if !containsPath(remove, e) {
			kept = append(kept, e)
		}
	}
	for _, e := range add {
		if !containsPath(kept, e) && !containsPath(added, e) {
			added = append(added, e)
		}
	}
	return kept, added
}

func containsPath(entries []string, entry string) bool {
	return slices.ContainsFunc(entries, func(e string) bool { return path.Clean(e) == path.Clean(entry) })
}

// checkEdited parses the edited text: it must hold exactly the entries wanted, and otherwise what it held before.
func checkEdited(old *resources, text []byte, want []string) error {
	now, p := readResources(text)
	if p == nil && slices.Equal(now.entries, want) && sameFields(old.root, now.root) {
		return nil
	}
	return notEditable(old.value, "the list cannot be edited in the way it is written; write it as one entry a line").findings()
}

func notEditable(n *yaml.Node, message string) *problem {
	p := &problem{id: KustomizationNotEditable, field: "resources", message: message}
	if n != nil {
		p.line = n.Line
	}
	return p
}

// resources is a kustomization's text with its resources list.
type resources struct {
	text []byte
	// body is the document within the text, without markers.
	body span
	// root is nil for an empty document.
	root *yaml.Node
	// key and value are nil where the field is missing.
	key, value *yaml.Node
	entries    []string
	// starts are the offsets of the lines in the text, from the first line of the body.
	starts []int
	eol    string
}

func readResources(text []byte) (*resources, *problem) {
	if p := checkUTF8(text); p != nil {
		return nil, p
	}
	r := &resources{text: text, eol: "\n"}
	if hasCRLF(text) {
		r.eol = "\r\n"
	}
	if p := r.findBody(); p != nil {
		return nil, p
	}
	body := text[r.body.start:r.body.end]
	if p := r.parse(body); p != nil {
		return nil, p
	}
	r.starts = append(r.starts, r.body.start)
	for i, c := range body {
		if c == '\n' {
			r.starts = append(r.starts, r.body.start+i+1)
		}
	}
	return r, nil
}

// findBody finds the only document.
func (r *resources) findBody() *problem {
	found := false
	offset := 0
	for _, c := range splitDocuments(r.text) {
		start := offset + len(c.separator)
		offset = start + len(c.body)
		if isBlank(c.body) {
			if !found {
				r.body = span{start, offset}
			}
			continue
		}
		if found {
			return &problem{id: KustomizationNotEditable, line: c.line + 1, message: "a second document; a kustomization file has one"}
		}
		found = true
		r.body = span{start, offset}
	}
	if bytes.HasPrefix(r.text[r.body.start:r.body.end], bom) {
		r.body.start += len(bom)
	}
	return nil
}

func (r *resources) parse(body []byte) *problem {
	root, p := parseDocument(body)
	if p != nil || root == nil {
		return p
	}
	switch {
	case root.Kind != yaml.MappingNode:
		return &problem{id: KustomizationNotEditable, line: root.Line, message: "want a mapping, got " + kindName(root)}
	case root.Style&yaml.FlowStyle != 0:
		return &problem{id: KustomizationNotEditable, line: root.Line, message: "JSON and {...} cannot be edited; write the kustomization as YAML, one field a line"}
	}
	r.root = root
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "resources" {
			r.key, r.value = root.Content[i], root.Content[i+1]
		}
	}
	return r.readEntries()
}

func (r *resources) readEntries() *problem {
	switch v := r.value; {
	case v == nil, v.Tag == "!!null":
		return nil
	case v.Kind != yaml.SequenceNode:
		return notEditable(v, "want a list of paths, got "+kindName(v))
	case v.Anchor != "":
		return notEditable(v, "the list has an anchor; write it without")
	}
	for i, n := range r.value.Content {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			p := notEditable(n, "want a path, got "+kindName(n))
			p.field += "[" + strconv.Itoa(i) + "]"
			return p
		}
		r.entries = append(r.entries, n.Value)
	}
	return nil
}

// sameFields reports whether two kustomizations differ in resources alone.
func sameFields(a, b *yaml.Node) bool {
	return slices.EqualFunc(otherFields(a), otherFields(b), sameNode)
}

func otherFields(root *yaml.Node) (fields []*yaml.Node) {
	if root == nil {
		return nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "resources" {
			fields = append(fields, root.Content[i], root.Content[i+1])
		}
	}
	return fields
}

// sameNode compares what a reader sees; checkAliases has made sure that aliases end.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, sameNode)
}

// splice is the text with the bytes from start to end replaced.
func splice(text []byte, start, end int, with string) []byte {
	return slices.Concat(text[:start], []byte(with), text[end:])
}
