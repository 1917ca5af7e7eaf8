package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// made is a bad input that no text file can hold.
type made struct {
	name string
	// stdin is what the function reads.
	stdin string
	// prepare makes the folder that render is given, in an empty directory. The folder is dir below it.
	prepare func(t *testing.T, empty string)
	dir     string
	want    string
}

func TestMadeStandardInputs(t *testing.T) {
	for _, m := range madeStandardInputs() {
		t.Run(m.name, func(t *testing.T) {
			o := execute(m.stdin)
			checkRefused(t, o)
			if diff := cmp.Diff(m.want, fmt.Sprintf("exit %d\n%s", o.code, o.cause())); diff != "" {
				t.Errorf("exit code and message (-want +got):\n%s", diff)
			}
		})
	}
}

func madeStandardInputs() []made {
	web := deployment("web", "frontend", 8080)
	return []made{
		{name: "empty", stdin: "",
			want: "exit 1\ntierwall: error: standard input is empty: give it a ResourceList or a YAML stream, or see tierwall --help [input-empty]\n"},
		{name: "a byte order mark alone", stdin: "\ufeff",
			want: "exit 1\ntierwall: error: standard input is empty: give it a ResourceList or a YAML stream, or see tierwall --help [input-empty]\n"},
		{name: "Latin-1", stdin: "# caf\xe9\n" + web,
			want: "exit 1\ntierwall: error: line 1: byte 0xe9 is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "UTF-16", stdin: inUTF16(web),
			want: "exit 1\ntierwall: error: line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "ResourceList in UTF-16", stdin: inUTF16(packageList(application(), "")),
			want: "exit 1\ntierwall: error: line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "a NUL byte", stdin: web + "# \x00\n",
			want: "exit 1\ntierwall: error: not valid YAML: control characters are not allowed [input-yaml]\n"},
		{name: "brackets without end", stdin: web + "---\nkind: " + strings.Repeat("[", 1<<20),
			want: "exit 1\ntierwall: error: not valid YAML: exceeded max depth of 10000 [input-yaml]\n"},
		{name: "lists in lists without end", stdin: strings.Repeat("- ", 1<<17) + "a\n",
			want: "exit 1\ntierwall: error: not valid YAML: exceeded max depth of 10000 [input-yaml]\n"},
	}
}

func TestMadeFolders(t *testing.T) {
	for _, m := range madeFolders() {
		t.Run(m.name, func(t *testing.T) {
			empty := t.TempDir()
			m.prepare(t, empty)
			before := snapshot(t, empty)
			t.Chdir(empty)
			o := execute("", "render", m.dir)
			checkRefused(t, o)
			if diff := cmp.Diff(m.want, fmt.Sprintf("exit %d\n%s", o.code, o.cause())); diff != "" {
				t.Errorf("exit code and message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, snapshot(t, empty)); diff != "" {
				t.Errorf("the folder changed (-before +after):\n%s", diff)
			}
		})
	}
}

func madeFolders() []made {
	with := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, empty string) {
			files := twoEnvironments()
			files[name] = content
			writeTree(t, empty, files)
		}
	}
	config := configuration + "  preset: three-tier\n"
	return []made{
		{name: "no such folder", dir: "shop", prepare: func(*testing.T, string) {},
			want: "exit 2\ntierwall: shop cannot be read: no such file or directory\n"},
		{name: "a file", dir: "base/web.yaml", prepare: with("a.yaml", ""),
			want: "exit 2\ntierwall: base/web.yaml is a file: give the folder that holds it\n"},
		{name: "a link to itself", dir: "loop", prepare: func(t *testing.T, empty string) { link(t, "loop", filepath.Join(empty, "loop")) },
			want: "exit 2\ntierwall: loop cannot be read: too many levels of symbolic links\n"},
		{name: "configuration in UTF-16", dir: ".", prepare: with("tierwall.yaml", inUTF16(config)),
			want: "exit 1\ntierwall: error: tierwall.yaml: line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "configuration in Latin-1", dir: ".", prepare: with("tierwall.yaml", config+"# caf\xe9\n"),
			want: "exit 1\ntierwall: error: tierwall.yaml: line 7: byte 0xe9 is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "kustomization in UTF-16", dir: ".", prepare: with("base/kustomization.yaml", inUTF16("resources: [web.yaml]\n")),
			want: "exit 1\ntierwall: error: base/kustomization.yaml: line 1: byte 0xff is not UTF-8; save the file as UTF-8 [input-encoding]\n"},
		{name: "kustomization with a NUL byte", dir: ".", prepare: with("base/kustomization.yaml", "resources: [web.yaml]\x00\n"),
			want: "exit 1\ntierwall: error: base/kustomization.yaml: not valid YAML: control characters are not allowed [input-yaml]\n"},
		{name: "generated file is a directory", dir: ".", prepare: with("overlays/prod/network-policies.yaml/a.txt", "mine\n"),
			want: "exit 2\ntierwall: overlays/prod/network-policies.yaml is no regular file: policies, or the entry that lists them, are written there; make it a file\n"},
		{name: "generated file is a link to the user's", dir: "shop", prepare: func(t *testing.T, empty string) {
			writeInput(t, empty, "shop/web.yaml", []byte(deployment("web", "frontend", 8080)))
			link(t, "web.yaml", filepath.Join(empty, "shop", "network-policies.yaml"))
		}, want: "exit 2\ntierwall: network-policies.yaml is no regular file: policies, or the entry that lists them, are written there; make it a file\n"},
		{name: "kustomization is a link", dir: ".", prepare: func(t *testing.T, empty string) {
			writeInput(t, empty, "k.yaml", []byte("resources: []\n"))
			link(t, "k.yaml", filepath.Join(empty, "kustomization.yaml"))
		}, want: "exit 2\ntierwall: kustomization.yaml is no regular file: policies, or the entry that lists them, are written there; make it a file\n"},
		{name: "empty folder", dir: ".", prepare: func(*testing.T, string) {},
			want: "exit 2\ntierwall: . holds no YAML files: give the folder of the manifests\n"},
	}
}

