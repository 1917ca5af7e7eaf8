//go:build corpus

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tierwall.dev/fn/internal/manifest"
)

// What one run of the program may cost on one case. The time is that of the processor, all threads together, so that what
// else the machine does counts for nothing.
const (
	mostTime   = 2 * time.Second
	mostMemory = 300 << 20
)

// TestCorpusCost runs the real program on each tree of each case, and on the largest file of the traps: init, render and
// verify. It prints what each run costs, and fails where that is over the bounds.
func TestCorpusCost(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "tierwall")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tables, err := filepath.Glob(filepath.Join(*corpus, "*", "expected.yaml"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no case below %q: %v", *corpus, err)
	}
	var out strings.Builder
	out.WriteString("| case | init | render | verify |\n|---|--:|--:|--:|\n")
	for _, table := range tables {
		c := readCase(t, filepath.Dir(table))
		if filepath.Base(c.dir) == "traps" {
			c.trees = []tree{{folder: "input/huge"}}
		}
		for _, tr := range c.trees {
			dir := c.copy(t, tr)
			fmt.Fprintf(&out, "| %s/%s |", filepath.Base(c.dir), tr.folder)
			for _, command := range []string{"init", "render", "verify"} {
				fmt.Fprintf(&out, " %s |", costOf(t, binary, command, dir, tr.refused != ""))
			}
			out.WriteString("\n")
		}
	}
	t.Log("\n" + out.String())
}

// costOf is the time and the memory of one run, in words.
func costOf(t *testing.T, binary, command, dir string, refused bool) string {
	t.Helper()
	cmd := exec.Command(binary, command, dir)
	var messages bytes.Buffer
	cmd.Stderr = &messages
	err := cmd.Run()
	if err != nil && !refused && !(command == "verify" && cmd.ProcessState.ExitCode() == exitFindings) {
		t.Errorf("%s %s: %v\n%s", command, dir, err, messages.String())
	}
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	memory := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024 // in KiB (getrusage(2))
	if took > mostTime || memory > mostMemory {
		t.Errorf("%s %s: %v and %d MB, want at most %v and %d MB", command, dir, took, memory>>20, mostTime, mostMemory>>20)
	}
	return fmt.Sprintf("%.2f s, %d MB", took.Seconds(), memory>>20)
}

// labelled is what an overlay may add to everything it builds, selectors included.
const labelled = "- pairs: {environment: production}\n  includeSelectors: true\n"

// TestCorpusLabelled adds a label to all that an overlay builds, selectors included, as up to 45 of 100 users of kustomize
// do. Everything that holds without it holds then: with what init proposes nothing is open that no tier may, and with the
// reviewed configuration all that is meant is open besides. Applications without kustomizations get a base and an overlay.
func TestCorpusLabelled(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(*corpus, "*", "expected.yaml"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no case below %q: %v", *corpus, err)
	}
	for _, table := range tables {
		c := readCase(t, filepath.Dir(table))
		name := filepath.Base(c.dir)
		if name == "traps" {
			continue
		}
		for _, tr := range c.trees {
			if tr.refused != "" {
				continue
			}
			t.Run(name+"/"+tr.folder, func(t *testing.T) {
				config, err := os.ReadFile(filepath.Join("testdata", "corpus", name, reviewed))
				if err != nil {
					t.Fatal(err)
				}
				tr.change = addLabel
				var scores strings.Builder
				proposed := c.score(t, &scores, "labelled, as proposed", c.render(t, tr, c.propose(t, tr)))
				proposed.mustShutTiers(t)
				after := c.score(t, &scores, "labelled, as reviewed", c.render(t, tr, config))
				after.mustShutTiers(t)
				after.mustOpenAll(t)
				if proposed.meant+after.meant == 0 {
					t.Error("nothing was compared")
				}
				t.Log("\n" + scores.String())
			})
		}
	}
}

// addLabel adds the label to every overlay of a folder, or to its one root; to an overlay of its own, where the folder has
// no kustomization.
func addLabel(t *testing.T, dir string) {
	t.Helper()
	f, _, err := readFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var overlays []string
	for _, name := range sortedNames(f.files) {
		if filepath.Base(name) == "kustomization.yaml" && (name == "kustomization.yaml" || strings.Contains(name, "overlays/")) {
			overlays = append(overlays, name)
		}
	}
	for _, name := range overlays {
		writeInput(t, dir, name, []byte(withLabel(string(f.files[name]))))
	}
	if len(overlays) == 0 {
		addOverlay(t, dir, f)
	}
}

// addOverlay moves a folder's manifests into a base, and puts an overlay with the label over it. What is not a resource
// stays where it is, and an object that is there twice goes once, since kustomize refuses both.
func addOverlay(t *testing.T, dir string, f *folder) {
	t.Helper()
	var resources []string
	seen := map[string]bool{}
	for _, name := range sortedNames(f.files) {
		var kept []string
		for _, document := range documentMark.Split(string(f.files[name]), -1) {
			if id := identity(name, document); id != "" && !seen[id] {
				seen[id] = true
				kept = append(kept, document)
			}
		}
		if len(kept) == 0 {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		resources = append(resources, "- "+name+"\n")
		writeInput(t, filepath.Join(dir, "base"), name, []byte(strings.Join(kept, "\n---\n")))
	}
	writeInput(t, filepath.Join(dir, "base"), "kustomization.yaml", []byte("resources:\n"+strings.Join(resources, "")))
	writeInput(t, filepath.Join(dir, "overlays", "production"), "kustomization.yaml", []byte("resources:\n- ../../base\nlabels:\n"+labelled))
}

var documentMark = regexp.MustCompile(`(?m)^---.*$`)

// identity names the object of a document that kustomize takes as a resource; empty for any other document.
func identity(name, document string) string {
	objects, err := manifest.ReadFile(name, []byte(document))
	if err != nil || len(objects) != 1 {
		return ""
	}
	o := objects[0]
	if o.APIVersion == "" || o.Kind == "" || o.Name == "" || o.Kind == "Kptfile" {
		return ""
	}
	return o.Group() + " " + o.Ref().String()
}

var labelsKey = regexp.MustCompile(`(?m)^labels:\n( *)-`)

// withLabel is a kustomization with the label added, beside others or alone.
func withLabel(content string) string {
	m := labelsKey.FindStringSubmatchIndex(content)
	if m == nil {
		return content + "\nlabels:\n" + labelled
	}
	indent := content[m[2]:m[3]]
	added := ""
	for line := range strings.Lines(labelled) {
		added += indent + line
	}
	return content[:m[2]] + added + content[m[2]:]
}
