//go:build realtools

package examples

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// image is the name that `make image` gives what it builds, and that the examples use.
const image = "tierwall.dev/tierwall:v0.1.0"

// install says where a tool that the tests run comes from.
var install = map[string]string{
	"kustomize":  "make tools",
	"helm3":      "make tools",
	"helm4":      "make tools",
	"kpt":        "https://kpt.dev/installation",
	"kubectl":    "https://kubernetes.io/docs/tasks/tools",
	"podman":     "apt-get install podman runc",
	"git":        "apt-get install git",
	"bash":       "apt-get install bash",
	"go":         "https://go.dev/doc/install",
	"pre-commit": "apt-get install pre-commit",
}

// tool is the path of a tool: the pinned one of .cache/tools, else the one on PATH. A tool that is missing fails the
// test, here as in CI: a test that skips proves nothing.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := filepath.Abs(filepath.Join("..", ".cache", "tools", name)); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing; install it: %s", name, install[name])
	}
	return path
}

// containersConf lets podman start containers where CAP_SYS_RESOURCE is missing or cgroups are hybrid, as on many CI
// machines.
const containersConf = `[containers]
default_ulimits = ["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime = "runc"
`

// environment is the environment of the tools: a PATH that begins with the binary under test, the tools under the
// names that people know them by, and podman as docker, which is the only runtime that kustomize can call.
// The profile decides which helm it is: helm-v3, or helm-v4, which is the default.
func environment(t *testing.T, profile string) []string {
	t.Helper()
	dir := t.TempDir()
	links := map[string]string{
		"tierwall":  tierwall,
		"kustomize": tool(t, "kustomize"),
		"helm":      tool(t, "helm4"),
		"docker":    tool(t, "podman"),
		"kpt":       tool(t, "kpt"),
		"kubectl":   tool(t, "kubectl"),
	}
	switch profile {
	case "", "helm-v4":
	case "helm-v3":
		links["helm"] = tool(t, "helm3")
	default:
		t.Fatalf("no profile %q: it is helm-v3 or helm-v4", profile)
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(dir, "containers.conf")
	if err := os.WriteFile(conf, []byte(containersConf), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"),
		"CONTAINERS_CONF=" + conf,
		"KPT_FN_RUNTIME=podman", // kpt 1.0.0-beta.56
		"KRM_FN_RUNTIME=podman", // kpt 1.0.0-beta.67
		"HELM_CACHE_HOME=" + filepath.Join(dir, "helm-home", "cache"),
		"HELM_CONFIG_HOME=" + filepath.Join(dir, "helm-home", "config"),
		"HELM_DATA_HOME=" + filepath.Join(dir, "helm-home", "data"),
	}
}

// requireImage fails the test unless `make image` has been run.
func requireImage(t *testing.T, env []string) {
	t.Helper()
	if r := run(t, ".", env, tool(t, "podman"), "image", "exists", image); r.code != 0 {
		t.Fatalf("there is no image %s; build it: make image\n%s", image, r.stderr)
	}
}

// repository is a Git repository of the files, committed.
func repository(t *testing.T, env []string, files tree) string {
	t.Helper()
	dir := t.TempDir()
	files.write(t, dir)
	mustRun(t, dir, env, tool(t, "git"), "init", "--quiet", "--initial-branch=main")
	commit(t, env, dir)
	return dir
}

func commit(t *testing.T, env []string, dir string) {
	t.Helper()
	git := tool(t, "git")
	mustRun(t, dir, env, git, "add", "--all")
	mustRun(t, dir, env, git, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--allow-empty", "--message=state")
}

// unchanged fails the test where a file differs from the last commit.
func unchanged(t *testing.T, env []string, dir, after string) {
	t.Helper()
	dropRenderStatus(t, dir)
	if r := mustRun(t, dir, env, tool(t, "git"), "status", "--porcelain"); r.stdout != "" {
		diff := mustRun(t, dir, env, tool(t, "git"), "diff")
		t.Errorf("%s changed files:\n%s%s", after, r.stdout, diff.stdout)
	}
}

// under is the files with every path put below folder.
func (files tree) under(folder string) tree {
	moved := tree{}
	for name, content := range files {
		moved[folder+"/"+name] = content
	}
	return moved
}

// inContainer is the package with its function run as a container, in the Kptfile as in the set's annotation.
func (files tree) inContainer(t *testing.T) tree {
	t.Helper()
	changed := tree{}
	for name, content := range files {
		changed[name] = asContainer.Replace(content)
	}
	if cmp.Equal(changed, files) {
		t.Fatal("no exec function was found to replace with a container")
	}
	return changed
}

var asContainer = strings.NewReplacer(
	"  - exec: tierwall\n", "  - image: "+image+"\n",
	"      exec:\n        path: tierwall\n", "      container:\n        image: "+image+"\n",
)

// writers are the ways to write the policies of the shipped package, each a shell command.
var writers = []struct {
	name, command string
	container     bool
}{
	{"tierwall render", "tierwall render kustomize", false},
	{"kpt fn render exec", "kpt fn render kustomize --allow-exec", false},
	{"kpt fn render container", "kpt fn render kustomize --image-pull-policy=never", true},
	{"kpt fn eval exec", `kpt fn eval kustomize --exec tierwall --fn-config kustomize/networkpolicyset.yaml`, false},
	{"kpt fn eval container", "kpt fn eval kustomize --image " + image + " --image-pull-policy=never --fn-config kustomize/networkpolicyset.yaml", true},
	{"kustomize fn run exec", "kustomize fn run kustomize --enable-exec", false},
	{"kustomize fn run container", "kustomize fn run kustomize", true},
}

func TestRealToolsEveryWriterGivesTheCommittedPackage(t *testing.T) {
	committed := readTree(t, "../kustomize")
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			env := environment(t, "")
			want := committed
			if w.container {
				requireImage(t, env)
				want = committed.inContainer(t)
			}
			dir := repository(t, env, want.withoutPolicies(t).under("kustomize"))
			write := func() { mustRun(t, dir, env, tool(t, "bash"), "-euc", w.command) }

			write()
			dropRenderStatus(t, dir)
			got := readTree(t, filepath.Join(dir, "kustomize"))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files differ from the committed ones (-committed +written):\n%s", diff)
			}
			for _, overlay := range []string{"prod", "staging"} {
				built := mustRun(t, dir, env, "kubectl", "kustomize", "kustomize/overlays/"+overlay)
				ours := mustRun(t, "..", env, "kubectl", "kustomize", "kustomize/overlays/"+overlay)
				if diff := cmp.Diff(ours.stdout, built.stdout); diff != "" {
					t.Errorf("overlays/%s builds to other objects:\n%s", overlay, diff)
				}
			}
			commit(t, env, dir)
			write()
			unchanged(t, env, dir, "the second run")
		})
	}
}

