package tier

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/report"
)

func TestJoinedFindingsOfEnvironments(t *testing.T) {
	without := report.Finding{ID: withoutNothing, Severity: report.Error, Field: "spec.without[0]"}
	other := report.Finding{ID: withoutNothing, Severity: report.Error, Field: "spec.without[1]"}
	override := report.Finding{ID: overrideUnmatched, Severity: report.Warning, Field: "spec.workloads[0].name"}
	own := report.Finding{ID: withoutNothing, Severity: report.Error, Field: "spec.environments[1].without[0]"}
	end := report.Finding{ID: endpointUnmatched, Severity: report.Warning, Field: "spec.flows[0]", Message: `"backend/a" matches no workload of tier backend`}
	otherEnd := report.Finding{ID: endpointUnmatched, Severity: report.Warning, Field: "spec.flows[0]", Message: `"backend/b" matches no workload of tier backend`}
	unrelated := report.Finding{ID: endpointUnmatched, Severity: report.Error, Field: "spec.never[0]"}
	for _, test := range []struct {
		name         string
		environments []report.Findings
		want         report.Findings
	}{
		{"no environment", nil, nil},
		{"the only environment", []report.Findings{{without, override}}, report.Findings{without, override}},
		{"true of both", []report.Findings{{without, override}, {without, override}}, report.Findings{without, override}},
		{"true of one", []report.Findings{{without, override}, nil}, nil},
		{"two statements, each true of one", []report.Findings{{without}, {other}}, nil},
		{"an environment's own statement", []report.Findings{{own}, nil}, report.Findings{own}},
		{"an end of a flow that one environment has", []report.Findings{{end}, nil}, nil},
		{"two ends of a flow, each in one environment", []report.Findings{{end}, {otherEnd}}, nil},
		{"an end of a flow that none has", []report.Findings{{end, otherEnd}, {end}}, report.Findings{end}},
		{"any other finding", []report.Findings{{unrelated}, nil}, report.Findings{unrelated}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Joined(test.environments)); diff != "" {
				t.Errorf("joined (-want +got):\n%s", diff)
			}
		})
	}
}
