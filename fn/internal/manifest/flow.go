package manifest

// maxFlowNesting bounds the brackets within brackets that are read without the YAML library.
const maxFlowNesting = 16

// scanFlow reads the flow collection that begins at p and is complete within line, and returns the place behind it.
// Only plain words, quoted scalars and collections are read as elements; keys are followed by a colon and a space.
func scanFlow(line []byte, p, depth int) (int, bool) {
	if depth > maxFlowNesting {
		return p, false
	}
	mapping := line[p] == '{'
	closing := byte(']')
	if mapping {
		closing = '}'
	}
	p = skipSpaces(line, p+1)
	if p < len(line) && line[p] == closing {
		return p + 1, true
	}
	for {
		var ok bool
		if p, ok = scanFlowEntry(line, p, depth, mapping); !ok {
			return p, false
		}
		p = skipSpaces(line, p)
		if p == len(line) {
			return p, false
		}
		switch line[p] {
		case closing:
			return p + 1, true
		case ',':
			// A comma after the last element, or without a space behind it, is left to the library.
			if p+1 == len(line) || line[p+1] != ' ' {
				return p, false
			}
			p = skipSpaces(line, p+1)
		default:
			return p, false
		}
	}
}

// scanFlowEntry reads an element, or a key with its value.
func scanFlowEntry(line []byte, p, depth int, mapping bool) (int, bool) {
	if mapping {
		end, ok := scanFlowScalar(line, p)
		if !ok || end-p > maxKey || end+1 >= len(line) || line[end] != ':' || line[end+1] != ' ' {
			return p, false
		}
		p = skipSpaces(line, end+1)
	}
	if p < len(line) && (line[p] == '[' || line[p] == '{') {
		return scanFlow(line, p, depth+1)
	}
	return scanFlowScalar(line, p)
}

func scanFlowScalar(line []byte, p int) (int, bool) {
	if p == len(line) {
		return p, false
	}
	c := line[p]
	if c == '"' || c == '\'' {
		for q := p + 1; q < len(line); q++ {
			if line[q] == '\\' {
				return p, false
			}
			if line[q] == c {
				// A doubled quote is an escape, and a quote that text follows is a mistake.
				return q + 1, q+1 < len(line) && line[q+1] != c
			}
		}
		return p, false
	}
	if chars[c]&charFirst == 0 && !(c == '-' && p+1 < len(line) && (line[p+1] == '-' || isAlnum(line[p+1]))) {
		return p, false
	}
	q := scanFlowWord(line, p)
	return q, q > p
}

// scanFlowWord is the end of the plain word at p.
func scanFlowWord[T string | []byte](line T, p int) int {
	for p < len(line) {
		colon := line[p] == ':' && p+1 < len(line) && (line[p+1] == '/' || isAlnum(line[p+1]))
		if chars[line[p]]&charFlow == 0 && !colon {
			break
		}
		p++
	}
	return p
}

func skipSpaces(line []byte, p int) int {
	for p < len(line) && line[p] == ' ' {
		p++
	}
	return p
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
