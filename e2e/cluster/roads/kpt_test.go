package roads

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"

// folderOf is a folder of the test's own with files, by their paths.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		write(t, filepath.Join(dir, path), content)
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestCopyBare(t *testing.T) {
	shipped := folderOf(t, map[string]string{
		"Kptfile":                    "pipeline:\n  mutators:\n" + shippedFunction,
		"base/network-policies.yaml": policy,
		"base/kustomization.yaml":    "resources:\n- web.yaml\n- network-policies.yaml\n",
		"set.yaml":                   "kind: NetworkPolicySet\n",
	})
	bare := filepath.Join(t.TempDir(), "copy")
	if err := copyBare(shipped, bare, kptContainer.function); err != nil {
		t.Fatal(err)
	}
	if found, err := filesWithPolicies(bare); err != nil || len(found) > 0 {
		t.Errorf("policies in the copy: %q, %v", found, err)
	}
	for name, want := range map[string]string{
		"Kptfile":                 "pipeline:\n  mutators:\n  - image: " + image + "\n",
		"base/kustomization.yaml": "resources:\n- web.yaml\n",
		"set.yaml":                "kind: NetworkPolicySet\n",
	} {
		if got, err := os.ReadFile(filepath.Join(bare, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}

	other := folderOf(t, map[string]string{"Kptfile": "pipeline:\n  mutators: []\n"})
	if err := copyBare(other, filepath.Join(t.TempDir(), "copy"), kptContainer.function); err == nil {
		t.Error("a Kptfile that does not run tierwall is taken")
	}
}

// TestRendered: a render that wrote nothing, or not all, or has nothing to write is told.
func TestRendered(t *testing.T) {
	both := []string{"base/network-policies.yaml", "prod/network-policies.yaml"}
	for _, c := range []struct {
		name                    string
		shipped, before, writes []string
		failed                  error
		want                    string
	}{
		{name: "wrote all", shipped: both, writes: both},
		{name: "wrote nothing", shipped: both, want: "the render wrote policies to []"},
		{name: "wrote one", shipped: both, writes: both[:1], want: `the render wrote policies to ["base/network-policies.yaml"]`},
		{name: "had them", shipped: both, before: both, want: "there are policies before the render"},
		{name: "failed", shipped: both, writes: both, failed: errors.New("exit status 1"), want: "exit status 1"},
		{name: "nothing to compare with", want: "has no policies to compare with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := func(paths []string) string {
				files := map[string]string{"set.yaml": "kind: NetworkPolicySet\n"}
				for _, path := range paths {
					files[path] = policy
				}
				return folderOf(t, files)
			}
			bare := folder(c.before)
			err := rendered(folder(c.shipped), bare, func() error {
				for _, path := range c.writes {
					write(t, filepath.Join(bare, path), policy)
				}
				return c.failed
			})
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
