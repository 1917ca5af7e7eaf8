package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Object is one KRM object with the place it was read from.
type Object struct {
	Source workload.Source
	// Root is the mapping at the top of the document, never nil.
	Root *yaml.Node
	// APIVersion, Kind, Namespace and Name are empty where the document has none, or no string there.
	APIVersion, Kind, Namespace, Name string
}

// NewObject reads the identity of the object whose top-level mapping is root. A document node is unwrapped; anything
// else that is no mapping gives an object without identity and fields.
func NewObject(root *yaml.Node, source workload.Source) *Object {
	for root != nil && root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root == nil || root.Kind != yaml.MappingNode {
		root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	o := &Object{Source: source, Root: root}
	o.APIVersion, _ = o.At("apiVersion").Text()
	o.Kind, _ = o.At("kind").Text()
	o.Namespace, _ = o.At("metadata", "namespace").Text()
	o.Name, _ = o.At("metadata", "name").Text()
	return o
}

// Group is the API group, empty for the core group.
func (o *Object) Group() string {
	group, _, found := strings.Cut(o.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}

// Ref names the object in a finding.
func (o *Object) Ref() report.Object {
	return report.Object{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

// At is the field that the keys lead to, or a missing Field.
func (o *Object) At(keys ...string) Field { return Field{node: o.Root}.At(keys...) }

// Field is a place in an object, present or not. Its methods never panic: a missing field, a null and a field of
// another type all read as absent, and Present tells them apart.
type Field struct {
	// Path is how a person writes the place, such as spec.ports[0].targetPort.
	Path string
	node *yaml.Node
}

// At is the field that the keys lead to. Merge keys (<<) are honoured where the key itself is absent.
func (f Field) At(keys ...string) Field {
	for _, key := range keys {
		path := key
		if f.Path != "" {
			path = f.Path + "." + key
		}
		f = Field{Path: path, node: lookup(f.node, key, 0)}
	}
	return f
}

// mergeDepth bounds how deep merge keys are followed, so that a cycle of aliases ends.
const mergeDepth = 8

func lookup(n *yaml.Node, key string, depth int) *yaml.Node {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > mergeDepth {
		return nil
	}
	var merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Value == key:
			return resolve(n.Content[i+1])
		case k.Tag == "!!merge" && merged == nil:
			merged = lookupMerged(resolve(n.Content[i+1]), key, depth+1)
		}
	}
	return merged
}

func lookupMerged(n *yaml.Node, key string, depth int) *yaml.Node {
	if n != nil && n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			if v := lookup(c, key, depth); v != nil {
				return v
			}
		}
		return nil
	}
	return lookup(n, key, depth)
}

func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < mergeDepth; i++ {
		n = n.Alias
	}
	return n
}

// Node is the YAML node, nil where the field is missing.
func (f Field) Node() *yaml.Node { return f.node }

// Present reports whether the field is there and not null.
func (f Field) Present() bool { return f.node != nil && f.node.Tag != "!!null" }

// Items are the elements of a sequence, in order; none where the field is no sequence.
func (f Field) Items() []Field {
	if f.node == nil || f.node.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]Field, len(f.node.Content))
	for i, c := range f.node.Content {
		items[i] = Field{Path: f.Path + "[" + strconv.Itoa(i) + "]", node: resolve(c)}
	}
	return items
}

// Keys are the keys of a mapping, in the order of the document, those of merge keys not included.
func (f Field) Keys() []string {
	if f.node == nil || f.node.Kind != yaml.MappingNode {
		return nil
	}
	var keys []string
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		if f.node.Content[i].Tag != "!!merge" {
			keys = append(keys, f.node.Content[i].Value)
		}
	}
	return keys
}

// Text is the value of a scalar as written, whatever its type; false where the field is no scalar, or null.
func (f Field) Text() (string, bool) {
	if f.node == nil || f.node.Kind != yaml.ScalarNode || f.node.Tag == "!!null" {
		return "", false
	}
	return f.node.Value, true
}

// Int is the value of an integer scalar; false where the field is none. A quoted number is a string, as for the API server.
func (f Field) Int() (int64, bool) {
	if f.node == nil || f.node.Kind != yaml.ScalarNode || f.node.Tag != "!!int" {
		return 0, false
	}
	var v int64
	if f.node.Decode(&v) != nil {
		return 0, false
	}
	return v, true
}

// Bool is the value of a boolean scalar; false, false where the field is none.
func (f Field) Bool() (value, ok bool) {
	if f.node == nil || f.node.Kind != yaml.ScalarNode || f.node.Tag != "!!bool" {
		return false, false
	}
	ok = f.node.Decode(&value) == nil
	return value, ok
}

// StringMap is a mapping of scalars, as labels and annotations are; nil where the field is none. Merge keys are honoured.
func (f Field) StringMap() map[string]string {
	if f.node == nil || f.node.Kind != yaml.MappingNode {
		return nil
	}
	out := map[string]string{}
	eachEntry(f.node, 0, func(k, v *yaml.Node, merged bool) {
		if v == nil || v.Kind != yaml.ScalarNode {
			return
		}
		if _, set := out[k.Value]; !set || !merged {
			out[k.Value] = v.Value
		}
	})
	return out
}

// eachEntry calls visit for each key and value of a mapping, and for those that merge keys bring.
func eachEntry(n *yaml.Node, depth int, visit func(k, v *yaml.Node, merged bool)) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > mergeDepth {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], resolve(n.Content[i+1])
		switch {
		case k.Tag != "!!merge":
			visit(k, v, depth > 0)
		case v != nil && v.Kind == yaml.SequenceNode:
			for _, c := range v.Content {
				eachEntry(c, depth+1, visit)
			}
		default:
			eachEntry(v, depth+1, visit)
		}
	}
}
