//go:build corpus

package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var corpus = flag.String("corpus", "", "a folder with a folder a case: manifests below input/ or kustomize/, and expected.yaml, the table of right answers")

// reviewed is the file name of a case's configuration below testdata/corpus.
const reviewed = "networkpolicyset.yaml"

// tree is a folder of manifests of a case.
type tree struct {
	// folder is below the case's folder.
	folder string
	// cut are files and folders of the project's own policies, taken out with the entries that list them: they bear names
	// of ours, and are wrong in part.
	cut []string
	// change, where it is set, changes the copy of the tree.
	change func(t *testing.T, dir string)
	// refused is the finding that refuses the tree, whatever the configuration.
	refused string
}

// trees are the cases' folders where they are more than input/. Two trees of kustomizations are not whole here: their
// bases, or the files of their generators, were left behind; and one is refused by kustomize itself.
var trees = map[string][]tree{
	"eks-retail-store": {{folder: "input"}, {folder: "kustomize"}},
	"flux2":            {{folder: "input"}, {folder: "kustomize", refused: "environment-not-built"}},
	"hospital-erp":     {{folder: "input"}, {folder: "kustomize", cut: []string{"base/network-policies"}}},
	"podinfo-webapp":   {{folder: "input"}, {folder: "kustomize", refused: "environment-not-built"}},
	"three-tier-kind":  {{folder: "input"}, {folder: "kustomize", cut: []string{"base/network-policies.yaml"}}},
	"uitgo":            {{folder: "input"}, {folder: "kustomize", refused: "environment-not-built"}},
}

// TestCorpus renders each application without configuration and with the reviewed one: twice, the second run changes
// nothing. The policies and the score against the table of right answers are held in testdata/corpus, and with the
// reviewed configuration everything that is meant is open. UPDATE=1 rewrites what is held, for a review of the diff.
func TestCorpus(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(*corpus, "*", "expected.yaml"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no case below %q: %v", *corpus, err)
	}
	var scoreboard scoreboard
	for _, table := range tables {
		dir := filepath.Dir(table)
		name := filepath.Base(dir)
		if name == "traps" {
			continue // see TestCorpusTraps
		}
		t.Run(name, func(t *testing.T) {
			c := readCase(t, dir)
			held := filepath.Join("testdata", "corpus", name)
			var scores, without, with strings.Builder
			for _, tr := range c.trees {
				before := c.render(t, tr, nil)
				describe(&without, tr, before)
				c.score(t, &scores, tr.folder+", without configuration", before).mustShutTiers(t)

				proposal := c.propose(t, tr)
				if proposal != nil {
					hold(t, filepath.Join(held, "proposal-"+tr.folder+".yaml"), string(proposal))
				}
				proposed := c.score(t, &scores, tr.folder+", as proposed", c.render(t, tr, proposal))
				proposed.mustShutTiers(t)

				config, err := os.ReadFile(filepath.Join(held, reviewed))
				if err != nil {
					t.Errorf("no reviewed configuration: %v", err)
					continue
				}
				after := c.render(t, tr, config)
				describe(&with, tr, after)
				s := c.score(t, &scores, tr.folder+", as reviewed", after)
				s.mustShutTiers(t)
				s.mustOpenAll(t)
				if tr.folder == "input" {
					scoreboard.add(name, proposed, s, config)
				}
			}
			t.Log("\n" + scores.String())
			hold(t, filepath.Join(held, "score.txt"), scores.String())
			hold(t, filepath.Join(held, "policies-without-configuration.txt"), without.String())
			hold(t, filepath.Join(held, "policies.txt"), with.String())
		})
	}
	t.Log("\n" + scoreboard.String())
	if len(scoreboard.rows) < len(tables)-1 {
		return // some cases were left out by -run, or have failed
	}
	scoreboard.gate(t)
	hold(t, filepath.Join("testdata", "corpus", "table.txt"), scoreboard.String())
}

// hold compares what came out with what is held, or rewrites that.
func hold(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-held +now):\n%s", file, diff)
	}
}

