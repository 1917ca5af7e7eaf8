package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/kyaml/kio"
)

// frameworkList is what a function on kyaml's framework sees, and what it writes when it changes nothing.
type frameworkList struct {
	items           []*yaml.Node
	config, results *yaml.Node
	written         []byte
}

// readWithFramework reads and writes as fn/framework.Execute does; nil where it refuses, or sees no ResourceList.
func readWithFramework(in []byte) (l *frameworkList) {
	// It panics on some items, such as one whose annotations are a list.
	defer func() { _ = recover() }()
	var out bytes.Buffer
	rw := &kio.ByteReadWriter{Reader: bytes.NewReader(in), Writer: &out, KeepReaderAnnotations: true}
	nodes, err := rw.Read()
	if err != nil || rw.WrappingKind != "ResourceList" {
		return nil
	}
	l = &frameworkList{}
	for _, n := range nodes {
		l.items = append(l.items, n.YNode())
	}
	if rw.FunctionConfig != nil {
		l.config = rw.FunctionConfig.YNode()
	}
	if rw.Results != nil {
		l.results = rw.Results.YNode()
	}
	// The writer refuses some items that the reader takes.
	if rw.Write(nodes) == nil {
		l.written = out.Bytes()
	}
	return l
}

// value is a YAML node without comments and places, for comparing and printing.
type value struct {
	Kind          yaml.Kind
	Tag, Text     string
	Style         yaml.Style
	Anchor, Alias string
	Content       []value
}

func valueOf(n *yaml.Node) value {
	if n == nil {
		return value{}
	}
	v := value{Kind: n.Kind, Tag: n.ShortTag(), Text: n.Value, Style: n.Style, Anchor: n.Anchor}
	for _, c := range n.Content {
		v.Content = append(v.Content, valueOf(c))
	}
	return v
}

