package story

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/e2e/cluster/probe"
	"tierwall.dev/fn/e2e/cluster/truth"
)

// TestObserve has two pods probe one cell: a probe without an answer is made once more where the other pod's got through
// or the map says open, and nowhere else.
func TestObserve(t *testing.T) {
	const open, refused, silent, failed = probe.Open, probe.Refused, probe.Timeout, probe.Failed
	type outcomes = []probe.Outcome // of a pod's probes, in order
	cases := map[string]struct {
		predicted bool
		a, b      outcomes
		want      bool
		wantErr   string
	}{
		"open":                          {true, outcomes{open}, outcomes{refused}, true, ""},
		"open, predicted denied":        {false, outcomes{open}, outcomes{refused}, true, ""},
		"denied":                        {false, outcomes{silent}, outcomes{silent}, false, ""},
		"denied, predicted open":        {true, outcomes{silent, silent}, outcomes{silent, silent}, false, ""},
		"one is lost":                   {true, outcomes{open}, outcomes{silent, open}, true, ""},
		"one is lost, predicted denied": {false, outcomes{silent, open}, outcomes{refused}, true, ""},
		"both are lost":                 {true, outcomes{silent, open}, outcomes{silent, refused}, true, ""},
		"the pods do not agree":         {true, outcomes{open}, outcomes{silent, silent}, false, "1 probes failed:\nshop/web -> shop/db 5432/TCP IPv4: the pods of the workload do not agree"},
		"a probe does not work":         {true, outcomes{open}, outcomes{failed}, false, "1 probes failed:\nshop/web -> shop/db 5432/TCP IPv4: failed: no thread"},
		"the second does not work":      {true, outcomes{open}, outcomes{silent, failed}, false, "1 probes failed:\nshop/web -> shop/db 5432/TCP IPv4: failed: no thread"},
	}
	cell := truth.Cell{From: "shop/web", To: "shop/db", Port: "5432/TCP", Family: truth.IPv4}
	a, b := task{cell: cell, from: End{IPv4: "10.0.0.1"}}, task{cell: cell, from: End{IPv4: "10.0.0.2"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			left := map[task]outcomes{a: c.a, b: c.b}
			var mu sync.Mutex
			dial := func(one task) (probe.Outcome, error) {
				mu.Lock()
				defer mu.Unlock()
				if len(left[one]) == 0 {
					return failed, errors.New("probed once too often")
				}
				outcome := left[one][0]
				left[one] = left[one][1:]
				return outcome, errors.New("no thread")
			}
			got, err := observe(Predicted{Table: truth.Table{cell: c.predicted}, tasks: []task{a, b}}, dial)
			if len(left[a]) > 0 || len(left[b]) > 0 {
				t.Errorf("not probed: %v and %v", left[a], left[b])
			}
			if c.wantErr != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.wantErr) {
					t.Fatalf("got %v, want %q", err, c.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(truth.Table{cell: c.want}, got); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestObserveGivesUpOnManySilent: what is silent for another reason than a busy machine is not probed for minutes.
func TestObserveGivesUpOnManySilent(t *testing.T) {
	cell := truth.Cell{From: "shop/web", To: "shop/db", Port: "5432/TCP", Family: truth.IPv4}
	for n, want := range map[int]int{mostLost: 2 * mostLost, mostLost + 1: mostLost + 1} {
		var mu sync.Mutex
		probes := 0
		dial := func(task) (probe.Outcome, error) {
			mu.Lock()
			defer mu.Unlock()
			probes++
			return probe.Timeout, nil
		}
		tasks := make([]task, n)
		for i := range tasks {
			tasks[i].cell = cell
		}
		got, err := observe(Predicted{Table: truth.Table{cell: true}, tasks: tasks}, dial)
		if err != nil {
			t.Fatal(err)
		}
		if got[cell] || probes != want {
			t.Errorf("%d silent: open %t, %d probes, want denied and %d", n, got[cell], probes, want)
		}
	}
}
