package discovery

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/report"
)

// checkNames refuses names and labels that the API server refuses and that a policy of the workload would carry: it would
// be refused too, and with it, by an apply, all that comes after. Text with a "${" in it is what Flux replaces later.
func (r *Reader) checkNames(c *candidate) {
	check := func(field, value, what string, wrong []string) {
		if len(wrong) > 0 && !strings.Contains(value, "${") {
			r.report(c.origin, idInvalid, report.Error, field, "%q is no %s; the API server refuses it", value, what)
		}
	}
	// A generated name ends in a hyphen.
	check("metadata.name", c.Name, "DNS name: at most 253 lower case letters, digits, hyphens and dots, a letter or digit at both ends",
		validation.IsDNS1123Subdomain(strings.TrimSuffix(c.Name, "-")))
	if c.Namespace != "" {
		check("metadata.namespace", c.Namespace, "DNS label: at most 63 lower case letters, digits and hyphens, a letter or digit at both ends",
			validation.IsDNS1123Label(c.Namespace))
	}
	labels := c.kind.path("metadata.labels")
	for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
		check(labels, key, "label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it",
			validation.IsQualifiedName(key))
		check(labels+"."+key, c.PodLabels[key], "label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends",
			validation.IsValidLabelValue(c.PodLabels[key]))
	}
}
