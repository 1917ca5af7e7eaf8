package discovery

import (
	"iter"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// The functions of this file read YAML nodes without building the path of each field, which manifest.Field does and
// which costs more than all else in a run over thousands of workloads. They follow its rules: aliases are resolved,
// merge keys give what the mapping itself lacks, and nil, null and a node of another kind all read as absent.

// aliasDepth bounds how far aliases and merge keys are followed, so that a cycle of them ends.
const aliasDepth = 8

func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < aliasDepth; i++ {
		n = n.Alias
	}
	return n
}

// fields yields the entries of a mapping in the order of the document, then those that merge keys add.
func fields(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		n := resolve(n)
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		merges := false
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Tag == "!!merge" {
				merges = true
				continue
			}
			if !yield(key.Value, resolve(n.Content[i+1])) {
				return
			}
		}
		if merges {
			yieldMerged(n, yield)
		}
	}
}

// yieldMerged yields the entries that the merge keys of a mapping add to its own.
func yieldMerged(n *yaml.Node, yield func(string, *yaml.Node) bool) {
	seen := map[string]bool{}
	var add func(n *yaml.Node, own bool, depth int) bool
	add = func(n *yaml.Node, own bool, depth int) bool {
		n = resolve(n)
		if n == nil || depth > aliasDepth {
			return true
		}
		if n.Kind == yaml.SequenceNode {
			for _, c := range n.Content {
				if !add(c, own, depth+1) {
					return false
				}
			}
			return true
		}
		if n.Kind != yaml.MappingNode {
			return true
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Tag == "!!merge" || seen[key.Value] {
				continue
			}
			seen[key.Value] = true
			if !own && !yield(key.Value, resolve(n.Content[i+1])) {
				return false
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Tag == "!!merge" && !add(n.Content[i+1], false, depth+1) {
				return false
			}
		}
		return true
	}
	add(n, true, 0)
}

// items yields the elements of a sequence.
func items(n *yaml.Node) iter.Seq2[int, *yaml.Node] {
	return func(yield func(int, *yaml.Node) bool) {
		n := resolve(n)
		if n == nil || n.Kind != yaml.SequenceNode {
			return
		}
		for i, c := range n.Content {
			if !yield(i, resolve(c)) {
				return
			}
		}
	}
}

// child is the node that the keys lead to, nil where there is none.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	for _, want := range keys {
		var found *yaml.Node
		for key, value := range fields(n) {
			if key == want {
				found = value
				break
			}
		}
		n = found
	}
	return n
}

func isMapping(n *yaml.Node) bool { return n != nil && n.Kind == yaml.MappingNode }

func isSequence(n *yaml.Node) bool { return n != nil && n.Kind == yaml.SequenceNode }

// isAbsent reports whether the API server would read the node as left out.
func isAbsent(n *yaml.Node) bool { return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// text is a scalar as written, whatever its type; empty where the node is none.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// isTrue reports whether the node is the boolean true.
func isTrue(n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return false
	}
	var value bool
	return n.Decode(&value) == nil && value
}

// integer is the value of an integer scalar; false where the node is none, or the number is beyond 64 bits.
func integer(n *yaml.Node) (int64, bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		return 0, false
	}
	if v, ok := digits(n.Value); ok && n.Value[0] != '0' {
		return int64(v), true
	}
	var v int64
	if n.Decode(&v) != nil {
		return 0, false
	}
	return v, true
}

// digits is the value of one to nine decimal digits.
func digits(s string) (int, bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	v, err := strconv.Atoi(s)
	return v, err == nil
}
