package manifest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readForeignList reads a list of any shape with the YAML library, and makes it canonical the way kyaml's framework
// writes it, item by item: the library's emitter holds a whole document in memory otherwise.
func readForeignList(in []byte) (*List, error) {
	// kyaml's reader does the same: Windows line ends are not kept.
	text := bytes.ReplaceAll(in, []byte("\r\n"), []byte("\n"))
	root, p := parseWithLibrary(text)
	if p == nil && root == nil {
		p = &problem{id: InputEmpty, message: "the input has no document; expected a ResourceList"}
	}
	if p == nil {
		p = firstProblem(checkList(root), checkAliases(root))
	}
	if p != nil {
		return nil, p.findings()
	}
	l := &List{}
	l.apiVersion, _ = Field{node: root}.At("apiVersion").Text()
	for i, item := range (Field{node: root}).At("items").Items() {
		it, p := foreignItem(item.Node(), i)
		if p != nil {
			return nil, p.findings()
		}
		l.Items = append(l.Items, it)
	}
	if p := markShared(l.Items, (Field{node: root}).At("items").Items()); p != nil {
		return nil, p.findings()
	}
	return l, l.readForeignFields(root)
}

// checkList is what is wrong with the list itself.
func checkList(root *yaml.Node) *problem {
	if root.Kind != yaml.MappingNode {
		return &problem{id: InputList, line: root.Line, message: "want a ResourceList, got " + kindName(root)}
	}
	if p := checkMapping(root, ""); p != nil {
		return p
	}
	list := Field{node: root}
	if kind, _ := list.At("kind").Text(); kind != listKind {
		return &problem{id: InputList, field: "kind", message: "want ResourceList, got " + strconv.Quote(kind)}
	}
	if v, _ := list.At("apiVersion").Text(); !slices.Contains(listVersions, v) {
		return &problem{id: InputListVersion, field: "apiVersion",
			message: "want one of " + strings.Join(listVersions, ", ") + "; got " + strconv.Quote(v)}
	}
	items := list.At("items")
	switch {
	case items.Node() == nil:
		return &problem{id: InputList, field: "items", message: "missing; a ResourceList has a list of items, if an empty one"}
	case items.Present() && items.Node().Kind != yaml.SequenceNode:
		return &problem{id: InputList, field: "items", line: items.Node().Line, message: "want a list, got " + kindName(items.Node())}
	}
	for _, it := range items.Items() {
		if it.Node().Kind != yaml.MappingNode {
			return &problem{id: InputItem, field: it.Path, line: it.Node().Line,
				message: "want an object (a mapping with apiVersion, kind and metadata), got " + kindName(it.Node())}
		}
	}
	return nil
}

func foreignItem(n *yaml.Node, position int) (*Item, *problem) {
	it := &Item{position: position}
	path := "items[" + strconv.Itoa(position) + "]"
	if p := identify(it, n, path); p != nil {
		return nil, p
	}
	dropEmptyAnnotations(n)
	visit(n, quoteTabs)
	list, err := encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}})
	if err != nil {
		return nil, &problem{id: InputYAML, field: path, message: "cannot be written as YAML: " + err.Error()}
	}
	it.list = list
	return it, nil
}

func (l *List) readForeignFields(root *yaml.Node) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value != "functionConfig" && key.Value != "results" {
			continue
		}
		if hasForeignAlias(value, value) {
			value = expand(value)
		}
		visit(value, quoteTabs)
		text, err := encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key.Value}, value}})
		if err != nil {
			return failure(InputYAML, key.Value, "cannot be written as YAML: %v", err)
		}
		if key.Value == "results" {
			l.results = text
			continue
		}
		l.config = text
		if err := l.setConfig(text, key.Line-1); err != nil {
			return err
		}
	}
	return nil
}

// encode writes a node as kyaml does.
func encode(n *yaml.Node) (text []byte, err error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(n); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// dropEmptyAnnotations does what kyaml's writer does to each item: annotations that are empty or null go, and then
// metadata that is. (kyaml takes an alias for empty too, and loses what it stands for; that is not followed.)
func dropEmptyAnnotations(root *yaml.Node) {
	if metadata := ownField(root, "metadata"); metadata != nil {
		if isEmpty(ownField(metadata, "annotations")) {
			removeKey(metadata, "annotations")
		}
		if isEmpty(metadata) {
			removeKey(root, "metadata")
		}
	}
}

// ownField is the value of a key, aliases and merge keys not followed.
func ownField(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func isEmpty(n *yaml.Node) bool {
	return n != nil && (n.Tag == "!!null" || n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode && len(n.Content) == 0)
}

// quoteTabs quotes a block scalar that begins with a tab: the library, and so kyaml, writes such a block in a way that
// no parser reads.
func quoteTabs(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, "\t") && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.Style = yaml.DoubleQuotedStyle
	}
}

func removeKey(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}
