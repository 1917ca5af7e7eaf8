package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/workload"
)

func TestReadFile(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"comments", "# a\n---\n", nil},
		{"several", "kind: A\n---\n---\n# c\n---\nkind: B\n", []string{"f.yaml: A", "f.yaml[1]: B"}},
		{"crlf", "kind: A\r\n---\r\nkind: B\r\n", []string{"f.yaml: A", "f.yaml[1]: B"}},
		{"byte order mark", "\ufeffkind: A\n", []string{"f.yaml: A"}},
		{"end markers", "kind: A\n...\n---\nkind: B\n...\n", []string{"f.yaml: A", "f.yaml[1]: B"}},
		{"json", `{"kind": "A"}`, []string{"f.yaml: A"}},
		{"json with tabs", "{\n\t\"kind\":\t\"A\"\n}", []string{"f.yaml: A"}},
		{"list", "kind: A\n---\nkind: List\nitems:\n- {kind: B, metadata: {}}\n- {kind: C, metadata: {}}\n", []string{"f.yaml: A", "f.yaml[1]: B", "f.yaml[1]: C"}},
		{"resource list", list("- kind: A\n  metadata:\n    name: x\n"), []string{"f.yaml: A"}},
		{"no object", "- op: add\n---\ntext\n---\na: b\n", []string{"f.yaml: ", "f.yaml[1]: ", "f.yaml[2]: "}},
		{"no final newline", "kind: A\na: |\n  x", []string{"f.yaml: A"}},
	} {
		objects, err := ReadFile("f.yaml", []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, o := range objects {
			got = append(got, fmt.Sprintf("%s: %s", o.Source, o.Kind))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestReadFileValues(t *testing.T) {
	objects, err := ReadFile("f.yaml", []byte("kind: A\nanchor: &x\n  a: 1\nalias: *x\nmerged:\n  <<: *x\n  b: 2\nkept: |+\n  x\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := objects[0]
	alias, _ := o.At("alias", "a").Int()
	merged, _ := o.At("merged", "a").Int()
	own, _ := o.At("merged", "b").Int()
	kept, _ := o.At("kept").Text()
	if alias != 1 || merged != 1 || own != 2 || kept != "x\n\n" {
		t.Errorf("alias %d, merged %d and %d, kept %q", alias, merged, own, kept)
	}
}

// TestReadFileRefuses: the documents that can be read come beside the findings about the others.
func TestReadFileRefuses(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		objects        int
	}{
		{"broken", "kind: A\n---\nkind: B\n  c: d\n---\nkind: C\n", "d/f.yaml[1]: line 4: not valid YAML: mapping values are not allowed in this context [input-yaml]", 2},
		{"template", "kind: A\n{{- if .a }}\nb: c\n{{- end }}\n", "d/f.yaml: line 2: not valid YAML: could not find expected ':' [input-yaml]", 0},
		{"duplicate key", "a:\n- b: 1\n  c: 2\n  b: 3\n", `d/f.yaml: a[0].b: line 4: key "b" is there twice; leave only one of the two [input-duplicate-key]`, 0},
		{"duplicate in flow", "a: {b: 1, \"b\": 2}\n", `d/f.yaml: a.b: line 1: key "b" is there twice; leave only one of the two [input-duplicate-key]`, 0},
		{"duplicate among many", "a: 0\n" + manyFields(40) + "f20: 1\n", `d/f.yaml: f20: line 42: key "f20" is there twice; leave only one of the two [input-duplicate-key]`, 0},
		{"duplicate in json", `{"a": 1, "a": 2}`, `d/f.yaml: a: line 1: key "a" is there twice; leave only one of the two [input-duplicate-key]`, 0},
		{"duplicate in a list's member", "kind: List\nitems:\n- kind: A\n  kind: B\n", `d/f.yaml: items[0].kind: line 4: key "kind" is there twice; leave only one of the two [input-duplicate-key]`, 0},
		{"cycle", "a: &x\n  b: *x\n", "d/f.yaml: line 2: alias *x contains itself; write the value out [input-alias]", 0},
		{"bomb", bomb(12), "d/f.yaml: the document's 120 aliases expand it to more than 100000 values; write the values out [input-alias]", 0},
		{"not utf-8", "a: b\nc: \xc3\n", "d/f.yaml: line 2: byte 0xc3 is not UTF-8; save the file as UTF-8 [input-encoding]", 0},
	} {
		objects, err := ReadFile("d/f.yaml", []byte(c.in))
		if err == nil {
			t.Errorf("%s: read, want a refusal", c.name)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
		if len(objects) != c.objects {
			t.Errorf("%s: %d objects beside the finding, want %d", c.name, len(objects), c.objects)
		}
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: 0\n", i)
	}
	return b.String()
}

// bomb is a document of a few lines with 10 to the power of depth values.
func bomb(depth int) string {
	var b strings.Builder
	b.WriteString("v0: &v0 [x]\n")
	for i := range depth {
		fmt.Fprintf(&b, "v%d: &v%d [%s*v%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*v%d, ", i), 9), i)
	}
	return b.String()
}

// TestManyAliases: aliases that stay within bounds are no bomb.
func TestManyAliases(t *testing.T) {
	text := "a: &x {b: c}\nd:\n" + strings.Repeat("- *x\n", 5000)
	if _, err := ReadFile("f.yaml", []byte(text)); err != nil {
		t.Error(err)
	}
}

func TestIsKRM(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{
		{"{apiVersion: v1, kind: A, metadata: {name: x}}", true},
		{"{apiVersion: v1, kind: A, metadata: {generateName: x}}", false},
		{"{apiVersion: v1, kind: A}", false},
		{"{kind: A, metadata: {name: x}}", false},
		{"{apiVersion: v1, metadata: {name: x}}", false},
		{"{apiVersion: v1, kind: A, metadata: [name]}", false},
		{"{apiVersion: v1, kind: A, metadata: {name: null}}", false},
		{"[]", false},
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(c.in), &n); err != nil {
			t.Fatal(err)
		}
		if got := IsKRM(NewObject(&n, workload.Source{})); got != c.want {
			t.Errorf("%s: %v, want %v", c.in, got, c.want)
		}
	}
}
