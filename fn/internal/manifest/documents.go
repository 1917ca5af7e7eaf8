package manifest

import "bytes"

// chunk is one document of a stream with what separates it from the one before: the two make up the stream's bytes.
type chunk struct {
	// separator is the marker lines before the body; empty for the first document.
	separator []byte
	body      []byte
	// line is the body's first line in the stream, from 0.
	line int
}

// splitDocuments cuts a stream at its document markers, which stand at column 0: YAML allows no text of a document to
// look like one there. A document that begins on the line of its marker ("--- {a: b}") keeps that text.
func splitDocuments(in []byte) []chunk {
	var (
		chunks []chunk
		c      chunk
		start  int // of the separator, then of the body
		s      splitter
	)
	cut := func(at int) { c.body = in[start:at] }
	for pos := 0; pos < len(in); {
		end := len(in)
		if n := bytes.IndexByte(in[pos:], '\n'); n >= 0 {
			end = pos + n + 1
		}
		line := in[pos:end]
		if pos == 0 {
			line = bytes.TrimPrefix(line, bom)
		}
		switch {
		case s.endsDocument(line):
			cut(pos)
			chunks = append(chunks, c)
			after := end - len(line) + markerLength(line)
			c = chunk{separator: in[pos:after], line: s.line}
			if after == end {
				c.line++
			}
			start = after
			s.begin(line)
		default:
			s.text(line)
		}
		s.line++
		pos = end
	}
	cut(len(in))
	return append(chunks, c)
}

// splitter knows what the document so far means for the next marker.
type splitter struct {
	line int
	// directive is set after a line such as "%YAML 1.2": the "---" that follows belongs to that document.
	directive bool
	// content is set once the document has more than comments and directives.
	content bool
}

func (s *splitter) endsDocument(line []byte) bool {
	if !isMarker(line) {
		return false
	}
	return !(line[0] == '-' && s.directive && !s.content)
}

func (s *splitter) begin(marker []byte) {
	s.directive = false
	s.content = marker[0] == '-' && markerLength(marker) == len("---") && len(trimBlank(marker)) > len("---")
}

func (s *splitter) text(line []byte) {
	trimmed := trimBlank(line)
	switch {
	case len(trimmed) == 0 || trimmed[0] == '#':
	case line[0] == '%' && !s.content:
		s.directive = true
	default:
		s.content = true
	}
}

// isMarker reports whether a line is "---", alone or with something behind it, or "...", alone or with a comment.
func isMarker(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("...")) {
		return false
	}
	if len(line) > 3 && bytes.IndexByte([]byte(" \t\r\n"), line[3]) < 0 {
		return false
	}
	return line[0] == '-' || isBlank(line[3:])
}

// markerLength is how much of a marker's line separates: all of it, unless a document begins there.
func markerLength(line []byte) int {
	rest := trimBlank(line[3:])
	if len(rest) > 0 && rest[0] != '#' && line[0] == '-' {
		return 3
	}
	return len(line)
}

// isBlank reports whether a document holds nothing but white space, comments and a byte order mark.
func isBlank(body []byte) bool {
	body = bytes.TrimPrefix(body, bom)
	for len(body) > 0 {
		line := body
		if n := bytes.IndexByte(body, '\n'); n >= 0 {
			line = body[:n+1]
		}
		body = body[len(line):]
		if trimmed := trimBlank(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return false
		}
	}
	return true
}

// trimBlank is text without what YAML takes for white space at its ends.
func trimBlank(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }
