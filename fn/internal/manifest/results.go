package manifest

import (
	"strconv"

	"tierwall.dev/fn/internal/report"
)

// appendResults writes findings as the results of a ResourceList, errors first, the way kyaml writes them.
//
// kpt shows severity, resourceRef, field.path and message, the first four results only, and neither file nor tags: so
// the file and the id stand in the message, and where there is no resourceRef, which the specification wants beside a
// field, the field too.
func appendResults(out []byte, findings report.Findings) []byte {
	out = append(out, "results:\n"...)
	for _, f := range findings.Sorted() {
		out = appendResult(out, f)
	}
	return out
}

func appendResult(out []byte, f report.Finding) []byte {
	line := func(text ...string) {
		for _, t := range text {
			out = append(out, t...)
		}
		out = append(out, '\n')
	}
	o := f.Object
	hasRef := o.APIVersion != "" && o.Kind != "" && o.Name != ""
	line("- message: ", quote(resultMessage(f, hasRef)))
	line("  severity: ", string(f.Severity))
	if hasRef {
		line("  resourceRef:")
		line("    apiVersion: ", quote(o.APIVersion))
		line("    kind: ", quote(o.Kind))
		line("    name: ", quote(o.Name))
		if o.Namespace != "" {
			line("    namespace: ", quote(o.Namespace))
		}
		if f.Field != "" {
			line("  field:")
			line("    path: ", quote(f.Field))
		}
	}
	if f.File != "" {
		line("  file:")
		line("    path: ", quote(f.File))
		if f.Index > 0 {
			line("    index: ", strconv.Itoa(f.Index))
		}
	}
	line("  tags:")
	line("    id: ", quote(string(f.ID)))
	return out
}

func resultMessage(f report.Finding, hasRef bool) string {
	if hasRef {
		f.Object, f.Field = report.Object{}, ""
	}
	return f.String()
}
