package picture

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// column is the nodes of one tier, or the peers.
type column struct {
	title string
	nodes []int
}

// columns are the nodes by tier, in the order of their first node.
func (e Environment) columns() []column {
	var out []column
	at := map[string]int{}
	for i, n := range e.Nodes {
		title := n.Tier
		switch {
		case n.Peer:
			title = "peers"
		case title == "":
			title = "no tier"
		}
		if _, has := at[title]; !has {
			at[title] = len(out)
			out = append(out, column{title: title})
		}
		out[at[title]].nodes = append(out[at[title]].nodes, i)
	}
	return out
}

// numbers are the nodes' numbers, by name.
func (e Environment) numbers() map[string]int {
	out := map[string]int{}
	for i, n := range e.Nodes {
		out[n.Name] = i
	}
	return out
}

// writeMermaid is one flowchart with a subgraph for each environment, and in it for each tier.
func writeMermaid(w io.Writer, environments []Environment) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, e := range environments {
		fmt.Fprintf(&b, "  subgraph e%d[%s]\n", i, mermaidText(titleOf(e)))
		for j, c := range e.columns() {
			fmt.Fprintf(&b, "    subgraph e%dc%d[%s]\n", i, j, mermaidText(c.title))
			for _, n := range c.nodes {
				open, shut := "[", "]"
				if e.Nodes[n].Peer {
					open, shut = "([", "])"
				}
				fmt.Fprintf(&b, "      e%dn%d%s%s%s\n", i, n, open, mermaidText(e.Nodes[n].Name), shut)
			}
			b.WriteString("    end\n")
		}
		b.WriteString("  end\n")
		numbers := e.numbers()
		for _, c := range e.Connections {
			arrow := "-->"
			if len(c.Ports) == 0 {
				arrow = "-.->"
			}
			fmt.Fprintf(&b, "  e%dn%d %s|%s| e%dn%d\n", i, numbers[c.From], arrow, mermaidText(c.label()), i, numbers[c.To])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText is a quoted text: Mermaid knows character entities only.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s) + `"`
}

func titleOf(e Environment) string {
	if e.Name == "" {
		return "environment"
	}
	return e.Name
}

// writeDOT is one directed graph with a cluster for each environment, and in it for each tier.
func writeDOT(w io.Writer, environments []Environment) error {
	var b strings.Builder
	b.WriteString("digraph tierwall {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, e := range environments {
		fmt.Fprintf(&b, "  subgraph cluster_e%d {\n    label=%s;\n", i, strconv.Quote(titleOf(e)))
		for j, c := range e.columns() {
			fmt.Fprintf(&b, "    subgraph cluster_e%dc%d {\n      label=%s;\n", i, j, strconv.Quote(c.title))
			for _, n := range c.nodes {
				shape := ""
				if e.Nodes[n].Peer {
					shape = ", shape=ellipse"
				}
				fmt.Fprintf(&b, "      e%dn%d [label=%s%s];\n", i, n, strconv.Quote(e.Nodes[n].Name), shape)
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n")
		numbers := e.numbers()
		for _, c := range e.Connections {
			var style string
			if len(c.Unmeant) > 0 {
				style += ", color=red"
			}
			if len(c.Ports) == 0 {
				style += ", style=dashed"
			}
			fmt.Fprintf(&b, "  e%dn%d -> e%dn%d [label=%s%s];\n", i, numbers[c.From], i, numbers[c.To], strconv.Quote(c.label()), style)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}
