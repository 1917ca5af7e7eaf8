package tier

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/fn/framework"

	sigsyaml "sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the schemas from the types")

// fields is a JSON object that keeps its order.
type fields []field

type field struct {
	name  string
	value any
}

func (fs fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fs {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		value := &bytes.Buffer{}
		encoder := json.NewEncoder(value)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(f.value); err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSpace(value.Bytes()))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schemas makes schemas out of Go types.
type schemas struct {
	docs map[string]string
	// openAPI leaves out what a KRMFunctionDefinition's OpenAPI schema cannot say: references, const, dependencies.
	openAPI     bool
	definitions fields
	made        map[string]bool
}

func (g *schemas) of(t reflect.Type) fields {
	switch t {
	case reflect.TypeFor[Refs]():
		return fields{{"anyOf", []fields{
			{{"type", "string"}, {"minLength", 1}},
			{{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}, {"items", fields{{"type", "string"}, {"minLength", 1}}}},
		}}}
	case reflect.TypeFor[PortSpec]():
		return fields{{"anyOf", []fields{
			{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}},
			{{"type", "string"}, {"pattern", "^([0-9]+(-[0-9]+)?(/(TCP|UDP|SCTP))?|[a-z0-9-]{1,15})$"}},
		}}}
	case reflect.TypeFor[metav1.LabelSelector]():
		return selectorSchema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Slice:
		return fields{{"type", "array"}, {"items", g.of(t.Elem())}}
	case reflect.Map:
		return fields{{"type", "object"}, {"additionalProperties", fields{{"type", "string"}}}}
	case reflect.Struct:
		return g.reference(t)
	}
	if values, ok := allowed[t.Name()]; ok {
		return fields{{"type", "string"}, {"enum", values}}
	}
	return fields{{"type", "string"}, {"minLength", 1}}
}

func selectorSchema() fields {
	str := fields{{"type", "string"}}
	return fields{
		{"type", "object"}, {"additionalProperties", false},
		{"properties", fields{
			{"matchLabels", fields{{"type", "object"}, {"additionalProperties", str}}},
			{"matchExpressions", fields{{"type", "array"}, {"items", fields{
				{"type", "object"}, {"additionalProperties", false}, {"required", []string{"key", "operator"}},
				{"properties", fields{
					{"key", fields{{"type", "string"}, {"minLength", 1}}},
					{"operator", fields{{"type", "string"}, {"enum", operators}}},
					{"values", fields{{"type", "array"}, {"items", str}}},
				}},
			}}}},
		}},
	}
}

func (g *schemas) reference(t reflect.Type) fields {
	if g.openAPI {
		return g.structure(t)
	}
	if !g.made[t.Name()] {
		g.made[t.Name()] = true
		i := len(g.definitions)
		g.definitions = append(g.definitions, field{name: t.Name()})
		g.definitions[i].value = g.structure(t)
	}
	return fields{{"$ref", "#/definitions/" + t.Name()}}
}

// rules are what the types do not say.
var rules = map[string]fields{
	"PeerSpec": {{"anyOf", []fields{{{"required", []string{"cidrs"}}}, {{"required", []string{"namespace"}}}}}},
	"Test":     {{"anyOf", []fields{{{"required", []string{"expect"}}}, {{"required", []string{"within"}}}}}},
	"Within":   {{"anyOf", []fields{{{"required", []string{"sameLabel"}}}, {{"required", []string{"sameName"}}}, {{"required", []string{"reference"}}}}}},
	"Expectation": {{"oneOf", []fields{
		{{"required", []string{"verdict"}}}, {{"required", []string{"only"}}},
	}}},
}

var dependencies = map[string]fields{
	"PeerSpec": {{"except", []string{"cidrs"}}, {"podSelector", []string{"namespace"}}},
	"Override": {{"ports", []string{"pods"}}},
}

// full are the lists that must not be empty.
var full = map[string]bool{"tierLabels": true, "values": true, "ports": true, "cidrs": true, "sameName": true}

func (g *schemas) structure(t reflect.Type) fields {
	var properties fields
	var required []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if options == "" {
			required = append(required, name)
		}
		property := g.of(f.Type)
		if f.Type.Kind() == reflect.Slice && f.Type != reflect.TypeFor[Refs]() && (full[name] || t == reflect.TypeFor[Test]()) {
			property = append(property, field{"minItems", 1})
		}
		if name == "pods" {
			property = append(property, field{"minProperties", 1})
		}
		text := g.docs[t.Name()+"."+f.Name]
		if len(property) == 1 && property[0].name == "$ref" {
			// Beside $ref draft-07 reads nothing else.
			property = fields{{"allOf", []fields{property}}}
		}
		properties = append(properties, field{name, append(fields{{"description", text}}, property...)})
	}
	out := fields{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if len(required) > 0 {
		out = append(out, field{"required", required})
	}
	out = append(out, rules[t.Name()]...)
	if d := dependencies[t.Name()]; d != nil && !g.openAPI {
		out = append(out, field{"dependencies", d})
	}
	return out
}

