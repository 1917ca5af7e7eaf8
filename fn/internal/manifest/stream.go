package manifest

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
)

// Stream is a plain YAML stream, as helm template, kustomize build and kubectl get write it.
type Stream struct {
	// Items are the documents that hold an object, in the order of the input. A kind: List document is one item.
	Items []*Item

	chunks []streamChunk
	crlf   bool
}

type streamChunk struct {
	chunk
	// item is nil for a document that is empty, only comments, or null.
	item *Item
}

// ReadStream reads a plain YAML or JSON stream. An input without any document is no error: Items is empty then. The
// error is report.Findings.
func ReadStream(in []byte) (*Stream, error) {
	if p := checkUTF8(in); p != nil {
		return nil, p.findings()
	}
	s := &Stream{crlf: hasCRLF(in)}
	var found report.Findings
	for _, c := range splitDocuments(in) {
		sc := streamChunk{chunk: c}
		if !isBlank(c.body) {
			it, p := readDocument(c.body, len(s.Items))
			switch {
			case p != nil:
				found = append(found, p.finding(it.Source(), it.Ref(), c.line))
			case it != nil:
				it.line = c.line
				sc.item = it
				s.Items = append(s.Items, it)
			}
		}
		s.chunks = append(s.chunks, sc)
	}
	if err := asError(found); err != nil {
		return nil, err
	}
	return s, nil
}

func hasCRLF(in []byte) bool {
	n := bytes.IndexByte(in, '\n')
	return n > 0 && in[n-1] == '\r'
}

// readDocument reads the identity of a document; no item for one that is null.
func readDocument(body []byte, position int) (*Item, *problem) {
	it := &Item{position: position, document: body}
	if readIdentity(it, body) {
		return it, nil
	}
	*it = Item{position: position, document: body}
	root, p := parseDocument(body)
	switch {
	case p != nil:
		return it, p
	case root == nil:
		return nil, nil
	case root.Kind != yaml.MappingNode:
		return it, &problem{id: InputItem, line: root.Line,
			message: "want an object (a mapping with apiVersion, kind and metadata), got " + kindName(root)}
	}
	if p := identify(it, root, ""); p != nil {
		return it, p
	}
	it.object = NewObject(root, it.Source())
	return it, nil
}

// identitySink is identity for a document of its own.
type identitySink struct{ identity }

func (s *identitySink) key(depth, _ int, key, value scalar) bool {
	return s.identity.key(depth, key, value)
}

func (s *identitySink) element(int, int, scalar) bool { return true }

// readIdentity fills the item from a canonical document; false for any other.
func readIdentity(it *Item, document []byte) bool {
	s := &identitySink{identity{in: document, item: it}}
	var w walker
	if !walk(document, s, &w) {
		return false
	}
	s.end()
	return true
}

// Encode is the stream with some documents replaced and others added at the end. All that is not replaced stays byte
// for byte, separators and comments between documents included.
func (s *Stream) Encode(replace map[*Item][]byte, add [][]byte) []byte {
	return s.Pieces(replace, add).Bytes()
}

// lineEnds is text with the line ends of the stream.
func (s *Stream) lineEnds(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if s.crlf {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	}
	return text
}
