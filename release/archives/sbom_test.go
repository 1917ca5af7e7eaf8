package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestBillsOfMaterials: each is valid by the schema that the CycloneDX project publishes, and names every module that the
// binary was built from.
func TestBillsOfMaterials(t *testing.T) {
	schema := cycloneDXSchema(t)
	for _, p := range built(t) {
		t.Run(p.String(), func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(released, "tierwall-"+version+"-"+p.OS+"-"+p.Arch+".cdx.json"))
			if err != nil {
				t.Fatal(err)
			}
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Error(err)
			}
			var bom cdx.BOM
			decoder := json.NewDecoder(bytes.NewReader(content))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&bom); err != nil {
				t.Fatal(err)
			}
			if c := bom.Metadata.Component; c.Name != "tierwall.dev" || c.Version != version {
				t.Errorf("it is about %s %s", c.Name, c.Version)
			}
			var got, want []string
			for _, c := range *bom.Components {
				got = append(got, c.Name+" "+c.Version)
			}
			info := infoOf(t, archived(t, p)[p.Executable()].content)
			for _, m := range info.Deps {
				want = append(want, m.Path+" "+m.Version)
			}
			want = append(want, "std "+info.GoVersion)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("modules of the binary, and of its bill of materials (-binary +bill):\n%s", diff)
			}
		})
	}
}

// cycloneDXSchema is the schema that lies beside the library, with those that it refers to.
func cycloneDXSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	const base = "http://cyclonedx.org/schema/"
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(base+name, document); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
