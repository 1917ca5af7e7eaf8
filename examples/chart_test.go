package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// chart is the chart under test.
const chart = "../charts/k8s-security"

// chartValue is a value that values.yaml documents with a comment that begins with "# --", as helm-docs has it.
type chartValue struct {
	key, kind, fallback, description string
}

// chartValues are the values of a mapping and of those below it: one that has a comment is a value, one that has none must
// hold more values.
func chartValues(t *testing.T, prefix string, mapping *yaml.Node) []chartValue {
	t.Helper()
	var out []chartValue
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name, node := mapping.Content[i], mapping.Content[i+1]
		text, documented := strings.CutPrefix(name.HeadComment, "# -- ")
		switch {
		case documented:
			out = append(out, chartValue{
				key: prefix + name.Value, kind: valueKind(t, node), fallback: fallback(t, node),
				description: strings.Join(strings.Fields(strings.ReplaceAll(text, "\n# ", " ")), " "),
			})
		case node.Kind == yaml.MappingNode && len(node.Content) > 0:
			out = append(out, chartValues(t, prefix+name.Value+".", node)...)
		default:
			t.Errorf("values.yaml: %s%s has no comment that begins with `# --`", prefix, name.Value)
		}
	}
	return out
}

func valueKind(t *testing.T, node *yaml.Node) string {
	t.Helper()
	kind, ok := map[string]string{
		"!!str": "string", "!!bool": "bool", "!!int": "int", "!!seq": "list", "!!map": "object",
	}[node.ShortTag()]
	if !ok {
		t.Errorf("values.yaml: line %d: the type %s is not one that the table knows", node.Line, node.ShortTag())
	}
	return kind
}

// fallback is a default as JSON; a long list or mapping is left to values.yaml.
func fallback(t *testing.T, node *yaml.Node) string {
	t.Helper()
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 60 {
		return "See values.yaml"
	}
	return "`" + string(text) + "`"
}

// TestChartReadmeListsTheValues: the table in the chart's README says what values.yaml and its comments say. UPDATE=1 writes it.
func TestChartReadmeListsTheValues(t *testing.T) {
	table := "| Key | Type | Default | Description |\n|-----|------|---------|-------------|\n"
	for _, v := range chartValues(t, "", chartYAML(t, "values.yaml").Content[0]) {
		table += fmt.Sprintf("| %s | %s | %s | %s |\n", v.key, v.kind, v.fallback, strings.ReplaceAll(v.description, "|", `\|`))
	}
	file := filepath.Join(chart, "README.md")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`(?s)(<!-- values: .*? -->\n)(.*)(<!-- end of values -->\n)`)
	parts := place.FindStringSubmatch(string(content))
	if parts == nil {
		t.Fatalf("%s has no place for the values", file)
	}
	if os.Getenv("UPDATE") != "" {
		written := place.ReplaceAllStringFunc(string(content), func(string) string { return parts[1] + table + parts[3] })
		if err := os.WriteFile(file, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table, parts[2]); diff != "" {
		t.Errorf("%s differs from values.yaml; run: UPDATE=1 go test ./examples -run ChartReadme (-values.yaml +README.md):\n%s", file, diff)
	}
}

func chartYAML(t *testing.T, name string) *yaml.Node {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(chart, name))
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &doc
}

// TestChartSchemaKnowsTheValues: the schema describes each value of values.yaml, and no other but those that Helm itself gives a
// chart within another; and no mapping of it takes a field that it does not know.
func TestChartSchemaKnowsTheValues(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	root := schema["properties"].(map[string]any)
	delete(root, "global")
	delete(root, "enabled")
	compareWithSchema(t, "", chartYAML(t, "values.yaml").Content[0], schema)
	checkStrict(t, "", schema)
}

func compareWithSchema(t *testing.T, prefix string, mapping *yaml.Node, schema map[string]any) {
	t.Helper()
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return // a mapping of labels, or a list
	}
	var have, want []string
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name, node := mapping.Content[i].Value, mapping.Content[i+1]
		want = append(want, prefix+name)
		if property, ok := properties[name].(map[string]any); ok {
			have = append(have, prefix+name)
			if node.Kind == yaml.MappingNode {
				compareWithSchema(t, prefix+name+".", node, property)
			}
		}
	}
	if diff := cmp.Diff(want, have); diff != "" || len(properties) != len(have) {
		t.Errorf("values.yaml has %q, and the schema has %d properties, which lack (-values.yaml +schema):\n%s", want, len(properties), diff)
	}
}

// checkStrict goes through a schema: every property is described, and every mapping says what else it takes.
func checkStrict(t *testing.T, at string, node any) {
	t.Helper()
	switch n := node.(type) {
	case map[string]any:
		if n["type"] == "object" && n["additionalProperties"] == nil {
			t.Errorf("values.schema.json%s: a mapping that takes any field", at)
		}
		if properties, ok := n["properties"].(map[string]any); ok {
			for name, p := range properties {
				property := p.(map[string]any)
				if property["description"] == nil && property["$ref"] == nil {
					t.Errorf("values.schema.json%s.%s has no description", at, name)
				}
			}
		}
		for name, child := range n {
			checkStrict(t, at+"."+name, child)
		}
	case []any:
		for i, child := range n {
			checkStrict(t, fmt.Sprintf("%s[%d]", at, i), child)
		}
	}
}

// TestChartEnvironmentsAreThoseOfThePackage: values-prod.yaml and values-staging.yaml say what the package's NetworkPolicySet says
// of its environments, and name the namespaces of its overlays.
func TestChartEnvironmentsAreThoseOfThePackage(t *testing.T) {
	content, err := os.ReadFile("../kustomize/networkpolicyset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Spec struct{ Environments []map[string]any }
	}
	if err := yaml.Unmarshal(content, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Spec.Environments) == 0 {
		t.Fatal("the package has no environments")
	}
	for _, environment := range set.Spec.Environments {
		name := environment["name"].(string)
		var values struct {
			Namespace   string
			Environment map[string]any
		}
		if err := chartYAML(t, "values-"+name+".yaml").Decode(&values); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(environment, values.Environment); diff != "" {
			t.Errorf("environment %s (-networkpolicyset.yaml +values-%s.yaml):\n%s", name, name, diff)
		}
		if want := overlayNamespace(t, "kustomize/overlays/"+name); values.Namespace != want {
			t.Errorf("values-%s.yaml: namespace %q, and the overlay sets %q", name, values.Namespace, want)
		}
	}
}

// TestChartHasTheVersionOfTheTool: the chart's appVersion is the version that the Makefile builds.
func TestChartHasTheVersionOfTheTool(t *testing.T) {
	var metadata struct {
		AppVersion string `yaml:"appVersion"`
	}
	if err := chartYAML(t, "Chart.yaml").Decode(&metadata); err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^VERSION\s*\?= v(.+)$`).FindStringSubmatch(string(makefile))
	if version == nil || version[1] != metadata.AppVersion {
		t.Errorf("Chart.yaml: appVersion %q, and the Makefile has %q", metadata.AppVersion, version)
	}
}
