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

// writeMermaid is one flowchart with a subgraph for each environment, and in it for each tier.
func (m *Map) writeMermaid(w io.Writer) error {
	var b strings.Builder
	var unmeant []string
	links := 0
	b.WriteString("flowchart LR\n")
	for i, e := range m.Environments {
		fmt.Fprintf(&b, "  subgraph e%d[%s]\n", i, mermaidText(e.title()))
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
			if !c.certain() {
				arrow = "-.->"
			}
			if !c.meant() {
				unmeant = append(unmeant, strconv.Itoa(links))
			}
			links++
			fmt.Fprintf(&b, "  e%dn%d %s|%s| e%dn%d\n", i, numbers[c.From], arrow, mermaidText(c.label()), i, numbers[c.To])
		}
	}
	if len(unmeant) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:#c62828\n", strings.Join(unmeant, ","))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText is a quoted text. Mermaid knows character entities only, and reads a text in backticks as Markdown.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", "&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(printable(s)) + `"`
}

// writeDOT is one directed graph with a cluster for each environment, and in it for each tier.
func (m *Map) writeDOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph tierwall {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, e := range m.Environments {
		fmt.Fprintf(&b, "  subgraph cluster_e%d {\n    label=%s;\n", i, dotText(e.title()))
		for j, c := range e.columns() {
			fmt.Fprintf(&b, "    subgraph cluster_e%dc%d {\n      label=%s;\n", i, j, dotText(c.title))
			for _, n := range c.nodes {
				shape := ""
				if e.Nodes[n].Peer {
					shape = ", shape=ellipse"
				}
				fmt.Fprintf(&b, "      e%dn%d [label=%s%s];\n", i, n, dotText(e.Nodes[n].Name), shape)
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n")
		numbers := e.numbers()
		for _, c := range e.Connections {
			var style string
			if !c.meant() {
				style += ", color=red"
			}
			if !c.certain() {
				style += ", style=dashed"
			}
			fmt.Fprintf(&b, "  e%dn%d -> e%dn%d [label=%s%s];\n", i, numbers[c.From], i, numbers[c.To], dotText(c.label()), style)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText is a quoted text. In it the backslash begins an escape, such as \l for a line to the left.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(s)) + `"`
}
