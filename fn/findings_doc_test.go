package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

const findingsDoc = "../docs/findings.md"

// section is a section of docs/findings.md: an id, an input that shows it, and the message that it gives.
type section struct {
	id string
	// fence is the first line of the input's block: yaml, yaml latin-1, yaml check, yaml verify, yaml init, yaml stdin, txtar or txtar verify.
	fence, input, message string
}

var sectionPattern = regexp.MustCompile("(?s)### ([a-z0-9-]+)\n.*?\n```([a-z0-9 -]+)\n(.*?)```\n\n```text\n(.*?)```\n")

// notShown are the findings whose section has no input, and why.
var notShown = map[string]string{
	"mode-config":          "takes a flag",
	"adopt-unmatched":      "takes a flag",
	"policy-not-placed":    "takes a transformer that sets the namespace of some objects only",
	"reference-too-shared": "takes ten thousand references",
}

// TestEveryFindingIsDocumented holds the sections of docs/findings.md equal to the constants of type report.ID.
func TestEveryFindingIsDocumented(t *testing.T) {
	text := readDoc(t)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^### ([a-z0-9-]+)$").FindAllStringSubmatch(text, -1) {
		documented = append(documented, m[1])
	}
	if !slices.IsSorted(documented) {
		t.Error("docs/findings.md: the sections are not in alphabetical order")
	}
	slices.Sort(documented)
	if diff := cmp.Diff(documented, findingIDs(t)); diff != "" {
		t.Errorf("sections of docs/findings.md, and ids in the code (-documented +code):\n%s", diff)
	}
	for _, s := range sections(text) {
		documented = slices.DeleteFunc(documented, func(id string) bool { return id == s.id })
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(notShown)), documented); diff != "" {
		t.Errorf("sections without an input and a message (-meant +are):\n%s", diff)
	}
}

// TestDocumentedInputsGiveTheirMessages runs the input of every section. UPDATE=1 writes the messages into the page.
func TestDocumentedInputsGiveTheirMessages(t *testing.T) {
	text := readDoc(t)
	for _, s := range sections(text) {
		t.Run(s.id, func(t *testing.T) {
			got := messages(s.id, s.run(t))
			if got == "" {
				t.Errorf("the input gives no finding %s", s.id)
			}
			if os.Getenv("UPDATE") != "" {
				whole := "### " + s.id + "\n"
				before, after, _ := strings.Cut(text, whole)
				text = before + whole + strings.Replace(after, "```text\n"+s.message+"```", "```text\n"+got+"```", 1)
				return
			}
			if diff := cmp.Diff(s.message, got); diff != "" {
				t.Errorf("message of the page, and of the run (-page +run):\n%s", diff)
			}
		})
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(findingsDoc, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(findingsDoc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sections(text string) []section {
	var out []section
	for part := range strings.SplitSeq(text, "\n### ") {
		if m := sectionPattern.FindStringSubmatch("### " + part); m != nil {
			out = append(out, section{id: m[1], fence: m[2], input: m[3], message: m[4]})
		}
	}
	return out
}

// run runs the input of a section, and gives what is printed on standard error.
func (s section) run(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	stdin, args := "", []string{"render", dir}
	switch s.fence {
	case "yaml":
		writeInput(t, dir, "input.yaml", []byte(s.input))
	case "yaml check":
		writeInput(t, dir, "input.yaml", []byte(s.input))
		args = append(args, "--check")
	case "yaml verify", "yaml init":
		writeInput(t, dir, "input.yaml", []byte(s.input))
		_, args[0], _ = strings.Cut(s.fence, " ")
	case "yaml latin-1":
		var latin1 []byte
		for _, r := range s.input {
			latin1 = append(latin1, byte(r))
		}
		writeInput(t, dir, "input.yaml", latin1)
	case "yaml stdin":
		stdin, args = s.input, nil
	case "txtar", "txtar verify":
		if s.fence != "txtar" {
			args[0] = "verify"
		}
		for _, f := range txtar.Parse([]byte(s.input)).Files {
			writeInput(t, dir, f.Name, f.Data)
		}
	default:
		t.Fatalf("no such kind of input: %s", s.fence)
	}
	var stdout, stderr bytes.Buffer
	run(args, strings.NewReader(stdin), &stdout, &stderr, false)
	return stderr.String()
}

func writeInput(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// messages are the lines that end with the id.
func messages(id, stderr string) string {
	var out strings.Builder
	for line := range strings.Lines(stderr) {
		if strings.HasSuffix(strings.TrimSuffix(line, "\n"), " ["+id+"]") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// findingIDs are the values of all constants of type report.ID, sorted. Two packages may declare one id that means the same.
func findingIDs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("internal/*/findings.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no findings.go: %v", err)
	}
	var ids []string
	for _, name := range append(files, "findings.go") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, idsOf(t, file)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func idsOf(t *testing.T, file *ast.File) []string {
	t.Helper()
	var ids []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !isReportID(spec) {
			return true
		}
		for _, v := range spec.Values {
			literal, ok := v.(*ast.BasicLit)
			if !ok {
				t.Fatalf("%v: an id is a string literal", spec.Names)
			}
			id, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

func isReportID(spec *ast.ValueSpec) bool {
	sel, ok := spec.Type.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "report" && sel.Sel.Name == "ID"
}
