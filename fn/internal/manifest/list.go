package manifest

import (
	"bytes"
	"regexp"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
)

// List is a ResourceList: what an orchestrator hands to a function, and what it takes back.
type List struct {
	// Items are in the order of the input.
	Items []*Item
	// FunctionConfig is nil where the list has none, or null.
	FunctionConfig *Object

	apiVersion string
	// config and results are the fields with their keys, as they stand in the output; empty for none.
	config, results []byte
}

// The ResourceList versions of the KRM functions specification; kyaml writes v1, older orchestrators the others.
var listVersions = []string{"config.kubernetes.io/v1", "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1"}

const listKind = "ResourceList"

// IsList reports whether the input is meant as a ResourceList: whether a document of it says so, or, where the input
// cannot be parsed, a line at its left edge does.
func IsList(in []byte) bool {
	if !bytes.Contains(in, []byte(listKind)) {
		return false
	}
	if listLine.Match(in) {
		return true
	}
	docs, p := decodeAll(in)
	if p != nil {
		return false
	}
	for _, d := range docs {
		if kind, _ := (Field{node: d}).At("kind").Text(); kind == listKind {
			return true
		}
	}
	return false
}

var listLine = regexp.MustCompile(`(?m)^(?:---[ \t]+)?["']?kind["']?[ \t]*:[ \t]*["']?ResourceList["']?[ \t]*(?:#.*)?\r?$`)

// ReadList reads a ResourceList. The error is report.Findings; on an error the list is nil.
func ReadList(in []byte) (*List, error) {
	if p := checkText(in); p != nil {
		return nil, p.findings()
	}
	if l, ok := readCanonicalList(withoutTrifles(in)); ok {
		return l, nil
	}
	return readForeignList(in)
}

// withoutTrifles is a list without what stands between it and the canonical form for no reason: Windows line ends,
// which kyaml's reader does not keep either, and the marker before the only document.
func withoutTrifles(in []byte) []byte {
	if bytes.IndexByte(in, '\r') >= 0 {
		in = bytes.ReplaceAll(in, []byte("\r\n"), []byte("\n"))
	}
	return bytes.TrimPrefix(in, []byte("---\n"))
}

// setConfig parses the functionConfig from its lines.
func (l *List) setConfig(lines []byte, firstLine int) error {
	root, p := parseDocument(lines)
	if p != nil {
		return report.Findings{p.finding((&Item{}).Source(), report.Object{}, firstLine)}
	}
	config := Field{node: root}.At("functionConfig")
	if !config.Present() {
		return nil
	}
	if config.Node().Kind != yaml.MappingNode {
		return failure(InputList, "functionConfig", "want a mapping, got %s", kindName(config.Node()))
	}
	it := &Item{}
	if p := identify(it, config.Node(), "functionConfig"); p != nil {
		return p.findings()
	}
	l.FunctionConfig = NewObject(config.Node(), it.Source())
	return nil
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "null"
	case "!!str":
		if !isString(n) {
			return "a boolean of YAML 1.1"
		}
		return "a string"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	}
	return "a scalar"
}
