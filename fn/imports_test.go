package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const internalPrefix = "tierwall.dev/fn/internal/"

// leaves import nothing of this module, and every package may import them: the picture leaves those arrows out.
var leaves = []string{"report", "workload"}

// TestPictureShowsTheImports holds the picture in ARCHITECTURE.md equal to what the packages import.
func TestPictureShowsTheImports(t *testing.T) {
	if diff := cmp.Diff(pictureEdges(t, "../ARCHITECTURE.md"), importEdges(t)); diff != "" {
		t.Errorf("arrows of the picture in ARCHITECTURE.md, and imports of the code (-picture +code):\n%s", diff)
	}
}

// TestProofSharesNothingWithGenerator is the rule that a mistake must not cancel itself out in the proof.
func TestProofSharesNothingWithGenerator(t *testing.T) {
	for _, edge := range importEdges(t) {
		from, to, _ := strings.Cut(edge, " --> ")
		if from == "reachability" || from == "policy" && to == "reachability" {
			t.Errorf("%s imports %s: reachability and the generator share only k8s.io/api/networking/v1", from, to)
		}
		if from == "assertion" && (to == "policy" || to == "placement") {
			t.Errorf("%s imports %s: the proof knows nothing of how our policies are made", from, to)
		}
		if slices.Contains(leaves, from) {
			t.Errorf("%s is a leaf and imports %s", from, to)
		}
	}
}

// importEdges are the imports between this module's packages, as "from --> to", without those of the leaves and of
// tests. Package main is called fn.
func importEdges(t *testing.T) []string {
	t.Helper()
	var edges []string
	for _, dir := range packageDirs(t) {
		from := filepath.Base(dir)
		if dir == "." {
			from = "fn"
		}
		for _, path := range importsOf(t, dir) {
			if to, ours := strings.CutPrefix(path, internalPrefix); ours && !slices.Contains(leaves, to) {
				edges = append(edges, from+" --> "+to)
			}
		}
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}

func packageDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("internal/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no packages in fn/internal: %v", err)
	}
	return append(dirs, ".")
}

func importsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	return paths
}

var arrow = regexp.MustCompile(`(?m)^\s*(\w+) --> (\w+)$`)

// pictureEdges are the arrows of the first Mermaid block of the file.
func pictureEdges(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```mermaid\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("%s has no Mermaid block", path)
	}
	var edges []string
	for _, m := range arrow.FindAllStringSubmatch(block, -1) {
		edges = append(edges, m[1]+" --> "+m[2])
	}
	slices.Sort(edges)
	return edges
}
