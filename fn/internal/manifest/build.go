package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// builder is the sink that makes YAML nodes, equal to those of the YAML library but for comments. It makes one document
// after another out of the same nodes.
type builder struct {
	text string
	// open are the containers from the top of the document to the current one.
	open []*yaml.Node
	// slabs are where nodes are taken from, many at a time: the next is slabs[slab][at].
	slabs    [][]yaml.Node
	slab, at int
	walker   walker
}

// build is the mapping at the top of a canonical document; false where the document is not canonical, or holds
// something that is left to the library.
func build(text []byte) (*yaml.Node, bool) { return new(builder).build(text) }

// build is build, with the nodes of the document before.
func (b *builder) build(text []byte) (*yaml.Node, bool) {
	if b.slabs == nil {
		// A line is a key and a value, or a dash and a value, most of the time.
		b.slabs = [][]yaml.Node{make([]yaml.Node, 2*bytes.Count(text, []byte("\n")))}
	}
	b.text, b.open, b.slab, b.at = string(text), b.open[:0], 0, 0
	if !walk(text, b, &b.walker) {
		return nil, false
	}
	return b.open[0], true
}

func (b *builder) key(depth, col int, key, value scalar) bool {
	m := b.container(depth, col, key.line, yaml.MappingNode)
	k, okKey := b.scalar(key)
	v, okValue := b.scalar(value)
	if !okKey || !okValue || k.Tag == "!!merge" {
		return false
	}
	m.Content = append(m.Content, k, v)
	return true
}

func (b *builder) element(depth, col int, value scalar) bool {
	s := b.container(depth, col, value.line, yaml.SequenceNode)
	v, ok := b.scalar(value)
	if ok {
		s.Content = append(s.Content, v)
	}
	return ok
}

// container is the container at depth: the open one, or a new one in place of the null that its parent holds last.
func (b *builder) container(depth, col, line int, kind yaml.Kind) *yaml.Node {
	if depth < len(b.open) {
		b.open = b.open[:depth+1]
		return b.open[depth]
	}
	n := b.node()
	n.Kind, n.Tag, n.Line, n.Column = kind, "!!map", line+1, col+1
	if kind == yaml.SequenceNode {
		n.Tag = "!!seq"
	}
	if depth > 0 {
		parent := b.open[depth-1].Content
		parent[len(parent)-1] = n
	}
	b.open = append(b.open, n)
	return n
}

func (b *builder) node() *yaml.Node {
	const more = 64
	for b.at == len(b.slabs[b.slab]) {
		b.slab, b.at = b.slab+1, 0
		if b.slab == len(b.slabs) {
			b.slabs = append(b.slabs, make([]yaml.Node, more))
		}
	}
	n := &b.slabs[b.slab][b.at]
	b.at++
	*n = yaml.Node{Content: n.Content[:0]}
	return n
}

// scalar is the node of a key or value.
func (b *builder) scalar(s scalar) (*yaml.Node, bool) {
	n := b.node()
	n.Kind, n.Line, n.Column = yaml.ScalarNode, s.line+1, s.col+1
	span := b.text[s.start:s.end]
	switch s.kind {
	case absent:
		n.Tag = "!!null"
		return n, true
	case plain:
		n.Value = span
		n.Tag = plainTag(n)
		return n, true
	case flow:
		f := flowBuilder{builder: b, text: span, line: s.line + 1, col: s.col + 1}
		made := f.node()
		*n = *made
		made.Content = nil
		return n, true
	case single:
		n.Style, n.Value = yaml.SingleQuotedStyle, span
		if s.escaped {
			n.Value = strings.ReplaceAll(span, "''", "'")
		}
	case double:
		n.Style, n.Value = yaml.DoubleQuotedStyle, span
		if s.escaped {
			return n, b.viaLibrary(n, `"`+span+`"`)
		}
	case literal:
		n.Style, n.Value = yaml.LiteralStyle, literalText(span, s)
	case folded:
		return n, !s.explicit && b.viaLibrary(n, foldedHeader(s.chomp)+span+"\n")
	}
	n.Tag = "!!str"
	return n, true
}

// viaLibrary parses a value that stands alone, and puts it where n is.
func (b *builder) viaLibrary(n *yaml.Node, text string) bool {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) != 1 {
		return false
	}
	line, col := n.Line, n.Column
	*n = *doc.Content[0]
	move(n, line-1, col-1)
	return true
}

// move puts a node that was parsed alone to its place in the document.
func move(n *yaml.Node, line, col int) {
	n.Line += line
	n.Column += col
	for _, c := range n.Content {
		move(c, line, col)
	}
}

func foldedHeader(chomp byte) string {
	if chomp == 0 {
		return ">\n"
	}
	return ">" + string(chomp) + "\n"
}

// literalText is the text of a literal block, whose span ends before its last line break.
func literalText(span string, s scalar) string {
	var t strings.Builder
	t.Grow(len(span))
	for line := range strings.SplitSeq(span, "\n") {
		if len(line) > s.indent {
			t.WriteString(line[s.indent:])
		}
		t.WriteByte('\n')
	}
	if s.chomp == '+' {
		return t.String()
	}
	text := strings.TrimRight(t.String(), "\n")
	if s.chomp == 0 {
		text += "\n"
	}
	return text
}

// plainTag is the tag that a plain scalar resolves to. Most begin with a letter that nothing but a string begins with, or
// are longer than the words that are none: yes, no, on, off, true, false, null.
func plainTag(n *yaml.Node) string {
	c := n.Value[0]
	if isAlnum(c) && c > '9' && (len(n.Value) > len("false") || !strings.ContainsRune("yYnNtTfFoO", rune(c))) || c == '/' || c == '_' {
		return "!!str"
	}
	return n.ShortTag()
}
