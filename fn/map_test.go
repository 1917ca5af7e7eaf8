package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/picture"
)

// mappedFolders are proved ones, and one in which policies leave ends open that they do not speak of.
var mappedFolders = append([]string{"testdata/open"}, provedFolders...)

// TestEveryConnectionSaysWhatOpensIt: each end that is a workload names a rule, or why it needs none.
func TestEveryConnectionSaysWhatOpensIt(t *testing.T) {
	for _, dir := range mappedFolders {
		proofs, code, err := proofsOf(dir, "", nil, &bytes.Buffer{})
		if err != nil || code != exitGood || len(proofs) == 0 {
			t.Fatalf("%s: %d environments, exit code %d, %v", dir, len(proofs), code, err)
		}
		for _, p := range proofs {
			e := p.picture(true)
			peers := map[string]bool{}
			for _, n := range e.Nodes {
				peers[n.Name] = n.Peer
			}
			for _, c := range e.Connections {
				said := map[string]bool{}
				for _, o := range c.OpenedBy {
					said[o.Direction] = true
					if (o.Policy == "") == (o.Text == "") && o.Field == "" {
						t.Errorf("%s %s: %s to %s: %+v names neither a rule nor a cause", dir, p.name, c.From, c.To, o)
					}
				}
				if said["egress"] == peers[c.From] || said["ingress"] == peers[c.To] {
					t.Errorf("%s %s: %s to %s on %v: opened by %v", dir, p.name, c.From, c.To, c.Ports, c.OpenedBy)
				}
			}
			if len(e.Connections) == 0 {
				t.Errorf("%s %s: nothing is open", dir, p.name)
			}
		}
	}
}

// TestTheShippedPackageFitsIntoATerminal: its tables are no wider than 80 characters, and are no lists.
func TestTheShippedPackageFitsIntoATerminal(t *testing.T) {
	var out bytes.Buffer
	if code, err := drawMap("../kustomize", mapping{format: picture.Text, width: picture.DefaultWidth}, nil, &out, &out); code != exitGood || err != nil {
		t.Fatal(code, err)
	}
	if got := strings.Count(out.String(), `from \ to`); got != 2 {
		t.Errorf("%d tables, want 2:\n%s", got, out.String())
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

// TestTheSameMapTwice: same input, same bytes, in every format.
func TestTheSameMapTwice(t *testing.T) {
	for _, format := range picture.Formats() {
		var first string
		for range 3 {
			var out bytes.Buffer
			if code, err := drawMap("../examples/many-workloads", mapping{format: picture.Format(format), width: 80}, nil, &out, &out); code != exitGood || err != nil {
				t.Fatal(code, err)
			}
			if first == "" {
				first = out.String()
			}
			if out.String() != first {
				t.Errorf("%s differs from run to run", format)
			}
		}
	}
}

// TestTheReadmesPictureIsTheMap: docs/map.svg is what `tierwall map kustomize -o svg -e prod` draws. UPDATE=1 draws it again.
func TestTheReadmesPictureIsTheMap(t *testing.T) {
	var out, stderr bytes.Buffer
	if code, err := drawMap("../kustomize", mapping{format: picture.SVG, environment: "prod"}, nil, &out, &stderr); code != exitGood || err != nil {
		t.Fatal(code, err, stderr.String())
	}
	const file = "../docs/map.svg"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	held, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(held), out.String()); diff != "" {
		t.Errorf("%s (-held +now):\n%s", file, diff)
	}
}

// TestTheReadmesOutputIsTheCommands: what README.md shows of map and diff is what they print.
func TestTheReadmesOutputIsTheCommands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("..")
	for _, args := range [][]string{{"map", "kustomize", "--environment", "prod"}, {"diff", "kustomize#prod", "kustomize#staging"}} {
		var stdout, stderr bytes.Buffer
		run(args, nil, &stdout, &stderr, false)
		if stdout.Len() == 0 || !strings.Contains(string(readme), stdout.String()+"```") {
			t.Errorf("README.md does not show what %v prints:\n%s%s", args, stdout.String(), stderr.String())
		}
	}
}
