package picture

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// svgStyle is the drawing's colours, in light and dark. Nothing is loaded from elsewhere.
const svgStyle = `
  text { font: 12px system-ui, sans-serif; fill: #1f2933; }
  .paper { fill: #ffffff; }
  .title { font-weight: 600; font-size: 15px; }
  .tier { font-size: 11px; fill: #616e7c; letter-spacing: .04em; }
  .box { fill: #f5f7fa; stroke: #9aa5b1; }
  .peer .box { fill: #eef2ff; stroke: #8c9bd6; }
  .name { font-weight: 600; }
  .slot { font-size: 11px; fill: #52606d; }
  .line { fill: none; stroke: #5b7aa6; stroke-width: 1.4; }
  .unknown .line { stroke-dasharray: 5 4; }
  .unmeant .line { stroke: #c62828; }
  .head { fill: #5b7aa6; }
  .unmeant .head { fill: #c62828; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb; }
    .paper { fill: #14181d; }
    .tier { fill: #9aa5b1; }
    .box { fill: #1f262e; stroke: #52606d; }
    .peer .box { fill: #1e2440; stroke: #6474b8; }
    .slot { fill: #b3bdc7; }
    .line { stroke: #86a9d8; }
    .head { fill: #86a9d8; }
    .unmeant .line { stroke: #ff7b72; }
    .unmeant .head { fill: #ff7b72; }
  }
`

// writeSVG is one picture, the environments below each other. What each connection is stands in its title, which browsers
// show under the pointer.
func (m *Map) writeSVG(w io.Writer) error {
	var b strings.Builder
	y, width := float64(margin), 200.0
	for _, e := range m.Environments {
		l := e.layOut()
		fmt.Fprintf(&b, "<g transform=\"translate(0 %s)\">\n", pixels(y))
		fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"16\">%s</text>\n", margin, xmlText(e.title()))
		fmt.Fprintf(&b, "<g transform=\"translate(0 %d)\">\n", titleHeight)
		l.writeSVG(&b)
		b.WriteString("</g>\n</g>\n")
		y += titleHeight + l.height + margin
		width = max(width, l.width)
	}
	_, err := fmt.Fprintf(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%[1]s\" height=\"%[2]s\" viewBox=\"0 0 %[1]s %[2]s\" role=\"img\" "+
		"aria-label=\"What the network policies let through\">\n<style>%[3]s</style>\n<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n%[4]s</svg>\n",
		pixels(width), pixels(y), svgStyle, b.String())
	return err
}

func (l *layout) writeSVG(b *strings.Builder) {
	for i, title := range l.titles {
		for _, box := range l.boxes {
			if box.column == i {
				fmt.Fprintf(b, "<text class=\"tier\" x=\"%s\" y=\"14\">%s</text>\n", pixels(box.x), xmlText(cut(title)))
				break
			}
		}
	}
	for _, a := range l.arrows {
		a.writeSVG(b)
	}
	for _, box := range l.boxes {
		box.writeSVG(b)
	}
}

// writeSVG draws a line with its head from the box to the slot: to the right where the destination is in a later column,
// to the left where it is in an earlier one, and around on the left in one column.
func (a arrow) writeSVG(b *strings.Builder) {
	class := "connection"
	if !a.connection.certain() {
		class += " unknown"
	}
	if !a.connection.meant() {
		class += " unmeant"
	}
	x, y := a.from.x+a.from.w, a.from.headY()
	toX, toY, side := a.to.x, a.to.slotY(a.connection.label()), 1.0
	switch {
	case a.to.column == a.from.column:
		x = a.from.x
	case a.to.column < a.from.column:
		x, toX, side = a.from.x, a.to.x+a.to.w, -1
	}
	var path strings.Builder
	fmt.Fprintf(&path, "M%s %s", pixels(x), pixels(y))
	for _, g := range a.via {
		near, far := g.left, g.right
		if side < 0 {
			near, far = far, near
		}
		curve(&path, x, y, near, g.y)
		fmt.Fprintf(&path, "H%s", pixels(far))
		x, y = far, g.y
	}
	tip := toX - 6*side
	if a.to.column == a.from.column {
		fmt.Fprintf(&path, "C%s %s %s %s %s %s", pixels(x-around), pixels(y), pixels(tip-around), pixels(toY), pixels(tip), pixels(toY))
	} else {
		curve(&path, x, y, tip, toY)
	}
	fmt.Fprintf(b, "<g class=%q><title>%s</title><path class=\"line\" d=\"%s\"/><path class=\"head\" d=\"M%s %sl%s -3.5v7z\"/></g>\n",
		class, xmlText(a.connection.sentence()), path.String(), pixels(toX), pixels(toY), pixels(-7*side))
}

// curve is a line that leaves and arrives level.
func curve(path *strings.Builder, x1, y1, x2, y2 float64) {
	middle := (x1 + x2) / 2
	fmt.Fprintf(path, "C%s %s %s %s %s %s", pixels(middle), pixels(y1), pixels(middle), pixels(y2), pixels(x2), pixels(y2))
}

func (b *box) writeSVG(out *strings.Builder) {
	class := "workload"
	if b.node.Peer {
		class = "peer"
	}
	fmt.Fprintf(out, "<g class=%q><title>%s</title><rect class=\"box\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"5\"/>",
		class, xmlText(strings.TrimSpace(b.node.Kind+" "+b.node.Name)), pixels(b.x), pixels(b.y), pixels(b.w), pixels(b.h))
	fmt.Fprintf(out, "<text class=\"name\" x=\"%s\" y=\"%s\">%s</text>", pixels(b.x+10), pixels(b.headY()+4), xmlText(b.name))
	for _, s := range b.slots {
		fmt.Fprintf(out, "<text class=\"slot\" x=\"%s\" y=\"%s\">%s</text>", pixels(b.x+10), pixels(b.slotY(s)+4), xmlText(cut(s)))
	}
	out.WriteString("</g>\n")
}

// sentence says all of a connection.
func (c Connection) sentence() string {
	lines := []string{c.From + " to " + c.To}
	for _, p := range c.Ports {
		meant := "meant"
		if !p.Meant {
			meant = "no flow means it"
		}
		lines = append(lines, p.Port+": "+string(p.Verdict)+", "+meant)
	}
	for _, o := range c.OpenedBy {
		lines = append(lines, o.sentence())
	}
	return strings.Join(lines, "\n")
}

func (o Opener) sentence() string {
	what := o.Policy
	if o.File != "" {
		what += " (" + o.File + ")"
	}
	if o.Field != "" {
		what += " " + o.Field
	}
	if o.Text != "" {
		if what != "" {
			what += ": "
		}
		what += o.Text
	}
	return o.Direction + ": " + what
}

// pixels is a number with one digit behind the point at most.
func pixels(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
