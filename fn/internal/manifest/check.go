package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// checkKeys finds a mapping that has one key twice, of which every reader takes another, or a key that is no scalar.
// Aliases are not followed: what they point to is checked where it stands.
func checkKeys(n *yaml.Node, path string) *problem {
	switch n.Kind {
	case yaml.MappingNode:
		if p := checkMapping(n, path); p != nil {
			return p
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v := n.Content[i+1]; len(v.Content) > 0 {
				if p := checkKeys(v, join(path, n.Content[i].Value)); p != nil {
					return p
				}
			}
		}
	case yaml.SequenceNode:
		for i, v := range n.Content {
			if len(v.Content) > 0 {
				if p := checkKeys(v, path+"["+strconv.Itoa(i)+"]"); p != nil {
					return p
				}
			}
		}
	}
	return nil
}

// manyKeys is where looking a key up beats comparing it with all before it.
const manyKeys = 16

func checkMapping(n *yaml.Node, path string) *problem {
	keys := len(n.Content) / 2
	var seen map[string]*yaml.Node
	if keys > manyKeys {
		seen = make(map[string]*yaml.Node, keys)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.AliasNode {
			continue
		}
		if k.Kind != yaml.ScalarNode {
			return &problem{id: InputYAML, field: path, line: k.Line,
				message: "a key is " + kindName(k) + ", which no Kubernetes object has; is this a template that is not rendered yet?"}
		}
		first := seen[k.Value]
		if seen != nil {
			seen[k.Value] = k
		} else {
			first = findKey(n.Content[:i], k.Value)
		}
		if first != nil {
			return duplicateKey(k, path)
		}
	}
	return nil
}

func duplicateKey(k *yaml.Node, path string) *problem {
	return &problem{id: InputDuplicateKey, field: join(path, k.Value), line: k.Line,
		message: fmt.Sprintf("key %q is there twice; leave only one of the two", k.Value)}
}

func findKey(content []*yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key && content[i].Kind == yaml.ScalarNode {
			return content[i]
		}
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Aliases may multiply a document this many times, or to this many nodes, before it is refused.
const (
	maxExpansion     = 10
	minExpandedNodes = 100_000
)

// checkAliases finds aliases that contain themselves and documents that grow beyond bounds once their aliases are
// followed (a "billion laughs"). Its own work is linear in the document.
func checkAliases(root *yaml.Node) *problem {
	c := aliasCounter{sizes: map[*yaml.Node]int{}}
	total := c.size(root)
	switch {
	case c.cyclic != nil:
		return &problem{id: InputAlias, line: c.cyclic.Line,
			message: fmt.Sprintf("alias *%s contains itself; write the value out", c.cyclic.Value)}
	case c.aliases > 0 && total > max(minExpandedNodes, maxExpansion*c.nodes):
		return &problem{id: InputAlias, message: fmt.Sprintf(
			"the document's %d aliases expand it to more than %d values; write the values out", c.aliases, max(minExpandedNodes, maxExpansion*c.nodes))}
	}
	return nil
}

type aliasCounter struct {
	// sizes are the sizes of anchored nodes with their aliases followed; -1 while a node is being counted.
	sizes          map[*yaml.Node]int
	nodes, aliases int
	cyclic         *yaml.Node
}

// tooMany is where counting stops growing, so that it cannot overflow.
const tooMany = 1 << 40

func (c *aliasCounter) size(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		c.aliases++
		switch size, counted := c.sizes[n.Alias]; {
		case n.Alias == nil:
			return 1
		case counted && size < 0:
			c.cyclic = n
			return 1
		case counted:
			return size
		}
		return c.size(n.Alias)
	}
	c.nodes++
	if n.Anchor != "" {
		c.sizes[n] = -1
	}
	total := 1
	for _, v := range n.Content {
		total = min(total+c.size(v), tooMany)
	}
	if n.Anchor != "" {
		c.sizes[n] = total
	}
	return total
}

func invalidUTF8(in []byte) int {
	if utf8.Valid(in) {
		return -1
	}
	for i := 0; i < len(in); {
		r, n := utf8.DecodeRune(in[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// jsonWithoutTabs is a JSON text with its tabs made spaces, which YAML parsers need; nil where the text is not JSON, or
// has none. A JSON string cannot hold a tab.
func jsonWithoutTabs(text []byte) []byte {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' || bytes.IndexByte(text, '\t') < 0 || !json.Valid(text) {
		return nil
	}
	return bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
}
