package picture

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// schema is what is compared of a JSON Schema.
type schema struct {
	ID          string            `json:"$id"`
	Properties  map[string]any    `json:"properties"`
	Required    []string          `json:"required"`
	Definitions map[string]schema `json:"definitions"`
}

// published are the schemas, with the type that each of their objects is written from; "" is the document itself.
var published = []struct {
	file, id string
	types    map[string]any
}{
	{"map.schema.json", SchemaID, map[string]any{"": document{}, "environment": Environment{}, "node": Node{},
		"connection": Connection{}, "port": Port{}, "opener": Opener{}}},
	{"diff.schema.json", DiffSchemaID, map[string]any{"": diffDocument{}, "compared": Compared{}, "change": Change{}, "portchanged": PortChanged{}}},
}

// TestSchemasDescribeTheTypes: a schema has exactly the fields that are written, and requires those that always are.
func TestSchemasDescribeTheTypes(t *testing.T) {
	for _, p := range published {
		text, err := os.ReadFile("../../../docs/" + p.file)
		if err != nil {
			t.Fatal(err)
		}
		var got schema
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.ID != p.id {
			t.Errorf("%s has the id %s, the document names %s", p.file, got.ID, p.id)
		}
		if len(got.Definitions) != len(p.types)-1 {
			t.Errorf("%s has %d definitions, want %d", p.file, len(got.Definitions), len(p.types)-1)
		}
		for name, value := range p.types {
			described := got
			if name != "" {
				described = got.Definitions[name]
			}
			fields, always := written(reflect.TypeOf(value))
			var properties []string
			for property := range described.Properties {
				properties = append(properties, property)
			}
			slices.Sort(properties)
			slices.Sort(described.Required)
			if diff := cmp.Diff(fields, properties); diff != "" {
				t.Errorf("%s: fields of %q (-written +described):\n%s", p.file, name, diff)
			}
			if diff := cmp.Diff(always, described.Required); diff != "" {
				t.Errorf("%s: fields that %q always has (-written +required):\n%s", p.file, name, diff)
			}
		}
	}
}

// written are the JSON fields of a type, and those that are never left out, in the order of the alphabet.
func written(t reflect.Type) (fields, always []string) {
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
		if !strings.Contains(options, "omitempty") {
			always = append(always, name)
		}
	}
	slices.Sort(fields)
	slices.Sort(always)
	return fields, always
}
