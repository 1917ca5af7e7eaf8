package manifest

import "bytes"

// maxKey is half of the length at which YAML no longer takes a text before a colon for a key.
const maxKey = 512

// scanKey reads a key and its colon at p. after is the place behind the colon, which a space or the end of the line
// follows.
func (w *walker) scanKey(p, col int) (k scalar, after int, ok bool) {
	k = scalar{kind: plain, start: p, line: w.line, col: col}
	switch c := w.in[p]; {
	case c == '"' || c == '\'':
		k.start++
		n := bytes.IndexByte(w.in[k.start:w.end], c)
		if n < 0 {
			return k, 0, false
		}
		k.end = k.start + n
		// Escapes would need decoding, and characters outside ASCII counting, for the column of what follows.
		if text := w.in[k.start:k.end]; bytes.IndexByte(text, '\\') >= 0 || classify(text)&charWide != 0 {
			return k, 0, false
		}
		k.kind = single
		if c == '"' {
			k.kind = double
		}
		after = k.end + 1
	case chars[c]&charFirst != 0 || c == '-' && !isDash(w.in, p, w.end):
		after = p
		for after < w.end && chars[w.in[after]]&charKey != 0 {
			after++
		}
		k.end = after
	default:
		return k, 0, false
	}
	if after >= w.end || w.in[after] != ':' || k.end == k.start && k.kind == plain || k.end-k.start > maxKey {
		return k, 0, false
	}
	after++
	return k, after, after == w.end || w.in[after] == ' '
}

// scanValue reads the value that begins at p, to the end of its line or block. parent is the column of the keys or
// dashes of the container it stands in.
func (w *walker) scanValue(p, parent int) (scalar, bool) {
	v := scalar{start: p, line: w.line, col: p - w.pos}
	switch c := w.in[p]; {
	case c == '\'' || c == '"':
		v.start++
		v.kind = single
		if c == '"' {
			v.kind = double
		}
		ok := w.scanQuoted(&v)
		return v, ok && w.onlyComment(v.end+1)
	case c == '[' || c == '{':
		v.kind = flow
		end, ok := scanFlow(w.in[:w.end], p, 0)
		v.end = end
		return v, ok && w.onlyComment(end)
	case c == '|' || c == '>':
		return w.scanBlock(p, parent)
	case chars[c]&charFirst != 0 || c == '-' && !isDash(w.in, p, w.end):
		v.kind = plain
		ok := w.scanPlain(&v)
		return v, ok
	}
	return v, false
}

// scanPlain reads a plain scalar to the end of the line or to a comment.
func (w *walker) scanPlain(v *scalar) bool {
	line := w.in[:w.end]
	p := v.start
	for ; p < len(line); p++ {
		switch c := line[p]; {
		case c == ':' && (p+1 == len(line) || line[p+1] == ' '), c == '\t':
			return false
		case c == '#' && line[p-1] == ' ':
			v.end = trimSpaces(line, v.start, p)
			return true
		}
	}
	v.end = trimSpaces(line, v.start, p)
	return true
}

func trimSpaces(line []byte, start, end int) int {
	for end > start && line[end-1] == ' ' {
		end--
	}
	return end
}

// scanQuoted reads to the closing quote, which must be on the same line.
func (w *walker) scanQuoted(v *scalar) bool {
	quote := w.in[v.start-1]
	for p := v.start; p < w.end; p++ {
		switch c := w.in[p]; {
		case c == '\\' && quote == '"':
			n := escapeLength(w.in[p:w.end])
			if n == 0 {
				return false
			}
			v.escaped = true
			p += n - 1
		case c != quote:
		case quote == '\'' && p+1 < w.end && w.in[p+1] == '\'':
			v.escaped = true
			p++
		default:
			v.end = p
			return true
		}
	}
	return false
}

// escapeLength is the length of the escape at the start of text, 0 where it is none of the common ones.
func escapeLength(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'n', 't', 'r', '0', 'a', 'b', 'e', 'f', 'v':
		return 2
	case 'x':
		return hexEscape(text, 4)
	case 'u':
		// Surrogates are no characters.
		if len(text) > 3 && (text[2] == 'd' || text[2] == 'D') && text[3] > '7' {
			return 0
		}
		return hexEscape(text, 6)
	}
	return 0
}

func hexEscape(text []byte, n int) int {
	if len(text) < n {
		return 0
	}
	for _, c := range text[2:n] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0
		}
	}
	return n
}

// onlyComment reports whether nothing but spaces and a comment stands from p to the end of the line.
func (w *walker) onlyComment(p int) bool {
	from := p
	for p < w.end && w.in[p] == ' ' {
		p++
	}
	return p == w.end || w.in[p] == '#' && p > from
}

// scanBlock reads a block scalar whose header begins at p, and its lines.
func (w *walker) scanBlock(p, parent int) (scalar, bool) {
	v := scalar{kind: literal, line: w.line, col: p - w.pos}
	if w.in[p] == '>' {
		v.kind = folded
	}
	for p++; p < w.end && w.in[p] != ' '; p++ {
		switch c := w.in[p]; {
		case (c == '-' || c == '+') && v.chomp == 0:
			v.chomp = c
		case c >= '1' && c <= '9' && v.indent == 0:
			v.indent = parent + int(c-'0')
			v.explicit = true
		default:
			return v, false
		}
	}
	if !w.onlyComment(p) {
		return v, false
	}
	v.start = w.end + 1
	ok := w.scanBlockLines(&v, parent)
	v.end = w.end
	return v, ok
}

// scanBlockLines moves the walker to the last line of the block that begins on the next line. A block without text is
// refused.
func (w *walker) scanBlockLines(v *scalar, parent int) bool {
	blank, text := 0, false
	for next := w.end + 1; next < len(w.in); {
		n := bytes.IndexByte(w.in[next:], '\n')
		if n < 0 {
			return false
		}
		line := w.in[next : next+n]
		spaces := 0
		for spaces < n && line[spaces] == ' ' {
			spaces++
		}
		switch {
		case spaces == n:
			blank = max(blank, spaces)
		case v.indent == 0 && (spaces <= parent || spaces < blank || line[spaces] == '\t'):
			return false
		case v.indent == 0:
			v.indent, text = spaces, true
		case spaces >= v.indent:
			text = true
		default:
			return text && line[spaces] != '\t'
		}
		w.end = next + n
		w.line++
		next += n + 1
	}
	return text
}
