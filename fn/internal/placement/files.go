package placement

import (
	"errors"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Files are the files of a package: on disk for the command, out of the ResourceList for the function.
type Files interface {
	// Names are the slash-separated paths of the package's YAML and kustomization files below the root, sorted.
	Names() []string
	// Has reports whether a path is a file of the package, of any kind.
	Has(path string) bool
	// Read gives a file's content as it is now.
	Read(path string) ([]byte, error)
}

func sourceOf(file string) workload.Source { return workload.Source{File: file} }

// asFindings gives an error's findings, or makes one of an error that holds none.
func asFindings(err error, id report.ID, file string) report.Findings {
	var fs report.Findings
	if errors.As(err, &fs) {
		return fs
	}
	return report.Findings{{ID: id, Severity: report.Error, File: file, Message: err.Error()}}
}
