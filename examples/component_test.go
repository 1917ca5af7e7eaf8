package examples

import (
	"strings"
	"testing"
)

// TestTheComponentIsWhatARenderGives: the Component's policies are up to date with the workloads that stand for the tiers.
func TestTheComponentIsWhatARenderGives(t *testing.T) {
	mustRun(t, "component", nil, tierwall, "render", "workloads", "--to", "network-policies/policies.yaml", "--check")
}

// TestTheComponentProtectsWhoeverAddsIt: an application that adds the Component is proved, and one whose ports or labels
// are others than the Component's is told so.
func TestTheComponentProtectsWhoeverAddsIt(t *testing.T) {
	const base, overlay = "shop/base/orders.yaml", "shop/overlays/prod/kustomization.yaml"
	for _, c := range []struct {
		name, file, from, to string
		want                 string // a finding; empty where the proof holds
	}{
		{name: "as it is"},
		{"another port", base, "8080", "3000", "flow-blocked"},
		{"no tier", base, "        tier: backend\n", "", "tier-missing"},
		{"without the line", overlay, "components:\n- ../../../network-policies\n", "", "namespace-without-policies"},
		{"labels that an overlay adds to pods and selectors", overlay, "components:", "labels:\n- includeSelectors: true\n  pairs: {team: shop}\ncomponents:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := readTree(t, "component")
			if c.file != "" {
				changed := strings.ReplaceAll(files[c.file], c.from, c.to)
				if changed == files[c.file] {
					t.Fatalf("%s does not hold %q", c.file, c.from)
				}
				files[c.file] = changed
			}
			dir := t.TempDir()
			files.write(t, dir)
			r := run(t, dir, nil, tierwall, "verify", ".")
			if (r.code != 0) != (c.want != "") || !strings.Contains(r.stderr, c.want) {
				t.Errorf("exit code %d, want a finding %q:\n%s", r.code, c.want, r.stderr)
			}
		})
	}
}
