//go:build realtools

package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestRealToolsArgoCDPlugin runs the plugin's command as repo-server does, in the folder of the overlay: with committed
// policies, without, and with some that are out of date.
func TestRealToolsArgoCDPlugin(t *testing.T) {
	command := pluginCommand(t)
	committed := readTree(t, "../kustomize")
	stale := readTree(t, "../kustomize")
	edit(t, stale, "networkpolicyset.yaml", "198.51.100.0/24", "198.51.100.128/25")
	for _, c := range []struct {
		name   string
		files  tree
		env    []string
		refuse string // a finding or an error; empty where the plugin gives an environment
	}{
		{name: "committed", files: committed},
		{name: "not committed", files: committed.withoutPolicies(t)},
		{name: "parameters", files: committed.withoutPolicies(t), env: []string{"PARAM_PACKAGE=../../../kustomize", "PARAM_ENVIRONMENT=prod"}},
		{name: "out of date", files: stale, refuse: "package-out-of-date"},
		{name: "a flag for a folder", files: committed, env: []string{"PARAM_PACKAGE=--help"}, refuse: "--help cannot be read"},
		{name: "another environment", files: committed.withoutPolicies(t), env: []string{"PARAM_ENVIRONMENT=prd; true"}, refuse: "environment prd; true is none of prod, staging"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := append(environment(t, ""), c.env...)
			dir := t.TempDir()
			c.files.write(t, filepath.Join(dir, "kustomize"))
			r := run(t, filepath.Join(dir, "kustomize/overlays/prod"), env, tool(t, command[0]), command[1:]...)
			if c.refuse != "" {
				if r.code == 0 || r.stdout != "" || !strings.Contains(r.stderr, c.refuse) {
					t.Errorf("exit code %d, want a refusal that says %q and no manifests:\n%s%s", r.code, c.refuse, r.stdout, r.stderr)
				}
				return
			}
			if r.code != 0 {
				t.Fatalf("exit code %d\n%s", r.code, r.stderr)
			}
			given := filepath.Join(dir, "given.yaml")
			if err := os.WriteFile(given, []byte(r.stdout+"---\n"+singleEnvironment(t, committed, "prod")), 0o644); err != nil {
				t.Fatal(err)
			}
			if d := run(t, "..", env, tierwall, "diff", "kustomize#prod", given); d.code != 0 {
				t.Errorf("what the plugin gives and overlays/prod let different connections through (exit code %d):\n%s%s", d.code, d.stdout, d.stderr)
			}
		})
	}
}

// singleEnvironment is the package's configuration for a stream, which is one environment: it says which.
func singleEnvironment(t *testing.T, files tree, environment string) string {
	t.Helper()
	files = tree{"set": files["networkpolicyset.yaml"]}
	edit(t, files, "set", "spec:\n", "spec:\n  environment: "+environment+"\n")
	return files["set"]
}

// pluginCommand is the command and the arguments that the plugin's file names.
func pluginCommand(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("argocd-flux/argocd/plugin/plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var plugin struct {
		Spec struct {
			Generate struct{ Command, Args []string }
		}
	}
	if err := yaml.Unmarshal(content, &plugin); err != nil {
		t.Fatal(err)
	}
	return append(plugin.Spec.Generate.Command, plugin.Spec.Generate.Args...)
}

// TestRealToolsArgoCDPluginIsAdded: the Component puts the sidecar beside Argo CD's own container.
func TestRealToolsArgoCDPluginIsAdded(t *testing.T) {
	env := environment(t, "")
	files := readTree(t, "argocd-flux/argocd/plugin").under("plugin")
	files["kustomization.yaml"] = "resources:\n- repo-server.yaml\ncomponents:\n- plugin\n"
	files["repo-server.yaml"] = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-repo-server
spec:
  selector:
    matchLabels: {app.kubernetes.io/name: argocd-repo-server}
  template:
    metadata:
      labels: {app.kubernetes.io/name: argocd-repo-server}
    spec:
      containers:
      - name: argocd-repo-server
        image: quay.io/argoproj/argocd:v3.3.14
      volumes:
      - name: var-files
        emptyDir: {}
      - name: plugins
        emptyDir: {}
`
	dir := t.TempDir()
	files.write(t, dir)
	built := mustRun(t, dir, env, "kubectl", "kustomize", ".").stdout
	for _, want := range []string{"name: argocd-repo-server\n", "name: tierwall\n", "name: tierwall-plugin-", "kind: ConfigManagementPlugin"} {
		if !strings.Contains(built, want) {
			t.Errorf("what is built has no %q:\n%s", want, built)
		}
	}
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Name         string
						VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
					}
					Volumes []struct{ Name string }
				}
			}
		}
	}
	_, document, _ := strings.Cut("\n---\n"+built, "\n---\napiVersion: apps/v1\n")
	if err := yaml.Unmarshal([]byte(document), &deployment); err != nil {
		t.Fatal(err)
	}
	volumes := map[string]bool{}
	for _, v := range deployment.Spec.Template.Spec.Volumes {
		volumes[v.Name] = true
	}
	containers := deployment.Spec.Template.Spec.Containers
	if len(containers) != 2 {
		t.Fatalf("%d containers, want Argo CD's and the sidecar", len(containers))
	}
	for _, c := range containers {
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("container %s mounts %s, which is no volume of the pod", c.Name, m.Name)
			}
		}
	}
}
