package picture

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"
)

// Sizes of the drawing, in pixels.
const (
	margin       = 16
	columnGap    = 96
	rowGap       = 28
	headHeight   = 24
	slotHeight   = 16
	columnHead   = 48
	titleHeight  = 34
	letter       = 8.0 // the width of a letter of the text, on average and a little more
	narrowestBox = 96
	widestName   = 34 // characters
)

// lanes spread the lines that pass a column through one gap between its boxes.
const (
	lanes    = 5
	laneStep = 3.5
	around   = 34 // how far a line within one column swings out
)

// box is a node as it is drawn. A peer that connections come from and go to is drawn twice.
type box struct {
	node       Node
	name       string // as it is written
	column     int
	x, y, w, h float64
	// slots are the labels of the connections that end here, each with a line of the box.
	slots []string
}

// headY is the middle of the line with the name.
func (b *box) headY() float64 { return b.y + headHeight/2 }

// slotY is the middle of the line with the label.
func (b *box) slotY(label string) float64 {
	return b.y + headHeight + slotHeight*float64(slices.Index(b.slots, label)) + slotHeight/2
}

// arrow is a connection as it is drawn.
type arrow struct {
	connection Connection
	from, to   *box
	// via are the gaps through which the line passes the columns in between.
	via []gapBetween
}

// gapBetween is a place where a line passes a column: from left to right at the height y.
type gapBetween struct{ left, right, y float64 }

// layout is an environment as it is drawn: the peers that come in, a column for each tier, the peers that are reached.
type layout struct {
	titles        []string
	boxes         []*box
	arrows        []arrow
	width, height float64
}

// columnsOf are the columns' nodes, by numbers.
func (e Environment) columnsOf() (titles []string, columns [][]int) {
	comes, goes := map[string]bool{}, map[string]bool{}
	for _, c := range e.Connections {
		comes[c.From], goes[c.To] = true, true
	}
	var sources, destinations []int
	for i, n := range e.Nodes {
		if n.Peer && comes[n.Name] {
			sources = append(sources, i)
		}
		if n.Peer && goes[n.Name] {
			destinations = append(destinations, i)
		}
	}
	add := func(title string, nodes []int) {
		if len(nodes) > 0 {
			titles, columns = append(titles, title), append(columns, nodes)
		}
	}
	add("comes in", sources)
	for _, c := range e.columns() {
		if !e.Nodes[c.nodes[0]].Peer {
			add(c.title, c.nodes)
		}
	}
	add("is reached", destinations)
	return titles, columns
}

// layOut places boxes and arrows.
func (e Environment) layOut() *layout {
	titles, columns := e.columnsOf()
	names, _ := e.shortNames()
	out := &layout{titles: titles, width: margin}
	sources, destinations := map[string]*box{}, map[string]*box{}
	for i, nodes := range columns {
		for _, n := range nodes {
			b := &box{node: e.Nodes[n], name: cut(names[e.Nodes[n].Name]), column: i}
			out.boxes = append(out.boxes, b)
			if !b.node.Peer || i == 0 {
				sources[b.node.Name] = b
			}
			if !b.node.Peer || i > 0 || len(columns) == 1 {
				destinations[b.node.Name] = b
			}
		}
	}
	for _, c := range e.Connections {
		from, to := sources[c.From], destinations[c.To]
		if from == nil || to == nil {
			continue
		}
		if label := c.label(); !slices.Contains(to.slots, label) {
			to.slots = append(to.slots, label)
		}
		out.arrows = append(out.arrows, arrow{connection: c, from: from, to: to})
	}
	out.place()
	out.route()
	return out
}

// place gives the boxes their places, column by column.
func (l *layout) place() {
	x := float64(margin)
	for _, a := range l.arrows {
		if a.from.column == 0 && a.to.column == 0 {
			x = margin + around
		}
	}
	for i, title := range l.titles {
		letters := utf8.RuneCountInString(title)
		y := float64(columnHead)
		for _, b := range l.boxes {
			if b.column == i {
				letters = max(letters, utf8.RuneCountInString(b.name))
				for _, s := range b.slots {
					letters = max(letters, min(widestName, utf8.RuneCountInString(s)))
				}
			}
		}
		w := max(narrowestBox, float64(letters)*letter+20)
		for _, b := range l.boxes {
			if b.column == i {
				b.x, b.y, b.w, b.h = x, y, w, headHeight+slotHeight*float64(len(b.slots))
				if len(b.slots) > 0 {
					b.h += 4
				}
				y += b.h + rowGap
			}
		}
		l.height = max(l.height, y)
		x += w + columnGap
	}
	l.width = max(x-columnGap+margin, 200)
	l.height = max(l.height, columnHead+rowGap)
}

// route leads the lines through gaps between the boxes of the columns that they pass, each through the one that is nearest
// to the straight line.
func (l *layout) route() {
	gaps := make([][]gapBetween, len(l.titles))
	for i := range gaps {
		for _, b := range l.boxes {
			if b.column != i {
				continue
			}
			if len(gaps[i]) == 0 {
				gaps[i] = append(gaps[i], gapBetween{b.x, b.x + b.w, b.y - rowGap/2 + laneStep})
			}
			gaps[i] = append(gaps[i], gapBetween{b.x, b.x + b.w, b.y + b.h + rowGap/2})
		}
	}
	for n := range l.arrows {
		a := &l.arrows[n]
		y1, y2 := a.from.headY(), a.to.slotY(a.connection.label())
		step, columns := 1, a.to.column-a.from.column
		if columns < 0 {
			step, columns = -1, -columns
		}
		for k := 1; k < columns; k++ {
			straight := y1 + (y2-y1)*float64(k)/float64(columns)
			column := gaps[a.from.column+k*step]
			if len(column) == 0 {
				continue
			}
			best := slices.MinFunc(column, func(a, b gapBetween) int { return cmp.Compare(math.Abs(a.y-straight), math.Abs(b.y-straight)) })
			best.y += float64(n%lanes-lanes/2) * laneStep
			a.via = append(a.via, best)
		}
	}
}

// cut is a text of at most widestName characters.
func cut(s string) string {
	s = printable(s)
	if utf8.RuneCountInString(s) <= widestName {
		return s
	}
	return string([]rune(s)[:widestName-1]) + "…"
}
