package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// quote is a string as a YAML scalar that readers of YAML 1.1 and 1.2 take for that string: as it is where that is
// certain, in quotes otherwise.
func quote(s string) string {
	switch {
	case isPlain(s):
		return s
	case !needsEscape(s) && !strings.ContainsAny(s, `"\`):
		return `"` + s + `"`
	case !needsEscape(s):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return escape(s)
}

// isPlain reports whether s needs no quotes as a value in block style.
func isPlain(s string) bool {
	if s == "" || strings.TrimSpace(s) != s || needsEscape(s) {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") {
		return false
	}
	c := s[0]
	switch {
	case isAlnum(c), c == '/', c == '_', c >= utf8.RuneSelf:
	case (c == '-' || c == '.') && len(s) > 1 && isAlnum(s[1]), len(s) > 2 && s[:2] == "--" && isAlnum(s[2]):
	default:
		return false
	}
	return !isOtherType(s)
}

// needsEscape reports whether s holds what only an escape can write: control characters, line breaks of any kind, and
// what is no text.
func needsEscape(s string) bool {
	return classify([]byte(s))&(charControl|charReturn|charTab) != 0 || strings.Contains(s, "\n") || !plainText([]byte(s))
}

// The words that YAML 1.1 or 1.2 reads as null or a boolean, in lower case.
var words = map[string]bool{
	"null": true, "true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true,
}

// isOtherType reports whether a plain s might be read as something else than a string: a word, or anything made of
// the characters of numbers and times alone (0x1F, 1_000, 1e3, 12:30, 2026-01-01, .inf).
func isOtherType(s string) bool {
	lower := strings.ToLower(s)
	if words[lower] {
		return true
	}
	switch strings.TrimLeft(lower, "+-") {
	case ".inf", ".nan":
		return true
	}
	if c := s[0]; (c < '0' || c > '9') && c != '-' && c != '.' {
		return false
	}
	return strings.Trim(lower, "0123456789abcdefxotz_.:+- ") == ""
}

// escape is s in double quotes with escapes that YAML 1.1, 1.2 and JSON know.
func escape(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