// document is the schema of a whole object.
func (g *schemas) document(kind string, spec reflect.Type) fields {
	exactly := func(value string) fields {
		if g.openAPI {
			return fields{{"type", "string"}, {"enum", []string{value}}}
		}
		return fields{{"const", value}}
	}
	required := []string{"apiVersion", "kind", "metadata"}
	if kind == TestKind {
		required = append(required, "spec")
	}
	return fields{
		{"type", "object"}, {"description", g.docs[spec.Name()]},
		{"additionalProperties", false},
		{"required", required},
		{"properties", fields{
			{"apiVersion", exactly(APIVersion)},
			{"kind", exactly(kind)},
			{"metadata", fields{{"type", "object"}, {"required", []string{"name"}}, {"properties", fields{
				{"name", fields{{"type", "string"}, {"minLength", 1}, {"maxLength", 63}}},
			}}}},
			{"spec", g.of(spec)},
		}},
	}
}

// docComments are the doc comments of the package's struct types and of their fields, as TYPE and TYPE.FIELD.
func docComments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"set.go", "segmentation.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				ts := spec.(*ast.TypeSpec)
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				out[ts.Name.Name] = oneLine(gen.Doc.Text())
				for _, f := range st.Fields.List {
					for _, n := range f.Names {
						out[ts.Name.Name+"."+n.Name] = asDescription(f, n.Name)
					}
				}
			}
		}
	}
	// The type's comment speaks to the reader of the code.
	out["Set"] = "NetworkPolicySet says which flows between tiers and peers are meant. What it says adds to its preset."
	out["Test"] = "SegmentationTest checks what is open and changes nothing."
	return out
}

// asDescription is a field's comment with the name that the user writes.
func asDescription(f *ast.Field, goName string) string {
	text := oneLine(f.Doc.Text())
	if f.Tag == nil {
		return text
	}
	name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
	if rest, ok := strings.CutPrefix(text, goName+" "); ok && name != "" && name != "-" {
		return name + " " + rest
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func generateJSONSchema(t *testing.T) []byte {
	t.Helper()
	g := &schemas{docs: docComments(t), made: map[string]bool{}}
	set, test := g.document(SetKind, reflect.TypeFor[Set]()), g.document(TestKind, reflect.TypeFor[Test]())
	definitions := append(fields{{SetKind, set}, {TestKind, test}}, g.definitions...)
	text, err := json.Marshal(fields{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"title", "The configuration of tierwall, " + APIVersion},
		{"oneOf", []fields{{{"$ref", "#/definitions/" + SetKind}}, {{"$ref", "#/definitions/" + TestKind}}}},
		{"definitions", definitions},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

func generateFunctions(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, k := range []struct {
		name, kind, description string
		tags                    []string
		spec                    reflect.Type
	}{
		{"tierwall", SetKind, "Finds the workloads of a package and their tiers, and writes NetworkPolicies for the flows that are meant between them.",
			[]string{"mutator", "security", "network-policy"}, reflect.TypeFor[Set]()},
		{"tierwall-test", TestKind, "Checks what the NetworkPolicies of a package let through, and changes nothing.",
			[]string{"validator", "security", "network-policy"}, reflect.TypeFor[Test]()},
	} {
		g := &schemas{docs: docComments(t), openAPI: true}
		text, err := json.Marshal(fields{
			{"apiVersion", framework.FunctionDefinitionGroupVersion},
			{"kind", framework.FunctionDefinitionKind},
			{"metadata", fields{{"name", k.name}}},
			{"spec", fields{
				{"group", group},
				{"names", fields{{"kind", k.kind}}},
				{"description", k.description},
				{"tags", k.tags},
				{"versions", []fields{{
					{"name", strings.TrimPrefix(APIVersion, group+"/")},
					{"idempotent", true},
					{"license", "Apache-2.0"},
					{"runtime", fields{{"exec", fields{{"path", "tierwall"}}}}},
					{"schema", fields{{"openAPIV3Schema", g.document(k.kind, k.spec)}}},
				}}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var n yaml.Node
		if err := yaml.Unmarshal(text, &n); err != nil {
			t.Fatal(err)
		}
		blockStyle(&n)
		if err := encoder.Encode(&n); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

func TestSchemasAreGeneratedFromTheTypes(t *testing.T) {
	for _, s := range []struct {
		file      string
		want, got []byte
	}{
		{"tierwall.schema.json", generateJSONSchema(t), JSONSchema()},
		{"functions.yaml", generateFunctions(t), FunctionDefinition()},
	} {
		if *update {
			if err := os.WriteFile(filepath.Join("schema", s.file), s.want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if d := cmp.Diff(string(s.want), string(s.got)); d != "" {
			t.Errorf("%s is out of date; run with -update (-want +got):\n%s", s.file, d)
		}
	}
}

// TestSchemaDescribesEveryField: a field without a doc comment would have no description.
func TestSchemaDescribesEveryField(t *testing.T) {
	for place, text := range docComments(t) {
		_, name, _ := strings.Cut(place, ".")
		if text == "" && (name == "" || ast.IsExported(name)) {
			t.Errorf("%s has no doc comment", place)
		}
	}
}

// TestFunctionDefinitions: the documents are what the framework's own type reads.
func TestFunctionDefinitions(t *testing.T) {
	var kinds []string
	for _, text := range bytes.Split(FunctionDefinition(), []byte("\n---\n")) {
		var d framework.KRMFunctionDefinition
		if err := sigsyaml.UnmarshalStrict(text, &d); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, d.Spec.Names.Kind)
		if d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties == nil {
			t.Errorf("%s: the schema has no spec", d.Spec.Names.Kind)
		}
	}
	if d := cmp.Diff([]string{SetKind, TestKind}, kinds); d != "" {
		t.Errorf("kinds differ (-want +got):\n%s", d)
	}
}
