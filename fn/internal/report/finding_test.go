package report

import "testing"

// TestFindingIsOneLine holds that a finding is one line that says what it is, whatever names the manifests hold.
func TestFindingIsOneLine(t *testing.T) {
	for _, test := range []struct{ about, name, want string }{
		{"a name as it should be", "web", `base/web.yaml[1] Deployment shop/web: spec.replicas: is odd [odd]`},
		{"letters of other scripts stay", "bücher-本", `base/web.yaml[1] Deployment shop/bücher-本: spec.replicas: is odd [odd]`},
		{"a line break", "web\nok: all good", `base/web.yaml[1] Deployment shop/web\nok: all good: spec.replicas: is odd [odd]`},
		{"a terminal's escape", "\x1b[2Jweb", `base/web.yaml[1] Deployment shop/\x1b[2Jweb: spec.replicas: is odd [odd]`},
		{"text turned round", "web\u202eoof", `base/web.yaml[1] Deployment shop/web\u202eoof: spec.replicas: is odd [odd]`},
		{"a separator of lines", "web\u2028x", `base/web.yaml[1] Deployment shop/web\u2028x: spec.replicas: is odd [odd]`},
		{"bytes that are no text", "web\xff", "base/web.yaml[1] Deployment shop/web\xff: spec.replicas: is odd [odd]"},
	} {
		t.Run(test.about, func(t *testing.T) {
			finding := Finding{
				ID: "odd", Severity: Error, Object: Object{"apps/v1", "Deployment", "shop", test.name},
				File: "base/web.yaml", Index: 1, Field: "spec.replicas", Message: "is odd",
			}
			if got := finding.String(); got != test.want {
				t.Errorf("the finding reads\n%q, want\n%q", got, test.want)
			}
		})
	}
}
