package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// ReadFile reads all documents of one YAML or JSON file, empty ones left out, lists replaced by their members. The
// index of an object's source counts the documents that are not empty, as kpt's does; the members of a list share
// their document's. The objects may be no KRM objects: see IsKRM.
//
// The error is report.Findings, one for each document that cannot be read; the objects of the others are returned
// beside it.
func ReadFile(path string, content []byte) ([]*Object, error) {
	source := workload.Source{File: path}
	if p := checkUTF8(content); p != nil {
		return nil, report.Findings{p.finding(source, report.Object{}, 0)}
	}
	var (
		objects []*Object
		found   report.Findings
	)
	for _, c := range splitDocuments(content) {
		if isBlank(c.body) {
			continue
		}
		root, p := parseDocument(c.body)
		switch {
		case p != nil:
			found = append(found, p.finding(source, report.Object{}, c.line))
		case root == nil:
			continue
		default:
			objects = appendMembers(objects, NewObject(root, source), 0)
		}
		source.Index++
	}
	return objects, asError(found)
}

// IsKRM reports whether the object has what every Kubernetes object has: apiVersion, kind and metadata.name.
func IsKRM(o *Object) bool {
	return o.APIVersion != "" && o.Kind != "" && o.Name != ""
}

// maxListNesting bounds lists within lists.
const maxListNesting = 8

// appendMembers appends the object, or the members of the list that it is. The API server's lists of one kind leave
// apiVersion and kind of their members out: the list says them.
func appendMembers(objects []*Object, o *Object, depth int) []*Object {
	if depth > maxListNesting || !isListObject(o) {
		return append(objects, o)
	}
	for _, f := range o.At("items").Items() {
		m := NewObject(f.Node(), o.Source)
		if kind := strings.TrimSuffix(o.Kind, "List"); m.Kind == "" && kind != "" && o.Kind != listKind {
			m.Kind = kind
			if m.APIVersion == "" {
				m.APIVersion = o.APIVersion
			}
		}
		objects = appendMembers(objects, m, depth+1)
	}
	return objects
}

// isListObject reports whether the object is a List of objects: v1 List, a ResourceList, or the API's list of one kind.
// A custom resource whose kind ends in List is none if its items are no objects.
func isListObject(o *Object) bool {
	items := o.At("items")
	if !strings.HasSuffix(o.Kind, "List") || items.Node() == nil {
		return false
	}
	if !items.Present() {
		return true
	}
	if items.Node().Kind != yaml.SequenceNode {
		return false
	}
	return !slices.ContainsFunc(items.Items(), func(f Field) bool { return !looksLikeObject(f) })
}

// looksLikeObject reports whether a list's member has metadata, or says what it is.
func looksLikeObject(f Field) bool {
	if metadata := f.At("metadata").Node(); metadata != nil && metadata.Kind == yaml.MappingNode {
		return true
	}
	_, kind := f.At("kind").Text()
	_, version := f.At("apiVersion").Text()
	return kind && version
}
