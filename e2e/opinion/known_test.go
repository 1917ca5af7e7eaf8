package opinion

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/reachability/dice"
)

type selector = metav1.LabelSelector

// The known disagreements with cyclonus v0.5.6, all of them its mistakes. Each has a fixture that shows it, and a way
// to ask so that all other connections can still be compared.

// absent stands for a label that an object does not have, in a copy of the key that only NotIn asks for.
const absent, onlyNotIn = "-absent-", "-not-in"

// spelledKeys are the keys that random selectors name.
var spelledKeys = []string{"app", "tier", corev1.LabelMetadataName}

func spelledLabels(labels map[string]string) map[string]string {
	out := labels
	for _, key := range spelledKeys {
		value, has := labels[key]
		if !has {
			value = absent
		}
		out = with(out, key+onlyNotIn, value)
	}
	return out
}

// spellNotIn lets NotIn ask for a label that every object has.
func spellNotIn(s *selector) {
	for i, e := range s.MatchExpressions {
		if e.Operator == metav1.LabelSelectorOpNotIn {
			s.MatchExpressions[i].Key += onlyNotIn
		}
	}
}

// spellEmptyValues asks for an empty value by In.
func spellEmptyValues(s *selector) {
	for key, value := range s.MatchLabels {
		if value == "" {
			delete(s.MatchLabels, key)
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{""}})
		}
	}
}

var known = []struct {
	// name is that of the fixture.
	name string
	cell cell
	// api is what the API's documentation says, and tierwall.
	api answer
	// cyclonus is what it says, of what the API server has stored; asStored is false where it is asked of what was written.
	cyclonus answer
	asStored bool
	// panics is true where it gives no answer.
	panics bool
}{
	{name: "not-in-without-the-label", cell: cell{"client", "server", corev1.ProtocolTCP, 80},
		api: answer{true, true}, cyclonus: answer{true, false}, asStored: true},
	{name: "empty-value-without-the-label", cell: cell{"client", "server", corev1.ProtocolTCP, 80},
		api: answer{true, false}, cyclonus: answer{true, true}, asStored: true},
	{name: "two-names-of-one-port", cell: cell{"client", "server", corev1.ProtocolTCP, 80},
		api: answer{true, true}, cyclonus: answer{true, false}, asStored: true},
	{name: "a-pod-to-itself", cell: cell{"server", "server", corev1.ProtocolTCP, 80},
		api: answer{true, true}, cyclonus: answer{false, false}, asStored: true},
	{name: "policy-types-not-written", cell: cell{"client", "server", corev1.ProtocolTCP, 80},
		api: answer{true, false}, panics: true},
}

// TestKnownDisagreements shows that each is one, that tierwall is on the API's side, and that the way around it works.
func TestKnownDisagreements(t *testing.T) {
	for _, k := range known {
		t.Run(k.name, func(t *testing.T) {
			c := readCluster(t, filepath.Join("testdata", "known", k.name+".yaml"))
			m, err := tierwall(c)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := askTierwall(m, k.cell); err != nil || got != k.api {
				t.Errorf("%s: tierwall says %s (%v), the API %s", k.cell, got, err, k.api)
			}
			asked := c
			if k.asStored {
				asked = stored(c)
			}
			switch e, err := newCyclonus(asked, false); {
			case k.panics != (err != nil):
				t.Errorf("cyclonus panics: %v, want %t", err, k.panics)
			case err == nil && e.ask(k.cell) != k.cyclonus:
				t.Errorf("%s: cyclonus says %s, known is %s", k.cell, e.ask(k.cell), k.cyclonus)
			}
			if text := disagreement(c); text != "" {
				t.Errorf("the way around it does not work: %s", text)
			}
		})
	}
}

// TestKnownDisagreementsAreDocumented: each has its fixture, and its row in docs/semantics.md.
func TestKnownDisagreementsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/known/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range known {
		names = append(names, k.name)
		if !strings.Contains(string(text), "`"+k.name+"`") {
			t.Errorf("docs/semantics.md does not name %s", k.name)
		}
	}
	for _, f := range files {
		if !slices.Contains(names, strings.TrimSuffix(filepath.Base(f), ".yaml")) {
			t.Errorf("%s shows no known disagreement", f)
		}
	}
}

// TestWaysAroundAreNeeded: of random clusters, too, cyclonus says something else when it is asked straight.
func TestWaysAroundAreNeeded(t *testing.T) {
	compared, different := 0, 0
	for seed := range uint64(50) {
		c := dice.New(seed, 8).Cluster()
		m, err := tierwall(c)
		if err != nil {
			t.Fatal(err)
		}
		e, err := newCyclonus(stored(c), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range cells(c) {
			got, err := askTierwall(m, one)
			if err != nil {
				t.Fatal(err)
			}
			compared++
			if e.ask(one) != got {
				different++
			}
		}
	}
	if different == 0 {
		t.Error("no connection differs: the known disagreements are never met, or are no more")
	}
	t.Logf("asked straight, cyclonus says something else of %d of %d connections", different, compared)
}
