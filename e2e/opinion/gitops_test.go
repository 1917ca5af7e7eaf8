package opinion

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xeipuuv/gojsonschema"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// gitOps are the manifests for Argo CD and Flux.
const gitOps = "../../examples/argocd-flux/"

// definitions are the CustomResourceDefinitions that the manifests are checked by.
var definitions = []struct {
	of   published
	file string
}{
	{argoCD, "manifests/crds/application-crd.yaml"},
	{argoCD, "manifests/crds/applicationset-crd.yaml"},
	{kustomizeController, "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"},
	{sourceController, "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"},
}

// TestGitOpsManifestsFollowTheirDefinitions validates every manifest by the schema of its CustomResourceDefinition, as the
// API server does, and refuses fields that the definition does not know. Its rules in CEL are not evaluated.
func TestGitOpsManifestsFollowTheirDefinitions(t *testing.T) {
	schemas := schemasOf(t)
	seen := map[string]bool{}
	for _, pattern := range []string{"argocd/*.yaml", "flux/*.yaml"} {
		files, err := filepath.Glob(gitOps + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no manifests %s: %v", pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, document := range bytes.Split(content, []byte("\n---\n")) {
				kind, err := schemas.wrong(document)
				if err != nil {
					t.Errorf("%s[%d]: %v", file, i, err)
				}
				_, name, _ := strings.Cut(kind, " ")
				seen[name] = true
			}
		}
	}
	for kind := range schemas {
		if _, name, _ := strings.Cut(kind, " "); !seen[name] {
			t.Errorf("no manifest is a %s", name)
		}
	}
}

// TestGitOpsDefinitionsRefuse: the check finds what is wrong.
func TestGitOpsDefinitionsRefuse(t *testing.T) {
	schemas := schemasOf(t)
	for _, c := range []struct{ file, from, to string }{
		{"argocd/application-prod.yaml", "selfHeal: true", "selfHeals: true"},
		{"argocd/application-prod.yaml", "prune: true", `prune: "yes"`},
		{"argocd/application-prod.yaml", "  project: default\n", ""},
		{"argocd/application-plugin.yaml", "string: prod", "value: prod"},
		{"argocd/applicationset.yaml", "goTemplateOptions:", "templateOptions:"},
		{"argocd/applicationset.yaml", "  name: shop\n  namespace", "  label: shop\n  namespace"},
		{"flux/source.yaml", "interval: 5m", "interval: often"},
		{"flux/source.yaml", "https://", "ftp://"},
		{"flux/source.yaml", "source.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v9"},
	} {
		content, err := os.ReadFile(gitOps + c.file)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := strings.ReplaceAll(string(content), c.from, c.to)
		if spoilt == string(content) {
			t.Errorf("%s holds no %q", c.file, c.from)
		}
		if _, err := schemas.wrong([]byte(spoilt)); err == nil {
			t.Errorf("%s: nothing is wrong with %q", c.file, c.to)
		}
	}
}

// schemas are validators by apiVersion and kind.
type schemas map[string]*gojsonschema.Schema

// definition is a CustomResourceDefinition, as far as it matters here.
type definition struct {
	Spec struct {
		Group    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Served bool
			Schema struct{ OpenAPIV3Schema map[string]any }
		}
	}
}

func schemasOf(t *testing.T) schemas {
	t.Helper()
	out := schemas{}
	for _, d := range definitions {
		content, err := os.ReadFile(d.of.file(t, d.file))
		if err != nil {
			t.Fatal(err)
		}
		var crd definition
		if err := yaml.Unmarshal(content, &crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			if !v.Served {
				continue
			}
			closed(v.Schema.OpenAPIV3Schema)
			schema, err := gojsonschema.NewSchema(gojsonschema.NewGoLoader(v.Schema.OpenAPIV3Schema))
			if err != nil {
				t.Fatalf("%s: %v", d.file, err)
			}
			out[crd.Spec.Group+"/"+v.Name+" "+crd.Spec.Names.Kind] = schema
		}
	}
	if len(out) < len(definitions) {
		t.Fatalf("%d schemas in %d definitions", len(out), len(definitions))
	}
	return out
}

// closed refuses unknown fields, which the API server would drop, in a schema and all below it.
func closed(schema map[string]any) {
	if properties, ok := schema["properties"].(map[string]any); ok {
		if _, open := schema["additionalProperties"]; !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
			schema["additionalProperties"] = false
		}
		for _, p := range properties {
			closed(p.(map[string]any))
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := schema[key].(map[string]any); ok {
			closed(below)
		}
	}
}

// wrong says what is wrong with a manifest, and which schema it was held to.
func (s schemas) wrong(manifest []byte) (kind string, err error) {
	var object map[string]any
	if err := yaml.UnmarshalStrict(manifest, &object); err != nil {
		return "", err
	}
	kind = fmt.Sprint(object["apiVersion"], " ", object["kind"])
	schema := s[kind]
	if schema == nil {
		return kind, fmt.Errorf("%s is defined nowhere", kind)
	}
	var meta struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	only, err := yaml.Marshal(map[string]any{"metadata": object["metadata"]})
	if err == nil {
		err = yaml.UnmarshalStrict(only, &meta)
	}
	if err != nil {
		return kind, err
	}
	return kind, wrongBy(schema, gojsonschema.NewGoLoader(object))
}

// wrongBy is all that a schema finds wrong with a document.
func wrongBy(schema *gojsonschema.Schema, document gojsonschema.JSONLoader) error {
	result, err := schema.Validate(document)
	if err != nil {
		return err
	}
	var found []error
	for _, e := range result.Errors() {
		found = append(found, errors.New(e.String()))
	}
	return errors.Join(found...)
}
