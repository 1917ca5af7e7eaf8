// Package picture draws what is open in an environment: as a table of text, JSON, Mermaid and DOT. It takes plain data and
// decides nothing.
package picture

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Environment is one environment's picture.
type Environment struct {
	// Name is empty where there is only one, without a name.
	Name string `json:"name"`
	// Nodes are in the order in which they are drawn.
	Nodes       []Node       `json:"nodes"`
	Connections []Connection `json:"connections"`
}

// Node is an end of connections.
type Node struct {
	// Name is unique in the environment.
	Name string `json:"name"`
	// Tier is the workload's tier. Empty for a workload without one and for a peer.
	Tier string `json:"tier,omitempty"`
	// Peer is true for an end that is no workload.
	Peer bool `json:"peer,omitempty"`
}

// Connection is what is open from one node to another.
type Connection struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Ports are open for certain, such as 8080/TCP, or "all ports".
	Ports []string `json:"ports,omitempty"`
	// Unknown may be open.
	Unknown []string `json:"unknown,omitempty"`
	// Unmeant are those of both that no flow means.
	Unmeant []string `json:"unmeant,omitempty"`
}

// label is the connection's ports for a drawing: those that may be open with a question mark, those that no flow means
// with an exclamation mark.
func (c Connection) label() string {
	var parts []string
	mark := func(port, suffix string) {
		if slices.Contains(c.Unmeant, port) {
			suffix += "!"
		}
		parts = append(parts, strings.TrimSuffix(port, "/TCP")+suffix)
	}
	for _, p := range c.Ports {
		mark(p, "")
	}
	for _, p := range c.Unknown {
		mark(p, "?")
	}
	return strings.Join(parts, " ")
}

// Format is a way to draw.
type Format string

// The formats.
const (
	Text    Format = "text"
	JSON    Format = "json"
	Mermaid Format = "mermaid"
	DOT     Format = "dot"
)

// Formats are the names of all formats.
func Formats() []string { return []string{string(Text), string(JSON), string(Mermaid), string(DOT)} }

// Write draws the environments.
func Write(w io.Writer, f Format, environments []Environment) error {
	switch f {
	case Text:
		return writeText(w, environments)
	case JSON:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Environments []Environment `json:"environments"`
		}{environments})
	case Mermaid:
		return writeMermaid(w, environments)
	case DOT:
		return writeDOT(w, environments)
	}
	return fmt.Errorf("%q is no format; known are %s", f, strings.Join(Formats(), ", "))
}

// widest is how many columns a table of text has at most; more destinations than that are listed instead.
const widest = 12

// writeText is a table of sources and destinations, or a list where a table would be too wide.
func writeText(w io.Writer, environments []Environment) error {
	for i, e := range environments {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if e.Name != "" {
			if _, err := fmt.Fprintf(w, "%s\n", e.Name); err != nil {
				return err
			}
		}
		var text string
		if columns := e.ends(func(c Connection) string { return c.To }); len(columns) <= widest {
			text = e.table(columns)
		} else {
			text = e.list()
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// ends are the nodes that are an end of a connection, in their order.
func (e Environment) ends(of func(Connection) string) []string {
	has := map[string]bool{}
	for _, c := range e.Connections {
		has[of(c)] = true
	}
	var out []string
	for _, n := range e.Nodes {
		if has[n.Name] {
			out = append(out, n.Name)
		}
	}
	return out
}

func (e Environment) table(columns []string) string {
	cells := map[[2]string]string{}
	for _, c := range e.Connections {
		cells[[2]string{c.From, c.To}] = c.label()
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "FROM \\ TO\t%s\n", strings.Join(columns, "\t"))
	for _, from := range e.ends(func(c Connection) string { return c.From }) {
		row := []string{from}
		for _, to := range columns {
			cell := cells[[2]string{from, to}]
			if cell == "" {
				cell = "."
			}
			row = append(row, cell)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // a strings.Builder does not fail
	return trimLines(b.String())
}

func (e Environment) list() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FROM\tTO\tPORTS")
	for _, c := range e.Connections {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.From, c.To, c.label())
	}
	_ = t.Flush() // a strings.Builder does not fail
	return trimLines(b.String())
}

// trimLines takes the spaces off the ends of lines that tabwriter leaves.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
