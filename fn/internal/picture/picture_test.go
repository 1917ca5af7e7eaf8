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
		file := filepath.Join("testdata", "sample."+f)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-held +now):\n%s", f, diff)
		}
	}
	if err := sample().Write(&bytes.Buffer{}, "png"); err == nil || err.Error() != `"png" is no format; known are `+strings.Join(Formats(), ", ") {
		t.Errorf("an unknown format: %v", err)
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