// twoEnvironments is the application with policies for its base and for prod alone.
func twoEnvironments() map[string]string {
	files := application()
	files["overlays/staging/kustomization.yaml"] = files["overlays/prod/kustomization.yaml"]
	files["tierwall.yaml"] = configuration + "  peers:\n  - {name: vpn, cidrs: [203.0.113.0/24]}\n" +
		"  environments:\n  - name: prod\n    flows: [{from: vpn, to: backend}]\n"
	return files
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
}

// inUTF16 is a text as some editors save it: a byte order mark, and two bytes a character, the lower first.
func inUTF16(text string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// failing reads some bytes, and then fails.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil {
		err = errors.New("input/output error")
	}
	return n, err
}

func TestStandardInputThatFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(nil, failing{strings.NewReader(deployment("web", "frontend", 8080))}, &stdout, &stderr, false)
	want := outcome{exitUsage, "", "tierwall: standard input cannot be read: input/output error\n"}
	if got := (outcome{code, stdout.String(), stderr.String()}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestTerminal: with a person at standard input there is nothing to read, and help is of use.
func TestTerminal(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(nil, failing{strings.NewReader("")}, &stdout, &stderr, true)
	if code != exitGood || !strings.Contains(stdout.String(), "Usage:\n  tierwall [flags]") || stderr.Len() > 0 {
		t.Errorf("exit code %d, want %d and help:\n%s%s", code, exitGood, stdout.String(), stderr.String())
	}
}

// full takes nothing, as a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestStandardOutputThatFails(t *testing.T) {
	var stderr bytes.Buffer
	code := run(nil, strings.NewReader(deployment("web", "frontend", 8080)), full{}, &stderr, false)
	if want := "tierwall: standard output cannot be written: no space left on device\n"; code != exitUsage || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("exit code %d, want %d:\n%s", code, exitUsage, stderr.String())
	}
}

// TestWithoutPermission runs the binary as a user who may not read, or not write, what it needs.
func TestWithoutPermission(t *testing.T) {
	for _, test := range []struct {
		name, file string
		mode       os.FileMode
		want       string
	}{
		{"a file that may not be read", "base/web.yaml", 0, "tierwall: base/web.yaml cannot be read: permission denied\n"},
		{"a folder that may not be read", "base", 0, "tierwall: base cannot be read: permission denied\n"},
		{"a folder that may not be written", "overlays/prod", 0o555,
			"tierwall: write overlays/prod/kustomization.yaml: openat overlays/prod/.kustomization.yaml.tierwall-new: permission denied\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "shop")
			writeTree(t, dir, twoEnvironments())
			before := snapshot(t, dir)
			if err := os.Chmod(filepath.Join(dir, test.file), test.mode); err != nil {
				t.Fatal(err)
			}
			o := executeAsNobody(t, parent, "render", dir)
			checkRefused(t, o)
			if o.code != exitUsage {
				t.Errorf("exit code %d, want %d", o.code, exitUsage)
			}
			if diff := cmp.Diff(test.want, o.cause()); diff != "" {
				t.Errorf("exit code and message (-want +got):\n%s", diff)
			}
			if err := os.Chmod(filepath.Join(dir, test.file), 0o755); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("the folder changed (-before +after):\n%s", diff)
			}
		})
	}
}

// executeAsNobody runs the binary as a process of its own. If that is root's, who may do everything, it becomes
// nobody's, and parent too.
func executeAsNobody(t *testing.T, parent string, args ...string) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(parent, "tierwall")
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, content, 0o755); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if os.Geteuid() == 0 {
		const nobody = 65534
		giveTo(t, parent, nobody)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func giveTo(t *testing.T, parent string, user int) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(parent), 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(parent, func(at string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(at, user, user)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLargeItem: an item of 50 MB passes, byte for byte.
func TestLargeItem(t *testing.T) {
	item := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\ndata:\n  a: " + strings.Repeat("x", 50_000_000) + "\n"
	list := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- " + strings.TrimPrefix(indented(item), "  ")
	for _, in := range []string{item, list} {
		if o := execute(in); o.code != exitGood || o.stdout != in {
			t.Errorf("exit code %d, and %d bytes for %d: %.200s", o.code, len(o.stdout), len(in), o.stderr)
		}
	}
	broken := execute(list + "- apiVersion: v1\n  kind: [\n")
	checkRefused(t, broken)
	if len(broken.stderr) > 500 {
		t.Errorf("the message is %d bytes long", len(broken.stderr))
	}
}
