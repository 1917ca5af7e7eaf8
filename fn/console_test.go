package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/report"
)

func TestConsole(t *testing.T) {
	finding := report.Findings{{ID: "tier-missing", Severity: report.Warning, Message: "x"}}
	for _, test := range []struct {
		name   string
		colour bool
		after  time.Duration
		want   string
	}{
		{"in the first second there is no progress", false, 999 * time.Millisecond, "tierwall: warning: x [tier-missing]\n"},
		{"later there is, and a message takes its place", false, 2 * time.Second,
			clearLine + "building prod (2 of 3)" + clearLine + "tierwall: warning: x [tier-missing]\n"},
		{"severities in colour", true, 0, "tierwall: \x1b[33mwarning\x1b[0m: x [tier-missing]\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			start := time.Unix(0, 0)
			c := &console{Writer: &out, colour: test.colour, started: start, now: func() time.Time { return start.Add(test.after) }}
			progress(c, "building prod", 1, 3)
			say(c, finding)
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoConsoleNoProgress(t *testing.T) {
	var out bytes.Buffer
	progress(&out, "building prod", 1, 3)
	say(&out, report.Findings{{ID: "tier-missing", Severity: report.Info, Message: "x"}})
	if diff := cmp.Diff("tierwall: info: x [tier-missing]\n", out.String()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}
