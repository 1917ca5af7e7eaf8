package manifest

import "bytes"

// scalarKind is how a value is written.
type scalarKind uint8

const (
	absent  scalarKind = iota // nothing on the line: a container follows, or null
	plain                     // text
	single                    // 'text'
	double                    // "text"
	flow                      // [a, b] or {a: b}, complete on its line
	literal                   // | and the lines below it
	folded                    // > and the lines below it
)

// scalar is a key or value as the walker found it: a span of the input.
type scalar struct {
	kind scalarKind
	// start and end are the span: the text between the quotes, the brackets and what is in them, a block's lines.
	start, end int
	// line and col are where it begins, both from 0.
	line, col int
	// escaped quotes hold an escape, so that the span is not the value.
	escaped bool
	// indent is the column of a block's text, chomp its indicator: '-', '+' or 0; explicit says that its header gives
	// the indent.
	indent   int
	chomp    byte
	explicit bool
}

// sink receives what a walker recognises, in the order of the text. The depth of a mapping or sequence is 0 at the top
// of the document and one more within each container. A method that returns false ends the walk: the text is
// canonical, but not what the sink can take.
type sink interface {
	// key is a key of the mapping at depth, and its value; absent where a container follows, or nothing.
	key(depth, col int, key, value scalar) bool
	// element is an element of the sequence at depth; absent where a container follows.
	element(depth, col int, value scalar) bool
}

// walker recognises canonical YAML: one document, a block mapping at its top, block mappings and sequences in it, each
// key and value complete on one line or a block scalar, flow collections complete on one line. No anchors, aliases,
// tags, merge keys, complex keys, document markers, tabs outside quotes and blocks, or carriage returns. What it
// accepts is valid YAML that every parser reads alike; what it refuses may be either.
type walker struct {
	in   []byte
	sink sink

	// pos and end span the current line without its line break; line is its number from 0. A value that is a block
	// scalar moves end and line to the block's last line.
	pos, end, line int
	// lead is where the run of comments at column 0 begins that stands right before the current line; -1 for none.
	lead int

	stack []level
	// pending is set where the last line was a key of the mapping on top without a value.
	pending bool
	// pendingElement is set where the last line was a dash with a comment alone.
	pendingElement bool
	// tabs is set where the input has any.
	tabs bool
}

// level is an open container: the column of its keys or dashes.
type level struct {
	col int
	seq bool
}

// maxNesting is far above what manifests have and below the parser's own limit.
const maxNesting = 64

// walk reports whether the whole input is canonical and the sink took all of it.
func walk(in []byte, s sink, w *walker) bool {
	chars := classify(in)
	if chars&(charControl|charReturn) != 0 || chars&charWide != 0 && !plainText(in) {
		return false
	}
	*w = walker{in: in, sink: s, line: -1, lead: -1, stack: w.stack[:0], tabs: chars&charTab != 0}
	for w.pos < len(in) {
		n := bytes.IndexByte(in[w.pos:], '\n')
		if n < 0 {
			return false
		}
		w.end = w.pos + n
		w.line++
		if !w.readLine() {
			return false
		}
		w.pos = w.end + 1
	}
	return len(w.stack) > 0 && !w.pendingElement
}

func (w *walker) readLine() bool {
	p := w.pos
	for p < w.end && w.in[p] == ' ' {
		p++
	}
	if p == w.end {
		return true
	}
	if w.in[p] == '#' {
		switch {
		case p > w.pos:
			w.lead = -1
		case w.lead < 0:
			w.lead = w.pos
		}
		return true
	}
	ok := w.readStructure(p, p-w.pos)
	w.lead = -1
	return ok
}

func (w *walker) readStructure(p, col int) bool {
	if isDash(w.in, p, w.end) {
		return w.openSequence(col) && w.readDash(p, col)
	}
	k, after, ok := w.scanKey(p, col)
	return ok && w.openMapping(col) && w.readValue(k, after)
}

// readDash reads an element whose dash is at p, in the sequence on top.
func (w *walker) readDash(p, col int) bool {
	for {
		depth := len(w.stack) - 1
		q := p + 2
		if q >= w.end || w.in[q] == ' ' {
			return false
		}
		if w.in[q] == '#' {
			w.pendingElement = true
			return w.sink.element(depth, col, scalar{line: w.line})
		}
		if isDash(w.in, q, w.end) {
			if !w.sink.element(depth, col, scalar{line: w.line}) || !w.push(level{col: col + 2, seq: true}) {
				return false
			}
			p, col = q, col+2
			continue
		}
		if k, after, ok := w.scanKey(q, col+2); ok {
			return w.sink.element(depth, col, scalar{line: w.line}) && w.push(level{col: col + 2}) && w.readValue(k, after)
		}
		v, ok := w.scanValue(q, col)
		return ok && w.sink.element(depth, col, v)
	}
}

// readValue reads what follows the colon of a key of the mapping on top.
func (w *walker) readValue(k scalar, p int) bool {
	depth, col := len(w.stack)-1, w.stack[len(w.stack)-1].col
	for p < w.end && w.in[p] == ' ' {
		p++
	}
	if p == w.end || w.in[p] == '#' {
		w.pending = true
		return w.sink.key(depth, col, k, scalar{line: w.line, col: p - w.pos})
	}
	v, ok := w.scanValue(p, col)
	return ok && w.sink.key(depth, col, k, v)
}

// openSequence makes the sequence with dashes at col the container on top.
func (w *walker) openSequence(col int) bool {
	w.close(col, false)
	if w.pendingElement || len(w.stack) == 0 {
		return false
	}
	top := w.stack[len(w.stack)-1]
	switch {
	case top.seq:
		return top.col == col
	case w.pending && top.col <= col:
		return w.push(level{col: col, seq: true})
	}
	return false
}

// openMapping makes the mapping with keys at col the container on top.
func (w *walker) openMapping(col int) bool {
	if len(w.stack) == 0 {
		return w.push(level{col: col})
	}
	if w.pendingElement {
		w.pendingElement = false
		return col == w.stack[len(w.stack)-1].col+2 && w.push(level{col: col})
	}
	w.close(col, true)
	if len(w.stack) == 0 {
		return false
	}
	top := w.stack[len(w.stack)-1]
	switch {
	case top.seq:
		return false
	case top.col == col:
		w.pending = false
		return true
	case w.pending:
		return w.push(level{col: col})
	}
	return false
}

// close takes the containers from the stack that a line at col ends; a key also ends a sequence at its own column.
func (w *walker) close(col int, key bool) {
	for len(w.stack) > 0 {
		top := w.stack[len(w.stack)-1]
		if top.col < col || top.col == col && !(key && top.seq) {
			return
		}
		w.stack = w.stack[:len(w.stack)-1]
		w.pending = false
	}
}

func (w *walker) push(l level) bool {
	w.pending = false
	w.stack = append(w.stack, l)
	return len(w.stack) <= maxNesting
}

func isDash(in []byte, p, end int) bool {
	return in[p] == '-' && (p+1 == end || in[p+1] == ' ')
}
