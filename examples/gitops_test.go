package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestGitOpsManifestsPointAtTheOverlays checks on paper what cannot be run here: the paths and namespaces that the
// manifests of Argo CD and Flux name are those of the shipped package's overlays.
func TestGitOpsManifestsPointAtTheOverlays(t *testing.T) {
	for _, c := range []struct {
		name      string
		doc       map[string]any
		path      string
		namespace string // empty where the tool takes the overlay's own
	}{
		{
			name: "Argo CD Application", doc: document(t, "argocd/application-prod.yaml", 0),
			path: "spec.source.path", namespace: "spec.destination.namespace",
		},
		{
			name: "Argo CD Application with the plugin", doc: document(t, "argocd/application-plugin.yaml", 0),
			path: "spec.source.path", namespace: "spec.destination.namespace",
		},
		{name: "Flux prod", doc: document(t, "flux/kustomizations.yaml", 0), path: "spec.path"},
		{name: "Flux staging", doc: document(t, "flux/kustomizations.yaml", 1), path: "spec.path"},
	} {
		path := at(t, c.doc, c.path)
		namespace := overlayNamespace(t, path)
		if c.namespace != "" && at(t, c.doc, c.namespace) != namespace {
			t.Errorf("%s: %s is %q, and %s sets %q", c.name, c.namespace, at(t, c.doc, c.namespace), path, namespace)
		}
	}
}

func TestApplicationSetListsEveryOverlay(t *testing.T) {
	set := document(t, "argocd/applicationset.yaml", 0)
	spec := set["spec"].(map[string]any)
	generator := spec["generators"].([]any)[0].(map[string]any)
	template := at(t, set, "spec.template.spec.source.path")
	overlays, err := filepath.Glob("../kustomize/overlays/*")
	if err != nil {
		t.Fatal(err)
	}
	elements := generator["list"].(map[string]any)["elements"].([]any)
	if len(elements) != len(overlays) {
		t.Errorf("the list has %d elements, and there are %d overlays", len(elements), len(overlays))
	}
	for _, e := range elements {
		element := e.(map[string]any)
		path := strings.ReplaceAll(template, "{{.environment}}", element["environment"].(string))
		if want := overlayNamespace(t, path); element["namespace"] != want {
			t.Errorf("%s: namespace %q, and the overlay sets %q", path, element["namespace"], want)
		}
	}
}

// document is the document at index of a file of the example.
func document(t *testing.T, name string, index int) map[string]any {
	t.Helper()
	file, err := os.Open(filepath.Join("argocd-flux", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	var doc map[string]any
	for range index + 1 {
		doc = nil
		if err := decoder.Decode(&doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return doc
}

// at is the string at a dotted path.
func at(t *testing.T, doc map[string]any, path string) string {
	t.Helper()
	var value any = doc
	for key := range strings.SplitSeq(path, ".") {
		fields, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("%v has no field %s", doc["metadata"], path)
		}
		value = fields[key]
	}
	text, ok := value.(string)
	if !ok {
		t.Fatalf("%v: %s is no string", doc["metadata"], path)
	}
	return text
}

// overlayNamespace is the namespace that the kustomization in the folder, a path from this repository's root, sets.
func overlayNamespace(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path), "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var kustomization map[string]any
	if err := yaml.Unmarshal(content, &kustomization); err != nil {
		t.Fatal(err)
	}
	return at(t, kustomization, "namespace")
}
