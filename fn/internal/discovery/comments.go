package discovery

import (
	"path"
	"slices"
	"strings"
)

// commentsOf is what begins a comment in a file of that name, at the beginning of a line; "#" and "//" do
// also behind a blank.
func commentsOf(key string) []string {
	switch strings.ToLower(path.Ext(key)) {
	case ".js", ".mjs", ".ts", ".go", ".java", ".groovy", ".c", ".cpp", ".rs", ".php":
		return []string{"//", "* ", "/*"}
	case ".sql", ".lua":
		return []string{"--"}
	case ".xml":
		return []string{"<!--"}
	case ".ini", ".cnf", ".properties":
		return []string{"#", ";", "!"}
	case ".hcl", ".river", ".alloy":
		return []string{"#", "//"}
	}
	return []string{"#"}
}

// withoutComments is a text with its comments left out. What begins one within a line is told from a URL's fragment and a
// shell's ${A#B} by the blank before it.
func withoutComments(text string, begins []string) string {
	if !slices.ContainsFunc(begins, func(b string) bool { return strings.Contains(text, b) }) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " \t")
		if slices.ContainsFunc(begins, func(begin string) bool { return strings.HasPrefix(trimmed, begin) }) {
			b.WriteByte('\n')
			continue
		}
		for _, begin := range begins {
			if begin != "#" && begin != "//" {
				continue
			}
			if i := strings.Index(line, " "+begin); i >= 0 {
				line = line[:i] + "\n"
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
