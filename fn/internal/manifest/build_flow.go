package manifest

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// flowBuilder makes the nodes of a flow collection that scanFlow has accepted.
type flowBuilder struct {
	*builder
	text string
	pos  int
	// line and col are the place of the text's start, from 1.
	line, col int
}

// node reads the collection or scalar at pos.
func (f *flowBuilder) node() *yaml.Node {
	n := f.builder.node()
	n.Line, n.Column = f.line, f.col+utf8.RuneCountInString(f.text[:f.pos])
	switch f.text[f.pos] {
	case '[':
		n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		for f.next(']') {
			n.Content = append(n.Content, f.node())
		}
	case '{':
		n.Kind, n.Tag, n.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		for f.next('}') {
			key := f.node()
			f.pos++
			f.skip()
			n.Content = append(n.Content, key, f.node())
		}
	case '"':
		f.quoted(n, '"', yaml.DoubleQuotedStyle)
	case '\'':
		f.quoted(n, '\'', yaml.SingleQuotedStyle)
	default:
		end := scanFlowWord(f.text, f.pos)
		n.Kind, n.Value = yaml.ScalarNode, f.text[f.pos:end]
		n.Tag = plainTag(n)
		f.pos = end
	}
	return n
}

// next moves from a bracket or comma to the next entry; false past the closing bracket.
func (f *flowBuilder) next(closing byte) bool {
	f.skip()
	if f.text[f.pos] == closing {
		f.pos++
		return false
	}
	f.pos++
	f.skip()
	if f.text[f.pos] == closing {
		f.pos++
		return false
	}
	return true
}

func (f *flowBuilder) skip() {
	for f.text[f.pos] == ' ' {
		f.pos++
	}
}

func (f *flowBuilder) quoted(n *yaml.Node, quote byte, style yaml.Style) {
	start := f.pos + 1
	end := start + strings.IndexByte(f.text[start:], quote)
	n.Kind, n.Tag, n.Style, n.Value = yaml.ScalarNode, "!!str", style, f.text[start:end]
	f.pos = end + 1
}
