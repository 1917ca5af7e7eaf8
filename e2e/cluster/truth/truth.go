// Package truth holds tables of what gets through between the ends of a cluster: predicted by `tierwall map -o json`,
// or observed on the wire, cell by cell.
package truth

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cell is one connection that was predicted or probed.
type Cell struct {
	// From and To name the ends: NAMESPACE/WORKLOAD, or the name of a peer.
	From, To string
	// Port is the destination's, as the map writes it: 8080/TCP.
	Port string
	// Family is IPv4 or IPv6.
	Family string
}

func (c Cell) String() string {
	return fmt.Sprintf("%s -> %s %s %s", c.From, c.To, c.Port, c.Family)
}

// The families.
const (
	IPv4 = "IPv4"
	IPv6 = "IPv6"
)

// Table says of each cell whether the connection gets through. A cell that is not in it was not looked at.
type Table map[Cell]bool

// compareCells orders cells for people: by the ends, then the port, then the family.
func compareCells(a, b Cell) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Family, b.Family))
}

// Difference is a cell in which two tables do not agree.
type Difference struct {
	Cell Cell
	// Predicted and Observed are open, denied or missing.
	Predicted, Observed string
}

const missing = "missing"

// Compare returns where the tables differ, in order. A cell that only one of them has is a difference too.
func Compare(predicted, observed Table) []Difference {
	cells := map[Cell]bool{}
	for _, table := range []Table{predicted, observed} {
		for cell := range table {
			cells[cell] = true
		}
	}
	var differences []Difference
	for _, cell := range slices.SortedFunc(maps.Keys(cells), compareCells) {
		d := Difference{Cell: cell, Predicted: predicted.word(cell), Observed: observed.word(cell)}
		if d.Predicted != d.Observed {
			differences = append(differences, d)
		}
	}
	return differences
}

func (t Table) word(cell Cell) string {
	open, known := t[cell]
	switch {
	case !known:
		return missing
	case open:
		return "open"
	default:
		return "denied"
	}
}

// Open returns the cells that get through, in order.
func (t Table) Open() []Cell {
	var open []Cell
	for cell, through := range t {
		if through {
			open = append(open, cell)
		}
	}
	slices.SortFunc(open, compareCells)
	return open
}

// SideBySide shows both tables for people: a line for each pair of ends and family that has an open or a differing cell,
// with the ports that are predicted open on the left and those observed open on the right. "!" marks a line that
// differs.
func SideBySide(predicted, observed Table) string {
	type pair struct{ from, to, family string }
	lines := map[pair]bool{} // whether it differs
	for _, table := range []Table{predicted, observed} {
		for _, cell := range table.Open() {
			lines[pair{cell.From, cell.To, cell.Family}] = false
		}
	}
	for _, d := range Compare(predicted, observed) {
		lines[pair{d.Cell.From, d.Cell.To, d.Cell.Family}] = true
	}
	ports := func(table Table, p pair) string {
		var open []string
		for cell, through := range table {
			if through && (pair{cell.From, cell.To, cell.Family}) == p {
				open = append(open, cell.Port)
			}
		}
		slices.Sort(open)
		return cmp.Or(strings.Join(open, " "), ".")
	}
	var text strings.Builder
	fmt.Fprintf(&text, "  %-66s %-32s %s\n", "from -> to", "predicted", "observed")
	for _, p := range slices.SortedFunc(maps.Keys(lines), func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.family, b.family))
	}) {
		mark := " "
		if lines[p] {
			mark = "!"
		}
		fmt.Fprintf(&text, "%s %-66s %-32s %s\n", mark, fmt.Sprintf("%s -> %s %s", p.from, p.to, p.family), ports(predicted, p), ports(observed, p))
	}
	return text.String()
}
