package assertion

import (
	"fmt"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// test says which of a SegmentationTest's expectations do not hold.
func (p *Proof) test(test Test) report.Findings {
	var out report.Findings
	say := func(field, message string) {
		out = append(out, expectationFinding(test.Test, expectationFailed, field, message))
	}
	for _, x := range test.Expected {
		if x.Verdict == tier.Allowed {
			for _, s := range p.shortfalls(x.Groups) {
				say(x.Field, "expects to be allowed "+p.sayShortfall(s))
			}
			continue
		}
		for _, b := range p.breaches(x.Groups) {
			say(x.Field, fmt.Sprintf("expects to be denied %s", p.sayBreach(b)))
		}
	}
	return out
}

func expectationFinding(test *tier.Test, id report.ID, field, message string) report.Finding {
	return report.Finding{ID: id, Severity: report.Error, File: test.Source.File, Index: test.Source.Index,
		Object: report.Object{APIVersion: tier.APIVersion, Kind: tier.TestKind, Name: test.Name}, Field: field, Message: message}
}
