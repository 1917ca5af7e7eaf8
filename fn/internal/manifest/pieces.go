package manifest

import (
	"bufio"
	"bytes"
	"io"
)

// Pieces is a text in pieces. Most are parts of the input, so that an output as large as that needs no memory of its own.
type Pieces [][]byte

// Bytes is the text in one piece.
func (p Pieces) Bytes() []byte { return bytes.Join(p, nil) }

// WriteTo writes the text.
func (p Pieces) WriteTo(w io.Writer) (int64, error) {
	const size = 1 << 16
	out := bufio.NewWriterSize(w, size)
	var n int64
	for _, piece := range p {
		written, err := out.Write(piece)
		n += int64(written)
		if err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}
