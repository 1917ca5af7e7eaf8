package placement

import (
	"errors"

	"tierwall.dev/fn/internal/report"
)

// asFindings gives an error's findings, or makes one of an error that holds none.
func asFindings(err error, id report.ID, file string) report.Findings {
	var fs report.Findings
	if errors.As(err, &fs) {
		return fs
	}
	return report.Findings{{ID: id, Severity: report.Error, File: file, Message: err.Error()}}
}
