package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shapes are documents in which a node of the one before becomes something else.
var shapes = []string{
	"apiVersion: v1\nkind: A\nmetadata:\n  name: a\nspec:\n  list:\n  - {a: [1, 2, {b: c}], d: e}\n  - [x, [y, z]]\n  text: plain\n",
	"apiVersion: v1\nkind: B\nmetadata: {name: b, labels: {tier: web, app: b}}\ndata:\n  long: |\n    one\n    two\n  folded: >-\n    three\n    four\n",
	"apiVersion: v1\nkind: C\nmetadata:\n  name: c\n",
	"apiVersion: v1\nkind: D\nmetadata:\n  name: d\nspec:\n  a:\n  - b:\n    - c:\n      - d\n      - \"e\\tf\"\n    - 'g''h'\n  empty:\n  none: []\n",
	"apiVersion: v1\nkind: E\nmetadata: &m\n  name: e\nspec: {template: {metadata: *m}}\n",
	"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: F\n  metadata:\n    name: f\n- apiVersion: v1\n  kind: G\n  metadata: {name: g}\n",
}

// What EachObject visits is what the items hold, whatever was parsed before in the same memory.
func TestEachObject(t *testing.T) {
	var list, stream strings.Builder
	list.WriteString("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
	want := map[bool][]string{}
	for _, i := range []int{0, 1, 2, 3, 0, 4, 3, 5, 1, 2, 0, 3, 1} {
		list.Write(appendIndented(nil, []byte(shapes[i])))
		stream.WriteString("---\n" + shapes[i])
		root, p := parseDocument([]byte(shapes[i]))
		if p != nil {
			t.Fatal(p.message)
		}
		o := NewObject(root, (&Item{}).Source())
		want[true] = append(want[true], encoded(t, o))
		for _, m := range appendMembers(nil, o, 0) {
			want[false] = append(want[false], encoded(t, m))
		}
	}
	l, err := ReadList([]byte(list.String()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadStream([]byte(stream.String()))
	if err != nil {
		t.Fatal(err)
	}
	for isList, each := range map[bool]func(func(*Object)) error{true: l.EachObject, false: s.EachObject} {
		var got []string
		if err := each(func(o *Object) { got = append(got, encoded(t, o)) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[isList], got); diff != "" {
			t.Errorf("objects of a list: %t (-want +got):\n%s", isList, diff)
		}
	}
}

func encoded(t *testing.T, o *Object) string {
	t.Helper()
	text, err := encode(o.Root)
	if err != nil {
		t.Fatal(err)
	}
	return o.Kind + " " + o.Name + "\n" + string(text)
}
