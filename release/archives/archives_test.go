package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"flag"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/release/build"
)

const version = "v0.0.0-test"

var platforms = flag.String("platforms", "", "the platforms to build, all where none are named")

// released is the directory of a release, built once.
var released string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "release")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		released = filepath.Join(dir, "dist")
		// Both builds bear the time of the commit that is checked out now.
		when, err := build.Source{Root: "../.."}.Time()
		if err != nil {
			panic(err)
		}
		os.Setenv("SOURCE_DATE_EPOCH", strconv.FormatInt(when.Unix(), 10))
		if err := run(build.Source{Root: "../..", Version: version}, *platforms, released); err != nil {
			os.Stderr.WriteString("building the release: " + err.Error() + "\n")
			return 1
		}
		return m.Run()
	}())
}

func built(t *testing.T) []build.Platform {
	t.Helper()
	out, err := chosen(*platforms)
	if err != nil || len(out) == 0 {
		t.Fatalf("no platforms: %v", err)
	}
	return out
}

// TestEachArchiveHoldsItsPlatform: the binary says which platform and module it is built for, and only it may be executed.
func TestEachArchiveHoldsItsPlatform(t *testing.T) {
	for _, p := range built(t) {
		t.Run(p.String(), func(t *testing.T) {
			files := archived(t, p)
			var names []string
			for name, f := range files {
				names = append(names, name)
				if executable := f.mode&0o111 != 0; executable != (name == p.Executable()) {
					t.Errorf("%s has mode %v", name, f.mode)
				}
				if len(f.content) == 0 {
					t.Errorf("%s is empty", name)
				}
			}
			slices.Sort(names)
			want := []string{"LICENSE", "README.md", "THIRD-PARTY-LICENSES", "completions/_tierwall", "completions/tierwall.bash", "completions/tierwall.fish",
				"completions/tierwall.ps1", p.Executable()}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			info := infoOf(t, files[p.Executable()].content)
			settings := map[string]string{}
			for _, s := range info.Settings {
				settings[s.Key] = s.Value
			}
			for key, want := range map[string]string{"GOOS": p.OS, "GOARCH": p.Arch, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": ""} {
				if settings[key] != want {
					t.Errorf("the binary has %s=%q, want %q", key, settings[key], want)
				}
			}
			if info.Path != "tierwall.dev/fn" {
				t.Errorf("the binary is %s", info.Path)
			}
			for _, m := range info.Deps {
				if !bytes.Contains(files["THIRD-PARTY-LICENSES"].content, []byte("\n"+m.Path+" "+m.Version+": ")) {
					t.Errorf("THIRD-PARTY-LICENSES has none of %s %s", m.Path, m.Version)
				}
			}
		})
	}
}

// TestChecksums: sha256sum itself finds every file, and each as it was.
func TestChecksums(t *testing.T) {
	cmd := exec.Command("sha256sum", "--check", "--strict", checksumFile)
	cmd.Dir = released
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := strings.Count(string(out), ": OK\n"), 2*len(built(t)); got != want {
		t.Errorf("%d files are right, want an archive and a bill of materials for each platform: %d\n%s", got, want, out)
	}
}

// TestAgain: the same source in another directory, built with an empty cache, gives the same bytes.
func TestAgain(t *testing.T) {
	p := built(t)[0]
	root := copyOfSource(t)
	t.Setenv("GOCACHE", t.TempDir())
	t.Setenv("TZ", "Pacific/Auckland")
	out := filepath.Join(t.TempDir(), "dist")
	if err := run(build.Source{Root: root, Version: version}, p.String(), out); err != nil {
		t.Fatal(err)
	}
	first, second := sums(t, released), sums(t, out)
	delete(second, checksumFile)
	if len(second) != 2 {
		t.Fatalf("the second build wrote %v", second)
	}
	for name, sum := range second {
		if first[name] != sum {
			t.Errorf("%s differs between two builds: %s and %s", name, first[name], sum)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tierwall-v0.0.1-linux-amd64.tar.gz"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	source := build.Source{Root: "../..", Version: version}
	for _, c := range []struct{ name, platforms, out, want string }{
		{"a directory with files", "", dir, "is not empty: it holds tierwall-v0.0.1-linux-amd64.tar.gz"},
		{"an unknown platform", "linux/amd64,plan9/arm", t.TempDir(), `platform "plan9/arm" is none of`},
	} {
		if err := run(source, c.platforms, c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", c.name, c.want, err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := source.Time(); err == nil {
		t.Error("SOURCE_DATE_EPOCH=yesterday is taken for a time")
	}
}

// archived are the files of a platform's archive, without the directory that all are in.
func archived(t *testing.T, p build.Platform) map[string]entry {
	t.Helper()
	dir := "tierwall-" + version + "-" + p.OS + "-" + p.Arch
	all := map[string]entry{}
	if p.OS == "windows" {
		readZip(t, filepath.Join(released, dir+".zip"), all)
	} else {
		readTar(t, filepath.Join(released, dir+".tar.gz"), all)
	}
	out := map[string]entry{}
	for name, f := range all {
		inside, ok := strings.CutPrefix(name, dir+"/")
		if !ok || path.Clean(name) != name {
			t.Errorf("%s is not in %s", name, dir)
		}
		out[inside] = f
	}
	return out
}

func readTar(t *testing.T, file string, into map[string]entry) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(unzipped)
	for {
		header, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Uname != "" || header.Typeflag != tar.TypeReg {
			t.Errorf("%s belongs to %d (%s), type %c", header.Name, header.Uid, header.Uname, header.Typeflag)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		into[header.Name] = entry{content, header.FileInfo().Mode()}
	}
}

func readZip(t *testing.T, file string, into map[string]entry) {
	t.Helper()
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		one, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(one)
		if err != nil {
			t.Fatal(err)
		}
		into[f.Name] = entry{content, f.Mode()}
	}
}

func infoOf(t *testing.T, program []byte) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// copyOfSource is what Git has of the source, and what it would add, as it is now.
func copyOfSource(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "fn", "go.mod", "go.sum", "LICENSE", "README.md")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		out[e.Name()] = hex.EncodeToString(sum[:])
	}
	return out
}
