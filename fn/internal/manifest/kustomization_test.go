package manifest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEditResources has one case for each shape that people write. A plus before a name adds it, a minus removes it.
func TestEditResources(t *testing.T) {
	for _, c := range []struct{ name, in, edit, want string }{
		{"block", "resources:\n- a.yaml\n- b.yaml\n", "+n.yaml", "resources:\n- a.yaml\n- b.yaml\n- n.yaml\n"},
		{"indented", "resources:\n  - a.yaml # web\n  - b.yaml\npatches:\n  - path: p.yaml\n", "+n.yaml", "resources:\n  - a.yaml # web\n  - b.yaml\n  - n.yaml\npatches:\n  - path: p.yaml\n"},
		{"wide dash", "resources:\n    -   a.yaml\n", "+n.yaml", "resources:\n    -   a.yaml\n    -   n.yaml\n"},
		{"comment behind", "resources: # what\n- a.yaml # the web tier\n# end\n\nnamespace: x\n", "+n.yaml", "resources: # what\n- a.yaml # the web tier\n- n.yaml\n# end\n\nnamespace: x\n"},
		{"comments between", "resources:\n# web\n- a.yaml\n\n# api\n- b.yaml\n", "+n.yaml -b.yaml", "resources:\n# web\n- a.yaml\n- n.yaml\n\n# api\n"},
		{"quoted", "\"resources\":\n- 'a.yaml'\n- \"b.yaml\"\n", "+n.yaml -a.yaml", "\"resources\":\n- \"b.yaml\"\n- n.yaml\n"},
		{"crlf", "resources:\r\n- a.yaml\r\nnamespace: x\r\n", "+n.yaml", "resources:\r\n- a.yaml\r\n- n.yaml\r\nnamespace: x\r\n"},
		{"crlf remove", "resources:\r\n- a.yaml\r\n- b.yaml\r\n", "-a.yaml", "resources:\r\n- b.yaml\r\n"},
		{"byte order mark", "\ufeffresources:\n- a.yaml\n", "+n.yaml", "\ufeffresources:\n- a.yaml\n- n.yaml\n"},
		{"byte order mark alone", "\ufeff", "+n.yaml", "\ufeffresources:\n- n.yaml\n"},
		{"no final newline", "namespace: x\nresources:\n- a.yaml", "+n.yaml +m.yaml", "namespace: x\nresources:\n- a.yaml\n- n.yaml\n- m.yaml"},
		{"no final newline remove", "resources:\n- a.yaml\n- b.yaml", "-b.yaml", "resources:\n- a.yaml\n"},
		{"not last field", "resources:\n- a.yaml\nconfigMapGenerator:\n- name: c\n", "+n.yaml", "resources:\n- a.yaml\n- n.yaml\nconfigMapGenerator:\n- name: c\n"},
		{"literal dash in a name", "resources:\n- a-b.yaml\n- - \n", "+n.yaml", "!resources[1]: line 3: want a path, got a list"},
		{"flow", "resources: [a.yaml, b.yaml] # all\n", "+n.yaml", "resources: [a.yaml, b.yaml, n.yaml] # all\n"},
		{"flow over lines", "resources: [\n  a.yaml,\n  b.yaml, # b\n]\n", "+n.yaml", "resources: [\n  a.yaml,\n  b.yaml, n.yaml, # b\n]\n"},
		{"flow remove first", "resources: [a.yaml, b.yaml, c.yaml]\n", "-a.yaml", "resources: [b.yaml, c.yaml]\n"},
		{"flow remove last two", "resources: [ a.yaml , 'b.yaml', c.yaml ]\n", "-b.yaml -c.yaml", "resources: [ a.yaml ]\n"},
		{"flow remove all", "resources: [a.yaml, b.yaml]\n", "-a.yaml -b.yaml", "resources: []\n"},
		{"flow odd entry", "resources: [a.yaml]\n", "+https://x/y?ref=v1,2", "resources: [a.yaml, \"https://x/y?ref=v1,2\"]\n"},
		{"flow replace", "resources: [a.yaml]\n", "+n.yaml -a.yaml", "resources:\n- n.yaml\n"},
		{"empty flow", "namespace: x\nresources: [] # none\nnamePrefix: y\n", "+n.yaml", "namespace: x\nresources: # none\n- n.yaml\nnamePrefix: y\n"},
		{"empty flow at the end", "resources: []", "+n.yaml", "resources:\n- n.yaml"},
		{"empty flow over lines", "resources: [\n]\n", "+n.yaml", "resources: [n.yaml\n]\n"},
		{"nothing", "resources:\nnamespace: x\n", "+n.yaml", "resources:\n- n.yaml\nnamespace: x\n"},
		{"null", "resources: null # c\nnamespace: x\n", "+n.yaml", "resources: # c\n- n.yaml\nnamespace: x\n"},
		{"tilde", "resources: ~\n", "+n.yaml", "resources:\n- n.yaml\n"},
		{"no field", "namespace: x\n", "+n.yaml", "namespace: x\nresources:\n- n.yaml\n"},
		{"no field, wide lists", "patches:\n  - path: x\n", "+n.yaml", "patches:\n  - path: x\nresources:\n  - n.yaml\n"},
		{"no field, no final newline", "namespace: x", "+n.yaml", "namespace: x\nresources:\n- n.yaml"},
		{"no field, crlf", "namespace: x\r\n", "+n.yaml", "namespace: x\r\nresources:\r\n- n.yaml\r\n"},
		{"no field, block at the end", "configMapGenerator:\n- name: c\n  literals:\n  - |\n    a=b\n\n", "+n.yaml", "configMapGenerator:\n- name: c\n  literals:\n  - |\n    a=b\n\nresources:\n- n.yaml\n"},
		{"no field, kept block at the end", "patches:\n- patch: |+\n    a: b\n\n", "+n.yaml", "patches:\n- patch: |+\n    a: b\n\nresources:\n- n.yaml\n"},
		{"empty file", "", "+n.yaml", "resources:\n- n.yaml\n"},
		{"comment file", "# to do\n", "+n.yaml", "# to do\nresources:\n- n.yaml\n"},
		{"comment file, no final newline", "# to do", "+n.yaml", "# to do\nresources:\n- n.yaml"},
		{"document markers", "---\nnamespace: x\n...\n", "+n.yaml", "---\nnamespace: x\nresources:\n- n.yaml\n...\n"},
		{"empty second document", "---\nresources:\n- a.yaml\n---\n", "+n.yaml", "---\nresources:\n- a.yaml\n- n.yaml\n---\n"},
		{"indented root", "  namespace: x\n  resources:\n  - a.yaml\n", "+n.yaml -a.yaml", "  namespace: x\n  resources:\n  - n.yaml\n"},
		{"indented root, no field", "  namespace: x\n", "+n.yaml", "  namespace: x\n  resources:\n  - n.yaml\n"},
		{"remove", "resources:\n- a.yaml\n- n.yaml # ours\n- b.yaml\n", "-n.yaml", "resources:\n- a.yaml\n- b.yaml\n"},
		{"remove all", "resources: # r\n  # first\n  - a.yaml\nnamespace: x\n", "-a.yaml", "resources: [] # r\n  # first\nnamespace: x\n"},
		{"remove twice", "resources:\n- n.yaml\n- a.yaml\n- ./n.yaml\n", "-n.yaml", "resources:\n- a.yaml\n"},
		{"remove what is not there", "resources:\n- a.yaml", "-n.yaml", "resources:\n- a.yaml"},
		{"remove without field", "namespace: x\n", "-n.yaml", "namespace: x\n"},
		{"move", "resources:\n- n.yaml\n- a.yaml\n", "-n.yaml +n.yaml", "resources:\n- a.yaml\n- n.yaml\n"},
		{"there already", "resources:\n- n.yaml\n- a.yaml\n", "+n.yaml", "resources:\n- n.yaml\n- a.yaml\n"},
		{"there already, written otherwise", "resources:\n- ./n.yaml\n- ../base/\n", "+n.yaml +../base", "resources:\n- ./n.yaml\n- ../base/\n"},
		{"added twice", "resources:\n- a.yaml\n", "+n.yaml +./n.yaml", "resources:\n- a.yaml\n- n.yaml\n"},
		{"unicode", "# grün → blau\nnamePrefix: ü # é\nresources: [ä.yaml, ö.yaml]\n", "+n.yaml -ä.yaml", "# grün → blau\nnamePrefix: ü # é\nresources: [ö.yaml, n.yaml]\n"},
		{"resources elsewhere", "replacements:\n- source: {kind: A}\n  resources:\n  - x\nresources:\n- a.yaml\n", "+n.yaml", "replacements:\n- source: {kind: A}\n  resources:\n  - x\nresources:\n- a.yaml\n- n.yaml\n"},
		{"quotes where needed", "resources:\n- a.yaml\n", "+on", "resources:\n- a.yaml\n- \"on\"\n"},
		{"entry that goes on", "resources:\n- a.yaml\n- \"b\n  c.yaml\"\n", "+n.yaml", "!resources: line 3: the list's last entry takes more than its line; write it on one"},
		{"entry that goes on, removed", "resources:\n- a.yaml\n- >-\n  b.yaml\n", "-b.yaml", "!resources: line 3: the entry takes more than its line; write it on one"},
		{"json", `{"resources": ["a.yaml"]}`, "+n.yaml", "!line 1: JSON and {...} cannot be edited; write the kustomization as YAML, one field a line"},
		{"two documents", "resources: []\n---\nresources: []\n", "+n.yaml", "!line 3: a second document; a kustomization file has one"},
		{"no list", "resources: a.yaml\n", "+n.yaml", "!resources: line 1: want a list of paths, got a string"},
		{"number in the list", "resources:\n- 1\n", "+n.yaml", "!resources[0]: line 2: want a path, got a number"},
		{"null in the list", "resources:\n-\n", "+n.yaml", "!resources[0]: line 2: want a path, got null"},
		{"anchor", "resources: &r\n- a.yaml\nbases: *r\n", "+n.yaml", "!resources: line 1: the list has an anchor; write it without"},
		{"alias", "bases: &r\n- a.yaml\nresources: *r\n", "+n.yaml", "!resources: line 3: want a list of paths, got an alias"},
		{"alias in the list", "namePrefix: &p a.yaml\nresources:\n- *p\n", "+n.yaml", "!resources[0]: line 3: want a path, got an alias"},
		{"sequence file", "- a.yaml\n", "+n.yaml", "!line 1: want a mapping, got a list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var add, remove []string
			for _, e := range strings.Fields(c.edit) {
				if name, ok := strings.CutPrefix(e, "+"); ok {
					add = append(add, name)
				} else {
					remove = append(remove, e[1:])
				}
			}
			got, err := EditResources([]byte(c.in), add, remove)
			want, refused := strings.CutPrefix(c.want, "!")
			if refused {
				want += " [kustomization-not-editable]"
				if err == nil {
					t.Fatalf("edited, want a refusal:\n%s", got)
				}
				got = []byte(err.Error())
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEditResourcesRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"broken", "resources: [\n", "line 1: not valid YAML: did not find expected node content [input-yaml]"},
		{"twice", "resources:\n- a\nresources:\n- b\n", `resources: line 3: key "resources" is there twice; leave only one of the two [input-duplicate-key]`},
		{"not utf-8", "resources: \xff\n", "line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]"},
	} {
		got, err := EditResources([]byte(c.in), []string{"n.yaml"}, nil)
		if err == nil {
			t.Errorf("%s: edited, want a refusal:\n%s", c.name, got)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// TestEditResourcesLaws: on random kustomizations, an edit leaves all other lines alone, adding and removing again gives
// the bytes back where a line was added, and editing twice is editing once.
func TestEditResourcesLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		in := randomKustomization(rng)
		once, err := EditResources([]byte(in), []string{"new.yaml"}, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, in)
		}
		twice, err := EditResources(once, []string{"new.yaml"}, nil)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("a second time: %v\n%s", err, cmp.Diff(string(once), string(twice)))
		}
		var kept []string
		for line := range strings.Lines(string(once)) {
			if !strings.Contains(line, "new.yaml") {
				kept = append(kept, line)
			}
		}
		if strings.Contains(in, "- ") && strings.Contains(in, "resources:\n") && strings.Join(kept, "") != in {
			t.Fatalf("other lines changed:\n%s", cmp.Diff(in, strings.Join(kept, "")))
		}
		back, err := EditResources(once, nil, []string{"new.yaml"})
		if err != nil {
			t.Fatalf("removing again: %v\n%s", err, once)
		}
		before, _ := readResources([]byte(in))
		after, p := readResources(back)
		if p != nil || !slices.Equal(before.entries, after.entries) {
			t.Fatalf("added and removed:\n%s\n%s", in, back)
		}
	}
}

