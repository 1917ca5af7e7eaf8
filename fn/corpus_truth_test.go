//go:build corpus

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/picture"
)

// truths are how projects apply policies of theirs that name no namespace: by case, then by file, "" for all others.
var truths = map[string]map[string][]string{
	"calico-stars":     {"default-deny.yaml": {"stars", "client"}},
	"eks-retail-store": {"default-deny.yaml": {"ui"}},
	"hospital-erp":     {"": {"hospital-erp-system"}},
}

// minTruths is how many cases have policies of their own, so that a lost folder is noticed.
const minTruths = 8

// TestCorpusTruth compares, for each application that has policies of its own, what those let through with what ours do,
// as reviewed: a line for each pair of which one opens more. Above them is what tierwall says of the project's policies.
// Both are held in testdata/corpus; docs/real-applications.md tells what they mean.
func TestCorpusTruth(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(*corpus, "*", "truth"))
	if err != nil || len(dirs) < minTruths {
		t.Fatalf("%d cases below %q have policies of their own, want %d or more: %v", len(dirs), *corpus, minTruths, err)
	}
	for _, truth := range dirs {
		dir := filepath.Dir(truth)
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			held := filepath.Join("testdata", "corpus", name)
			theirs, ours := t.TempDir(), t.TempDir()
			for _, to := range []string{theirs, ours} {
				copyTree(t, filepath.Join(dir, "input"), to)
				copyFile(t, filepath.Join(held, reviewed), filepath.Join(to, reviewed))
			}
			copyTruth(t, name, truth, theirs)
			var out, messages bytes.Buffer
			if code := render(ours, false, &out, &messages); code != exitGood {
				t.Fatalf("exit code %d:\n%s", code, messages.String())
			}
			hold(t, filepath.Join(held, "truth.txt"), "# of the project's own policies\n"+saidOf(theirs)+"# open with the project's own policies (-), and with ours as reviewed (+)\n"+differences(t, theirs, ours))
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeInput(t, filepath.Dir(to), filepath.Base(to), content)
}

// copyTruth copies the project's own policies, in the namespaces where it applies them.
func copyTruth(t *testing.T, name, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies in %s: %v", from, err)
	}
	for _, file := range files {
		base := filepath.Base(file)
		namespaces, applied := truths[name][base]
		if !applied {
			namespaces = truths[name][""]
		}
		if len(namespaces) == 0 {
			copyFile(t, file, filepath.Join(to, "policies", base))
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, ns := range namespaces {
			placed := regexp.MustCompile(`(?m)^metadata:$`).ReplaceAllString(string(content), "metadata:\n  namespace: "+ns)
			writeInput(t, to, filepath.Join("policies", ns+"-"+base), []byte(placed))
		}
	}
}

// notSaid are findings of rules that are wider than our flows: the differences show them better.
var notSaid = []string{"connection-not-meant", "rule-not-meant", "rule-unknown"}

// saidOf are the warnings and errors of a proof about policies and namespaces, and about flows that they block.
func saidOf(dir string) string {
	var out strings.Builder
	for line := range strings.Lines(execute("", "verify", dir).stderr) {
		m := findingOf.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		about := strings.Contains(line, " NetworkPolicy ") || strings.Contains(line, " Namespace ") || m != nil && (m[2] == "flow-blocked" || strings.HasPrefix(m[2], "namespace-without"))
		if m != nil && about && !slices.Contains(notSaid, m[2]) {
			out.WriteString(strings.TrimPrefix(line, "tierwall: "))
		}
	}
	return out.String()
}

// differences are the lines of a diff, without the names of the folders.
func differences(t *testing.T, theirs, ours string) string {
	t.Helper()
	var out, messages bytes.Buffer
	if code, err := compare(theirs, ours, picture.Text, nil, &out, &messages); err != nil || code == exitTrouble {
		t.Fatalf("exit code %d, %v:\n%s", code, err, messages.String())
	}
	var b strings.Builder
	counts := map[byte]int{}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") {
			continue
		}
		if line[0] == '-' || line[0] == '+' {
			counts[line[0]]++
		}
		b.WriteString(line)
	}
	return b.String() + fmt.Sprintf("# %d lines of theirs alone, %d of ours alone\n", counts['-'], counts['+'])
}

const applicationsPage = "../docs/real-applications.md"

var tableOnPage = regexp.MustCompile(`(?s)(<!-- table: [^\n]*-->\n).*?(<!-- end -->)`)

// TestCorpusPage holds the table of docs/real-applications.md equal to the one that is held.
func TestCorpusPage(t *testing.T) {
	page, err := os.ReadFile(applicationsPage)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join("testdata", "corpus", "table.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !tableOnPage.Match(page) {
		t.Fatalf("%s has no place for the table", applicationsPage)
	}
	hold(t, applicationsPage, tableOnPage.ReplaceAllString(string(page), "${1}"+strings.TrimRight(string(table), "\n")+"\n${2}"))
}