// copy copies a tree into a folder of its own.
func (c *corpusCase) copy(t *testing.T, tr tree) string {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, filepath.Join(c.dir, tr.folder), dir)
	for _, name := range tr.cut {
		cutOut(t, dir, name)
	}
	if tr.change != nil {
		tr.change(t, dir)
	}
	return dir
}

// propose is the configuration that init writes for a tree; nil where the tree is refused, as it is meant to be.
func (c *corpusCase) propose(t *testing.T, tr tree) []byte {
	t.Helper()
	dir := c.copy(t, tr)
	var out, messages bytes.Buffer
	code := initialise(dir, initOptions{}, nil, &out, &messages)
	content, err := os.ReadFile(filepath.Join(dir, proposedFile))
	if tr.refused != "" {
		if code != exitFindings || err == nil {
			t.Fatalf("%s: exit code %d, want %d and nothing written:\n%s", tr.folder, code, exitFindings, messages.String())
		}
		return nil
	}
	if code != exitGood || err != nil {
		t.Fatalf("%s: exit code %d: %v\n%s", tr.folder, code, err, messages.String())
	}
	return content
}

// render copies a tree, adds the configuration where there is one, and renders it twice. It gives what the folder holds
// then; nil where the tree is refused, as it is meant to be.
func (c *corpusCase) render(t *testing.T, tr tree, config []byte) *folder {
	t.Helper()
	dir := c.copy(t, tr)
	if config != nil {
		writeInput(t, dir, reviewed, config)
	}
	var out, messages bytes.Buffer
	code := render(dir, false, &out, &messages)
	if tr.refused != "" {
		if code != exitFindings || !strings.Contains(messages.String(), "["+tr.refused+"]") || out.Len() > 0 {
			t.Fatalf("%s: exit code %d, want %d and %s:\n%s%s", tr.folder, code, exitFindings, tr.refused, out.String(), messages.String())
		}
		return nil
	}
	if code != exitGood || !strings.Contains(out.String(), "network-policies.yaml") {
		t.Fatalf("%s: exit code %d, want %d and policies written:\n%s%s", tr.folder, code, exitGood, out.String(), messages.String())
	}
	out.Reset()
	if code := render(dir, false, &out, &messages); code != exitGood || out.String() != "nothing to change\n" {
		t.Errorf("%s: the second run: exit code %d: %s", tr.folder, code, out.String())
	}
	f, findings, err := readFolder(dir)
	if err != nil || findings.Failed() {
		t.Fatal(err, findings)
	}
	return f
}

// copyTree copies the files of a folder, which may be read-only there.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	source := os.DirFS(from)
	err := fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		writeInput(t, to, name, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// cutOut removes a file or folder, and the lines of kustomizations that list it.
func cutOut(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	kustomization := filepath.Join(dir, filepath.Dir(name), "kustomization.yaml")
	content, err := os.ReadFile(kustomization)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(content)))
	kept := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		entry, found := strings.CutPrefix(strings.TrimSpace(line), "- ")
		return found && (entry == filepath.Base(name) || strings.HasPrefix(entry, filepath.Base(name)+"/"))
	})
	if len(kept) == len(lines) {
		t.Fatalf("%s does not list %s", kustomization, name)
	}
	writeInput(t, filepath.Dir(kustomization), filepath.Base(kustomization), []byte(strings.Join(kept, "")))
}

// describe writes down the policies of a rendered tree, for people: what each selects, and what it lets in and out.
func describe(out *strings.Builder, tr tree, f *folder) {
	if f == nil {
		fmt.Fprintf(out, "# %s: refused (%s)\n", tr.folder, tr.refused)
		return
	}
	r, err := f.render()
	if err != nil {
		fmt.Fprintf(out, "# %s: %v\n", tr.folder, err)
		return
	}
	for _, file := range sortedNames(r.policies) {
		fmt.Fprintf(out, "# %s/%s\n", tr.folder, file)
		for _, p := range r.policies[file] {
			out.WriteString(summary(p))
		}
	}
}