// dropRenderStatus takes away the status that kpt 1.0.0-beta.67 and later write into every Kptfile that they render.
func dropRenderStatus(t *testing.T, dir string) {
	t.Helper()
	files := readTree(t, dir)
	kept := tree{}
	for name, content := range files {
		before, _, found := strings.Cut(content, "\nstatus:\n")
		if found && filepath.Base(name) == "Kptfile" {
			kept[name] = before + "\n"
		}
	}
	kept.write(t, dir)
}

func TestRealToolsAFailedRenderChangesNothing(t *testing.T) {
	files := readTree(t, "../kustomize").withoutPolicies(t)
	files["networkpolicyset.yaml"] = strings.Replace(files["networkpolicyset.yaml"], "    - from: vpn\n", "    - from: vpm\n", 1)
	for _, command := range []string{
		"tierwall render kustomize",
		"kpt fn render kustomize --allow-exec",
		"kustomize fn run kustomize --enable-exec",
	} {
		t.Run(command, func(t *testing.T) {
			env := environment(t, "")
			dir := repository(t, env, files.under("kustomize"))
			r := run(t, dir, env, tool(t, "bash"), "-euc", command)
			if r.code == 0 {
				t.Errorf("exit code 0 with a flow from an unknown peer")
			}
			for _, want := range []string{"networkpolicyset.yaml", "vpm", `did you mean "vpn"?`} {
				if !strings.Contains(strings.ReplaceAll(r.stdout+r.stderr, `\"`, `"`), want) { // kpt quotes what it shows
					t.Errorf("the message does not name %s:\n%s%s", want, r.stdout, r.stderr)
				}
			}
			unchanged(t, env, dir, "the failed run")
		})
	}
}

// strayPolicy lets everyone reach the database.
const strayPolicy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: stray
spec:
  podSelector:
    matchLabels:
      tier: database
  policyTypes:
  - Ingress
  ingress:
  - ports:
    - port: 5432
