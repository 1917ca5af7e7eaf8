//go:build realtools

package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// expectation is .expected/config.yaml, as far as the examples use it.
type expectation struct {
	// TestType is render, or eval, which needs an exec.sh here.
	TestType string `yaml:"testType"`
	ExitCode int    `yaml:"exitCode"`
}

// TestRealToolsCatalog runs the examples of the catalogue's entry as kpt's end-to-end runner does: in a repository of their
// own, `exec.sh` or `kpt fn render`, twice; then the exit code, the difference to the first commit, and for a failure
// the results are what .expected says. KPT_E2E_UPDATE_EXPECTED=true writes them.
func TestRealToolsCatalog(t *testing.T) {
	for _, name := range catalogExamples(t) {
		t.Run(name, func(t *testing.T) {
			env := environment(t, "")
			requireImage(t, env)
			files := readTree(t, filepath.Join(catalog, "examples", name))
			want := expected(t, files)
			dir := repository(t, env, files)
			for range 2 { // what is rendered once stays as it is
				results := t.TempDir()
				command := "kpt fn render . --image-pull-policy=never --results-dir " + results
				if script, ok := files[".expected/exec.sh"]; ok {
					command = script
				} else if want.TestType != "render" {
					t.Fatalf("test type %q without an exec.sh", want.TestType)
				}
				r := run(t, dir, env, tool(t, "bash"), "-euc", command)
				if r.code != want.ExitCode {
					t.Fatalf("exit code %d, want %d\n%s%s", r.code, want.ExitCode, r.stdout, r.stderr)
				}
				dropRenderStatus(t, dir)
				mustRun(t, dir, env, tool(t, "git"), "add", "--all")
				diff := mustRun(t, dir, env, tool(t, "git"), "diff", "--cached", "--abbrev=7", "HEAD").stdout
				agrees(t, name, "diff.patch", files, diff)
				if want.ExitCode != 0 {
					agrees(t, name, "results.yaml", files, resultsOf(t, results))
				}
			}
		})
	}
}

func expected(t *testing.T, files tree) expectation {
	t.Helper()
	var e expectation
	decoder := yaml.NewDecoder(strings.NewReader(files[".expected/config.yaml"]))
	decoder.KnownFields(true)
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf(".expected/config.yaml: %v", err)
	}
	return e
}

// agrees compares with a file of .expected; one that is absent stands for nothing.
func agrees(t *testing.T, example, name string, files tree, got string) {
	t.Helper()
	if strings.EqualFold(os.Getenv("KPT_E2E_UPDATE_EXPECTED"), "true") {
		if got != "" {
			tree{name: got}.write(t, filepath.Join(catalog, "examples", example, ".expected"))
		}
		return
	}
	if diff := cmp.Diff(files[".expected/"+name], got); diff != "" {
		t.Errorf(".expected/%s (-expected +got):\n%s", name, diff)
	}
}

// resultsOf is the one file of results that kpt has written.
func resultsOf(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	for _, content := range readTree(t, dir) {
		all = append(all, content)
	}
	if len(all) != 1 {
		t.Fatalf("kpt wrote %d files of results", len(all))
	}
	return all[0]
}
