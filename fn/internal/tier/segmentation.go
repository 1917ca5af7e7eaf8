package tier

import (
	"fmt"
	"path"
	"slices"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// Test is a SegmentationTest: it checks what is open and changes nothing. DecodeTest makes one.
type Test struct {
	// Name is the name of the test.
	Name string `json:"-"`
	// Source is where the test was read from.
	Source workload.Source `json:"-"`

	// TierLabels are the label keys that give a workload its tier. Default those of the NetworkPolicySet.
	TierLabels []string `json:"tierLabels,omitempty"`
	// Environments are the environments that the test is for. Default all of them.
	Environments []string `json:"environments,omitempty"`
	// Expect are the expectations.
	Expect []Expectation `json:"expect,omitempty"`
	// Within names an environment that must have every connection that the test's environments have.
	Within string `json:"within,omitempty"`

	object report.Object
}

// Expectation is what the test expects of some connections: either a verdict, or the only sources.
type Expectation struct {
	// From are the sources, one or a list: a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer, or "*"
	// for every workload that has a tier.
	From Refs `json:"from"`
	// To are the destinations, written like the sources.
	To Refs `json:"to"`
	// Ports are the destination's ports: 8080, 53/UDP, 8000-8010, a port's name, or metrics. Default the serving ports
	// where the verdict is allowed, else every port.
	Ports []PortSpec `json:"ports,omitempty"`
	// Verdict is what every one of the connections must be: allowed or denied.
	Verdict Verdict `json:"verdict,omitempty"`
	// Only are the sources among From that may reach the destinations; all others must not.
	Only Refs `json:"only,omitempty"`

	// Field is where the expectation is written, such as spec.expect[2].
	Field string `json:"-"`
}

// Verdict is what a test expects of a connection.
type Verdict string

// The verdicts that a test can expect.
const (
	Allowed Verdict = "allowed"
	Denied  Verdict = "denied"
)

// In reports whether the test is for an environment: it names it, or names none. An environment that is named with its
// parent, since two overlays share a name, is the one of that name too.
func (t *Test) In(environment string) bool {
	return len(t.Environments) == 0 || slices.ContainsFunc(t.Environments, func(name string) bool { return isNamed(environment, name) })
}

// Needs reports whether the test cannot be checked without an environment.
func (t *Test) Needs(environment string) bool {
	return t.In(environment) || t.Within != "" && isNamed(environment, t.Within)
}

// CheckEnvironments says which environments of the test are none of those that there are: what it expects of them would
// be checked nowhere.
func (t *Test) CheckEnvironments(names []string) report.Findings {
	var out report.Findings
	check := func(field, name string) {
		if slices.ContainsFunc(names, func(n string) bool { return isNamed(n, name) }) {
			return
		}
		out = append(out, document{t.object, t.Source}.finding(configUnknownName, report.Error, field, noEnvironment(name, names)))
	}
	for i, name := range t.Environments {
		check(fmt.Sprintf("spec.environments[%d]", i), name)
	}
	if t.Within != "" {
		check("spec.within", t.Within)
	}
	return out
}

// Checks reports whether the test checks anything.
func (t *Test) Checks() bool { return len(t.Expect) > 0 || t.Within != "" }

func isNamed(environment, name string) bool {
	return environment == name || path.Base(environment) == name
}
