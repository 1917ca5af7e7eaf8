package manifest

import (
	"go.yaml.in/yaml/v3"
)

// markShared gives the items that use anchors from elsewhere a document in which these are written out, so that each
// item can stand alone. Where an anchor is in another item, the item is written with its alias as long as both are
// unchanged; where it is outside of the items, which are written first, it is written out always.
func markShared(items []*Item, nodes []Field) *problem {
	inItems := &yaml.Node{}
	for _, n := range nodes {
		inItems.Content = append(inItems.Content, n.Node())
	}
	for i, n := range nodes {
		if !hasForeignAlias(n.Node(), n.Node()) {
			continue
		}
		document, err := encode(expand(n.Node()))
		if err != nil {
			return &problem{id: InputYAML, field: n.Path, message: "cannot be written as YAML: " + err.Error()}
		}
		items[i].document = document
		if items[i].shared = !hasForeignAlias(n.Node(), inItems); !items[i].shared {
			items[i].list = appendIndented(nil, document)
		}
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

// hasForeignAlias reports whether an alias below n leads to an anchor that is not below home.
func hasForeignAlias(n, home *yaml.Node) bool {
	if !hasAlias(n) {
		return false
	}
	own := map[*yaml.Node]bool{}
	visit(home, func(n *yaml.Node) { own[n] = true })
	foreign := false
	visit(n, func(n *yaml.Node) { foreign = foreign || n.Kind == yaml.AliasNode && !own[n.Alias] })
	return foreign
}

// visit calls f for n and all below it, aliases not followed.
func visit(n *yaml.Node, f func(*yaml.Node)) {
	f(n)
	for _, c := range n.Content {
		visit(c, f)
	}
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
