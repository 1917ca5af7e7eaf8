package manifest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"tierwall.dev/fn/internal/report"
)

// TestEncodeUnchanged: what is canonical comes out byte for byte, in the order of kyaml's writer.
func TestEncodeUnchanged(t *testing.T) {
	items := webItem + "# between\n" + kustomizeItem
	for _, c := range []struct{ name, in, want string }{
		{"as kyaml orders it", list(items) + configPart + resultsPart, list(items) + configPart + resultsPart},
		{"config first", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n" + configPart + "items:\n" + items, list(items) + configPart},
		{"no items", "kind: ResourceList\napiVersion: config.kubernetes.io/v1beta1\nitems: []\n", "apiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\nitems: []\n"},
		{"json becomes yaml", `{"kind":"ResourceList","apiVersion":"config.kubernetes.io/v1","items":[{"a":1}]}`, "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {\"a\": 1}\n"},
	} {
		l := mustReadList(t, c.in)
		out, err := l.Encode(l.Unchanged(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(out)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestEncodeChanges(t *testing.T) {
	l := mustReadList(t, list(webItem, kustomizeItem, "- kind: Gone\n")+configPart)
	out, err := l.Encode([]Entry{
		{Text: []byte("# ours\nkind: New\nspec:\n  text: |\n    a\n\n    b\n\nlast: 1")},
		{Item: l.Items[0]},
		{Item: l.Items[2], Remove: true},
		{Item: l.Items[1], Text: []byte("kind: Other\r\nlist: [a,\r\n b]\r\n")},
		{Text: []byte(`{"kind": "JSON"}`)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := list("- # ours\n  kind: New\n  spec:\n    text: |\n      a\n\n      b\n\n  last: 1\n", webItem,
		"- kind: Other\n  list: [a, b]\n", "- {\"kind\": \"JSON\"}\n") + configPart
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}

// TestEncodeRefuses: no item is lost, doubled or made up by accident.
func TestEncodeRefuses(t *testing.T) {
	l := mustReadList(t, list(webItem, "- kind: B\n"))
	other := mustReadList(t, list(webItem))
	web, b := l.Items[0], l.Items[1]
	for _, c := range []struct {
		name    string
		entries []Entry
		want    string
	}{
		{"nothing", nil, "base/web.yaml: Deployment shop/web would be lost: it has no entry"},
		{"one missing", []Entry{{Item: web}}, "input[1]: B  would be lost: it has no entry"},
		{"one twice", []Entry{{Item: web}, {Item: b}, {Item: web}}, "entry 2: base/web.yaml: Deployment shop/web is there twice"},
		{"removed and kept", []Entry{{Item: web, Remove: true}, {Item: b}, {Item: web}}, "entry 2: base/web.yaml: Deployment shop/web is there twice"},
		{"removed and replaced", []Entry{{Item: web, Remove: true, Text: []byte("a: b\n")}, {Item: b}}, "entry 0: base/web.yaml: Deployment shop/web is both removed and replaced"},
		{"another list's", []Entry{{Item: other.Items[0]}, {Item: b}}, "entry 0: base/web.yaml: Deployment shop/web is no item of this list"},
		{"empty entry", []Entry{{Item: web}, {Item: b}, {}}, "entry 2: neither an item nor a text"},
		{"empty text", []Entry{{Item: web}, {Item: b}, {Text: []byte("# nothing\n")}}, "entry 2: the text is not one YAML mapping"},
		{"scalar text", []Entry{{Item: web}, {Item: b}, {Text: []byte("x\n")}}, "entry 2: the text is not one YAML mapping"},
		{"broken text", []Entry{{Item: web}, {Item: b}, {Text: []byte("a: [\n")}}, "entry 2: not valid YAML: did not find expected node content"},
		{"two documents", []Entry{{Item: web}, {Item: b}, {Text: []byte("a: b\n---\nc: d\n")}}, "entry 2: 2 documents where one is expected; leave only one"},
	} {
		_, err := l.Encode(c.entries, nil)
		if err == nil {
			t.Errorf("%s: encoded, want a refusal", c.name)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// TestEncodeSharedAnchors: an item whose alias leads to another item survives that item's removal.
func TestEncodeSharedAnchors(t *testing.T) {
	l := mustReadList(t, list("- kind: A\n  labels: &l\n    a: b\n", "- kind: B\n  labels: *l\n"))
	out, err := l.Encode([]Entry{{Item: l.Items[0], Remove: true}, {Item: l.Items[1]}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list("- kind: B\n  labels:\n    a: b\n"), string(out)); diff != "" {
		t.Error(diff)
	}
}

var resultFindings = report.Findings{
	{ID: "some-info", Severity: report.Info, Message: "true"},
	{ID: "some-error", Severity: report.Error, Object: report.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		File: "base/web.yaml", Index: 2, Field: "spec.template.metadata.labels.tier", Message: "\"fronted\" is no known tier: did you mean\n\"frontend\"? # not a comment"},
	{ID: "some-warning", Severity: report.Warning, Object: report.Object{APIVersion: "v1", Kind: "Service", Name: "1.0"}, Message: "it's 100% odd"},
	{ID: "some-other", Severity: report.Warning, Object: report.Object{Kind: "Service"}, File: "x.yaml", Field: "spec.a", Message: "no reference without a name"},
}

// TestResults: one line each, errors first, everything that kpt does not show in the message.
func TestResults(t *testing.T) {
	l := mustReadList(t, list("- kind: A\n")+resultsPart)
	out, err := l.Encode(l.Unchanged(), resultFindings)
	if err != nil {
		t.Fatal(err)
	}
	want := list("- kind: A\n") + `results:
- message: 'base/web.yaml[2]: "fronted" is no known tier: did you mean\n"frontend"? # not a comment [some-error]'
  severity: error
  resourceRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
    namespace: shop
  field:
    path: spec.template.metadata.labels.tier
  file:
    path: base/web.yaml
    index: 2
  tags:
    id: some-error
- message: it's 100% odd [some-warning]
  severity: warning
  resourceRef:
    apiVersion: v1
    kind: Service
    name: "1.0"
  tags:
    id: some-warning
- message: "x.yaml Service : spec.a: no reference without a name [some-other]"
  severity: warning
  file:
    path: x.yaml
  tags:
    id: some-other
- message: true [some-info]
  severity: info
  tags:
    id: some-info
`
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}

// TestResultsReadByFramework: kyaml decodes the results to the same values, and has nothing to add or rename.
func TestResultsReadByFramework(t *testing.T) {
	var got struct {
		Results framework.Results `yaml:"results"`
	}
	d := kyaml.NewDecoder(bytes.NewReader(appendResults(nil, resultFindings)))
	d.KnownFields(true)
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	text, err := kyaml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	again, p := parseWithLibrary(text)
	ours, q := parseWithLibrary(appendResults(nil, resultFindings))
	if p != nil || q != nil {
		t.Fatal(p, q)
	}
	if !sameNode(again, ours) {
		t.Errorf("kyaml writes the results otherwise:\n%s", text)
	}
}

func TestFile(t *testing.T) {
	const marks = "      internal.config.kubernetes.io/path: a.yaml\n      config.kubernetes.io/index: '0'\n      config.k8s.io/id: '1'\n"
	for _, c := range []struct{ name, item, want string }{
		{"none", "- kind: A\n  metadata:\n    name: x\n", "kind: A\nmetadata:\n  name: x\n"},
		{"some", "- kind: A\n  metadata:\n    annotations:\n      a: b\n" + marks + "      c: |\n        d\n    name: x\n", "kind: A\nmetadata:\n  annotations:\n    a: b\n    c: |\n      d\n  name: x\n"},
		{"all", "- kind: A\n  metadata:\n    annotations:\n" + marks + "    name: x\n", "kind: A\nmetadata:\n  name: x\n"},
		{"all, before", "- kind: A\n  metadata:\n    name: x # c\n    annotations:\n" + marks + "  spec: {}\n", "kind: A\nmetadata:\n  name: x # c\nspec: {}\n"},
		{"all of metadata", "- resources:\n  - a.yaml\n  metadata:\n    annotations:\n" + marks, "resources:\n- a.yaml\n"},
		{"local-config stays", "- kind: A\n  metadata:\n    annotations:\n      config.kubernetes.io/local-config: \"true\"\n" + marks, "kind: A\nmetadata:\n  annotations:\n    config.kubernetes.io/local-config: \"true\"\n"},
		{"block value", "- kind: A\n  metadata:\n    annotations:\n      kustomize.config.k8s.io/id: |\n        kind: A\n    name: x\n", "kind: A\nmetadata:\n  name: x\n"},
		{"flow", "- kind: A\n  metadata: {name: x, annotations: {config.kubernetes.io/index: '0', a: b}}\n", "kind: A\nmetadata: {name: x, annotations: {a: b}}\n"},
		{"similar name", "- kind: A\n  spec:\n    metadata:\n      annotations:\n        config.kubernetes.io/index: '0'\n", "kind: A\nspec:\n  metadata:\n    annotations:\n      config.kubernetes.io/index: '0'\n"},
		{"annotations is a list", "- kind: A\n  metadata:\n    annotations:\n    - a\n", "kind: A\nmetadata:\n  annotations:\n  - a\n"},
	} {
		l := mustReadList(t, list(c.item))
		if diff := cmp.Diff(c.want, string(l.Items[0].File())); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestWithText(t *testing.T) {
	const marks = "      internal.config.kubernetes.io/path: a.yaml\n      config.kubernetes.io/index: '0'\n"
	const put = "    internal.config.kubernetes.io/path: a.yaml\n    config.kubernetes.io/index: '0'\n"
	item := "- kind: A\n  metadata:\n    name: x\n    annotations:\n      a: b\n" + marks
	for _, c := range []struct{ name, item, text, want string }{
		{"no annotations", item, "kind: A\nmetadata:\n  name: y\nspec: 1\n", "kind: A\nmetadata:\n  annotations:\n" + put + "  name: y\nspec: 1\n"},
		{"annotations", item, "kind: A\nmetadata:\n  annotations:\n    c: d\n  name: y\n", "kind: A\nmetadata:\n  annotations:\n" + put + "    c: d\n  name: y\n"},
		{"no metadata", item, "resources:\n- a.yaml\n", "resources:\n- a.yaml\nmetadata:\n  annotations:\n" + put},
		{"has one", item, "metadata:\n  annotations:\n    internal.config.kubernetes.io/path: b.yaml\n", "metadata:\n  annotations:\n    config.kubernetes.io/index: '0'\n    internal.config.kubernetes.io/path: b.yaml\n"},
		{"four spaces", item, "kind: A\nmetadata:\n    annotations:\n        c: d\n", "kind: A\nmetadata:\n    annotations:\n        internal.config.kubernetes.io/path: a.yaml\n        config.kubernetes.io/index: '0'\n        c: d\n"},
		{"block value", "- kind: A\n  metadata:\n    annotations:\n      kustomize.config.k8s.io/id: |\n        kind: A\n        name: x\n", "kind: B\nmetadata:\n  name: x\n",
			"kind: B\nmetadata:\n  annotations:\n    kustomize.config.k8s.io/id: |\n      kind: A\n      name: x\n  name: x\n"},
		{"block value, four spaces", "- kind: A\n  metadata:\n    annotations:\n      kustomize.config.k8s.io/id: |\n        kind: A\n", "kind: B\nmetadata:\n    name: x\n",
			"kind: B\nmetadata:\n  name: x\n  annotations:\n    kustomize.config.k8s.io/id: |\n      kind: A\n"},
		{"nothing to put back", "- kind: A\n", "kind: A\nmetadata: {name: y}\n", "kind: A\nmetadata: {name: y}\n"},
		{"flow metadata", item, "kind: A\nmetadata: {name: y}\n", "kind: A\nmetadata: {name: y, annotations: {internal.config.kubernetes.io/path: a.yaml, config.kubernetes.io/index: '0'}}\n"},
		{"empty annotations", item, "kind: A\nmetadata:\n  annotations: {}\n", "kind: A\nmetadata:\n  annotations: {internal.config.kubernetes.io/path: a.yaml, config.kubernetes.io/index: '0'}\n"},
		{"no final newline", item, "a: b", "a: b\nmetadata:\n  annotations:\n" + put},
		{"broken", item, "a: [\n", "a: [\n"},
	} {
		l := mustReadList(t, list(c.item))
		if diff := cmp.Diff(c.want, string(l.Items[0].WithText([]byte(c.text)))); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// TestWithTextRestores: File and WithText together change nothing that the orchestrator or the user reads.
func TestWithTextRestores(t *testing.T) {
	for _, s := range listSeeds {
		l, err := ReadList([]byte(s.text))
		if err != nil {
			continue
		}
		for _, it := range l.Items {
			before, p := parseWithLibrary(it.Bytes())
			if p != nil {
				t.Fatalf("%s: %s", s.name, p.message)
			}
			if before == nil || before.Kind == 0 {
				continue
			}
			after, p := parseWithLibrary(it.WithText(it.File()))
			if p != nil {
				t.Fatalf("%s: %s", s.name, p.message)
			}
			if diff := cmp.Diff(annotationsOf(before), annotationsOf(after)); diff != "" {
				t.Errorf("%s:\n%s", s.name, diff)
			}
			if strings.Contains(string(it.File()), "internal.config.kubernetes.io/") {
				t.Errorf("%s: File has an orchestrator's annotation:\n%s", s.name, it.File())
			}
		}
	}
}

func annotationsOf(n *yaml.Node) map[string]string {
	return Field{node: n}.At("metadata", "annotations").StringMap()
}
