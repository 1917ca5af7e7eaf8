//go:build realtools

package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// change is a change to the shipped package that a pipeline looks at.
type change struct {
	name string
	edit func(t *testing.T, files tree)
	// refused is what the pipeline says when it fails; empty where it passes.
	refused string
	// report is what the SARIF report holds.
	report string
}

var changes = []change{
	{name: "nothing", edit: func(*testing.T, tree) {}, report: `"level": "note"`},
	{
		name: "out of date",
		edit: func(t *testing.T, files tree) {
			edit(t, files, "kustomize/networkpolicyset.yaml", "198.51.100.0/24", "198.51.100.128/25")
		},
		refused: "package-out-of-date",
		report:  `"ruleId": "connection-not-meant"`,
	},
	{
		name: "a stray policy",
		edit: func(t *testing.T, files tree) {
			files["kustomize/overlays/prod/stray.yaml"] = strayPolicy
			edit(t, files, "kustomize/overlays/prod/kustomization.yaml", "resources:\n", "resources:\n- stray.yaml\n")
		},
		refused: "connection-not-meant",
		report:  `"ruleId": "connection-not-meant"`,
	},
}

// TestRealToolsGitHubWorkflow runs the steps of the workflow in their order, as a runner does, until one fails.
func TestRealToolsGitHubWorkflow(t *testing.T) {
	var workflow struct {
		Env  map[string]string
		Jobs map[string]struct {
			Steps []struct{ Name, Run, Uses, If string }
		}
	}
	decodeFile(t, "ci/github/network-policies.yml", &workflow)
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			env, dir := repositoryWithChange(t, c)
			temp := t.TempDir()
			for name, value := range workflow.Env {
				env = append(env, name+"="+value)
			}
			path, summary := filepath.Join(temp, "path"), filepath.Join(temp, "summary")
			env = append(env, "RELEASES=file://"+releasesDir(t), "RUNNER_TEMP="+temp, "GITHUB_PATH="+path, "GITHUB_STEP_SUMMARY="+summary, "GITHUB_BASE_REF=main")
			failed, said, ran := false, "", 0
			for _, step := range workflow.Jobs["tierwall"].Steps {
				if step.Run == "" || failed && step.If == "" {
					continue
				}
				ran++
				r := run(t, dir, pathOf(t, env, path), tool(t, "bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
				said += r.stdout + r.stderr
				failed = failed || r.code != 0
			}
			if ran < 3 {
				t.Errorf("%d steps were run", ran)
			}
			report := readIf(t, filepath.Join(dir, "tierwall.sarif"))
			judge(t, c, failed, said+report, report)
			if got := readIf(t, summary); (c.name == "a stray policy") != strings.Contains(got, "5432") || got == "" {
				t.Errorf("the summary does not say what the change opens, or says it of another change:\n%s", got)
			}
		})
	}
}

// TestRealToolsGitLabJob runs the script of the job as a runner does: all lines in one shell.
func TestRealToolsGitLabJob(t *testing.T) {
	var pipeline map[string]struct {
		Variables    map[string]string
		BeforeScript []string `yaml:"before_script"`
		Script       []string
		Artifacts    struct {
			Reports map[string]string
			Paths   []string
		}
	}
	decodeFile(t, "ci/gitlab/.gitlab-ci.yml", &pipeline)
	job := pipeline["network-policies"]
	if len(job.Script) == 0 {
		t.Fatal("the job has no script")
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			env, dir := repositoryWithChange(t, c)
			for name, value := range job.Variables {
				env = append(env, name+"="+value)
			}
			env = append(env, "RELEASES=file://"+releasesDir(t), "CI_PROJECT_DIR="+dir)
			r := run(t, dir, env, tool(t, "bash"), "-eo", "pipefail", "-c", strings.Join(append(job.BeforeScript, job.Script...), "\n"))
			report := readIf(t, filepath.Join(dir, job.Artifacts.Paths[0]))
			judge(t, c, r.code != 0, r.stdout+r.stderr+report, report)
			if junit := readIf(t, filepath.Join(dir, job.Artifacts.Reports["junit"])); !strings.Contains(junit, "<testsuites") || (c.refused != "") != strings.Contains(junit, "<failure") {
				t.Errorf("the JUnit report:\n%s", junit)
			}
		})
	}
}

// judge fails the test where a pipeline has not said of a change what is to be said.
func judge(t *testing.T, c change, failed bool, said, report string) {
	t.Helper()
	if failed != (c.refused != "") || !strings.Contains(said, c.refused) {
		t.Errorf("failed: %v, want %q:\n%s", failed, c.refused, said)
	}
	if !json.Valid([]byte(report)) || !strings.Contains(report, c.report) || (c.refused == "") == strings.Contains(report, `"level": "error"`) {
		t.Errorf("the SARIF report has no %s, or an error where there is none:\n%s", c.report, report)
	}
}

// repositoryWithChange is a repository whose branch origin/main is the shipped package, and that has the change. tierwall is
// not on the PATH.
func repositoryWithChange(t *testing.T, c change) (env []string, dir string) {
	t.Helper()
	files := readTree(t, "../kustomize").under("kustomize")
	full := environment(t, "")
	dir = repository(t, full, files)
	mustRun(t, dir, full, tool(t, "git"), "update-ref", "refs/remotes/origin/main", "HEAD")
	c.edit(t, files)
	files.write(t, dir)
	commit(t, full, dir)
	return nil, dir
}

// releasesDir is a server's folder with the archive of one version, as `make release` builds it, and its checksum.
func releasesDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := `mkdir -p "$1/v0.1.0/tierwall-v0.1.0-linux-amd64"
cd "$1/v0.1.0"
cp "$2" tierwall-v0.1.0-linux-amd64/tierwall
tar -czf tierwall-v0.1.0-linux-amd64.tar.gz tierwall-v0.1.0-linux-amd64
sha256sum tierwall-v0.1.0-linux-amd64.tar.gz > SHA256SUMS
echo "0000000000000000000000000000000000000000000000000000000000000000  tierwall-v0.1.0-darwin-arm64.tar.gz" >> SHA256SUMS
rm -r tierwall-v0.1.0-linux-amd64`
	mustRun(t, ".", nil, tool(t, "bash"), "-euc", script, "release", dir, tierwall)
	return dir
}

// pathOf is the environment with the folders that steps have put before the PATH.
func pathOf(t *testing.T, env []string, file string) []string {
	t.Helper()
	path := os.Getenv("PATH")
	for folder := range strings.Lines(readIf(t, file)) {
		path = strings.TrimSpace(folder) + string(os.PathListSeparator) + path
	}
	return append(env, "PATH="+path)
}

// readIf is what a file holds; nothing where it is not there.
func readIf(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(content)
}

func decodeFile(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
