//go:build realtools

package examples

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The roads by which the set reaches a cluster. Each test of this file renders the shipped application by all of them, with
// the real tools, and compares what is open, connection by connection.

// road renders the application of an environment, workloads and policies, by one tool.
type road struct {
	name   string
	render func(t *testing.T, a *shipped) string
}

// shipped is the shipped package and one environment of it.
type shipped struct {
	environment string
	// committed is the package as it ships, bare the package without policies.
	committed, bare tree
	// set is the package's NetworkPolicySet with the environment named, as a stream needs it.
	set string
	// workloads are what the environment's overlay builds from bare.
	workloads string
}

func newShipped(t *testing.T, environment string) *shipped {
	t.Helper()
	a := &shipped{environment: environment, committed: readTree(t, "../kustomize")}
	a.bare = a.committed.withoutPolicies(t)
	config := a.committed["networkpolicyset.yaml"]
	a.set = strings.Replace(config, "\n  environments:\n", "\n  environment: "+environment+"\n  environments:\n", 1)
	if a.set == config {
		t.Fatal("networkpolicyset.yaml has no environments")
	}
	dir := t.TempDir()
	a.bare.write(t, dir)
	a.workloads = a.kustomize(t, dir)
	return a
}

// kustomize is what plain kubectl builds of the environment's overlay, in a package's folder.
func (a *shipped) kustomize(t *testing.T, dir string) string {
	t.Helper()
	return mustRun(t, dir, nil, tool(t, "kubectl"), "kustomize", "overlays/"+a.environment).stdout
}

// with is the workloads with policies from elsewhere.
func (a *shipped) with(policies string) string { return a.workloads + "---\n" + policies }

