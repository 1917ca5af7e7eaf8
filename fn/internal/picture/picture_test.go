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
func sample() []Environment {
	return []Environment{{Name: `prod "eu"`, Nodes: []Node{
		{Name: "shop/web", Tier: "frontend"}, {Name: "shop/api", Tier: "backend"}, {Name: "shop/odd"}, {Name: "internet", Peer: true},
	}, Connections: []Connection{
		{From: "shop/web", To: "shop/api", Ports: []string{"8080/TCP", "53/UDP"}},
		{From: "shop/odd", To: "shop/api", Ports: []string{"all ports"}, Unmeant: []string{"all ports"}},
		{From: "shop/odd", To: "shop/web", Unknown: []string{"80/TCP"}},
		{From: "internet", To: "shop/web", Ports: []string{"443/TCP"}},
	}}}
}

// TestFormats holds the formats. UPDATE=1 rewrites them, for a review of the difference.
func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := Write(&b, Format(f), sample()); err != nil {
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
	if err := Write(&bytes.Buffer{}, "svg", nil); err == nil || err.Error() != `"svg" is no format; known are text, json, mermaid, dot` {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestWideTablesAreLists(t *testing.T) {
	e := Environment{}
	for i := range widest + 1 {
		name := fmt.Sprint("w", i)
		e.Nodes = append(e.Nodes, Node{Name: name})
		e.Connections = append(e.Connections, Connection{From: "w0", To: name, Ports: []string{"80/TCP"}})
	}
	var b bytes.Buffer
	if err := Write(&b, Text, []Environment{e}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "\n"); got != widest+2 || !strings.HasPrefix(b.String(), "FROM  TO   PORTS\n") {
		t.Errorf("%d lines:\n%s", got, b.String())
	}
}
