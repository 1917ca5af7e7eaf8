package report

import (
	"encoding/json"
	"io"
)

// jsonReport is the JSON form; docs/report.schema.json describes it.
type jsonReport struct {
	Schema       string            `json:"$schema"`
	Version      string            `json:"version"`
	Proved       bool              `json:"proved"`
	Findings     []jsonFinding     `json:"findings"`
	Environments []jsonEnvironment `json:"environments"`
}

type jsonEnvironment struct {
	Name      string        `json:"name"`
	Proved    bool          `json:"proved"`
	Workloads int           `json:"workloads"`
	Policies  int           `json:"policies"`
	Flows     int           `json:"flows"`
	Nevers    int           `json:"nevers"`
	Findings  []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	ID       ID          `json:"id"`
	Severity Severity    `json:"severity"`
	Object   *jsonObject `json:"object,omitempty"`
	File     string      `json:"file,omitempty"`
	Index    int         `json:"index"`
	Field    string      `json:"field,omitempty"`
	Message  string      `json:"message"`
}

type jsonObject struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// SchemaID names the schema of the JSON form.
const SchemaID = "https://tierwall.dev/schema/report-v1.json"

func (r *Report) writeJSON(w io.Writer) error {
	out := jsonReport{Schema: SchemaID, Version: r.Version, Proved: !r.All().Failed(),
		Findings: jsonFindings(r.Findings), Environments: []jsonEnvironment{}}
	for _, e := range r.Environments {
		out.Environments = append(out.Environments, jsonEnvironment{e.Name, e.Proved(), e.Workloads, e.Policies, e.Flows, e.Nevers, jsonFindings(e.Findings)})
	}
	return encodeJSON(w, out)
}

func jsonFindings(fs Findings) []jsonFinding {
	out := []jsonFinding{}
	for _, f := range fs.Sorted() {
		j := jsonFinding{ID: f.ID, Severity: f.Severity, File: f.File, Index: f.Index, Field: f.Field, Message: f.Message}
		if f.Object.Kind != "" {
			j.Object = &jsonObject{f.Object.APIVersion, f.Object.Kind, f.Object.Namespace, f.Object.Name}
		}
		out = append(out, j)
	}
	return out
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
