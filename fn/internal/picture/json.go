package picture

import (
	"encoding/json"
	"io"
)

// SchemaID names the schema of the JSON form, docs/map.schema.json.
const SchemaID = "https://tierwall.dev/schema/map-v1.json"

// document is the JSON form.
type document struct {
	Schema       string        `json:"$schema"`
	Version      string        `json:"version"`
	Environments []Environment `json:"environments"`
}

func (m *Map) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(m.document())
}

// document is the map with lists where the JSON form must have them.
func (m *Map) document() document {
	out := document{SchemaID, m.Version, []Environment{}}
	for _, e := range m.Environments {
		full := Environment{Name: e.Name, Nodes: append([]Node{}, e.Nodes...), Connections: append([]Connection{}, e.Connections...)}
		for i := range full.Connections {
			full.Connections[i].OpenedBy = append([]Opener{}, full.Connections[i].OpenedBy...)
		}
		out.Environments = append(out.Environments, full)
	}
	return out
}
