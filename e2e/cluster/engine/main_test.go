//go:build cluster

package engine

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"k8s.io/client-go/rest"

	"tierwall.dev/fn/e2e/cluster/engine/prober"
	"tierwall.dev/fn/e2e/cluster/isolate"
	"tierwall.dev/fn/e2e/cluster/lab"
)

// repaired are the engine's arguments with every fault repaired, and with an answer to what it rejects.
var repaired = []string{"--repair=all", "--reject"}

// TestMain runs the tests in namespaces of their own. A prober is this binary, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ProberCommand {
		if err := prober.Run(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "prober:", err)
			os.Exit(1)
		}
		return
	}
	// The API server warns of names of ports that two containers have.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	os.Exit(isolate.Main(func() int {
		code := m.Run()
		if err := closeWorld(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if !summary.print() {
			fmt.Fprintln(os.Stderr, "nothing was compared")
			return 1
		}
		return code
	}))
}

var shared struct {
	start sync.Once
	lab   *lab.Lab
	world *World
	err   error
}

// world is the one that all tests share. The first to ask starts it and runs the control: with no policies, every cell
// is open, so that a rejected one is the policies' work.
func world(t *testing.T) *World {
	t.Helper()
	shared.start.Do(func() { shared.err = startWorld(context.Background()) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.world
}

func startWorld(ctx context.Context) error {
	l, err := lab.Start(ctx, repaired...)
	if err != nil {
		return err
	}
	shared.lab = l
	w, err := NewWorld(ctx, l)
	if err != nil {
		return err
	}
	shared.world = w
	c := Random(0)
	c.Policies = nil
	r, err := w.Compare(ctx, c)
	if err != nil {
		return fmt.Errorf("with no policies: %w", err)
	}
	if len(r.Disagreements) > 0 || r.Open != r.Cells || r.Cells == 0 {
		return fmt.Errorf("with no policies %d of %d cells are open: %v", r.Open, r.Cells, first(r.Disagreements))
	}
	summary.add("control, no policies", r)
	return nil
}

func closeWorld() error {
	var err error
	if shared.world != nil {
		err = shared.world.Close()
	}
	if shared.lab != nil {
		shared.lab.Close()
	}
	return err
}

// first are the first few of the disagreements.
func first(all []Disagreement) []Disagreement { return all[:min(len(all), 5)] }

// table is what ran, for the end of the run.
type table struct {
	mu   sync.Mutex
	rows []string
	all  Result
}

var summary table

// add is a row with numbers, which go into the sum.
func (s *table) add(what string, r Result) {
	s.mu.Lock()
	s.all.sum(r)
	s.mu.Unlock()
	s.row("%s\t%d\t%d\t%d\t%d\t%d", what, r.Cells, r.Open, r.Rejected, r.Again, len(r.Disagreements))
}

func (s *table) row(format string, values ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, fmt.Sprintf(format, values...))
}

// print is false where nothing ran.
func (s *table) print() bool {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "engine against proof\tcells\topen\trejected\ttried twice\tdisagreements")
	for _, row := range s.rows {
		fmt.Fprintln(w, row)
	}
	fmt.Fprintf(w, "altogether\t%d\t%d\t%d\t%d\t%d\n", s.all.Cells, s.all.Open, s.all.Rejected, s.all.Again, len(s.all.Disagreements))
	return w.Flush() == nil && len(s.rows) > 0
}

// sum adds what another comparison came to.
func (r *Result) sum(other Result) {
	r.Cells += other.Cells
	r.Open += other.Open
	r.Rejected += other.Rejected
	r.Again += other.Again
	r.Disagreements = append(r.Disagreements, other.Disagreements...)
}

// report says where they disagree, with the smallest cluster on which they do.
func report(t *testing.T, w *World, name string, c Cluster, r Result) {
	t.Helper()
	if len(r.Disagreements) == 0 {
		return
	}
	small := w.Shrink(t.Context(), c)
	left, err := w.Compare(t.Context(), small)
	var text strings.Builder
	for _, d := range first(left.Disagreements) {
		fmt.Fprintln(&text, d)
	}
	t.Errorf("%s: %d of %d cells are not as predicted, such as\n%v\nthe smallest cluster (%d cells differ, %v):\n%s%s",
		name, len(r.Disagreements), r.Cells, r.Disagreements[0], len(left.Disagreements), err, text.String(), small)
}

var (
	clusters  = flag.Uint64("clusters", 30, "how many random clusters are compared")
	firstSeed = flag.Uint64("first", 0, "the seed of the first random cluster")
)

// TestRandom compares random clusters. A run tries at least 2,000 cells, and some of each outcome.
func TestRandom(t *testing.T) {
	w := world(t)
	features := map[string]int{}
	var all Result
	for seed := *firstSeed; seed < *firstSeed+*clusters; seed++ {
		c := Random(seed)
		r, err := w.Compare(t.Context(), c)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, c)
		}
		report(t, w, fmt.Sprintf("seed %d", seed), c, r)
		all.sum(r)
		for _, f := range Features(c) {
			features[f]++
		}
		if n := seed - *firstSeed + 1; n%100 == 0 {
			t.Logf("%d clusters, %d cells, %d disagreements", n, all.Cells, len(all.Disagreements))
			fmt.Printf("%d clusters, %d cells, %d disagreements\n", n, all.Cells, len(all.Disagreements))
		}
	}
	summary.add(fmt.Sprintf("%d random clusters, seeds from %d", *clusters, *firstSeed), all)
	for _, f := range AllFeatures {
		if features[f] == 0 && *clusters >= 30 {
			t.Errorf("no cluster has %s", f)
		}
		t.Logf("%4d clusters have %s", features[f], f)
	}
	if all.Cells < 2000 || all.Open == 0 || all.Rejected == 0 {
		t.Errorf("too little was tried: %d cells, %d open, %d rejected", all.Cells, all.Open, all.Rejected)
	}
}
