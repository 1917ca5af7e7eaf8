package examples

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const completeFile = "kubectl/20_network_policy_complete.yaml"

// TestTheCompleteFileIsWhatARenderGives: the one file for kubectl is up to date. `make kubectl-file` renders it again.
func TestTheCompleteFileIsWhatARenderGives(t *testing.T) {
	committed, err := os.ReadFile(completeFile)
	if err != nil {
		t.Fatal(err)
	}
	rendered := mustRun(t, "..", nil, tierwall, "render", "kustomize", "--environment", "prod", "--to", "-")
	if diff := cmp.Diff(string(committed), rendered.stdout); diff != "" {
		t.Errorf("%s is out of date; run: make kubectl-file (-committed +rendered):\n%s", completeFile, diff)
	}
	mustRun(t, "..", nil, tierwall, "render", "kustomize", "--environment", "prod", "--to", "examples/"+completeFile, "--check")
}

// TestTheCompleteFileHoldsTheSixPolicies: in their order, each in the namespace, and each headed by one line of comment.
func TestTheCompleteFileHoldsTheSixPolicies(t *testing.T) {
	content, err := os.ReadFile(completeFile)
	if err != nil {
		t.Fatal(err)
	}
	type policy struct{ Kind, Namespace, Name string }
	var got []policy
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if decoder.Decode(&doc) != nil {
			break
		}
		got = append(got, policy{doc.Kind, doc.Metadata.Namespace, doc.Metadata.Name})
	}
	var want []policy
	names := []string{"default-deny-all", "backend-network-policy", "cache-network-policy", "database-network-policy", "frontend-network-policy", "prometheus-network-policy"}
	for _, name := range names {
		want = append(want, policy{"NetworkPolicy", "app-production", name})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	for i, section := range strings.Split(string(content), "\n---\n") {
		heading := regexp.MustCompile(`(?m)^# [0-9] of 6: ` + regexp.QuoteMeta(names[i]) + `\. .+\napiVersion: `).FindString(section)
		if heading == "" {
			t.Errorf("section %d is not headed by a line about %s:\n%s", i+1, names[i], section)
		}
	}
}
