//go:build realtools

package examples

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// environments are those of the shipped package.
var environments = []string{"prod", "staging"}

func TestRealToolsChartLint(t *testing.T) {
	for _, helm := range helms {
		for _, values := range []string{"values.yaml", "values-prod.yaml", "values-staging.yaml"} {
			mustRun(t, chart, nil, tool(t, helm), "lint", "--strict", ".", "--values", values)
		}
		dir := t.TempDir()
		mustRun(t, dir, nil, tool(t, helm), "package", absolute(t, chart))
		packed, err := filepath.Glob(filepath.Join(dir, "k8s-security-*.tgz"))
		if err != nil || len(packed) != 1 {
			t.Fatalf("%s package: %v, %v", helm, packed, err)
		}
		mustRun(t, dir, nil, tool(t, helm), "template", "k8s-security", packed[0])
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// policy is a policy for comparing: what it opens, and what it says of itself.
type policy struct {
	Annotations map[string]string
	Lines       []string
}

func byName(t *testing.T, stream string) map[string]policy {
	t.Helper()
	policies, err := policiesOf(stream)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]policy{}
	for _, p := range policies {
		out[p.Namespace+"/"+p.Name] = policy{p.Annotations, lines([]*networkingv1.NetworkPolicy{p})}
	}
	return out
}

// TestRealToolsChartIsThePackage: policy by policy, the chart's are those that the tool renders for the package's environment.
// TestRealToolsFiveRoads compares what they let through.
func TestRealToolsChartIsThePackage(t *testing.T) {
	for _, environment := range environments {
		want := byName(t, mustRun(t, "..", nil, tierwall, "render", "kustomize", "--environment", environment, "--to", "-").stdout)
		if len(want) != 6 {
			t.Errorf("%s: the tool renders %d policies, want six", environment, len(want))
		}
		for _, helm := range helms {
			r := helmTemplate(t, helm, "", "--values", chart+"/values-"+environment+".yaml")
			if diff := cmp.Diff(want, byName(t, r.stdout)); diff != "" {
				t.Errorf("%s with %s (-rendered +chart):\n%s%s", environment, helm, diff, r.stderr)
			}
		}
	}
}

// TestRealToolsChartReleasesDoNotMeet: two releases in one namespace share no object's name, hooks included.
func TestRealToolsChartReleasesDoNotMeet(t *testing.T) {
	objectName := regexp.MustCompile(`(?m)^kind: (.+)\nmetadata:\n  name: (.+)$`)
	owner := map[string]string{}
	for _, release := range []string{"k8s-security", "shop", "shop-k8s-security", "a"} {
		r := mustRun(t, ".", nil, tool(t, "helm4"), "template", release, chart)
		found := objectName.FindAllStringSubmatch(r.stdout, -1)
		if len(found) < 8 {
			t.Errorf("release %s has %d objects, want the policies and the hooks", release, len(found))
		}
		for _, m := range found {
			id := m[1] + "/" + m[2]
			if other, taken := owner[id]; taken && other+"-k8s-security" != release { // Helm's full names, as those of any chart
				t.Errorf("%s is of release %s and of %s", id, other, release)
			}
			owner[id] = release
		}
	}
}

// TestRealToolsChartInAnother: as a dependency, with the values that Helm gives it then, and switched off.
func TestRealToolsChartInAnother(t *testing.T) {
	files := readTree(t, chart).under("charts/k8s-security")
	files["Chart.yaml"] = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- name: k8s-security\n  version: 0.1.0\n  condition: k8s-security.enabled\n"
	files["values.yaml"] = "global: {region: eu}\nk8s-security: {enabled: true, set: shop}\n"
	dir := t.TempDir()
	files.write(t, dir)
	for _, helm := range helms {
		on := mustRun(t, dir, nil, tool(t, helm), "template", "live", ".", "--namespace", "shop", "--skip-tests")
		if names := slices.Sorted(maps.Keys(byName(t, on.stdout))); len(names) != 5 || names[0] != "shop/live-k8s-security-backend-network-policy" {
			t.Errorf("%s: policies %q", helm, names)
		}
		off := mustRun(t, dir, nil, tool(t, helm), "template", "live", ".", "--set", "k8s-security.enabled=false")
		if strings.Contains(off.stdout, "NetworkPolicy") {
			t.Errorf("%s: policies, though the chart is switched off", helm)
		}
	}
}

// hookPod is a pod of `helm test`.
type hookPod struct {
	Kind     string
	Metadata struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	Spec struct {
		AutomountServiceAccountToken bool
		SecurityContext              map[string]any
		Containers                   []struct {
			Command         []string
			SecurityContext map[string]any
		}
	}
}

func hookPods(t *testing.T, stream string) []hookPod {
	t.Helper()
	var out []hookPod
	for doc := range strings.SplitSeq("\n"+stream, "\n---") {
		var p hookPod
		if err := yaml.Unmarshal([]byte(doc), &p); err != nil {
			t.Fatal(err)
		}
		if p.Kind == "Pod" {
			out = append(out, p)
		}
	}
	return out
}

// TestRealToolsChartTestHook runs the scripts of the pods of `helm test` with an nslookup that answers, that is denied, and
// that is denied after a while.
func TestRealToolsChartTestHook(t *testing.T) {
	r := mustRun(t, ".", nil, tool(t, "helm4"), "template", "k8s-security", chart, "--values", chart+"/values-prod.yaml", "--show-only", "templates/tests/enforced.yaml")
	policies, err := policiesOf(r.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := checkPolicies(policies, false); len(policies) != 1 || len(wrong) > 0 {
		t.Errorf("%d policies: %s", len(policies), strings.Join(wrong, "\n"))
	}
	pods := hookPods(t, r.stdout)
	if len(pods) != 2 {
		t.Fatalf("%d pods, want two\n%s", len(pods), r.stdout)
	}
	const (
		answered = `echo "Name: kubernetes.default.svc"`
		unknown  = `echo "** server can't find kubernetes.default.svc: NXDOMAIN"; exit 1`
		denied   = `echo ";; connection timed out; no servers could be reached"; exit 1`
		later    = `echo x >> "$0.count"; if [ "$(wc -l < "$0.count")" -lt 4 ]; then ` + answered + `; else ` + denied + `; fi`
	)
	for _, c := range []struct {
		pod      int
		nslookup string
		code     int
	}{
		{0, answered, 0}, {0, unknown, 0}, {0, denied, 1},
		{1, answered, 1}, {1, unknown, 1}, {1, denied, 0}, {1, later, 0},
	} {
		pod := pods[c.pod]
		if pod.Metadata.Annotations["helm.sh/hook"] != "test" || pod.Metadata.Namespace != "app-production" {
			t.Errorf("%s is no test of the namespace: %v", pod.Metadata.Name, pod.Metadata)
		}
		if pod.Spec.SecurityContext["runAsNonRoot"] != true || pod.Spec.Containers[0].SecurityContext["allowPrivilegeEscalation"] != false {
			t.Errorf("%s would be refused by the pod security standard restricted", pod.Metadata.Name)
		}
		bin := t.TempDir()
		for name, script := range map[string]string{"nslookup": c.nslookup, "timeout": `shift; exec "$@"`, "sleep": ":"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		command := pod.Spec.Containers[0].Command
		got := run(t, ".", []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, command[0], command[1:]...)
		if got.code != c.code {
			t.Errorf("%s with nslookup that does %s: exit code %d, want %d\n%s%s", pod.Metadata.Name, c.nslookup, got.code, c.code, got.stdout, got.stderr)
		}
		if none := run(t, ".", []string{"PATH=" + t.TempDir()}, "/bin/sh", command[1:]...); none.code == 0 {
			t.Errorf("%s passes in an image without nslookup", pod.Metadata.Name)
		}
	}
	if policies[0].Spec.PodSelector.MatchLabels["tierwall.dev/helm-test"] != pods[0].Metadata.Labels["tierwall.dev/helm-test"] ||
		pods[0].Metadata.Labels["tierwall.dev/helm-test"] == pods[1].Metadata.Labels["tierwall.dev/helm-test"] {
		t.Errorf("the policy selects %v, which is to be the first pod alone", policies[0].Spec.PodSelector)
	}
}

// TestRealToolsChartNotes: the notes list what is open, the commands, and what is wrong. Helm v3 asks a cluster even for a dry
// run; the template is the same.
func TestRealToolsChartNotes(t *testing.T) {
	for _, c := range []struct {
		values string
		want   []string
	}{
		{"namespace: shop\ndefaultDeny: false\nenvironment: {name: prod}\npeers: [{name: prometheus, namespace: shop}]\n", []string{
			"The namespace shop is closed but for these connections (prod):\n  backend to cache: 6379\n",
			"  backend to dns: 53, 53/UDP\n",
			"kubectl get networkpolicies --namespace shop --selector app.kubernetes.io/instance=live\n",
			"--selector 'app in (backend),tier in (api)'",
			"helm test live --namespace default",
			"WARNING: defaultDeny is false",
		}},
		{"namespace: shop\npeers: [{name: prometheus, namespace: shop}]\n", []string{
			"WARNING: peer prometheus is in namespace shop itself",
		}},
	} {
		notes := mustRun(t, ".", nil, tool(t, "helm4"), "install", "live", chart, "--dry-run=client", "--values", writeFile(t, "values.yaml", c.values)).stdout
		for _, want := range c.want {
			if !strings.Contains(notes, want) {
				t.Errorf("the notes lack %q:\n%s", want, notes)
			}
		}
	}
}

// TestRealToolsChartReadme runs the sh blocks of the chart's README as they stand, and of this repository's README those with the
// word dry-run: their `helm install` is run with --dry-run=client, for there is no cluster. TestRealToolsDocs runs the others.
func TestRealToolsChartReadme(t *testing.T) {
	files := tree{}
	for folder := range map[string]bool{"charts": true, "kustomize": true} {
		maps.Copy(files, readTree(t, "../"+folder).under(folder))
	}
	for _, readme := range []string{"charts/k8s-security/README.md", "README.md"} {
		blocks := shellBlocks(t, "../"+readme)
		if readme == "README.md" {
			blocks = slices.DeleteFunc(blocks, func(b block) bool { return !strings.HasSuffix(b.args, " dry-run") })
		}
		if len(blocks) == 0 {
			t.Errorf("%s: no sh block to run", readme)
		}
		for _, b := range blocks {
			profile, dry := strings.CutSuffix(b.args, " dry-run")
			env := environment(t, profile)
			env = append(env, "TMPDIR="+t.TempDir())
			if dry {
				env = append(env, dryHelm(t, env))
			}
			dir := repository(t, env, files)
			r := run(t, filepath.Join(dir, filepath.Dir(readme)), env, tool(t, "bash"), "-euo", "pipefail", "-c", b.text)
			if r.code != 0 || dry && !strings.Contains(r.stdout, "kind: NetworkPolicy") {
				t.Errorf("%s: exit code %d:\n%s\n%s%s", readme, r.code, b.text, r.stdout, r.stderr)
			}
			unchanged(t, env, dir, b.text)
		}
	}
	values := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(files["charts/k8s-security/README.md"])
	if values == nil {
		t.Fatal("the chart's README has no values")
	}
	if r := helmTemplate(t, "helm4", values[1]); r.code != 0 {
		t.Errorf("the README's values are refused:\n%s", r.stderr)
	}
}

// dryHelm is the PATH of env with a helm that installs nothing.
func dryHelm(t *testing.T, env []string) string {
	t.Helper()
	path := strings.TrimPrefix(env[0], "PATH=")
	first, _, _ := strings.Cut(path, string(os.PathListSeparator))
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ncommand=$1\nshift\nif [ \"$command\" = install ]; then set -- --dry-run=client \"$@\"; fi\nexec %q \"$command\" \"$@\"\n", filepath.Join(first, "helm"))
	if err := os.WriteFile(filepath.Join(bin, "helm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + bin + string(os.PathListSeparator) + path
}
