//go:build corpus

package main

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpusTrapsInit proposes a configuration for each file of the traps, alone in a folder. What init writes decodes, and
// it never turns a folder that renders without a configuration into one that does not.
func TestCorpusTrapsInit(t *testing.T) {
	root := filepath.Join(*corpus, "traps", "input")
	proposals := 0
	for _, name := range trapFiles(t, root) {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		writeInput(t, dir, path.Base(name), content)
		var out, messages bytes.Buffer
		code := run([]string{"init", dir, "-o", "-"}, nil, &out, &messages, false)
		if strings.Contains(messages.String(), "please report") {
			t.Errorf("%s: %s", name, messages.String())
		}
		if code != exitGood {
			if messages.Len() == 0 {
				t.Errorf("%s: exit code %d, and nothing is said", name, code)
			}
			continue
		}
		proposals++
		plain := t.TempDir()
		writeInput(t, plain, path.Base(name), content)
		if render(plain, false, &bytes.Buffer{}, &bytes.Buffer{}) != exitGood {
			continue
		}
		writeInput(t, dir, proposedFile, out.Bytes())
		messages.Reset()
		if code := render(dir, false, &bytes.Buffer{}, &messages); code != exitGood {
			t.Errorf("%s: renders without a configuration, and not with the proposal:\n%s\n%s", name, messages.String(), out.String())
		}
	}
	if proposals == 0 {
		t.Error("no file of the traps got a proposal")
	}
	t.Logf("%d proposals", proposals)
}
