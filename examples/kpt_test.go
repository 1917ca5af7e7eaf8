//go:build realtools

package examples

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealToolsKptPackageIsUpdated: who fetched the shipped package by its folder, and changed it, gets a later version of it
// by kpt pkg update; both changes are kept, and the next render has policies for both.
func TestRealToolsKptPackageIsUpdated(t *testing.T) {
	env := environment(t, "")
	git := tool(t, "git")
	first := readTree(t, "../kustomize").under("kustomize")
	origin := repository(t, env, first)
	mustRun(t, origin, env, git, "tag", "v0.1.0")
	second := maps.Clone(first)
	edit(t, second, "kustomize/base/database.yaml", "containerPort: 5432", "containerPort: 6432")
	second.write(t, origin)
	commit(t, env, origin)
	mustRun(t, origin, env, git, "tag", "v0.2.0")

	dir := repository(t, env, tree{"README.md": "a deployment repository\n"})
	mustRun(t, dir, env, "kpt", "pkg", "get", "file://"+origin+"/.git/kustomize@v0.1.0", "shop")
	own := readTree(t, filepath.Join(dir, "shop"))
	for _, field := range []string{"  description: ", "  keywords:\n", "  man: README.md\n"} {
		if !strings.Contains(own["Kptfile"], field) {
			t.Errorf("the fetched Kptfile has no %q:\n%s", field, own["Kptfile"])
		}
	}
	if own["README.md"] == "" {
		t.Error("the page that info.man names is not in the package")
	}
	edit(t, own, "networkpolicyset.yaml", "198.51.100.0/24", "198.51.100.128/25")
	own.write(t, filepath.Join(dir, "shop"))
	mustRun(t, dir, env, "kpt", "fn", "render", "shop", "--allow-exec")
	dropRenderStatus(t, filepath.Join(dir, "shop"))
	commit(t, env, dir)

	mustRun(t, dir, env, "kpt", "pkg", "update", "shop@v0.2.0")
	mustRun(t, dir, env, "kpt", "fn", "render", "shop", "--allow-exec")
	built := mustRun(t, dir, env, "kubectl", "kustomize", "shop/overlays/prod").stdout
	for _, want := range []string{"cidr: 198.51.100.128/25", "port: 6432"} {
		if !strings.Contains(built, want) {
			t.Errorf("after the update the policies of prod have no %q", want)
		}
	}
	if strings.Contains(built, "- port: 5432\n      protocol") {
		t.Error("after the update a policy opens the database's old port")
	}
	mustRun(t, dir, env, tierwall, "verify", "shop")
	mustRun(t, dir, env, tierwall, "render", "shop", "--check")
}

// edit replaces every from in a file that has one.
func edit(t *testing.T, files tree, name, from, to string) {
	t.Helper()
	changed := strings.ReplaceAll(files[name], from, to)
	if changed == files[name] {
		t.Fatalf("%s holds no %q", name, from)
	}
	files[name] = changed
}
