package picture

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultWidth is how wide a table of text is at most, in characters, where nothing else is asked for.
const DefaultWidth = 80

// WriteText is Write for Text, with tables of at most width characters.
func (m *Map) WriteText(w io.Writer, width int) error { return m.writeText(w, width) }

// writeText is a table of sources and destinations for each environment, or a list where a table would be too wide.
func (m *Map) writeText(w io.Writer, width int) error {
	var b strings.Builder
	for i, e := range m.Environments {
		if i > 0 {
			b.WriteByte('\n')
		}
		e.writeText(&b, width)
	}
	b.WriteString(m.legend())
	_, err := io.WriteString(w, b.String())
	return err
}

// legend explains the marks that occur.
func (m *Map) legend() string {
	unknown, unmeant := false, false
	for _, e := range m.Environments {
		for _, c := range e.Connections {
			for _, p := range c.Ports {
				unknown = unknown || p.Verdict == Unknown
				unmeant = unmeant || !p.Meant
			}
		}
	}
	return legend(unknown, unmeant)
}

func legend(unknown, unmeant bool) string {
	out := ""
	if unknown {
		out += "?  may be open: the input does not decide it\n"
	}
	if unmeant {
		out += "!  no flow means it\n"
	}
	if out != "" {
		out = "\n" + out
	}
	return out
}

func (e Environment) writeText(b *strings.Builder, width int) {
	names, namespace := e.shortNames()
	switch {
	case e.Name != "" && namespace != "":
		b.WriteString(printable(e.Name) + " (namespace " + namespace + ")\n")
	case e.Name != "":
		b.WriteString(printable(e.Name) + "\n")
	case namespace != "":
		b.WriteString("namespace " + namespace + "\n")
	}
	if len(e.Connections) == 0 {
		b.WriteString("nothing is open\n")
		return
	}
	if !e.mayFit(width) || !e.table(names).write(b, width) {
		e.list(b, names)
	}
}

// shortNames are the nodes' names, without the namespace where all workloads are in one.
func (e Environment) shortNames() (names map[string]string, namespace string) {
	names = map[string]string{}
	first := true
	for _, n := range e.Nodes {
		names[n.Name] = printable(n.Name)
		switch {
		case n.Peer:
		case first:
			namespace, first = n.Namespace, false
		case n.Namespace != namespace:
			namespace = ""
		}
	}
	if namespace == "" {
		return names, ""
	}
	short := map[string]string{}
	taken := map[string]bool{}
	for _, n := range e.Nodes {
		s := n.Name
		if !n.Peer {
			s = strings.Replace(s, namespace+"/", "", 1)
		}
		if taken[s] {
			return names, ""
		}
		taken[s] = true
		short[n.Name] = printable(s)
	}
	return short, printable(namespace)
}

// printable keeps what a terminal would obey from reaching it, and what no XML may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// table is cells in rows; the first row is the heads.
type table struct {
	rows [][]string
}

// mayFit is false where even columns of one character would be too wide.
func (e Environment) mayFit(width int) bool {
	destinations := map[string]bool{}
	for _, c := range e.Connections {
		if destinations[c.To] = true; len(destinations)*(1+gap) > width {
			return false
		}
	}
	return true
}

// table has a row for each source and a column for each destination, the workloads before the peers.
func (e Environment) table(names map[string]string) table {
	cells := map[[2]string]string{}
	for _, c := range e.Connections {
		cells[[2]string{c.From, c.To}] = c.label()
	}
	sources, destinations := map[string]bool{}, map[string]bool{}
	for _, c := range e.Connections {
		sources[c.From], destinations[c.To] = true, true
	}
	var columns []string
	for _, peers := range []bool{false, true} {
		for _, n := range e.Nodes {
			if n.Peer == peers && destinations[n.Name] {
				columns = append(columns, n.Name)
			}
		}
	}
	head := []string{`from \ to`}
	for _, to := range columns {
		head = append(head, names[to])
	}
	out := table{[][]string{head}}
	for _, n := range e.Nodes {
		if !sources[n.Name] {
			continue
		}
		row := []string{names[n.Name]}
		for _, to := range columns {
			cell := cells[[2]string{n.Name, to}]
			if cell == "" {
				cell = "."
			}
			row = append(row, printable(cell))
		}
		out.rows = append(out.rows, row)
	}
	return out
}

// gap is the spaces between columns.
const gap = 2

// write writes the table if it is not wider than width; heads are broken where the whole ones would be too wide.
func (t table) write(b *strings.Builder, width int) bool {
	heads := make([][]string, len(t.rows[0]))
	for i, h := range t.rows[0] {
		heads[i] = []string{h}
	}
	widths := t.widths(heads)
	if total(widths) > width {
		for i, h := range t.rows[0][1:] {
			heads[i+1] = broken(h, t.widths(nil)[i+1])
		}
		widths = t.widths(heads)
	}
	if total(widths) > width {
		return false
	}
	lines := 0
	for _, h := range heads {
		lines = max(lines, len(h))
	}
	for i := range lines {
		row := make([]string, len(heads))
		for j, h := range heads {
			if at := i - (lines - len(h)); at >= 0 {
				row[j] = h[at]
			}
		}
		writeRow(b, row, widths)
	}
	for _, row := range t.rows[1:] {
		writeRow(b, row, widths)
	}
	return true
}

// widths are the columns' widths, the lines of the heads included.
func (t table) widths(heads [][]string) []int {
	out := make([]int, len(t.rows[0]))
	for i, lines := range heads {
		for _, line := range lines {
			out[i] = max(out[i], utf8.RuneCountInString(line))
		}
	}
	for _, row := range t.rows[1:] {
		for i, cell := range row {
			out[i] = max(out[i], utf8.RuneCountInString(cell))
		}
	}
	return out
}

func total(widths []int) int {
	out := gap * (len(widths) - 1)
	for _, w := range widths {
		out += w
	}
	return out
}

// broken is a head in lines, broken behind a hyphen, slash or space; a line is longer than width where nothing breaks it.
func broken(head string, width int) []string {
	var out []string
	line := ""
	for _, piece := range pieces(head) {
		if line != "" && utf8.RuneCountInString(line+piece) > width {
			out = append(out, strings.TrimSpace(line))
			line = ""
		}
		line += piece
	}
	return append(out, line)
}

func pieces(s string) []string {
	var out []string
	for s != "" {
		at := strings.IndexAny(s, "-/ .")
		if at < 0 {
			return append(out, s)
		}
		out, s = append(out, s[:at+1]), s[at+1:]
	}
	return out
}

func writeRow(b *strings.Builder, row []string, widths []int) {
	var line strings.Builder
	for i, cell := range row {
		line.WriteString(cell)
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap))
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// list is each source with its destinations.
func (e Environment) list(b *strings.Builder, names map[string]string) {
	widest := 0
	for _, c := range e.Connections {
		widest = max(widest, utf8.RuneCountInString(names[c.To]))
	}
	tiers := map[string]string{}
	for _, n := range e.Nodes {
		if n.Tier != "" {
			tiers[n.Name] = " (" + printable(n.Tier) + ")"
		}
	}
	for i, c := range e.Connections {
		if i == 0 || e.Connections[i-1].From != c.From {
			b.WriteString(names[c.From] + tiers[c.From] + "\n")
		}
		b.WriteString("  to " + names[c.To] + strings.Repeat(" ", widest-utf8.RuneCountInString(names[c.To])+gap) + printable(c.label()) + "\n")
	}
}