// diffOf is cmp.Diff, which takes its time, for what is equal nearly always.
func diffOf(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func valuesOf(nodes []*yaml.Node) []value {
	out := make([]value, len(nodes))
	for i, n := range nodes {
		out[i] = valueOf(n)
	}
	return out
}

// checkCanonical compares the recognised list with the framework's reading of the same bytes.
func checkCanonical(t *testing.T, in []byte, l *List) {
	t.Helper()
	want := readWithFramework(in)
	if want == nil {
		t.Fatalf("recognised as canonical, but refused by the framework:\n%s", in)
	}
	var items []*yaml.Node
	for i, it := range l.Items {
		root, p := parseWithLibrary(it.Bytes())
		if p != nil {
			t.Fatalf("item %d alone: %s\n%s", i, p.message, it.Bytes())
		}
		items = append(items, root)
		checkIdentity(t, it, want.items[i])
		if built, ok := build(it.Bytes()); ok {
			if diff := diffOf(valueOf(root), valueOf(built)); diff != "" {
				t.Errorf("item %d is built otherwise than the library parses it (-library +built):\n%s", i, diff)
			}
		}
		if back := appendIndented(nil, it.Bytes()); !bytes.Equal(trimLead(back), trimLead(it.list)) {
			t.Errorf("item %d changes when it is indented again:\n%q\n%q", i, it.list, back)
		}
	}
	if diff := diffOf(valuesOf(want.items), valuesOf(items)); diff != "" {
		t.Errorf("items (-framework +ours):\n%s", diff)
	}
	out, err := l.Encode(l.Unchanged(), nil)
	if err != nil {
		t.Fatal(err)
	}
	again := readWithFramework(out)
	if again == nil {
		t.Fatalf("the framework refuses the encoded list:\n%s", out)
	}
	for _, c := range []struct {
		what      string
		want, got any
	}{
		{"encoded items", valuesOf(want.items), valuesOf(again.items)},
		{"encoded functionConfig", valueOf(want.config), valueOf(again.config)},
		{"encoded results", valueOf(want.results), valueOf(again.results)},
	} {
		if diff := diffOf(c.want, c.got); diff != "" {
			t.Errorf("%s (-framework +ours):\n%s", c.what, diff)
		}
	}
	if diff := cmp.Diff(string(again.written), string(want.written)); diff != "" && !bytes.Contains(in, []byte("#")) {
		t.Errorf("framework's own output of ours and of the input:\n%s", diff)
	}
}

// trimLead leaves out what unindent cannot keep: the columns of comments before an item and of blank lines.
func trimLead(lines []byte) []byte {
	var out []byte
	for line := range bytes.Lines(lines) {
		out = append(out, bytes.TrimLeft(line, " ")...)
	}
	return bytes.ReplaceAll(out, []byte("- "), nil)
}

func checkIdentity(t *testing.T, it *Item, n *yaml.Node) {
	t.Helper()
	want := &Item{}
	if p := identify(want, n, ""); p != nil {
		t.Fatalf("identity: %s", p.message)
	}
	type identity struct {
		APIVersion, Kind, Namespace, Name, Path, PackagePath string
		Index                                                int
		KustomizeID                                          bool
	}
	of := func(it *Item) identity {
		return identity{it.APIVersion, it.Kind, it.Namespace, it.Name, it.Path, it.PackagePath, it.Index, it.KustomizeID}
	}
	if diff := cmp.Diff(of(want), of(it)); diff != "" {
		t.Errorf("identity (-parsed +scanned):\n%s", diff)
	}
}

// checkForeign compares the list read by the library with what the framework writes.
func checkForeign(t *testing.T, in []byte) {
	t.Helper()
	l, err := readForeignList(in)
	want := readWithFramework(in)
	if err != nil || want == nil || want.written == nil || slices.ContainsFunc(want.items, losesAnnotations) {
		return
	}
	if want.config != nil && hasForeignAlias(want.config, want.config) || want.results != nil && hasForeignAlias(want.results, want.results) {
		// Written out here: the item with the anchor may be gone.
		return
	}
	out, err := l.Encode(l.Unchanged(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if readWithFramework(want.written) == nil {
		// The framework wrote what nobody can read (a block that begins with a tab).
		if readWithFramework(out) == nil {
			t.Errorf("the framework cannot read the fallback's output:\n%s", out)
		}
		return
	}
	if diff := cmp.Diff(string(want.written), string(out)); diff != "" {
		t.Errorf("fallback output (-framework +ours):\n%s", diff)
	}
	for _, it := range l.Items {
		if _, p := parseWithLibrary(it.Bytes()); p != nil {
			t.Errorf("an item cannot stand alone: %s\n%s", p.message, it.Bytes())
		}
	}
}

// losesAnnotations reports whether kyaml's writer drops what the item has for metadata or annotations, an alias or a
// scalar, as if it were empty. Nothing of the user's is dropped here.
func losesAnnotations(item *yaml.Node) bool {
	for _, n := range []*yaml.Node{ownField(item, "metadata"), Field{node: item}.At("metadata", "annotations").Node()} {
		if n != nil && len(n.Content) == 0 && !isEmpty(n) {
			return true
		}
	}
	metadata := ownField(item, "metadata")
	if metadata == nil || metadata.Kind != yaml.MappingNode {
		return false
	}
	annotations := ownField(metadata, "annotations")
	return annotations != nil && annotations.Kind == yaml.AliasNode
}

func checkAgainstFramework(t *testing.T, in []byte) {
	t.Helper()
	if _, err := ReadList(in); err != nil && err.Error() == "" {
		t.Error("an error without a message")
	}
	if l, ok := readCanonicalList(withoutTrifles(in)); ok {
		checkCanonical(t, in, l)
	}
	checkForeign(t, in)
}

func FuzzReadList(f *testing.F) {
	for _, s := range listSeeds {
		f.Add([]byte(s.text))
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkAgainstFramework(t, in) })
}
