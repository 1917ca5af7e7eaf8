package examples

import (
	"os"
	"strings"
	"testing"
)

// block is a fenced block of a README that is meant to be run: one that opens with ```sh. What follows on that line
// names the profile that it needs, such as helm-v3.
type block struct {
	profile, script string
}

func shellBlocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var lines []string
	inside, profile := false, ""
	for line := range strings.Lines(string(text)) {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case inside && isFence:
			blocks = append(blocks, block{profile, strings.Join(lines, "")})
			inside, lines = false, nil
		case inside:
			lines = append(lines, line)
		case isFence && (fence == "sh" || strings.HasPrefix(fence, "sh ")):
			inside, profile = true, strings.TrimSpace(strings.TrimPrefix(fence, "sh"))
		}
	}
	if inside {
		t.Fatalf("%s: a ```sh block does not end", path)
	}
	return blocks
}
