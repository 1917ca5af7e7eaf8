package tier

import (
	"strings"

	"tierwall.dev/fn/internal/report"
)

// Joined are the findings of a set's environments together. That a shared without takes nothing away, or that an entry of
// spec.workloads or an end of a shared flow matches no workload, is left out where there is an environment of which it is
// not true: overlays may hold different workloads.
func Joined(environments []report.Findings) report.Findings {
	type statement struct {
		id         report.ID
		field, end string
	}
	of := func(f report.Finding) (statement, bool) {
		shared := f.ID == withoutNothing || f.ID == overrideUnmatched
		end := ""
		if f.ID == endpointUnmatched && f.Severity == report.Warning {
			end, _, shared = strings.Cut(f.Message, " matches no workload")
		}
		return statement{f.ID, f.Field, end}, shared && !strings.HasPrefix(f.Field, "spec.environments")
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
