//go:build realtools

package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// openInProd is all that is meant to be open in the shipped package's environment prod, for pods that ask: it is
// written by hand, not derived.
var openInProd = []string{
	"frontend frontend 8080", "frontend frontend 9090", "frontend backend 8080", "frontend internet 443",
	"backend backend 8080", "backend backend 9090", "backend database 5432", "backend redis 6379", "backend internet 443",
	"backend 198.51.100.7 8443",
	"database database 5432", "database database 9090",
	"redis redis 6379", "redis redis 9090",
	"frontend dns 53", "backend dns 53", "database dns 53", "redis dns 53",
	"frontend dns 53/UDP", "backend dns 53/UDP", "database dns 53/UDP", "redis dns 53/UDP",
	"prometheus frontend 9090", "prometheus backend 9090", "prometheus database 9090", "prometheus redis 9090",
	"prometheus frontend 8080", "other frontend 8080",
}

func buildProd(t *testing.T, env []string) string {
	t.Helper()
	return mustRun(t, "..", env, tool(t, "kubectl"), "kustomize", "kustomize/overlays/prod").stdout
}

// TestRealToolsTheMapsScript runs what `tierwall map -o shell` writes, on networks that are as proved and that are not.
func TestRealToolsTheMapsScript(t *testing.T) {
	env := environment(t, "")
	dir := t.TempDir()
	ask := filepath.Join(dir, "ask.sh")
	text := mustRun(t, "..", env, tierwall, "map", "kustomize", "--environment", "prod", "--output", "shell").stdout
	if err := os.WriteFile(ask, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	all := []string{"ELSEWHERE=default", "HOST_PAYMENTS=198.51.100.7"}
	without := func(lines ...string) []string {
		return slices.DeleteFunc(slices.Clone(openInProd), func(l string) bool { return slices.Contains(lines, l) })
	}
	for _, c := range []struct {
		name string
		open []string
		env  []string
		code int
		// want are the lines that do not say "as proved", and the last.
		want []string
	}{
		{"as proved", openInProd, all, 0, []string{"  not asked  internet -> frontend:8080: ask from there", "64 as proved, 0 wrong, 1 not asked"}},
		{"nothing is said of hosts", openInProd, nil, 0, []string{
			"  not asked  frontend -> payments:8443: set HOST_PAYMENTS to a host of it that listens",
			"  not asked  backend -> payments:8443: set HOST_PAYMENTS to a host of it that listens",
			"  not asked  database -> payments:8443: set HOST_PAYMENTS to a host of it that listens",
			"  not asked  redis -> payments:8443: set HOST_PAYMENTS to a host of it that listens",
			"  not asked  elsewhere -> all: there is no running pod of elsewhere",
			"  not asked  internet -> frontend:8080: ask from there", "52 as proved, 0 wrong, 6 not asked"}},
		{"only the frontend asks", openInProd, append(slices.Clone(all), "ONLY=frontend"), 0, []string{
			"  not asked  internet -> frontend:8080: ask from there", "12 as proved, 0 wrong, 1 not asked"}},
		{"all goes wrong", append(without("frontend backend 8080", "backend dns 53/UDP", "redis redis 9090"), "frontend database 5432", "other database 5432"), all, 1, []string{
			"  WRONG      frontend -> backend:8080 is closed, and was proved open",
			"  WRONG      frontend -> database:5432 is open, and was proved closed",
			"  WRONG      backend -> dns:53/UDP is closed, and was proved open",
			"  WRONG      redis -> itself:9090: nothing listens on the pod's address, so that closed says nothing",
			"  WRONG      elsewhere -> database:5432 is open, and was proved closed",
			"  not asked  internet -> frontend:8080: ask from there", "59 as proved, 5 wrong, 1 not asked"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := newPaperCluster(t, buildProd(t, env), c.open)
			r := run(t, dir, slices.Concat(env, cluster.serve(), c.env), "sh", ask)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d\n%s", r.code, c.code, r.stderr)
			}
			var got []string
			for line := range strings.Lines(r.stdout) {
				if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "  as proved  ") && !strings.HasPrefix(line, "prod ") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("lines that are not as proved (-want +got):\n%s\n%s%s", diff, r.stdout, r.stderr)
			}
			for _, image := range cluster.images {
				if image != "busybox:1.37" {
					t.Errorf("asked from image %q", image)
				}
			}
		})
	}
	t.Run("an empty cluster", func(t *testing.T) {
		cluster := newPaperCluster(t, "", nil)
		if r := run(t, dir, slices.Concat(env, cluster.serve()), "sh", ask); r.code != 2 {
			t.Errorf("exit code %d, want 2\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
}

// TestRealToolsTheLiveClusterIsProved: what kubectl gets from a cluster is proved as the folder is.
func TestRealToolsTheLiveClusterIsProved(t *testing.T) {
	env := environment(t, "")
	cluster := newPaperCluster(t, buildProd(t, env), openInProd)
	env = slices.Concat(env, cluster.serve())
	const get = "kubectl get deploy,sts,ds,pods,svc,ns,netpol -n app-production -o yaml | "
	bash := func(command string) result {
		return run(t, "..", env, tool(t, "bash"), "-euo", "pipefail", "-c", get+command)
	}
	if r := bash("tierwall diff 'kustomize#prod' -"); r.code != 0 || r.stdout != "" {
		t.Errorf("a cluster as applied differs, exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	cluster.objects["networkpolicies"] = nil
	if r := bash("tierwall verify -"); r.code != 1 || !strings.Contains(r.stderr, "database") {
		t.Errorf("exit code %d without policies:\n%s", r.code, r.stderr)
	}
}
