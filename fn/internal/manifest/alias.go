package manifest

import (
	"go.yaml.in/yaml/v3"
)

// markShared gives the items that use anchors of other items a document in which they are written out, so that each
// item can stand alone.
func markShared(items []*Item, nodes []Field) *problem {
	for i, n := range nodes {
		if !hasForeignAlias(n.Node()) {
			continue
		}
		document, err := encode(expand(n.Node()))
		if err != nil {
			return &problem{id: InputYAML, field: n.Path, message: "cannot be written as YAML: " + err.Error()}
		}
		items[i].shared, items[i].document = true, document
	}
	return nil
}

func hasAlias(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		return true
	}
	for _, c := range n.Content {
		if hasAlias(c) {
			return true
		}
	}
	return false
}

// hasForeignAlias reports whether an alias below n leads to an anchor outside of it.
func hasForeignAlias(n *yaml.Node) bool {
	if !hasAlias(n) {
		return false
	}
	own := map[*yaml.Node]bool{}
	var aliases []*yaml.Node
	var visit func(*yaml.Node)
	visit = func(n *yaml.Node) {
		own[n] = true
		if n.Kind == yaml.AliasNode {
			aliases = append(aliases, n)
		}
		for _, c := range n.Content {
			visit(c)
		}
	}
	visit(n)
	for _, a := range aliases {
		if !own[a.Alias] {
			return true
		}
	}
	return false
}

// expand is a copy of n with its aliases written out and without anchors. checkAliases bounds its size.
func expand(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return expand(n.Alias)
	}
	c := *n
	c.Anchor, c.Content = "", nil
	for _, child := range n.Content {
		c.Content = append(c.Content, expand(child))
	}
	return &c
}
