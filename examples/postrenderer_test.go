//go:build realtools

package examples

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// charts that people have: one with hooks, which Helm v4 passes to a post-renderer and v3 does not, and ones with no workloads.
const (
	chartYAMLText = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"

	workloadsTemplate = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  selector:
    matchLabels: {app: api}
  template:
    metadata:
      labels: {app: api, tier: api}
    spec:
      containers:
      - name: api
        image: registry.example.com/api:1
        ports: [{containerPort: 8080}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  selector:
    matchLabels: {app: db}
  template:
    metadata:
      labels: {app: db, tier: db}
    spec:
      containers:
      - name: db
        image: postgres:17
        ports: [{containerPort: 5432}]
`
	hooksTemplate = `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: post-install,post-upgrade
    helm.sh/hook-weight: "5"
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  template:
    metadata:
      labels: {job: migrate, tier: worker}
    spec:
      restartPolicy: Never
      containers:
      - name: migrate
        image: registry.example.com/migrate:1
---
apiVersion: v1
kind: Pod
metadata:
  name: smoke
  annotations:
    helm.sh/hook: test
spec:
  restartPolicy: Never
  containers:
  - name: smoke
    image: registry.example.com/smoke:1
`
	noWorkloadsTemplate = `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data: {a: "1"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: reader
rules: []
`
	configMapHookTemplate = `apiVersion: v1
kind: ConfigMap
metadata:
  name: before
  annotations:
    helm.sh/hook: pre-install
data: {a: "1"}
`
)

// chartOf is a chart of one template.
func chartOf(t *testing.T, templates ...string) string {
	t.Helper()
	dir := t.TempDir()
	tree{"Chart.yaml": chartYAMLText, "templates/all.yaml": strings.Join(templates, "---\n")}.write(t, dir)
	return dir
}

// objects are a stream's objects as JSON, by kind and name.
func objects(t *testing.T, stream string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for doc := range strings.SplitSeq("\n"+stream, "\n---") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			t.Fatal(err)
		}
		if object == nil {
			continue
		}
		asJSON, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		metadata := object["metadata"].(map[string]any)
		out[object["kind"].(string)+"/"+metadata["name"].(string)] = string(asJSON)
	}
	return out
}

// TestRealToolsPostRenderer: everything that the chart renders is there as before, hooks with their annotations, and the
// policies are what is added.
func TestRealToolsPostRenderer(t *testing.T) {
	for _, c := range []struct {
		name      string
		templates []string
		// added are the policies; in v4 those that the hooks' pods need are among them.
		added map[string][]string
	}{
		{"with hooks", []string{workloadsTemplate, hooksTemplate}, map[string][]string{
			"helm-v3": {"backend-network-policy", "database-network-policy", "default-deny-all", "prometheus-network-policy"},
			"helm-v4": {"backend-network-policy", "database-network-policy", "default-deny-all", "worker-network-policy"},
		}},
		{"without workloads", []string{noWorkloadsTemplate}, nil},
		{"without workloads, with a hook", []string{noWorkloadsTemplate, configMapHookTemplate}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := chartOf(t, c.templates...)
			for helm, profile := range map[string]string{"helm3": "helm-v3", "helm4": "helm-v4"} {
				plain := objects(t, mustRun(t, ".", environment(t, profile), tool(t, helm), "template", "shop", dir).stdout)
				got := objects(t, postRender(t, profile, dir))
				var added []string
				for id := range got {
					if name, ours := strings.CutPrefix(id, "NetworkPolicy/"); ours {
						added = append(added, name)
						delete(got, id)
					}
				}
				slices.Sort(added)
				if diff := cmp.Diff(c.added[profile], added); diff != "" {
					t.Errorf("%s: policies (-want +got):\n%s", helm, diff)
				}
				if diff := cmp.Diff(plain, got); diff != "" {
					t.Errorf("%s: objects (-chart +post-rendered):\n%s", helm, diff)
				}
			}
		})
	}
}

// TestRealToolsPostRendererHookReachesItsStore: with Helm v4, which passes hooks, the migration reaches the database; with v3 it is
// not seen, so that the default deny holds for it.
func TestRealToolsPostRendererHookReachesItsStore(t *testing.T) {
	dir := chartOf(t, workloadsTemplate, hooksTemplate)
	for profile, want := range map[string]bool{"helm-v3": false, "helm-v4": true} {
		stream := writeFile(t, "stream.yaml", postRender(t, profile, dir))
		r := run(t, ".", nil, tierwall, "explain", stream, "--from", "migrate", "--to", "db:5432")
		if open := strings.Contains(r.stdout, "allowed"); open != want || r.stderr != "" {
			t.Errorf("%s: the migration reaches the database: %t, want %t\n%s%s", profile, open, want, r.stdout, r.stderr)
		}
	}
}

// TestRealToolsPostRendererOfNothing: a chart that renders nothing gives a post-renderer an empty stream, as does a chart of hooks
// alone with v3. That is refused, and said, for it is more often a pipe that broke.
func TestRealToolsPostRendererOfNothing(t *testing.T) {
	env := environment(t, "helm-v3")
	for name, template := range map[string]string{"nothing": "{{- if false }}{{ end }}\n", "hooks alone": configMapHookTemplate} {
		r := run(t, ".", env, tool(t, "helm3"), "template", "shop", chartOf(t, template), "--post-renderer", "tierwall")
		if r.code == 0 || !strings.Contains(r.stderr, "input-empty") {
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
	}
}

// TestRealToolsPluginFolder: the folder is all that a v4 plugin needs, and its version is the tool's.
func TestRealToolsPluginFolder(t *testing.T) {
	files := readTree(t, "helm-post-renderer/plugin")
	if names := slices.Collect(maps.Keys(files)); len(names) != 1 || names[0] != "plugin.yaml" {
		t.Errorf("the plugin's folder holds %q, want plugin.yaml alone", names)
	}
	var plugin struct{ Name, Version string }
	if err := yaml.Unmarshal([]byte(files["plugin.yaml"]), &plugin); err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimPrefix(strings.SplitN(image, ":", 2)[1], "v"); plugin.Name != "tierwall" || plugin.Version != want {
		t.Errorf("plugin %s %s, want tierwall %s", plugin.Name, plugin.Version, want)
	}
	env := environment(t, "helm-v4")
	helm := tool(t, "helm4")
	mustRun(t, ".", env, helm, "plugin", "install", absolute(t, "helm-post-renderer/plugin"))
	if r := mustRun(t, ".", env, helm, "plugin", "list"); !strings.Contains(r.stdout, "postrenderer/v1") {
		t.Errorf("helm plugin list:\n%s", r.stdout)
	}
	mustRun(t, ".", env, helm, "plugin", "uninstall", "tierwall")
}
