package opinion

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestGitHubWorkflow: actionlint finds nothing wrong with the workflow, and finds what is made wrong.
func TestGitHubWorkflow(t *testing.T) {
	const file = "../../examples/ci/github/network-policies.yml"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range lint(t, content) {
		t.Errorf("%s: %v", file, e)
	}
	for _, c := range []struct{ from, to string }{
		{"runs-on:", "run-on:"},
		{"security-events: write", "security-event: write"},
		{"!cancelled()", "!canceled()"},
		{"github.event_name", "github.event_names"},
		{"fetch-depth:", "fetch-depths:"},
	} {
		spoilt := strings.ReplaceAll(string(content), c.from, c.to)
		if spoilt == string(content) {
			t.Errorf("the workflow has no %q", c.from)
		}
		if len(lint(t, []byte(spoilt))) == 0 {
			t.Errorf("actionlint finds nothing wrong with %q", c.to)
		}
	}
}

func lint(t *testing.T, content []byte) []*actionlint.Error {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.Lint("network-policies.yml", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
