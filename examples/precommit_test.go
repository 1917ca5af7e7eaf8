//go:build realtools

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealToolsPreCommit installs the hooks with pre-commit itself, from a repository of this source, and runs them on
// packages that are right, out of date, and open.
func TestRealToolsPreCommit(t *testing.T) {
	env := append(environment(t, ""), "PRE_COMMIT_HOME="+t.TempDir())
	// pre-commit builds with a GOPATH of its own; what is downloaded and built already need not be again.
	for _, name := range []string{"GOMODCACHE", "GOCACHE"} {
		env = append(env, name+"="+strings.TrimSpace(mustRun(t, ".", nil, tool(t, "go"), "env", name).stdout))
	}
	preCommit := tool(t, "pre-commit")
	mustRun(t, "..", env, preCommit, "validate-manifest", ".pre-commit-hooks.yaml")
	mustRun(t, "ci/pre-commit", env, preCommit, "validate-config", ".pre-commit-config.yaml")

	hooks := repository(t, env, hookSource(t))
	mustRun(t, hooks, env, tool(t, "git"), "tag", "v0.1.0")
	config := readTree(t, "ci/pre-commit")
	edit(t, config, ".pre-commit-config.yaml", "https://git.example.com/platform/k8s-security", hooks)
	rendering := tree{".pre-commit-config.yaml": config[".pre-commit-config.yaml"]}
	edit(t, rendering, ".pre-commit-config.yaml", "tierwall-check", "tierwall-render")
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			files := readTree(t, "../kustomize").under("kustomize")
			c.edit(t, files)
			files[".pre-commit-config.yaml"] = config[".pre-commit-config.yaml"]
			dir := repository(t, env, files)
			r := run(t, dir, env, preCommit, "run", "--all-files", "--color", "never")
			if (r.code != 0) != (c.refused != "") || !strings.Contains(r.stdout+r.stderr, c.refused) || strings.Contains(r.stdout, "Skipped") {
				t.Errorf("exit code %d, want %q:\n%s%s", r.code, c.refused, r.stdout, r.stderr)
			}
			unchanged(t, env, dir, "the hooks")
		})
	}
	t.Run("tierwall-render", func(t *testing.T) {
		files := readTree(t, "../kustomize").under("kustomize")
		changes[1].edit(t, files)
		files[".pre-commit-config.yaml"] = rendering[".pre-commit-config.yaml"]
		dir := repository(t, env, files)
		if r := run(t, dir, env, preCommit, "run", "--all-files"); r.code == 0 || !strings.Contains(r.stdout, "files were modified by this hook") {
			t.Errorf("exit code %d, want a failure since files changed:\n%s%s", r.code, r.stdout, r.stderr)
		}
		commit(t, env, dir)
		mustRun(t, dir, env, preCommit, "run", "--all-files")
		mustRun(t, dir, env, tierwall, "render", "kustomize", "--check")
	})
}

// hookSource is this repository as pre-commit fetches it: what Git has of the module, as it is now.
func hookSource(t *testing.T) tree {
	t.Helper()
	cmd := exec.Command(tool(t, "git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".pre-commit-hooks.yaml", "go.mod", "go.sum", "fn")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	return files
}
