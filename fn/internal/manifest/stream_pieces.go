package manifest

import (
	"bytes"
	"slices"
)

// Pieces is Encode without a copy of the documents that stay.
func (s *Stream) Pieces(replace map[*Item][]byte, add [][]byte) Pieces {
	out := streamPieces{stream: s}
	empty := true
	for _, c := range s.chunks {
		out.add(c.separator)
		text, replaced := replace[c.item]
		if c.item == nil || !replaced {
			out.add(c.body)
			empty = empty && len(bytes.Trim(bytes.TrimPrefix(c.body, bom), " \r\n")) == 0
			continue
		}
		empty = false
		if bytes.HasPrefix(c.body, bom) {
			out.add(bom)
		}
		out.endLine()
		out.addDocument(text)
	}
	for _, text := range add {
		out.endLine()
		if !empty && string(out.lastLine()) != "---" {
			out.add(s.lineEnds([]byte("---\n")))
		}
		out.addDocument(text)
		empty = false
	}
	return out.pieces
}

// streamPieces is the output of a stream so far. No piece is empty.
type streamPieces struct {
	stream *Stream
	pieces Pieces
}

func (p *streamPieces) add(text []byte) {
	if len(text) > 0 {
		p.pieces = append(p.pieces, text)
	}
}

func (p *streamPieces) addDocument(text []byte) {
	p.add(p.stream.lineEnds(text))
	p.endLine()
}

// endLine completes the last line.
func (p *streamPieces) endLine() {
	n := len(p.pieces)
	if n == 0 || bytes.HasSuffix(p.pieces[n-1], []byte("\n")) || n == 1 && bytes.Equal(p.pieces[0], bom) {
		return
	}
	p.add(p.stream.lineEnds([]byte("\n")))
}

// lastLine is the last line that is not empty, without its line end.
func (p *streamPieces) lastLine() []byte {
	var tail []byte
	for _, piece := range slices.Backward(p.pieces) {
		if len(tail) > 0 {
			piece = slices.Concat(piece, tail)
		}
		tail = bytes.TrimRight(piece, "\r\n")
		if n := bytes.LastIndexByte(tail, '\n'); n >= 0 {
			return tail[n+1:]
		}
	}
	return tail
}
