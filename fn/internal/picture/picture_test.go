package picture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has each kind of node and connection, and characters that each format must escape.
func sample() *Map {
	port := func(p string) Port { return Port{p, Allowed, true} }
	return &Map{"v1.2.3", []Environment{{Name: `prod "eu"`, Nodes: []Node{
		{Name: "internet", Peer: true},
		{Name: "shop/web", Kind: "Deployment", Namespace: "shop", Tier: "frontend"},
		{Name: "shop/api", Kind: "Deployment", Namespace: "shop", Tier: "backend"},
		{Name: "shop/odd", Kind: "Pod", Namespace: "shop"},
		{Name: `<script>alert("1")</script>`, Peer: true},
	}, Connections: []Connection{
		{From: "internet", To: "shop/web", Ports: []Port{port("443/TCP")},
			OpenedBy: []Opener{{"ingress", "shop/web", "base/network-policies.yaml", "spec.ingress[0]", ""}}},
		{From: "shop/web", To: "shop/api", Ports: []Port{port("8080/TCP"), port("53/UDP")}, OpenedBy: []Opener{
			{"egress", "shop/web", "base/network-policies.yaml", "spec.egress[0]", ""},
			{"ingress", "shop/api", "", "spec.ingress[1]", "it is not known whether this rule matches"}}},
		{From: "shop/odd", To: "shop/web", Ports: []Port{{"80/TCP", Unknown, true}}},
		{From: "shop/odd", To: "shop/api", Ports: []Port{{"all ports", Allowed, false}},
			OpenedBy: []Opener{{"egress", "", "", "", "no policy isolates Pod shop/odd"}}},
		{From: "shop/odd", To: `<script>alert("1")</script>`, Ports: []Port{{"8000-8010/TCP", Unknown, false}}},
	}}, {Name: "staging"}}}
}

// TestFormats holds the formats. UPDATE=1 rewrites them, for a review of the difference.
func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := sample().Write(&b, Format(f)); err != nil {
			t.Fatal(err)
		}
		// The page's style and script are files already.
		text := strings.NewReplacer(pageStyle, "...", hash(pageStyle), "...", pageScript, "...", hash(pageScript), "...").Replace(b.String())
		hold(t, "sample."+f, []byte(text))
	}
	for _, f := range DiffFormats() {
		var b bytes.Buffer
		if err := sampleDiff().Write(&b, Format(f)); err != nil {
			t.Fatal(err)
		}
		hold(t, "diff."+f, b.Bytes())
	}
	if err := sample().Write(&bytes.Buffer{}, "png"); err == nil || err.Error() != `"png" is no format; known are `+strings.Join(Formats(), ", ") {
		t.Errorf("an unknown format: %v", err)
	}
	if err := sampleDiff().Write(&bytes.Buffer{}, "dot"); err == nil || err.Error() != `"dot" is no format; known are text, json, markdown` {
		t.Errorf("an unknown format: %v", err)
	}
}

// hold compares with a file of testdata.
func hold(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-held +now):\n%s", name, diff)
	}
}

// sampleDiff has each kind of change, and characters that each format must escape.
func sampleDiff() *Comparison {
	return &Comparison{"v1.2.3", "main/shop", "shop", []Compared{
		{Old: "prod", New: "prod", Added: []string{"shop/new"}, Removed: []string{"shop/old"}, Changes: []Change{
			{From: "shop/web", To: "shop/api", Ports: []PortChanged{{"8080/TCP", Allowed, Denied, true}, {"8081/TCP", Denied, Allowed, true}}},
			{From: "shop/web", To: "internet", Ports: []PortChanged{{"443/TCP", Denied, Allowed, false}}},
			{From: "<b>|*evil*\x1b[31m", To: "shop/api", Ports: []PortChanged{{"all ports", Denied, Unknown, false}}},
			{From: "shop/api", To: "dns", Ports: []PortChanged{{"53/UDP", Allowed, Unknown, true}}},
		}},
		{Old: "staging", New: "staging"},
		{Old: "test", Only: "old"},
		{New: "canary", Only: "new"},
	}}
}

// TestNothingDiffers: no byte of text, and a sentence in a comment.
func TestNothingDiffers(t *testing.T) {
	same := &Comparison{"v1", "a", "b", []Compared{{Old: "prod", New: "prod"}}}
	for f, want := range map[Format]string{Text: "", Markdown: "### tierwall: the same connections are open\n"} {
		var b bytes.Buffer
		if err := same.Write(&b, f); err != nil {
			t.Fatal(err)
		}
		if same.Differs() || b.String() != want {
			t.Errorf("%s: %q, want %q", f, b.String(), want)
		}
	}
}

// chain is n workloads, each of which reaches the next.
func chain(n int) *Map {
	e := Environment{}
	for i := range n {
		e.Nodes = append(e.Nodes, Node{Name: fmt.Sprintf("shop/w%d", i), Namespace: "shop"})
		if i > 0 {
			e.Connections = append(e.Connections, Connection{From: e.Nodes[i-1].Name, To: e.Nodes[i].Name, Ports: []Port{{"80/TCP", Allowed, true}}})
		}
	}
	return &Map{Environments: []Environment{e}}
}

// widths: a table as wide as asked for stays one; one character less, and it is a list.
var widths = []struct{ workloads, width, lines int }{
	{3, 17, 1 + 1 + 2},
	{3, 16, 1 + 2*2},
	{21, 100, 1 + 1 + 20},
	{21, 99, 1 + 2*20},
}

func TestWideTablesAreLists(t *testing.T) {
	for _, c := range widths {
		var b bytes.Buffer
		if err := chain(c.workloads).WriteText(&b, c.width); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != c.lines {
			t.Errorf("%d workloads, width %d: %d lines, want %d:\n%s", c.workloads, c.width, got, c.lines, b.String())
		}
	}
}

func TestHeadsAreBrokenBeforeATableIsGivenUp(t *testing.T) {
	m := chain(3)
	e := &m.Environments[0]
	e.Nodes[2].Name, e.Connections[1].To = "shop/payments-sandbox-eu", "shop/payments-sandbox-eu"
	var b bytes.Buffer
	if err := m.WriteText(&b, 26); err != nil {
		t.Fatal(err)
	}
	want := "namespace shop\n               payments-\n               sandbox-\nfrom \\ to  w1  eu\nw0         80  .\nw1         .   80\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
