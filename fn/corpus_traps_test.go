//go:build corpus

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// trapTime bounds one run on one trap; the largest files are 0.7 MB.
const trapTime = 5 * time.Second

// TestCorpusTraps gives each file of the traps to the filter and, alone in a folder, to render; and each folder of them to
// render. Whatever the outcome, no byte of the user's is lost or changed, and a refusal writes nothing. The outcomes are
// held in testdata/corpus/traps, and reviewed against the table of what each file must do.
func TestCorpusTraps(t *testing.T) {
	root := filepath.Join(*corpus, "traps", "input")
	files := trapFiles(t, root)
	var outcomes strings.Builder
	folders := map[string]bool{}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		filtered := trapFiltered(t, name, content)
		alone := trapRendered(t, name, map[string][]byte{path.Base(name): content})
		if filtered == alone {
			fmt.Fprintf(&outcomes, "%s: %s\n", name, filtered)
		} else {
			fmt.Fprintf(&outcomes, "%s: %s; in a folder: %s\n", name, filtered, alone)
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		together := map[string][]byte{}
		for _, name := range files {
			if below, found := strings.CutPrefix(name, dir+"/"); found {
				content, err := os.ReadFile(filepath.Join(root, name))
				if err != nil {
					t.Fatal(err)
				}
				together[below] = content
			}
		}
		fmt.Fprintf(&outcomes, "%s/: %s\n", dir, trapRendered(t, dir, together))
	}
	hold(t, filepath.Join("testdata", "corpus", "traps", "outcomes.txt"), outcomes.String())
}

func trapFiles(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no traps below %q: %v", root, err)
	}
	return files
}

// trapFiltered is the outcome of the filter mode: what came in comes out first, or nothing does.
func trapFiltered(t *testing.T, name string, content []byte) string {
	t.Helper()
	defer within(t, name, time.Now())
	var stdout, stderr bytes.Buffer
	code := run([]string{}, bytes.NewReader(content), &stdout, &stderr, false)
	added, kept := bytes.CutPrefix(stdout.Bytes(), content)
	switch {
	case code != exitGood && stdout.Len() > 0:
		t.Errorf("%s: exit code %d, and yet %d bytes came out", name, code, stdout.Len())
	case code == exitGood && !kept:
		t.Errorf("%s: does not come out as it went in", name)
	}
	return trapOutcome(t, name, code, added, stderr.String())
}

// trapRendered is the outcome of a render of files: every byte of them stays, and a second run changes nothing.
func trapRendered(t *testing.T, name string, files map[string][]byte) string {
	t.Helper()
	defer within(t, name, time.Now())
	dir := t.TempDir()
	for file, content := range files {
		writeInput(t, dir, file, content)
	}
	var stdout, stderr bytes.Buffer
	code := render(dir, false, &stdout, &stderr)
	for file, content := range files {
		now, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		switch path.Base(file) {
		case "kustomization.yaml": // gets an entry
			now = bytes.TrimSuffix(now, []byte("- network-policies.yaml\n"))
		case "network-policies.yaml": // gets ours below the user's
			now = now[:min(len(now), len(content))]
		}
		if !bytes.Equal(now, content) {
			t.Errorf("%s: %s was changed", name, file)
		}
	}
	if code == exitGood {
		var again bytes.Buffer
		if code := render(dir, false, &again, &bytes.Buffer{}); code != exitGood || again.String() != "nothing to change\n" {
			t.Errorf("%s: the second run: exit code %d: %s", name, code, again.String())
		}
	} else if stdout.Len() > 0 {
		t.Errorf("%s: exit code %d, and yet: %s", name, code, stdout.String())
	}
	var written []byte
	for line := range strings.Lines(stdout.String()) {
		if file, found := strings.CutPrefix(strings.TrimSpace(line), "wrote "); found && path.Base(file) == "network-policies.yaml" {
			content, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			written = append(written, content...)
		}
	}
	return trapOutcome(t, name, code, written, stderr.String())
}

func within(t *testing.T, name string, start time.Time) {
	t.Helper()
	if took := time.Since(start); took > trapTime {
		t.Errorf("%s: took %v, want at most %v", name, took, trapTime)
	}
}

var (
	findingOf = regexp.MustCompile(`(?m)^tierwall: (error|warning): .*\[([a-z0-9-]+)\]$`)
	noPort    = regexp.MustCompile(`(?m)port: (0|null|"|$)`)
	ours      = regexp.MustCompile(`(?m)^    tierwall.dev/set: `)
)

// trapOutcome is the outcome in one line: refused or how many policies were written, and what was said beside infos.
func trapOutcome(t *testing.T, name string, code int, written []byte, messages string) string {
	t.Helper()
	if noPort.Match(written) {
		t.Errorf("%s: a port that is none:\n%s", name, written)
	}
	said := map[string]int{}
	for _, m := range findingOf.FindAllStringSubmatch(messages, -1) {
		said[m[2]]++
	}
	outcome := fmt.Sprintf("%d policies", len(ours.FindAll(written, -1)))
	if code != exitGood {
		outcome = "refused"
		if len(said) == 0 {
			t.Errorf("%s: refused without a finding: %s", name, messages)
		}
	}
	for _, id := range sortedNames(said) {
		outcome += fmt.Sprintf(", %s %d", id, said[id])
	}
	return outcome
}
