package picture

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// hostileNames are what a format could take for its own signs.
var hostileNames = []string{
	`<script>alert(1)</script>`, `</script><script>alert(2)</script>`, `"quoted"`, `back\slash`, `\`, "`code`", `%%{init: {}}%%`, "a\nend\nb",
	`e0n0 --> e0n1`, `]]>`, `&lt;`, `#quot;`, `';--`, "\x1b[31mred", "\u202eright to left", "|pipe|", "<!--", "{{.}}", "-->", "\x00", "e\u2028f",
}

// hostile is a map in which everything that a user names is one of the hostile names.
func hostile() *Map {
	m := &Map{Version: hostileNames[0]}
	for n, name := range hostileNames {
		e := Environment{Name: name}
		for i, other := range hostileNames {
			node := fmt.Sprintf("%s %d", other, i)
			e.Nodes = append(e.Nodes, Node{Name: node, Kind: other, Namespace: other, Tier: other, Peer: i%3 == 0})
			if i > 0 {
				e.Connections = append(e.Connections, Connection{From: e.Nodes[i-1].Name, To: node, Ports: []Port{{other, Allowed, n%2 == 0}},
					OpenedBy: []Opener{{"egress", other, other, other, other}}})
			}
		}
		m.Environments = append(m.Environments, e)
	}
	return m
}

func drawn(t *testing.T, m *Map, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lineGrammars are all shapes that a line of a format can have.
var lineGrammars = map[Format]*regexp.Regexp{
	Mermaid: regexp.MustCompile(`^(flowchart LR|  linkStyle [\d,]+ stroke:#c62828|  (  )?subgraph e\d+(c\d+)?\["[^"<>\x60]*"\]|  (  )?end|` +
		`      e\d+n\d+(\["[^"<>\x60]*"\]|\(\["[^"<>\x60]*"\]\))|  e\d+n\d+ (-->|-\.->)\|"[^"<>\x60]*"\| e\d+n\d+)$`),
	DOT: regexp.MustCompile(`^(digraph tierwall \{|  rankdir=LR;|  node \[shape=box\];| *\}|  (  )?subgraph cluster_e\d+(c\d+)? \{|` +
		` +label="([^"\\]|\\["\\])*";|      e\d+n\d+ \[label="([^"\\]|\\["\\])*"(, shape=ellipse)?\];|` +
		`  e\d+n\d+ -> e\d+n\d+ \[label="([^"\\]|\\["\\])*"(, color=red)?(, style=dashed)?\];)$`),
}

func TestNamesDoNotBreakOutOfTheirLines(t *testing.T) {
	for format, grammar := range lineGrammars {
		text := drawn(t, hostile(), format)
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if !grammar.MatchString(line) {
				t.Errorf("%s: a line that the format does not have: %q", format, line)
			}
		}
	}
	text := drawn(t, hostile(), Text)
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' || r == '\u2028' }); i >= 0 {
		t.Errorf("text: a sign that a terminal obeys: %q", text[i:min(len(text), i+20)])
	}
}

func TestSVGIsXMLOfItsOwnElementsOnly(t *testing.T) {
	known := map[string]bool{"svg": true, "style": true, "rect": true, "g": true, "title": true, "path": true, "text": true}
	for _, m := range []*Map{sample(), hostile(), chain(1), {}} {
		d := xml.NewDecoder(strings.NewReader(drawn(t, m, SVG)))
		elements := 0
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			elements++
			if !known[start.Name.Local] {
				t.Errorf("element %s", start.Name.Local)
			}
			for _, a := range start.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || strings.Contains(a.Name.Local, "href") || strings.Contains(a.Value, "url(") {
					t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		}
		if elements == 0 {
			t.Error("no elements")
		}
	}
}

// TestNoNameEndsAScript: the page has the two script elements that it is made with, and nothing of the data is markup.
func TestNoNameEndsAScript(t *testing.T) {
	page := drawn(t, hostile(), HTML)
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, found := strings.Cut(rest, "</script>")
	if !found || !json.Valid([]byte(data)) || strings.ContainsAny(data, "<>&\u2028") {
		t.Errorf("the data is no JSON, or holds markup: %.200s", data)
	}
	if got := strings.Count(strings.ToLower(page), "<script"); got != 2 {
		t.Errorf("%d script elements, want 2", got)
	}
	for _, outside := range []string{"http:", "https:", "//", "url(", "@import", "{{"} {
		if strings.Contains(strings.NewReplacer(data, "", pageScript, "").Replace(page), outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
}
