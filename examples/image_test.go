//go:build realtools

package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRealToolsImage(t *testing.T) {
	env := environment(t, "")
	requireImage(t, env)
	podman := tool(t, "podman")
	for _, arch := range []string{"amd64", "arm64"} {
		r := mustRun(t, ".", env, podman, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}} {{index .Labels \"org.opencontainers.image.title\"}}", image+"-"+arch)
		if got, want := strings.TrimSpace(r.stdout), "linux/"+arch+" tierwall"; got != want {
			t.Errorf("%s-%s is %q, want %q", image, arch, got, want)
		}
	}
	// As kpt and kustomize run a function.
	sandboxed := []string{"run", "--rm", "-i", "--network", "none", "--user", "nobody", "--security-opt=no-new-privileges", "--pull", "never", image}
	for _, flag := range []string{"--help", "--version"} {
		if r := mustRun(t, ".", env, podman, append(sandboxed, flag)...); r.stdout == "" {
			t.Errorf("%s prints nothing", flag)
		}
	}
	if r := mustRun(t, ".", env, "kpt", "fn", "doc", "--image", image); !strings.Contains(r.stdout+r.stderr, "tierwall") {
		t.Errorf("kpt fn doc shows no help:\n%s%s", r.stdout, r.stderr)
	}
	if r := run(t, ".", env, podman, sandboxed...); r.code == 0 {
		t.Error("empty input ends with exit code 0: an orchestrator would take that for an empty package")
	}
}

// TestRealToolsImageNeedsNothing: without network, capabilities, a user that is known, or a place to write, the image
// gives what the binary gives.
func TestRealToolsImageNeedsNothing(t *testing.T) {
	env := environment(t, "")
	requireImage(t, env)
	stream := mustRun(t, "..", env, "kubectl", "kustomize", "examples/inline-component/base").stdout
	input := filepath.Join(t.TempDir(), "stream.yaml")
	if err := os.WriteFile(input, []byte(stream), 0o644); err != nil {
		t.Fatal(err)
	}
	bash := func(command string) string {
		return mustRun(t, ".", env, tool(t, "bash"), "-euc", command+" < "+input).stdout
	}
	want := bash("tierwall")
	if !strings.Contains(want, "kind: NetworkPolicy\n") {
		t.Fatal("the binary emits no policy")
	}
	got := bash("docker run --rm -i --read-only --read-only-tmpfs=false --network none --user 12345:12345 --cap-drop ALL --security-opt no-new-privileges --pull never " + image)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the image gives something else (-binary +image):\n%s", diff)
	}
}

// TestRealToolsImageOfTheDockerfile: podman builds from the Dockerfile what `make image` builds without an engine: the same
// files and the same configuration.
func TestRealToolsImageOfTheDockerfile(t *testing.T) {
	env := environment(t, "")
	requireImage(t, env)
	podman := tool(t, "podman")
	for _, arch := range []string{"amd64", "arm64"} {
		ours := image + "-" + arch
		theirs := "localhost/tierwall-of-the-dockerfile:" + arch
		labels := configOf(t, env, ours).Labels
		mustRun(t, "..", env, podman, "build", "--quiet", "--platform", "linux/"+arch, "--tag", theirs,
			"--build-arg", "VERSION="+labels["org.opencontainers.image.version"], "--build-arg", "REVISION="+labels["org.opencontainers.image.revision"], ".")
		t.Cleanup(func() { run(t, ".", env, podman, "image", "rm", "--force", theirs) })
		if diff := cmp.Diff(configOf(t, env, ours), configOf(t, env, theirs)); diff != "" {
			t.Errorf("%s: configuration (-make image +Dockerfile):\n%s", arch, diff)
		}
		if diff := cmp.Diff(filesOf(t, env, ours), filesOf(t, env, theirs)); diff != "" {
			t.Errorf("%s: files (-make image +Dockerfile):\n%s", arch, diff)
		}
	}
}

// imageConfig is what an image says of how it is run.
type imageConfig struct {
	User       string
	Entrypoint []string
	Cmd        []string
	Labels     map[string]string
}

func configOf(t *testing.T, env []string, name string) imageConfig {
	t.Helper()
	var c imageConfig
	if err := json.Unmarshal([]byte(mustRun(t, ".", env, tool(t, "podman"), "image", "inspect", "--format", "{{json .Config}}", name).stdout), &c); err != nil {
		t.Fatal(err)
	}
	delete(c.Labels, "io.buildah.version")
	return c
}

// filesOf are the files of an image with their modes and checksums.
func filesOf(t *testing.T, env []string, name string) tree {
	t.Helper()
	dir := t.TempDir()
	script := `id=$(podman create --pull never "$1" x); podman export "$id" | tar -x -C "$2"; podman rm "$id" >/dev/null
cd "$2"; find . -type f | sort | while read -r file; do echo "$file $(stat -c '%a %u:%g' "$file") $(sha256sum <"$file")"; done`
	out := tree{}
	for line := range strings.Lines(mustRun(t, ".", env, tool(t, "bash"), "-euo", "pipefail", "-c", script, "files", name, dir).stdout) {
		file, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[file] = rest
	}
	if out["./tierwall"] == "" {
		t.Fatalf("%s holds %v", name, out)
	}
	return out
}

// TestRealToolsImageIndex: podman finds the image of this machine in the layout, by the name of both.
func TestRealToolsImageIndex(t *testing.T) {
	env := environment(t, "")
	requireImage(t, env)
	podman := tool(t, "podman")
	if _, err := os.Stat("../bin/image/oci/index.json"); err != nil {
		t.Fatalf("%v; build it: make image", err)
	}
	// podman names what it pulls by the directory, and a name has no capitals.
	layout, err := os.MkdirTemp("", "oci")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(layout) })
	readTree(t, "../bin/image/oci").write(t, layout)
	pulled := strings.TrimSpace(mustRun(t, ".", env, podman, "pull", "--quiet", "oci:"+layout+":"+image).stdout)
	t.Cleanup(func() { run(t, ".", env, podman, "untag", pulled, "localhost"+layout+":latest") })
	want := strings.TrimSpace(mustRun(t, ".", env, podman, "image", "inspect", "--format", "{{.Id}}", image+"-"+runtime.GOARCH).stdout)
	if pulled != want {
		t.Errorf("the layout gives %s for this machine, and the archive of its architecture %s", pulled, want)
	}
}