func randomKustomization(rng *rand.Rand) string {
	pick := func(choices ...string) string { return choices[rng.IntN(len(choices))] }
	indent := pick("", "  ", "    ")
	var b strings.Builder
	b.WriteString(pick("", "# head\n", "---\n", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"))
	b.WriteString(pick("", "namespace: x # c\n", "labels:\n- pairs: {a: b}\n"))
	b.WriteString("resources:\n")
	for range rng.IntN(4) + 1 {
		b.WriteString(pick("", "", indent+"# above\n", "\n") + indent + "- " + pick("a.yaml", "'b.yaml'", "\"../c\"", "d.yaml # d") + "\n")
	}
	b.WriteString(pick("", "# tail\n", "\n", "patches:\n- path: p.yaml\n", "configMapGenerator:\n- name: c\n  literals:\n  - |\n    x=y\n"))
	return b.String()
}

// FuzzEditResources: whatever the file, an edit is right, or refused.
func FuzzEditResources(f *testing.F) {
	for _, s := range []string{
		"", "resources:\n- a.yaml\n- b.yaml # c\n", "resources: [a, b]\n", "resources: []\n", "resources:\n", "---\nnamespace: x\n...\n", "\ufeffresources: ~\r\n",
	} {
		f.Add([]byte(s), "n.yaml", "a.yaml")
	}
	f.Fuzz(func(t *testing.T, in []byte, add, remove string) {
		out, err := EditResources(in, []string{add}, []string{remove})
		if err != nil {
			return
		}
		before, p := readResources(in)
		after, q := readResources(out)
		if p != nil || q != nil {
			t.Fatalf("cannot be read: %v, %v", p, q)
		}
		kept, added := changeResources(before.entries, []string{add}, []string{remove})
		if want := append(kept, added...); !slices.Equal(want, after.entries) {
			t.Fatalf("entries %q, want %q", after.entries, want)
		}
	})
}
