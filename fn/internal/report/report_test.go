package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has findings of each severity, with and without a place, and characters that each format must escape.
func sample() *Report {
	policy := Object{"networking.k8s.io/v1", "NetworkPolicy", "shop", "stray"}
	return &Report{
		Version: "v1.2.3", Root: "deploy/shop app",
		Findings: Findings{{ID: "pod-cidrs-assumed", Severity: Info, Message: "pods are assumed inside <private> ranges & others"}},
		Environments: []Environment{
			{Name: "prod", Workloads: 4, Policies: 7, Flows: 15, Nevers: 4, Findings: Findings{
				{ID: "connection-not-meant", Severity: Error, Object: policy, File: "base/network policies.yaml", Index: 2, Field: "spec.ingress[0]", Message: `lets "everyone" reach Deployment shop/web on *|all* ports`},
				{ID: "dns-udp-only", Severity: Warning, Object: policy, File: "base/x.yaml", Message: "opens DNS by UDP alone"},
			}},
			{Name: "", Workloads: 1, Policies: 1, Flows: 1},
		},
	}
}

// TestWriters holds the formats. UPDATE=1 rewrites them, for a review of the difference.
func TestWriters(t *testing.T) {
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := sample().Write(&b, Format(f)); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "sample."+f)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-held +now):\n%s", f, diff)
		}
	}
	if err := sample().Write(&bytes.Buffer{}, "yaml"); err == nil || err.Error() != `"yaml" is no format; known are text, json, sarif, junit, markdown` {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestJSONFollowsItsSchema(t *testing.T) {
	text, err := os.ReadFile("../../../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if schema["$id"] != SchemaID {
		t.Errorf("the schema's id is %v, the report names %s", schema["$id"], SchemaID)
	}
	for _, r := range []*Report{sample(), {}} {
		var b bytes.Buffer
		if err := r.Write(&b, JSON); err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(b.Bytes(), &value); err != nil {
			t.Fatal(err)
		}
		if wrong := check(schema, schema, value, "report"); wrong != "" {
			t.Error(wrong)
		}
	}
	if check(schema, schema, map[string]any{"proved": "yes"}, "report") == "" {
		t.Error("the check finds nothing wrong in a report that is")
	}
}

// check is what is wrong with a value, by the keywords that the schema uses.
func check(root, schema map[string]any, value any, at string) string {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/definitions/")
		return check(root, root["definitions"].(map[string]any)[name].(map[string]any), value, at)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Sprintf("%s: %v is none of %v", at, value, enum)
	}
	number, isNumber := value.(float64)
	list, isList := value.([]any)
	object, isObject := value.(map[string]any)
	_, isText := value.(string)
	_, isBool := value.(bool)
	is := map[string]bool{"string": isText, "boolean": isBool, "array": isList, "object": isObject, "integer": isNumber && number == float64(int(number))}
	if want, ok := schema["type"].(string); ok && !is[want] {
		return fmt.Sprintf("%s: %v is no %s", at, value, want)
	}
	for i, item := range list {
		if wrong := check(root, schema["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
			return wrong
		}
	}
	if !isObject {
		return ""
	}
	properties := schema["properties"].(map[string]any)
	for _, name := range schema["required"].([]any) {
		if _, has := object[name.(string)]; !has {
			return fmt.Sprintf("%s: %v is missing", at, name)
		}
	}
	for name, v := range object {
		property, known := properties[name].(map[string]any)
		if !known {
			return fmt.Sprintf("%s: %s is not in the schema", at, name)
		}
		if wrong := check(root, property, v, at+"."+name); wrong != "" {
			return wrong
		}
	}
	return ""
}

// TestSARIFIsWhole checks what the standard requires: a rule for each result at its index, and relative, escaped places.
func TestSARIFIsWhole(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b, SARIF); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 3 {
		t.Fatalf("%d results, want 3", len(run.Results))
	}
	for _, r := range run.Results {
		if got := run.Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID {
			t.Errorf("result %s has the index of rule %s", r.RuleID, got)
		}
		if !slices.Contains([]string{"error", "warning", "note"}, r.Level) || r.Message.Text == "" {
			t.Errorf("result %+v", r)
		}
	}
	if got := run.Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; got != "deploy/shop%20app/base/network%20policies.yaml" {
		t.Errorf("place %s", got)
	}
}

func TestJUnitCountsAddUp(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b, JUnit); err != nil {
		t.Fatal(err)
	}
	var suites junitSuites
	if err := xml.Unmarshal(b.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	tests, failures := 0, 0
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			tests++
			if c.Failure != nil {
				failures++
			}
		}
	}
	if tests != suites.Tests || failures != suites.Failures || failures != 1 {
		t.Errorf("%d tests and %d failures, said are %d and %d", tests, failures, suites.Tests, suites.Failures)
	}
}
