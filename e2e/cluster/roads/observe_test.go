package roads

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/e2e/cluster/probe"
)

// dialled is a connection whose probes end so, one after the other.
type dialled struct {
	connection string
	outcomes   []probe.Outcome
}

func TestObserve(t *testing.T) {
	for _, c := range []struct {
		name     string
		dialled  []dialled
		expected []string
		want     []string
		failure  string
	}{
		{
			name: "each is asked once",
			dialled: []dialled{
				{"b", []probe.Outcome{probe.Refused}}, {"a", []probe.Outcome{probe.Open}}, {"c", []probe.Outcome{probe.Timeout}},
			},
			expected: []string{"a", "b"}, want: []string{"a", "b"},
		},
		{
			name:     "a lost packet closes nothing",
			dialled:  []dialled{{"a", []probe.Outcome{probe.Timeout, probe.Open}}, {"b", []probe.Outcome{probe.Timeout}}},
			expected: []string{"a"}, want: []string{"a"},
		},
		{
			name:     "what is closed stays so",
			dialled:  []dialled{{"a", []probe.Outcome{probe.Timeout, probe.Timeout}}},
			expected: []string{"a"},
		},
		{
			name:    "a probe that does not work",
			dialled: []dialled{{"a", []probe.Outcome{probe.Open}}, {"b", []probe.Outcome{probe.Unreachable}}},
			want:    []string{"a"}, failure: "b: unreachable: asked 1 times",
		},
		{
			name:     "a second probe that does not work",
			dialled:  []dialled{{"a", []probe.Outcome{probe.Timeout, probe.Failed}}},
			expected: []string{"a"}, failure: "a: failed: asked 2 times",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := make([]int, len(c.dialled))
			var questions []question
			for i, d := range c.dialled {
				questions = append(questions, question{d.connection, func() (probe.Outcome, error) {
					asked[i]++
					if asked[i] > len(d.outcomes) {
						return probe.Failed, errors.New("asked once too often")
					}
					return d.outcomes[asked[i]-1], fmt.Errorf("asked %d times", asked[i])
				}})
			}
			got, err := observe(questions, func(connection string) bool { return slices.Contains(c.expected, connection) })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("what gets through (-want +got):\n%s", diff)
			}
			if (err != nil) != (c.failure != "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("failures: %v, want %q", err, c.failure)
			}
			for i, d := range c.dialled {
				if asked[i] != len(d.outcomes) {
					t.Errorf("%s was asked %d times, want %d", d.connection, asked[i], len(d.outcomes))
				}
			}
		})
	}
}
