package report

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
)

// SARIF 2.1.0, the parts of it that a finding fills: OASIS Standard, 27 March 2020.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               ID        `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	HelpURI          string    `json:"helpUri"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID              ID                `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	PhysicalLocation *sarifPhysical `json:"physicalLocation,omitempty"`
	LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	ArtifactLocation struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine int `json:"startLine"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

const informationURI = "https://tierwall.dev/docs/findings"

func (r *Report) writeSARIF(w io.Writer) error {
	all := r.All()
	var ids []ID
	for _, f := range all {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "tierwall", Version: r.Version, InformationURI: informationURI, Rules: []sarifRule{}}
	for _, id := range ids {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{id, sarifText{strings.ReplaceAll(string(id), "-", " ")}, informationURI + "#" + string(id)})
	}
	for _, f := range all {
		run.Results = append(run.Results, r.sarifResult(f, slices.Index(ids, f.ID)))
	}
	return encodeJSON(w, sarifLog{sarifSchema, sarifVersion, []sarifRun{run}})
}

func (r *Report) sarifResult(f Finding, rule int) sarifResult {
	level := map[Severity]string{Error: "error", Warning: "warning", Info: "note"}[f.Severity]
	whole := sha256.Sum256([]byte(f.String()))
	out := sarifResult{RuleID: f.ID, RuleIndex: rule, Level: level, Message: sarifText{f.text()},
		PartialFingerprints: map[string]string{"tierwall/v1": hex.EncodeToString(whole[:16])}}
	var at sarifLocation
	if f.File != "" {
		at.PhysicalLocation = &sarifPhysical{}
		at.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: path.Join(r.Root, f.File)}).String()
		at.PhysicalLocation.Region.StartLine = 1 // the file as a whole: the object and the field say the rest
	}
	if f.Object.Kind != "" {
		name := f.Object.String()
		if f.Field != "" {
			name += " " + f.Field
		}
		at.LogicalLocations = []sarifLogical{{name, "object"}}
	}
	if at.PhysicalLocation != nil || at.LogicalLocations != nil {
		out.Locations = []sarifLocation{at}
	}
	return out
}

// text is the finding without file and id.
func (f Finding) text() string {
	f.File = ""
	return strings.TrimSuffix(f.String(), " ["+string(f.ID)+"]")
}
