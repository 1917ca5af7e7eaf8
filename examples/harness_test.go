// Package examples has no code: its tests run every example, as its README says, and compare what comes out with what
// is committed.
package examples

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policiesFile is the name of every file that a render writes.
const policiesFile = "network-policies.yaml"

// tierwall is the binary under test, built once by TestMain.
var tierwall string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tierwall")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		tierwall = filepath.Join(dir, "tierwall")
		if out, err := exec.Command("go", "build", "-o", tierwall, "../fn").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build ../fn: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// tree is a folder's files, by slash-separated path.
type tree map[string]string

func readTree(t *testing.T, dir string) tree {
	t.Helper()
	files := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && d.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s holds no files", dir)
	}
	return files
}

// write puts the files under dir, which need not exist. Scripts stay executable.
func (files tree) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
}

var policiesEntry = regexp.MustCompile(`(?m)^- ` + regexp.QuoteMeta(policiesFile) + `\n`)

// withoutPolicies is the files as they were before the first render: no policies, and no entry that names them.
func (files tree) withoutPolicies(t *testing.T) tree {
	t.Helper()
	before := tree{}
	for name, content := range files {
		switch filepath.Base(name) {
		case policiesFile:
			continue
		case "kustomization.yaml":
			content = policiesEntry.ReplaceAllString(content, "")
		}
		before[name] = content
	}
	if cmp.Equal(before, files) {
		t.Fatal("no policies are committed, so there is nothing to compare with")
	}
	return before
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// run runs a command in dir. Its environment is the test's, with env added.
func run(t *testing.T, dir string, env []string, name string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), env...)
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// mustRun is run, and fails the test unless the command exits 0.
func mustRun(t *testing.T, dir string, env []string, name string, args ...string) result {
	t.Helper()
	r := run(t, dir, env, name, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s%s", name, strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}
