package examples

import (
	"os"
	"strings"
	"testing"
)

// block is a fenced block of a page.
type block struct {
	// lang is the first word behind the fence, args what follows it: neither is seen by a reader of the page.
	lang, args string
	// line is where the block opens, from 1.
	line int
	// text is what stands in it, without the indent of the fence.
	text string
}

// blocksOf are all fenced blocks of a page, in order.
func blocksOf(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	var open *block
	indent, number := "", 0
	for line := range strings.Lines(string(text)) {
		number++
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case open != nil && isFence && fence == "":
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent)
		case isFence:
			lang, args, _ := strings.Cut(fence, " ")
			open = &block{lang: lang, args: strings.TrimSpace(args), line: number}
			indent = line[:strings.Index(line, "```")]
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block does not end", path, open.line)
	}
	return out
}

// shellBlocks are the blocks of a README that are run as they stand: those that open with ```sh. What follows on that
// line names the profile that it needs, such as helm-v3.
func shellBlocks(t *testing.T, path string) []block {
	t.Helper()
	var out []block
	for _, b := range blocksOf(t, path) {
		if b.lang == "sh" {
			out = append(out, b)
		}
	}
	return out
}
