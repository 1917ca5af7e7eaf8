package manifest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
	networkingv1 "k8s.io/api/networking/v1"
)

// UpdatePolicy is the document of a policy with the spec, labels and annotations of another: what else it holds stays,
// such as labels that kustomize has added, which another document of the same name would lose.
func UpdatePolicy(o *Object, p *networkingv1.NetworkPolicy) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(EncodePolicy(p), &doc); err != nil {
		return nil, fmt.Errorf("reading a policy of ours: %w", err)
	}
	ours := NewObject(&doc, o.Source)
	root := copyOf(o.Root)
	set(root, "spec", ours.At("spec").Node())
	meta := mappingIn(root, "metadata")
	for _, field := range []string{"labels", "annotations"} {
		values := mappingIn(meta, field)
		from := ours.At("metadata", field)
		for _, key := range from.Keys() {
			set(values, key, from.At(key).Node())
		}
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("writing %s %s: %w", o.Kind, o.Name, err)
	}
	return out.Bytes(), nil
}

func copyOf(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = copyOf(child)
	}
	return &c
}

// set gives a key of a mapping a value; a new key goes to the end.
func set(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// mappingIn is the mapping under a key, made where there is none.
func mappingIn(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key && mapping.Content[i+1].Kind == yaml.MappingNode {
			return mapping.Content[i+1]
		}
	}
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	set(mapping, key, m)
	return m
}
