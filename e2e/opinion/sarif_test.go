package opinion

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report" // has the schema
	"github.com/xeipuuv/gojsonschema"

	"tierwall.dev/fn/internal/reachability/dice"
	"tierwall.dev/fn/internal/report"
)

// TestSARIFFollowsItsSchema validates the held sample, and random reports, by the OASIS schema of SARIF 2.1.0.
func TestSARIFFollowsItsSchema(t *testing.T) {
	wrong := sarifSchema(t)
	sample, err := os.ReadFile("../../fn/internal/report/testdata/sample.sarif")
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong(sample); err != nil {
		t.Errorf("sample.sarif: %v", err)
	}
	for seed := range uint64(100) {
		var b bytes.Buffer
		if err := randomReport(dice.New(seed, 1)).Write(&b, report.SARIF); err != nil {
			t.Fatal(err)
		}
		if err := wrong(b.Bytes()); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, b.Bytes())
		}
	}
	for _, edit := range []struct{ from, to string }{
		{`"level": "error"`, `"level": "fatal"`},
		{`"ruleIndex"`, `"rule"`},
		{`"version": "2.1.0"`, `"version": "2.2"`},
		{`"startLine": 1`, `"startLine": 0`},
	} {
		spoilt := bytes.Replace(sample, []byte(edit.from), []byte(edit.to), 1)
		if bytes.Equal(spoilt, sample) {
			t.Errorf("sample.sarif has no %s", edit.from)
		}
		if wrong(spoilt) == nil {
			t.Errorf("the schema finds nothing wrong with %s", edit.to)
		}
	}
}

// randomReport has up to six findings, with and without each part, of characters that have to be escaped.
func randomReport(d dice.Dice) *report.Report {
	text := func() string {
		return dice.Pick(d, "", "a", "a b", "ä/ö", "50%", "a#b?c", `"<&>"`, "../up", "tab\tand\nline", "base/x.yaml")
	}
	out := &report.Report{Version: text(), Root: text()}
	add := func() report.Findings {
		var findings report.Findings
		for range d.IntN(4) {
			f := report.Finding{ID: dice.Pick[report.ID](d, "flow-blocked", "dns-udp-only"), Severity: dice.Pick(d, report.Error, report.Warning, report.Info),
				File: text(), Index: d.IntN(3), Field: text(), Message: "says " + text()}
			if d.OneIn(2) {
				f.Object = report.Object{APIVersion: "v1", Kind: "Pod", Namespace: text(), Name: text()}
			}
			findings = append(findings, f)
		}
		return findings
	}
	out.Findings = add()
	for range d.IntN(3) {
		out.Environments = append(out.Environments, report.Environment{Name: text(), Findings: add()})
	}
	return out
}

// sarifSchema gives what finds fault with a document. go-sarif keeps the schema to itself and validates only what it
// has decoded, without what it does not know: so the schema is read from its source.
func sarifSchema(t *testing.T) func([]byte) error {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	file := filepath.Join(strings.TrimSpace(string(dir)), "pkg", "report", "v210", "sarif", "schema.go")
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(constant(t, file, "schema")))
	if err != nil {
		t.Fatal(err)
	}
	return func(document []byte) error { return wrongBy(schema, gojsonschema.NewBytesLoader(document)) }
}

// constant is the value of a text constant of a Go file.
func constant(t *testing.T, file, name string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	object := parsed.Scope.Lookup(name)
	if object == nil {
		t.Fatalf("%s has no %s", filepath.Base(file), name)
	}
	literal, ok := object.Decl.(*ast.ValueSpec).Values[0].(*ast.BasicLit)
	if !ok {
		t.Fatalf("%s of %s is no text", name, filepath.Base(file))
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
