package tier

import (
	"strings"

	"tierwall.dev/fn/internal/report"
)

// Joined are the findings of a set's environments together. That a shared without takes nothing away, or that an entry of
// spec.workloads matches no workload, is left out where there is an environment of which it is not true: overlays may hold
// different workloads.
func Joined(environments []report.Findings) report.Findings {
	type statement struct {
		id    report.ID
		field string
	}
	of := func(f report.Finding) (statement, bool) {
		shared := (f.ID == withoutNothing || f.ID == overrideUnmatched) && !strings.HasPrefix(f.Field, "spec.environments")
		return statement{f.ID, f.Field}, shared
	}
	count := map[statement]int{}
	for _, findings := range environments {
		for _, f := range findings.Sorted() {
			if s, shared := of(f); shared {
				count[s]++
			}
		}
	}
	var out report.Findings
	for _, findings := range environments {
		for _, f := range findings {
			if s, shared := of(f); !shared || count[s] >= len(environments) {
				out = append(out, f)
			}
		}
	}
	return out.Sorted()
}
