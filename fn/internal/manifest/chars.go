package manifest

import "unicode/utf8"

// Classes of bytes, as bits.
const (
	charControl = 1 << iota // a control character that YAML text cannot hold
	charReturn              // a carriage return
	charTab
	charWide  // part of a character outside ASCII
	charKey   // may stand in a plain key
	charFirst // may begin a plain key or value
	charFlow  // may stand in a plain value within [] or {}
)

var chars = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c == '\n':
		case c == '\t':
			t[c] = charTab
		case c == '\r':
			t[c] = charReturn
		case c < ' ' || c == 0x7f:
			t[c] = charControl
		case c >= utf8.RuneSelf:
			t[c] = charWide | charFirst
		}
	}
	set := func(chars string, bits uint8) {
		for _, c := range []byte(chars) {
			t[c] |= bits
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	set(letters+"_./$", charKey|charFirst|charFlow)
	set("~+(^;\\", charFirst)
	set("-", charKey|charFlow)
	set("~+()=*@^", charKey)
	set("~+()=*@^%;", charFlow)
	return t
}()

// classify is the union of the classes of all bytes.
func classify(in []byte) (all uint8) {
	for _, c := range in {
		all |= chars[c]
	}
	return all
}

// plainText reports whether the input is UTF-8 without the characters that some YAML parsers refuse, skip or take for
// line breaks.
func plainText(in []byte) bool {
	for i := 0; i < len(in); {
		if in[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(in[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			return false
		}
		i += n
	}
	return true
}
