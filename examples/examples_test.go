package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packages are the folders that `tierwall render` writes into, with their policies committed.
var packages = []string{
	"../kustomize",
	"three-tier",
	"many-workloads",
	"openshift",
	"no-kustomization",
}

// others are the examples that the tests with real tools run: they need kustomize, helm or kubectl.
var others = []string{"inline-component", "helm-post-renderer", "argocd-flux", "kubectl", "component", "ci"}

func TestRenderGivesTheCommittedPolicies(t *testing.T) {
	for _, pkg := range packages {
		t.Run(filepath.Base(pkg), func(t *testing.T) {
			want := readTree(t, pkg)
			dir := t.TempDir()
			want.withoutPolicies(t).write(t, dir)

			if r := run(t, dir, nil, tierwall, "render", dir, "--check"); r.code != 1 {
				t.Errorf("render --check before the first render: exit code %d, want 1\n%s%s", r.code, r.stdout, r.stderr)
			}
			mustRun(t, dir, nil, tierwall, "render", dir)
			if diff := cmp.Diff(want, readTree(t, dir)); diff != "" {
				t.Fatalf("rendered files differ from the committed ones (-committed +rendered):\n%s", diff)
			}
			mustRun(t, dir, nil, tierwall, "render", dir, "--check")
			mustRun(t, dir, nil, tierwall, "render", dir)
			if diff := cmp.Diff(want, readTree(t, dir)); diff != "" {
				t.Errorf("the second render changed files:\n%s", diff)
			}
		})
	}
}

func TestEveryExampleIsRunAndHasAReadme(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	known := slices.DeleteFunc(slices.Concat(packages, others), func(name string) bool { return strings.Contains(name, "/") })
	slices.Sort(known)
	if diff := cmp.Diff(known, folders); diff != "" {
		t.Errorf("folders that the tests run, and folders there are (-run +there):\n%s", diff)
	}
	for _, folder := range folders {
		if len(shellBlocks(t, filepath.Join(folder, "README.md"))) == 0 {
			t.Errorf("%s/README.md: no ```sh block: say how the example is run", folder)
		}
	}
}
