package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"tierwall.dev/fn/e2e/cluster/engine/prober"
	"tierwall.dev/fn/e2e/cluster/lab"
	"tierwall.dev/fn/internal/reachability"
)

// How long a probe waits for an answer: nearly all get one at once. The few that do not are asked again, for longer.
const (
	firstTimeout = 300 * time.Millisecond
	longTimeout  = 3 * time.Second
)

// World is a running API server, engine and wire, on which clusters are compared one after the other.
type World struct {
	lab     *lab.Lab
	wire    *wire
	applier *applier
}

// NewWorld makes a world of the lab. Close it before the lab.
func NewWorld(ctx context.Context, l *lab.Lab) (*World, error) {
	w, err := newWire(ctx, l)
	if err != nil {
		return nil, err
	}
	return &World{lab: l, wire: w, applier: newApplier(l.Client)}, nil
}

// Close ends the probers.
func (w *World) Close() error { return w.wire.close() }

// Disagreement is a cell of which the proof says something else than the wire.
type Disagreement struct {
	Cell      Cell
	Predicted reachability.Value
	Observed  prober.Outcome
	Why       string
}

func (d Disagreement) String() string {
	return fmt.Sprintf("%s: predicted %s, observed %s\n%s", d.Cell, d.Predicted, d.Observed, d.Why)
}

// Result is what a comparison came to.
type Result struct {
	// Open and Rejected are how many cells were so, and as predicted; Cells are all. Again are those that had no answer at
	// first, and were tried again.
	Cells, Open, Rejected, Again int
	Disagreements                []Disagreement
	// Outcomes are those of each cell.
	Outcomes map[Cell]prober.Outcome
}

// Compare applies the cluster, waits until the engine has it in the kernel, and tries every cell. An answer counts at
// once; a cell without one is tried again, for longer. The error is for what is not the engine's judgement:
// an object that the API server refuses, a sync that the engine gives up.
func (w *World) Compare(ctx context.Context, c Cluster) (Result, error) {
	return w.compare(ctx, c, func() error { return nil })
}

// compare is Compare with something to be done when the engine has the cluster, before the cells are tried.
func (w *World) compare(ctx context.Context, c Cluster, before func() error) (Result, error) {
	p, err := predict(c)
	if err != nil {
		return Result{}, err
	}
	all, err := cells(c)
	if err != nil {
		return Result{}, err
	}
	if err := w.apply(ctx, c); err != nil {
		return Result{}, err
	}
	if err := before(); err != nil {
		return Result{}, err
	}
	observed, err := w.observe(c, all, firstTimeout)
	if err != nil {
		return Result{}, err
	}
	again := unanswered(all, observed)
	if len(again) > 0 {
		second, err := w.observe(c, again, longTimeout)
		if err != nil {
			return Result{}, err
		}
		for cell, o := range second {
			observed[cell] = o
		}
	}
	r := judge(p, all, observed)
	r.Again = len(again)
	return r, nil
}

func (w *World) apply(ctx context.Context, c Cluster) error {
	if err := w.applier.apply(ctx, c); err != nil {
		return fmt.Errorf("the API server refuses the cluster: %w", err)
	}
	return w.lab.Sync(ctx)
}

// observe forgets the connections so far, for an established one outlives the policy that let it through, and tries the
// cells.
func (w *World) observe(c Cluster, all []Cell, timeout time.Duration) (map[Cell]observation, error) {
	if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
		return nil, fmt.Errorf("forgetting connections: %w", err)
	}
	return w.wire.observe(c, all, timeout)
}

func unanswered(all []Cell, observed map[Cell]observation) []Cell {
	var out []Cell
	for _, cell := range all {
		if o := observed[cell].outcome; o != prober.Open && o != prober.Rejected {
			out = append(out, cell)
		}
	}
	return out
}

func differing(p *prediction, all []Cell, observed map[Cell]observation) []Cell {
	var out []Cell
	for _, cell := range all {
		if observed[cell].outcome != expected(p.of(cell)) {
			out = append(out, cell)
		}
	}
	return out
}

// expected is the outcome of a cell: kube-router rejects what it does not let through, so that nothing is silent.
func expected(v reachability.Value) prober.Outcome {
	if v == reachability.Allowed {
		return prober.Open
	}
	return prober.Rejected
}

func judge(p *prediction, all []Cell, observed map[Cell]observation) Result {
	r := Result{Cells: len(all), Outcomes: make(map[Cell]prober.Outcome, len(all))}
	for _, cell := range all {
		v, o := p.of(cell), observed[cell]
		r.Outcomes[cell] = o.outcome
		switch {
		case v == reachability.Unknown || o.outcome != expected(v):
			var why []string
			for _, reason := range p.why(cell) {
				why = append(why, "    "+reason.String())
			}
			if o.text != "" {
				why = append(why, "    on the wire: "+o.text)
			}
			r.Disagreements = append(r.Disagreements, Disagreement{cell, v, o.outcome, strings.Join(why, "\n")})
		case o.outcome == prober.Open:
			r.Open++
		default:
			r.Rejected++
		}
	}
	return r
}

// Shrink makes the cluster as small as it can be while the engine and the proof still disagree. It tries each smaller
// cluster on the engine, which takes a while.
func (w *World) Shrink(ctx context.Context, c Cluster) Cluster {
	return c.Shrink(func(smaller Cluster) bool {
		r, err := w.Compare(ctx, smaller)
		return err == nil && len(r.Disagreements) > 0
	})
}
