package manifest

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var recombinations = flag.Int("recombinations", 3000, "texts that TestRecombinedLines tries")

// TestRecombinedLines puts lines of the seeds together anew, which reaches shapes that changing bytes does not: the
// indentation, the blocks and the dashes are what the walker must get right.
func TestRecombinedLines(t *testing.T) {
	var pool []string
	for _, s := range listSeeds {
		pool = append(pool, strings.SplitAfter(s.text, "\n")...)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	canonical := 0
	// One builder for all: what it leaves behind must not show.
	b := new(builder)
	for range *recombinations {
		text := recombine(rng, pool)
		if rng.IntN(10) == 0 {
			text = append([]byte("---\n"), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))...)
		}
		if l, ok := readCanonicalList(withoutTrifles(text)); ok {
			canonical++
			checkCanonical(t, text, l)
		}
		checkForeign(t, text)
		checkBuilt(t, b, text)
		if t.Failed() {
			t.Fatalf("for this text:\n%s", text)
		}
	}
	if canonical == 0 {
		t.Error("no text was recognised as canonical: the test tries nothing")
	}
	t.Logf("%d of %d texts are canonical", canonical, *recombinations)
}

// recombine is a valid list with a few of its lines changed, most of the time little.
func recombine(rng *rand.Rand, pool []string) []byte {
	s := listSeeds[rng.IntN(len(listSeeds))]
	for !s.canonical && rng.IntN(5) > 0 {
		s = listSeeds[rng.IntN(len(listSeeds))]
	}
	lines := strings.SplitAfter(s.text, "\n")
	for range 1 + rng.IntN(3) {
		i := rng.IntN(len(lines))
		line := lines[i]
		switch rng.IntN(6) {
		case 0:
			line = pool[rng.IntN(len(pool))]
		case 1:
			line += pool[rng.IntN(len(pool))]
		case 2:
			line = strings.Repeat(" ", rng.IntN(5)) + line
		case 3:
			line = strings.TrimPrefix(line, strings.Repeat(" ", 1+rng.IntN(3)))
		case 4:
			line += lines[rng.IntN(len(lines))]
		case 5:
			// A value of one line under the key of another.
			key, _, _ := strings.Cut(line, ":")
			_, v, found := strings.Cut(pool[rng.IntN(len(pool))], ":")
			if found {
				line = key + ":" + v
			}
		}
		lines[i] = line
	}
	return []byte(strings.Join(lines, ""))
}

// checkBuilt compares the nodes that are built line by line with those of the library, places included.
func checkBuilt(t *testing.T, b *builder, text []byte) {
	t.Helper()
	built, ok := b.build(text)
	if !ok {
		return
	}
	root, p := parseWithLibrary(text)
	if p != nil || root == nil {
		t.Fatalf("built, but refused by the library: %v", p)
	}
	if diff := diffOf(valueOf(root), valueOf(built)); diff != "" {
		t.Errorf("values (-library +built):\n%s", diff)
	}
	if diff := diffOf(placesOf(nil, root), placesOf(nil, built)); diff != "" {
		t.Errorf("places (-library +built):\n%s", diff)
	}
}

type valuePlace struct {
	Text         string
	Line, Column int
}

// placesOf are the places of all nodes but nulls that are not written.
func placesOf(places []valuePlace, n *yaml.Node) []valuePlace {
	if n.Tag != "!!null" || n.Value != "" {
		places = append(places, valuePlace{n.Value, n.Line, n.Column})
	}
	for _, c := range n.Content {
		places = placesOf(places, c)
	}
	return places
}

func FuzzBuild(f *testing.F) {
	for _, s := range listSeeds {
		f.Add([]byte(s.text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.HasPrefix(in, []byte("{")) {
			return
		}
		checkBuilt(t, new(builder), in)
	})
}