`

// TestRealToolsValidators: a SegmentationTest checks what kpt or kustomize passes, and changes nothing. The package has no
// mutator, so that its policies are as good as hand-written.
func TestRealToolsValidators(t *testing.T) {
	closed := readTree(t, "three-tier")
	closed["Kptfile"] = strings.NewReplacer("  mutators:\n  - image: "+image+"\n    configPath: networkpolicyset.yaml\n", "",
		"  - image: "+image, "  - exec: tierwall").Replace(closed["Kptfile"])
	if strings.Contains(closed["Kptfile"], image) || !strings.Contains(closed["Kptfile"], "validators:") {
		t.Fatalf("the Kptfile is to have a validator and nothing else:\n%s", closed["Kptfile"])
	}
	open := maps.Clone(closed)
	open["overlays/prod/kustomization.yaml"] = strings.Replace(open["overlays/prod/kustomization.yaml"], "resources:\n", "resources:\n- stray.yaml\n", 1)
	open["overlays/prod/stray.yaml"] = strayPolicy

	for _, c := range []struct {
		name, command string
		transformer   bool
	}{
		{"kpt fn render", "kpt fn render . --allow-exec", false},
		{"kpt fn eval", "kpt fn eval . --exec tierwall --fn-config segmentation.yaml", false},
		{"kustomize transformers", "kustomize build --enable-alpha-plugins --enable-exec overlays/prod", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, files := range map[string]tree{"closed": closed, "open": open} {
				if c.transformer {
					files = files.withTransformer("overlays/prod", "segmentation.yaml")
				}
				env := environment(t, "")
				dir := repository(t, env, files)
				r := run(t, dir, env, tool(t, "bash"), "-euc", c.command)
				if fails := name == "open"; (r.code != 0) != fails || strings.Contains(r.stdout+r.stderr, "expectation-failed") != fails {
					t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
				}
				unchanged(t, env, dir, c.command)
			}
		})
	}
}

// withTransformer is the package with a configuration of the function listed under transformers of an overlay.
func (files tree) withTransformer(overlay, config string) tree {
	changed := maps.Clone(files)
	changed[overlay+"/"+config] = strings.Replace(files[config], "annotations:\n",
		"annotations:\n    config.kubernetes.io/function: |\n      exec:\n        path: tierwall\n", 1)
	changed[overlay+"/kustomization.yaml"] += "transformers:\n- " + config + "\n"
	return changed
}

func TestRealToolsKptPackageFromGit(t *testing.T) {
	env := environment(t, "")
	origin := repository(t, env, readTree(t, "../kustomize").under("kustomize"))
	dir := repository(t, env, tree{"README.md": "a deployment repository\n"})
	mustRun(t, dir, env, "kpt", "pkg", "get", "file://"+origin+"/.git/kustomize@main", "shop")
	commit(t, env, dir)
	mustRun(t, dir, env, "kpt", "fn", "render", "shop", "--allow-exec")
	dropRenderStatus(t, dir)
	commit(t, env, dir)
	mustRun(t, dir, env, "kpt", "fn", "render", "shop", "--allow-exec")
	unchanged(t, env, dir, "the second render of the fetched package")
	if r := mustRun(t, dir, env, "kubectl", "kustomize", "shop/overlays/prod"); !strings.Contains(r.stdout, "kind: NetworkPolicy\n") {
		t.Error("the fetched package builds without policies")
	}
}

func TestRealToolsInlineComponent(t *testing.T) {
	env := environment(t, "")
	requireImage(t, env)
	files := readTree(t, "inline-component")
	exec := repository(t, env, files)
	container := repository(t, env, files.inContainer(t))
	for _, overlay := range []string{"prod", "staging"} {
		t.Run(overlay, func(t *testing.T) {
			want := files["expected/"+overlay+".yaml"]
			for _, c := range []struct{ name, dir, command string }{
				{"exec", exec, "kustomize build --enable-alpha-plugins --enable-exec overlays/" + overlay},
				{"container", container, "kustomize build --enable-alpha-plugins overlays/" + overlay},
				{"kubectl container", container, "kubectl kustomize --enable-alpha-plugins overlays/" + overlay},
			} {
				r := mustRun(t, c.dir, env, tool(t, "bash"), "-euc", c.command)
				if diff := cmp.Diff(want, r.stdout); diff != "" {
					t.Errorf("%s: differs from expected/%s.yaml (-want +got):\n%s", c.name, overlay, diff)
				}
			}
		})
	}
	t.Run("plain kubectl refuses", func(t *testing.T) {
		r := run(t, exec, env, "kubectl", "kustomize", "overlays/prod")
		if r.code == 0 || !strings.Contains(r.stderr, "external plugins disabled") {
			t.Errorf("want a refusal that names plugins, got exit code %d and\n%s", r.code, r.stderr)
		}
	})
	t.Run("generators are refused with the advice", func(t *testing.T) {
		r := run(t, exec, env, tool(t, "kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", "refused-generator")
		if r.code == 0 || !strings.Contains(r.stderr, "transformers:") {
			t.Errorf("want a refusal that says `transformers:`, got exit code %d and\n%s", r.code, r.stderr)
		}
	})
}

// TestRealToolsReadmes runs every ```sh block of every example's README in a copy of this repository's folders, and
// fails where a command fails or a file changes: what is committed is what the commands give.
func TestRealToolsReadmes(t *testing.T) {
	files := readTree(t, ".").under("examples")
	for name, content := range readTree(t, "../kustomize").under("kustomize") {
		files[name] = content
	}
	readmes, err := filepath.Glob("*/README.md")
	if err != nil || len(readmes) == 0 {
		t.Fatalf("no README.md: %v", err)
	}
	for _, readme := range readmes {
		t.Run(filepath.Dir(readme), func(t *testing.T) {
			dir := repository(t, environment(t, ""), files)
			for _, b := range shellBlocks(t, readme) {
				env := environment(t, b.args)
				r := run(t, filepath.Join(dir, "examples", filepath.Dir(readme)), env, tool(t, "bash"), "-euo", "pipefail", "-c", b.text)
				if r.code != 0 {
					t.Errorf("exit code %d:\n%s\n%s%s", r.code, b.text, r.stdout, r.stderr)
				}
				unchanged(t, env, dir, b.text)
			}
		})
	}
}
