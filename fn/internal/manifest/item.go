package manifest

import (
	"bytes"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Item is one item of a ResourceList, or one document of a stream, with what is needed to choose it. The rest is
// parsed when it is asked for.
type Item struct {
	// APIVersion, Kind, Namespace and Name are empty where the item has none, or no scalar there.
	APIVersion, Kind, Namespace, Name string
	// Path is the slash-separated path of the item's file, below the package that owns it. Empty means a stream.
	Path string
	// Index is the position of the item in its file, from 0.
	Index int
	// PackagePath is the directory of the package that owns the file, as kpt fn render gives it: absolute, for
	// telling packages apart and never for showing. Empty everywhere else.
	PackagePath string
	// KustomizeID is true for an item that kustomize build handed to a transformer.
	KustomizeID bool

	// position is the item's place in its list or stream, from 0.
	position int
	// line is the first line of a stream's document in the input, from 0.
	line int
	// list is the item as its lines stand in a ResourceList: "- " before the first, two spaces before the others.
	// Comments at column 0 may precede it. Nil for a document of a stream.
	list []byte
	// document is the item as a document of its own; nil until it is needed.
	document []byte
	// shared is set where the item has aliases to anchors in other items: list then stands only beside them.
	shared bool

	object *Object
	err    error
}

// Source is the place that the item was read from: its file, or its position in the input.
func (it *Item) Source() workload.Source {
	if it.Path == "" {
		return workload.Source{Index: it.position}
	}
	return workload.Source{File: it.Path, Index: it.Index}
}

// Ref names the item in a finding.
func (it *Item) Ref() report.Object {
	return report.Object{APIVersion: it.APIVersion, Kind: it.Kind, Namespace: it.Namespace, Name: it.Name}
}

// Object is the item parsed; the same one on every call. The error is report.Findings.
func (it *Item) Object() (*Object, error) {
	if it.object == nil && it.err == nil {
		it.object, it.err = it.parse(new(builder), it.Bytes())
	}
	return it.object, it.err
}

func (it *Item) parse(b *builder, document []byte) (*Object, error) {
	root, p := b.parse(document)
	if p != nil {
		if it.list != nil && p.field != "" {
			// Lines of what an orchestrator made of the user's file would send the user astray.
			p.line = 0
		}
		return nil, report.Findings{p.finding(it.Source(), it.Ref(), it.line)}
	}
	return NewObject(root, it.Source()), nil
}

// Bytes is the item as a YAML document of its own. The caller must not change it.
func (it *Item) Bytes() []byte {
	if it.document != nil || it.list == nil {
		return it.document
	}
	return unindent(make([]byte, 0, len(it.list)), it.list)
}

// unindent takes two columns from each line, the dash of an item's first, the indentation of the others, and appends
// what is left to out.
func unindent(out, lines []byte) []byte {
	dash := true
	for len(lines) > 0 {
		line := lines
		if n := bytes.IndexByte(lines, '\n'); n >= 0 {
			line = lines[:n+1]
		}
		lines = lines[len(line):]
		if dash && line[0] == '-' {
			dash = false
			line = line[2:]
		} else {
			for i := 0; i < 2 && line[0] == ' '; i++ {
				line = line[1:]
			}
		}
		out = append(out, line...)
	}
	return out
}

// appendIndented writes a document as an item of a list, the reverse of unindent.
func appendIndented(out, document []byte) []byte {
	prefix := "- "
	for len(document) > 0 {
		line := document
		if n := bytes.IndexByte(document, '\n'); n >= 0 {
			line = document[:n+1]
		}
		document = document[len(line):]
		if line[0] != '\n' {
			out = append(out, prefix...)
			prefix = "  "
		}
		out = append(out, line...)
	}
	if n := len(out); n > 0 && out[n-1] != '\n' {
		out = append(out, '\n')
	}
	return out
}
