package discovery

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// texts has one copy of each text that is kept. A text cut from a document keeps the whole document in memory, and most
// texts are in many documents.
type texts map[string]string

// maxSharedText is the length, in bytes, up to which texts are likely to be in other documents.
const maxSharedText = 128

// keep is a text that shares no memory with the document that it comes from.
func (r *Reader) keep(s string) string {
	if s == "" || len(s) > maxSharedText {
		return strings.Clone(s)
	}
	if kept, ok := r.texts[s]; ok {
		return kept
	}
	if r.texts == nil {
		r.texts = texts{}
	}
	s = strings.Clone(s)
	r.texts[s] = s
	return s
}

// text is text, for keeping.
func (r *Reader) text(n *yaml.Node) string { return r.keep(text(n)) }

// stringMap is a mapping of scalars, as labels and annotations are, for keeping; nil where it has none.
func (r *Reader) stringMap(n *yaml.Node) map[string]string {
	n = resolve(n)
	if !isMapping(n) || len(n.Content) == 0 {
		return nil
	}
	out := make(map[string]string, len(n.Content)/2)
	for key, value := range fields(n) {
		if value != nil && value.Kind == yaml.ScalarNode {
			out[r.keep(key)] = r.text(value)
		}
	}
	return out
}