// asChart is the workloads as a chart that somebody has, without a single policy.
func (a *shipped) asChart() tree {
	files := tree{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n"}
	for i, doc := range strings.Split(a.workloads, "\n---\n") {
		files[fmt.Sprintf("templates/%02d.yaml", i)] = doc + "\n"
	}
	return files
}

var roads = []road{
	{"kustomize overlays", func(t *testing.T, a *shipped) string {
		return a.kustomize(t, "../kustomize")
	}},
	{"one file", func(t *testing.T, a *shipped) string {
		if a.environment == "prod" { // the committed one
			return a.with(readTree(t, "kubectl")[filepath.Base(completeFile)])
		}
		return a.with(mustRun(t, "..", nil, tierwall, "render", "kustomize", "--environment", a.environment, "--to", "-").stdout)
	}},
	{"Helm v3 chart", func(t *testing.T, a *shipped) string { return a.byChart(t, "helm3") }},
	{"Helm v4 chart", func(t *testing.T, a *shipped) string { return a.byChart(t, "helm4") }},
	{"Helm v3 post-renderer", func(t *testing.T, a *shipped) string { return a.byPostRenderer(t, "helm-v3") }},
	{"Helm v4 post-renderer", func(t *testing.T, a *shipped) string { return a.byPostRenderer(t, "helm-v4") }},
	{"kustomize Component that runs the function", func(t *testing.T, a *shipped) string {
		files := maps.Clone(a.bare)
		delete(files, "networkpolicyset.yaml")
		files["component/networkpolicyset.yaml"] = a.set
		files["component/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ntransformers:\n- networkpolicyset.yaml\n"
		files["overlays/"+a.environment+"/kustomization.yaml"] += "components:\n- ../../component\n"
		dir := t.TempDir()
		files.write(t, dir)
		return mustRun(t, dir, environment(t, ""), tool(t, "kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", "overlays/"+a.environment).stdout
	}},
	{"kustomize Component of rendered policies", func(t *testing.T, a *shipped) string {
		files := maps.Clone(a.bare)
		files["component/policies.yaml"] = mustRun(t, "..", nil, tierwall, "render", "kustomize", "--environment", a.environment, "--to", "-").stdout
		files["component/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources:\n- policies.yaml\n"
		files["overlays/"+a.environment+"/kustomization.yaml"] += "components:\n- ../../component\n"
		dir := t.TempDir()
		files.write(t, dir)
		return a.kustomize(t, dir)
	}},
	{"kpt fn render", func(t *testing.T, a *shipped) string {
		env := environment(t, "")
		dir := repository(t, env, a.bare)
		mustRun(t, dir, env, tool(t, "kpt"), "fn", "render", ".", "--allow-exec")
		return a.kustomize(t, dir)
	}},
}

func (a *shipped) byChart(t *testing.T, helm string) string {
	t.Helper()
	r := helmTemplate(t, helm, "", "--values", chart+"/values-"+a.environment+".yaml")
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	return a.with(r.stdout)
}

func (a *shipped) byPostRenderer(t *testing.T, profile string) string {
	t.Helper()
	dir := t.TempDir()
	a.asChart().write(t, dir)
	return postRender(t, profile, dir, "--post-renderer-args", "--config", "--post-renderer-args", writeFile(t, "set.yaml", a.set))
}

// postRender is `helm template` of a chart with tierwall as the post-renderer: the binary for v3, the plugin for v4.
func postRender(t *testing.T, profile, chart string, flags ...string) string {
	t.Helper()
	env := environment(t, profile)
	helm := tool(t, "helm3")
	if profile == "helm-v4" {
		helm = tool(t, "helm4")
		mustRun(t, ".", env, helm, "plugin", "install", absolute(t, "helm-post-renderer/plugin"))
	}
	args := append([]string{"template", "shop", chart, "--post-renderer", "tierwall"}, flags...)
	return mustRun(t, ".", env, helm, args...).stdout
}

// connections are what is open, a line each. The environment's set is part of the stream, so that its peers are told apart.
func connections(t *testing.T, stream string) []string {
	t.Helper()
	var picture struct {
		Environments []struct {
			Connections []struct {
				From, To string
				Ports    []struct {
					Port, Verdict string
					Meant         bool
				}
			}
		}
	}
	r := mustRun(t, ".", nil, tierwall, "map", writeFile(t, "stream.yaml", stream), "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &picture); err != nil {
		t.Fatal(err)
	}
	if len(picture.Environments) != 1 {
		t.Fatalf("%d environments, want one", len(picture.Environments))
	}
	var out []string
	for _, c := range picture.Environments[0].Connections {
		for _, p := range c.Ports {
			out = append(out, fmt.Sprintf("%s to %s on %s: %s, meant: %t", c.From, c.To, p.Port, p.Verdict, p.Meant))
		}
	}
	slices.Sort(out)
	return out
}

// TestRealToolsFiveRoads: whatever the road, the same connections are open in the end, and they are those that are meant.
func TestRealToolsFiveRoads(t *testing.T) {
	for _, environment := range environments {
		t.Run(environment, func(t *testing.T) {
			a := newShipped(t, environment)
			reference := roads[0].render(t, a) + "---\n" + a.set
			want := connections(t, reference)
			if len(want) < 20 {
				t.Errorf("%s: %d connections are too few for a comparison:\n%s", roads[0].name, len(want), strings.Join(want, "\n"))
			}
			for _, r := range roads {
				t.Run(r.name, func(t *testing.T) {
					stream := r.render(t, a) + "---\n" + a.set
					if diff := cmp.Diff(want, connections(t, stream)); diff != "" {
						t.Errorf("connections (-%s +%s):\n%s", roads[0].name, r.name, diff)
					}
					d := run(t, ".", nil, tierwall, "diff", writeFile(t, "reference.yaml", reference), writeFile(t, "road.yaml", stream))
					if d.code != 0 {
						t.Errorf("diff from %s: exit code %d\n%s%s", roads[0].name, d.code, d.stdout, d.stderr)
					}
					mustRun(t, ".", nil, tierwall, "verify", writeFile(t, "road.yaml", stream))
				})
			}
		})
	}
}

// TestRealToolsFiveRoadsNoticesADifference: the comparison is not blind. A port more, one less, a wider block and a pod more are
// each a difference.
func TestRealToolsFiveRoadsNoticesADifference(t *testing.T) {
	a := newShipped(t, "prod")
	reference := writeFile(t, "reference.yaml", roads[0].render(t, a)+"---\n"+a.set)
	for name, values := range map[string]string{
		"a port more":        "flows: [{from: backend, to: payments, ports: [8443, 8444]}]",
		"a flow less":        "without: [{from: frontend, to: backend}]\n  flows: [{from: backend, to: payments, ports: [8443]}]",
		"a wider block":      "peers: [{name: payments, cidrs: [198.51.100.0/23]}]",
		"DNS somewhere else": "peers: [{name: payments, cidrs: [198.51.100.0/24]}, {name: dns, namespace: kube-system}]",
	} {
		r := helmTemplate(t, "helm4", "", "--values", chart+"/values-prod.yaml", "--values", writeFile(t, "other.yaml", "environment:\n  "+values+"\n"))
		if r.code != 0 {
			t.Fatalf("%s: %s", name, r.stderr)
		}
		d := run(t, ".", nil, tierwall, "diff", reference, writeFile(t, "other.yaml", a.with(r.stdout)+"---\n"+a.set))
		if d.code != 1 {
			t.Errorf("%s: exit code %d, want 1\n%s%s", name, d.code, d.stdout, d.stderr)
		}
	}
}
