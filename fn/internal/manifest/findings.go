package manifest

import (
	"fmt"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// What this package has to say; docs/findings.md has a section for each. All are errors.
const (
	InputEmpty        report.ID = "input-empty"         // nothing to read, or only white space and comments
	InputEncoding     report.ID = "input-encoding"      // the bytes are no UTF-8 text
	InputYAML         report.ID = "input-yaml"          // the YAML parser refuses the document
	InputDuplicateKey report.ID = "input-duplicate-key" // a mapping has one key twice
	InputAlias        report.ID = "input-alias"         // aliases that contain themselves or multiply beyond all bounds
	InputDocuments    report.ID = "input-documents"     // a ResourceList beside other documents
	InputListVersion  report.ID = "input-list-version"  // a ResourceList of an API version that is not known
	InputList         report.ID = "input-list"          // items or functionConfig of a ResourceList is of the wrong type
	InputItem         report.ID = "input-item"          // an item of a list, or a document of a stream, is no mapping

	PolicyInvalid      report.ID = "policy-invalid"       // a NetworkPolicy field of the wrong type
	PolicyUnknownField report.ID = "policy-unknown-field" // a NetworkPolicy field that the API does not have

	KustomizationNotEditable report.ID = "kustomization-not-editable" // resources: is in a shape that cannot be edited safely
)

// problem is something wrong with a document, before it is known which.
type problem struct {
	id    report.ID
	field string
	// line is where, from 1 within the text that was parsed; 0 where that is not known.
	line    int
	message string
}

// finding is the problem as a finding about the document at source. Lines are counted from the document's start, which
// is the file's line firstLine, from 0.
func (p *problem) finding(source workload.Source, ref report.Object, firstLine int) report.Finding {
	message := p.message
	if p.line > 0 {
		message = fmt.Sprintf("line %d: %s", p.line+firstLine, message)
	}
	return report.Finding{
		ID: p.id, Severity: report.Error, Object: ref, File: source.File, Index: source.Index, Field: p.field, Message: message,
	}
}

// failure is a single finding of severity error about the input as a whole, as an error.
func failure(id report.ID, field, format string, args ...any) report.Findings {
	return report.Findings{{ID: id, Severity: report.Error, Field: field, Message: fmt.Sprintf(format, args...)}}
}

// asError is nil for no findings, so that an empty list never becomes a non-nil error.
func asError(fs report.Findings) error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}
