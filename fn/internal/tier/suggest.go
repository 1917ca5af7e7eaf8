package tier

import (
	"fmt"
	"strings"
)

// didYouMean is `, did you mean "backend"?` for the known word that is near, else nothing.
func didYouMean(word string, known []string) string {
	if n := near(word, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// near is the known word that is likely meant: at most a third of its letters differ. The first of several wins. Upper and
// lower case are the same here.
func near(word string, known []string) string {
	best, distance := "", 0
	for _, k := range known {
		d := levenshtein(strings.ToLower(word), strings.ToLower(k))
		if d <= max(1, len(k)/3) && d < len(k) && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	return best
}

// maxWord bounds the words that are compared, so that a long one costs nothing.
const maxWord = 64

// levenshtein is how many letters to insert, delete, replace or swap with their neighbour make one word of the other.
func levenshtein(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return maxWord
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// oneOf is `one of "a", "b"` for a message.
func oneOf(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return "one of " + strings.Join(quoted, ", ")
}
