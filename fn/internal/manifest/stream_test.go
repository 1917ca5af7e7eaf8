package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const helmStream = "---\n# Source: shop/templates/web.yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n---\n# Source: shop/templates/empty.yaml\n---\n" +
	"# Source: shop/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  a: |\n    x\n    ---\n    y\n"

// TestReadStream has one line for each trap: the documents with an object, and that all bytes come back.
func TestReadStream(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"white space", "\n \n", nil},
		{"comments", "# a\n---\n# b\n", nil},
		{"null", "---\n~\n---\nnull\n", nil},
		{"one", "kind: A\n", []string{"A"}},
		{"helm", helmStream, []string{"Service web", "ConfigMap map"}},
		{"no first marker", "kind: A\n---\nkind: B\n", []string{"A", "B"}},
		{"markers only", "---\n---\n---\n", nil},
		{"marker at the end", "kind: A\n---\n", []string{"A"}},
		{"no final newline", "kind: A\n---\nkind: B", []string{"A", "B"}},
		{"no final newline in a block", "kind: A\na: |\n  x", []string{"A"}},
		{"comment behind the marker", "--- # a\nkind: A\n--- \nkind: B\n---\t\nkind: C\n", []string{"A", "B", "C"}},
		{"document on the marker's line", "--- {kind: A}\n--- {kind: B}\n", []string{"A", "B"}},
		{"end markers", "kind: A\n...\n---\nkind: B\n...\n", []string{"A", "B"}},
		{"end marker with comment", "kind: A\n... # done\nkind: B\n", []string{"A", "B"}},
		{"directives", "%YAML 1.2\n---\nkind: A\n...\n%YAML 1.1\n# c\n---\nkind: B\n", []string{"A", "B"}},
		{"looks like a directive", "kind: A\na: |\n  x\n%b: c\n", nil},
		{"marker in a block", "kind: A\na: |\n  ---\n  ...\n---\nkind: B\n", []string{"A", "B"}},
		{"no marker but a key", "kind: A\n---a: b\n", []string{"A"}},
		{"crlf", strings.ReplaceAll(helmStream, "\n", "\r\n"), []string{"Service web", "ConfigMap map"}},
		{"byte order mark", "\ufeffkind: A\n---\nkind: B\n", []string{"A", "B"}},
		{"byte order mark before a marker", "\ufeff---\nkind: A\n", []string{"A"}},
		{"byte order mark before an empty document", "\ufeff# c\n---\nkind: A\n", []string{"A"}},
		{"json", `{"kind": "A", "metadata": {"name": "x"}}`, []string{"A x"}},
		{"json with tabs", "{\n\t\"kind\": \"A\"\n}\n", []string{"A"}},
		{"anchors", "kind: A\na: &x {b: c}\nd: *x\ne:\n  <<: *x\n", []string{"A"}},
		{"list", "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  metadata: {name: x}\n", []string{"List"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ReadStream([]byte(c.in))
			if c.name == "looks like a directive" {
				if err == nil {
					t.Error("read, but no parser takes this")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range s.Items {
				got = append(got, strings.TrimSpace(it.Kind+" "+it.Name))
				if o, err := it.Object(); err != nil || o.Kind != it.Kind {
					t.Errorf("object of %s: %v", it, err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.in, string(s.Encode(nil, nil))); diff != "" {
				t.Errorf("passed through:\n%s", diff)
			}
		})
	}
}

func TestReadStreamRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"broken", "kind: A\n---\nkind: B\na: [\n", "line 4: not valid YAML: did not find expected node content [input-yaml]"},
		{"template", "kind: A\na: {{ .Values.b }}\n", "a: line 2: a key is a mapping, which no Kubernetes object has; is this a template that is not rendered yet? [input-yaml]"},
		{"log line", "WARNING: done\n---\nall is well\n", "line 3: want an object (a mapping with apiVersion, kind and metadata), got a string [input-item]"},
		{"sequence", "- a\n", "line 1: want an object (a mapping with apiVersion, kind and metadata), got a list [input-item]"},
		{"two at once", "- a\n---\n- b\n", "line 1: want an object (a mapping with apiVersion, kind and metadata), got a list [input-item]\nline 3: want an object (a mapping with apiVersion, kind and metadata), got a list [input-item]"},
		{"duplicate name", "# c\n---\nkind: A\nmetadata:\n  name: x\n  name: y\n", `metadata.name: line 6: key "name" is there twice; leave only one of the two [input-duplicate-key]`},
		{"not utf-8", "kind: \xff\n", "line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]"},
	} {
		_, err := ReadStream([]byte(c.in))
		if err == nil {
			t.Errorf("%s: read, want a refusal", c.name)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestStreamEncode(t *testing.T) {
	ours := []byte("kind: New\n")
	for _, c := range []struct {
		name, in string
		replace  string // the kind of the document to replace
		add      int
		want     string
	}{
		{"nothing", helmStream, "", 0, helmStream},
		{"add", "kind: A\n", "", 2, "kind: A\n---\nkind: New\n---\nkind: New\n"},
		{"add to nothing", "", "", 2, "kind: New\n---\nkind: New\n"},
		{"add to a comment", "# c\n", "", 1, "# c\n---\nkind: New\n"},
		{"add after a marker", "kind: A\n---\n", "", 1, "kind: A\n---\nkind: New\n"},
		{"add after an end marker", "kind: A\n...\n", "", 1, "kind: A\n...\n---\nkind: New\n"},
		{"add without final newline", "kind: A", "", 1, "kind: A\n---\nkind: New\n"},
		{"add to crlf", "kind: A\r\n", "", 1, "kind: A\r\n---\r\nkind: New\r\n"},
		{"add after a byte order mark", "\ufeff", "", 1, "\ufeffkind: New\n"},
		{"replace", "---\nkind: A\n---\n# b\nkind: B\n", "A", 0, "---\nkind: New\n---\n# b\nkind: B\n"},
		{"replace the last", "---\nkind: A\n---\nkind: B", "B", 1, "---\nkind: A\n---\nkind: New\n---\nkind: New\n"},
		{"replace on the marker's line", "--- {kind: A}\n---\nkind: B\n", "A", 0, "---\nkind: New\n---\nkind: B\n"},
		{"replace after a byte order mark", "\ufeffkind: A\n", "A", 0, "\ufeffkind: New\n"},
		{"replace in crlf", "kind: A\r\n---\r\nkind: B\r\n", "A", 0, "kind: New\r\n---\r\nkind: B\r\n"},
	} {
		s, err := ReadStream([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		replace := map[*Item][]byte{}
		for _, it := range s.Items {
			if it.Kind == c.replace {
				replace[it] = ours
			}
		}
		got := s.Encode(replace, slicesRepeat(ours, c.add))
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func slicesRepeat(text []byte, n int) (out [][]byte) {
	for range n {
		out = append(out, text)
	}
	return out
}

func TestStreamEachObject(t *testing.T) {
	s, err := ReadStream([]byte(helmStream + `---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
- apiVersion: apps/v1
  kind: DeploymentList
  items:
  - metadata: {name: b}
---
apiVersion: example.com/v1
kind: AllowList
metadata: {name: c}
items: [x, y]
---
apiVersion: v1
kind: PodList
items: null
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := s.EachObject(func(o *Object) {
		got = append(got, fmt.Sprintf("%s %s %s at %s", o.APIVersion, o.Kind, o.Name, o.Source))
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"v1 Service web at input[0]",
		"v1 ConfigMap map at input[1]",
		"v1 Pod a at input[2]",
		"apps/v1 Deployment b at input[2]",
		"example.com/v1 AllowList c at input[3]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStreamEachObjectRefuses: a document that passes through may still be unreadable, once somebody wants to read it.
func TestStreamEachObjectRefuses(t *testing.T) {
	s, err := ReadStream([]byte("kind: A\n---\n# c\nkind: B\nspec:\n  a: 1\n  a: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	objects := 0
	err = s.EachObject(func(*Object) { objects++ })
	want := `B : spec.a: line 7: key "a" is there twice; leave only one of the two [input-duplicate-key]`
	if err == nil || err.Error() != want || objects != 1 {
		t.Errorf("got %v and %d objects\nwant %s", err, objects, want)
	}
}

// FuzzReadStream: no panic, all bytes come back, and what is added can be read beside all that was there.
func FuzzReadStream(f *testing.F) {
	f.Add([]byte(helmStream))
	f.Add([]byte("%YAML 1.2\n---\nkind: A\n...\n# c\n--- {a: b}\n"))
	f.Add([]byte("\ufeff---\r\nkind: A\r\n"))
	for _, s := range listSeeds {
		f.Add([]byte(s.text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ReadStream(in)
		if err != nil {
			return
		}
		if out := s.Encode(nil, nil); !bytes.Equal(out, in) {
			t.Fatalf("passed through:\n%q\n%q", in, out)
		}
		more, err := ReadStream(s.Encode(nil, [][]byte{[]byte("kind: New\n")}))
		if err != nil {
			t.Fatalf("with one document more: %v", err)
		}
		if len(more.Items) != len(s.Items)+1 || more.Items[len(s.Items)].Kind != "New" {
			t.Fatalf("%d documents, and one more makes %d", len(s.Items), len(more.Items))
		}
	})
}
