package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadListAgreesWithFramework(t *testing.T) {
	for _, s := range listSeeds {
		t.Run(s.name, func(t *testing.T) {
			if _, ok := readCanonicalList([]byte(s.text)); ok != s.canonical {
				t.Errorf("recognised as canonical: %v, want %v", ok, s.canonical)
			}
			checkAgainstFramework(t, []byte(s.text))
		})
	}
}

// TestReadListRefuses has one line for each way in which an input is no ResourceList: the one finding.
func TestReadListRefuses(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for _, c := range []string{"b: &b %a", "c: &c %b", "d: &d %c", "e: &e %d", "f: &f %e", "g: &g %f"} {
		name := "*" + c[len(c)-1:]
		bomb += "  " + c[:len(c)-2] + "[" + strings.Repeat(name+", ", 9) + name + "]\n"
	}
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "the input is empty; expected YAML documents [input-empty]"},
		{"white space", " \n\t\n", "the input is empty; expected YAML documents [input-empty]"},
		{"byte order mark alone", "\ufeff\n", "the input is empty; expected YAML documents [input-empty]"},
		{"comments", "# nothing\n---\n", "the input has no document; expected a ResourceList [input-empty]"},
		{"not utf-8", list(webItem) + "# \xff\n", "line 39: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]"},
		{"utf-16", "\xff\xfek\x00", "line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]"},
		{"broken", list("- apiVersion: v1\n  kind: [A\n  metadata:\n    name: x\n"), "line 4: not valid YAML: did not find expected ',' or ']' [input-yaml]"},
		{"bad indentation", list("- apiVersion: v1\n   kind: A\n"), "line 5: not valid YAML: mapping values are not allowed in this context [input-yaml]"},
		{"tab", list("- apiVersion: v1\n\tkind: A\n"), "line 4: not valid YAML: found a tab character that violates indentation [input-yaml]"},
		{"control character", list(field("    a: x\x01y\n")), "not valid YAML: control characters are not allowed [input-yaml]"},
		{"unknown alias", list(field("    a: *x\n")), "not valid YAML: unknown anchor 'x' referenced [input-yaml]"},
		{"second document", list(webItem) + "---\nkind: A\n", "line 40: 2 documents where one is expected; leave only one [input-documents]"},
		{"not a list", "apiVersion: v1\nkind: A\nitems: []\n", `kind: want ResourceList, got "A" [input-list]`},
		{"sequence", "- kind: ResourceList\n", "line 1: want a ResourceList, got a list [input-list]"},
		{"scalar", "kind ResourceList\n", "line 1: want a ResourceList, got a string [input-list]"},
		{"other version", "apiVersion: v1\nkind: ResourceList\nitems: []\n", `apiVersion: want one of config.kubernetes.io/v1, config.kubernetes.io/v1beta1, config.kubernetes.io/v1alpha1; got "v1" [input-list-version]`},
		{"no version", "kind: ResourceList\nitems: []\n", `apiVersion: want one of config.kubernetes.io/v1, config.kubernetes.io/v1beta1, config.kubernetes.io/v1alpha1; got "" [input-list-version]`},
		{"no items", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n", "items: missing; a ResourceList has a list of items, if an empty one [input-list]"},
		{"items is a mapping", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n  a: b\n", "items: line 4: want a list, got a mapping [input-list]"},
		{"items is a number", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: 3\n", "items: line 3: want a list, got a number [input-list]"},
		{"item is a string", list(webItem, "- x\n"), "items[1]: line 39: want an object (a mapping with apiVersion, kind and metadata), got a string [input-item]"},
		{"item is null", list(webItem, "-\n"), "items[1]: line 39: want an object (a mapping with apiVersion, kind and metadata), got null [input-item]"},
		{"item is a list", list("- - a: b\n"), "items[0]: line 4: want an object (a mapping with apiVersion, kind and metadata), got a list [input-item]"},
		{"config is a string", list(webItem) + "functionConfig: x\n", "functionConfig: want a mapping, got a string [input-list]"},
		{"config is a list", list(webItem) + "functionConfig:\n- x\n", "functionConfig: want a mapping, got a list [input-list]"},
		{"items twice", list(webItem) + "items:\n" + kustomizeItem, `items: line 39: key "items" is there twice; leave only one of the two [input-duplicate-key]`},
		{"name twice", list(webItem, "- metadata:\n    name: x\n    name: y\n"), `items[1].metadata.name: line 41: key "name" is there twice; leave only one of the two [input-duplicate-key]`},
		{"path twice", list("- metadata:\n    annotations:\n      config.kubernetes.io/path: x\n      config.kubernetes.io/path: y\n"),
			`items[0].metadata.annotations.config.kubernetes.io/path: line 7: key "config.kubernetes.io/path" is there twice; leave only one of the two [input-duplicate-key]`},
		{"config key twice", list(webItem) + "functionConfig:\n  kind: A\n  spec:\n    a: 1\n    a: 2\n", `functionConfig.spec.a: line 43: key "a" is there twice; leave only one of the two [input-duplicate-key]`},
		{"alias of itself", list("- a: &x [*x]\n"), "line 4: alias *x contains itself; write the value out [input-alias]"},
		{"alias bomb", list("- " + bomb), "the document's 60 aliases expand it to more than 100000 values; write the values out [input-alias]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ReadList([]byte(c.in))
			if err == nil {
				t.Fatalf("read %d items, want a refusal", len(l.Items))
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIsList(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     bool
	}{
		{"canonical", list(webItem), true},
		{"json", `{"items":[],"kind":"ResourceList"}`, true},
		{"quoted", "'kind': \"ResourceList\" # c\n", true},
		{"crlf", "kind: ResourceList\r\nitems: []\r\n", true},
		{"broken but meant", "kind: ResourceList\nitems: [\n", true},
		{"second document", "a: b\n---\nkind: ResourceList\n", true},
		{"on the marker's line", "--- {kind: ResourceList}\n", true},
		{"byte order mark", "\ufeffkind: ResourceList\n", true},
		{"document", "apiVersion: v1\nkind: ConfigMap\n", false},
		{"within a block", "kind: ConfigMap\ndata:\n  a: |\n    kind: ResourceList\n", false},
		{"within an object", "kind: A\nspec:\n  kind: ResourceList\n", false},
		{"longer kind", "kind: ResourceListing\n", false},
		{"in a comment", "# kind: ResourceList\nkind: A\n", false},
		{"empty", "", false},
		{"broken", "a: [ResourceList\n", false},
	} {
		if got := IsList([]byte(c.in)); got != c.want {
			t.Errorf("%s: is a list: %v, want %v", c.name, got, c.want)
		}
	}
}

func mustReadList(t *testing.T, text string) *List {
	t.Helper()
	l, err := ReadList([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestItemIdentity(t *testing.T) {
	l := mustReadList(t, list(webItem, kustomizeItem,
		"- apiVersion: v1\n  kind: A\n  metadata:\n    annotations:\n      config.kubernetes.io/path: old\n      config.kubernetes.io/index: \"3\"\n",
		"- apiVersion: v1\n  kind: A\n  metadata:\n    annotations:\n      internal.config.kubernetes.io/path: new\n      config.kubernetes.io/path: old\n      internal.config.kubernetes.io/index: x\n",
		"- kind: ~\n")+configPart)
	var got []string
	for _, it := range l.Items {
		got = append(got, fmt.Sprintf("%s %s %s/%s at %s in %q kustomize=%v", it.APIVersion, it.Kind, it.Namespace, it.Name, it.Source(), it.PackagePath, it.KustomizeID))
	}
	want := []string{
		`apps/v1 Deployment shop/web at base/web.yaml in "/home/me/shop" kustomize=false`,
		`v1 Service /web at input[1] in "" kustomize=true`,
		`v1 A / at old[3] in "" kustomize=false`,
		`v1 A / at new in "" kustomize=false`,
		`  / at input[4] in "" kustomize=false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if l.FunctionConfig.Name != "three-tier" || l.FunctionConfig.Source.String() != "set.yaml[2]" {
		t.Errorf("functionConfig %s at %s", l.FunctionConfig.Name, l.FunctionConfig.Source)
	}
	if l := mustReadList(t, list(webItem)); l.FunctionConfig != nil {
		t.Error("a functionConfig where there is none")
	}
}

func TestItemObject(t *testing.T) {
	for name, text := range map[string]string{"canonical": list(webItem), "foreign": "---\n" + list(webItem)} {
		it := mustReadList(t, text).Items[0]
		o, err := it.Object()
		if err != nil {
			t.Fatal(err)
		}
		image, _ := o.At("spec", "template", "spec", "containers").Items()[0].At("image").Text()
		if o.Name != "web" || o.Source.File != "base/web.yaml" || image != "nginx:1.29" {
			t.Errorf("%s: got %s from %s with image %s", name, o.Name, o.Source, image)
		}
		again, _ := it.Object()
		if again != o {
			t.Errorf("%s: parsed twice", name)
		}
	}
}

// TestItemObjectRefuses is for what a foreign item may have, and one that is read may not.
func TestItemObjectRefuses(t *testing.T) {
	it := mustReadList(t, list(webItem, strings.Replace(webItem, "    replicas: 2\n", "    replicas: 2\n    replicas: 3\n", 1))).Items[1]
	_, err := it.Object()
	want := `base/web.yaml Deployment shop/web: spec.replicas: key "replicas" is there twice; leave only one of the two [input-duplicate-key]`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestListEachObject(t *testing.T) {
	l := mustReadList(t, list(webItem, "- kind: B\n  a: 1\n  a: 2\n", kustomizeItem))
	var got []string
	err := l.EachObject(func(o *Object) { got = append(got, o.Kind) })
	if diff := cmp.Diff([]string{"Deployment"}, got); diff != "" {
		t.Error(diff)
	}
	want := `B : a: key "a" is there twice; leave only one of the two [input-duplicate-key]`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if l.Items[0].object != nil {
		t.Error("the first item keeps its object")
	}
}
