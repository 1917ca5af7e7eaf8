package engine

import (
	"testing"

	"tierwall.dev/fn/internal/reachability"
)

// TestRandomClusters: the clusters are worth the time of a real engine: they hold every feature, in every family and
// protocol something is open and something closed, and the proof knows every connection.
func TestRandomClusters(t *testing.T) {
	type kind struct {
		Family
		protocol string
		reachability.Value
	}
	seen := map[kind]int{}
	features := map[string]int{}
	for seed := range uint64(60) {
		c := Random(seed)
		p, err := predict(c)
		if err != nil {
			t.Fatal(err)
		}
		all, err := cells(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range all {
			v := p.of(cell)
			if v == reachability.Unknown {
				t.Fatalf("seed %d: %s is unknown: %v", seed, cell, p.why(cell))
			}
			seen[kind{cell.Family, string(cell.Protocol), v}]++
		}
		for _, f := range Features(c) {
			features[f]++
		}
		if text := p.contradiction(all); text != "" {
			t.Errorf("seed %d: %s", seed, text)
		}
	}
	for _, f := range families {
		for _, protocol := range protocols {
			for _, v := range []reachability.Value{reachability.Allowed, reachability.Denied} {
				if seen[kind{f, string(protocol), v}] < 1000 {
					t.Errorf("%s %s: only %d connections are %s", f, protocol, seen[kind{f, string(protocol), v}], v)
				}
			}
		}
	}
	for _, f := range AllFeatures {
		if features[f] == 0 {
			t.Errorf("no cluster has %s", f)
		}
	}
	t.Log(features)
}
