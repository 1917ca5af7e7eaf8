package examples

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const (
	catalog         = "../catalog"
	catalogFunction = catalog + "/functions/go/tierwall"
)

// catalogTags are the tags that the catalogue's schema of metadata.yaml allows.
var catalogTags = []string{"mutator", "validator", "generator", "viewer", "test", "testing", "timing", "name prefix", "name suffix"}

// TestCatalogMetadata holds metadata.yaml to the rules of the catalogue: its fields and no others, its tags, and every
// example both listed and there.
func TestCatalogMetadata(t *testing.T) {
	content, err := os.ReadFile(catalogFunction + "/metadata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Image              string   `yaml:"image"`
		Description        string   `yaml:"description"`
		Tags               []string `yaml:"tags"`
		SourceURL          string   `yaml:"sourceURL"`
		ExamplePackageURLs []string `yaml:"examplePackageURLs"`
		License            string   `yaml:"license"`
		Hidden             bool     `yaml:"hidden"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if m.Image == "" || strings.Contains(path.Base(m.Image), ":") {
		t.Errorf("image %q: it is the name without a tag", m.Image)
	}
	if m.Description == "" || m.License != "Apache-2.0" || m.Hidden || len(m.Tags) == 0 {
		t.Errorf("metadata %+v", m)
	}
	for _, tag := range m.Tags {
		if !slices.Contains(catalogTags, tag) {
			t.Errorf("tag %q is none of %v", tag, catalogTags)
		}
	}
	var listed []string
	for _, url := range m.ExamplePackageURLs {
		listed = append(listed, path.Base(url))
	}
	slices.Sort(listed)
	if diff := cmp.Diff(catalogExamples(t), listed); diff != "" {
		t.Errorf("folders of examples, and those that metadata.yaml lists (-folders +listed):\n%s", diff)
	}
}

// TestCatalogPages holds the pages to the form that the catalogue makes its site of.
func TestCatalogPages(t *testing.T) {
	page, err := os.ReadFile(catalogFunction + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, marker := range []string{"# tierwall\n", "\n<!--mdtogo:Short-->\n", "\n<!--mdtogo-->\n", "\n<!--mdtogo:Long-->\n", "\n<!--mdtogo-->\n",
		"\n<!--mdtogo:Examples-->\n", "\n<!--mdtogo-->\n"} {
		i := strings.Index(string(page[at:]), marker)
		if i < 0 {
			t.Fatalf("%s/README.md has no %q where it is expected", catalogFunction, strings.TrimSpace(marker))
		}
		at += i + len(marker)
	}
	for _, name := range catalogExamples(t) {
		readme, err := os.ReadFile(filepath.Join(catalog, "examples", name, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		title, _, _ := strings.Cut(string(readme), "\n")
		words := strings.ReplaceAll(strings.TrimPrefix(name, "tierwall-"), "-", " ")
		if !strings.HasPrefix(title, "# tierwall: ") || !strings.Contains(strings.ToLower(title), words) {
			t.Errorf("%s: the title is %q, want # tierwall: ... %s ...", name, title, words)
		}
		for _, heading := range []string{"### Overview", "### Fetch the example package", "### Function invocation", "### Expected result"} {
			if !strings.Contains(string(readme), "\n"+heading+"\n") {
				t.Errorf("%s: README.md has no %q", name, heading)
			}
		}
		if ignored, err := os.ReadFile(filepath.Join(catalog, "examples", name, ".krmignore")); err != nil || string(ignored) != ".expected\n" {
			t.Errorf("%s: .krmignore has to name .expected, which holds no KRM: %q, %v", name, ignored, err)
		}
	}
}

// catalogExamples are the folders of examples, sorted.
func catalogExamples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(catalog + "/examples")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
