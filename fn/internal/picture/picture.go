// Package picture draws what is open in an environment, as a table of text, JSON, Mermaid, DOT, SVG and a page of HTML, and
// what differs between two. It takes plain data and decides nothing. Same data, same bytes.
package picture

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Map is what is open, by environment.
type Map struct {
	// Version is the version of tierwall.
	Version      string
	Environments []Environment
}

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
	// Kind and Namespace are a workload's. A manifest that names no namespace leaves it empty.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Tier is the workload's tier. Empty for a workload without one and for a peer.
	Tier string `json:"tier,omitempty"`
	// Peer is true for an end that is no workload.
	Peer bool `json:"peer,omitempty"`
}

// Connection is what is open from one node to another.
type Connection struct {
	// From and To are names of nodes.
	From string `json:"from"`
	To   string `json:"to"`
	// Ports are never empty.
	Ports []Port `json:"ports"`
	// OpenedBy is every rule that opens one of the ports, egress first, and where an end needs none, why.
	OpenedBy []Opener `json:"openedBy"`
}

// Verdict is how sure it is that a port is open.
type Verdict string

// The verdicts. What is denied is no connection.
const (
	Allowed Verdict = "allowed"
	Unknown Verdict = "unknown"
)

// Port is one port, or a run of ports.
type Port struct {
	// Port is such as 8080/TCP or 8000-8010/TCP, "all ports", or "all other ports": those that no other names.
	Port    string  `json:"port"`
	Verdict Verdict `json:"verdict"`
	// Meant is true if a flow means it.
	Meant bool `json:"meant"`
}

// label is the port for a drawing: one that may be open with a question mark, one that no flow means with an exclamation
// mark, and TCP unsaid.
func (p Port) label() string {
	out := strings.TrimSuffix(p.Port, "/TCP")
	if p.Verdict == Unknown {
		out += "?"
	}
	if !p.Meant {
		out += "!"
	}
	return out
}

// Opener is what opens a connection at one of its ends.
type Opener struct {
	// Direction is egress for the end that the connection comes from, ingress for the other.
	Direction string `json:"direction"`
	// Policy is NAMESPACE/NAME. Empty where no policy has to open: Text says why.
	Policy string `json:"policy,omitempty"`
	// File is the policy's. Empty for a stream without paths.
	File string `json:"file,omitempty"`
	// Field is the rule, such as spec.egress[0].
	Field string `json:"field,omitempty"`
	// Text is empty for a rule that opens for certain.
	Text string `json:"text,omitempty"`
}

// label is the connection's ports for a drawing.
func (c Connection) label() string {
	parts := make([]string, len(c.Ports))
	for i, p := range c.Ports {
		parts[i] = p.label()
	}
	return strings.Join(parts, " ")
}

// certain is true if a port is open for certain.
func (c Connection) certain() bool {
	return slices.ContainsFunc(c.Ports, func(p Port) bool { return p.Verdict == Allowed })
}

// meant is true if flows mean all of it.
func (c Connection) meant() bool {
	return !slices.ContainsFunc(c.Ports, func(p Port) bool { return !p.Meant })
}

// numbers are the nodes' places, by name.
func (e Environment) numbers() map[string]int {
	out := map[string]int{}
	for i, n := range e.Nodes {
		out[n.Name] = i
	}
	return out
}

// Sort puts the connections into the order of their nodes.
func (e Environment) Sort() {
	at := e.numbers()
	slices.SortStableFunc(e.Connections, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(at[a.From], at[b.From]), cmp.Compare(at[a.To], at[b.To]))
	})
}

// title names the environment where a name has to stand.
func (e Environment) title() string { return cmp.Or(e.Name, "environment") }

// Format is a way to draw.
type Format string

// The formats.
const (
	Text    Format = "text"
	JSON    Format = "json"
	Mermaid Format = "mermaid"
	DOT     Format = "dot"
	SVG     Format = "svg"
	HTML    Format = "html"
)

// writers are the formats in the order in which they are listed.
var writers = []struct {
	format Format
	write  func(*Map, io.Writer) error
}{
	{Text, func(m *Map, w io.Writer) error { return m.writeText(w, DefaultWidth) }},
	{JSON, (*Map).writeJSON},
	{Mermaid, (*Map).writeMermaid},
	{DOT, (*Map).writeDOT},
	{SVG, (*Map).writeSVG},
	{HTML, (*Map).writeHTML},
}

// Formats are the names of all formats.
func Formats() []string {
	var out []string
	for _, f := range writers {
		out = append(out, string(f.format))
	}
	return out
}

// Reasons is true for a format that shows Connection.OpenedBy.
func (f Format) Reasons() bool { return f == JSON || f == SVG || f == HTML }

// Write draws the environments.
func (m *Map) Write(w io.Writer, f Format) error {
	for _, known := range writers {
		if known.format == f {
			return known.write(m, w)
		}
	}
	return fmt.Errorf("%q is no format; known are %s", f, strings.Join(Formats(), ", "))
}
