package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contents reads a tar file: what is in each file, and "" for a folder.
func contents(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := files[header.Name]; twice {
			t.Errorf("%s is in the archive twice", header.Name)
		}
		files[header.Name] = string(content)
	}
}

func TestLayerHasEveryFolderBeforeItsFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tree", "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"program": "run me", "tree/one": "1", "tree/below/two": "2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "tree", "dangling")); err != nil {
		t.Fatal(err)
	}
	layer := Layer{
		Programs: map[string]string{"/bin/program": filepath.Join(dir, "program")},
		Trees:    []string{filepath.Join(dir, "tree")},
		Texts:    map[string]string{"/etc/passwd": "root"},
		Dirs:     []Dir{{Path: "/tmp", Mode: 0o1777}},
	}
	archive, err := layer.bytes()
	if err != nil {
		t.Fatal(err)
	}
	got := contents(t, archive)
	inTree := strings.TrimPrefix(dir, "/") + "/tree/"
	want := map[string]string{
		"tmp/": "", "etc/": "", "etc/passwd": "root", "bin/": "", "bin/program": "run me",
		inTree: "", inTree + "one": "1", inTree + "below/": "", inTree + "below/two": "2",
	}
	for parent := filepath.Dir(dir); parent != "/"; parent = filepath.Dir(parent) {
		want[strings.TrimPrefix(parent, "/")+"/"] = ""
	}
	want[strings.TrimPrefix(dir, "/")+"/"] = ""
	delete(got, "tmp/") // the test's own folder may be below it
	delete(want, "tmp/")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
}

func TestLibrariesOfADynamicProgram(t *testing.T) {
	got, err := libraries("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(got, "\n")
	for _, part := range []string{"libc.so.6", "ld-linux"} {
		if !strings.Contains(all, part) {
			t.Errorf("no %s among what /bin/sh needs: %v", part, got)
		}
	}
}

func TestLibrariesOfAScript(t *testing.T) {
	for name, content := range map[string]string{"script": "#!/bin/sh\n", "empty": ""} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := libraries(path); err != nil || len(got) > 0 {
			t.Errorf("%s: %v, %v; want none", name, got, err)
		}
	}
}

func TestImagesShareALayer(t *testing.T) {
	shared := &Layer{Texts: map[string]string{"/shared": "s"}}
	own := &Layer{Texts: map[string]string{"/own": "o"}}
	var archive bytes.Buffer
	err := Write(&archive, []Image{
		{Names: []string{"example.com/a:1", "example.com/a:2"}, Layers: []*Layer{shared}, Entrypoint: []string{"/a"}, User: "7"},
		{Names: []string{"example.com/b:1"}, Layers: []*Layer{shared, own}, Cmd: []string{"/b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, archive.Bytes())
	var manifests []manifest
	if err := json.Unmarshal([]byte(files["manifest.json"]), &manifests); err != nil {
		t.Fatal(err)
	}
	names := [][]string{manifests[0].RepoTags, manifests[1].RepoTags}
	if diff := cmp.Diff([][]string{{"example.com/a:1", "example.com/a:2"}, {"example.com/b:1"}}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if manifests[0].Layers[0] != manifests[1].Layers[0] || len(files) != 2+2+1 {
		t.Errorf("two images with one layer in common and one of its own have the files %v", files)
	}
	var c config
	if err := json.Unmarshal([]byte(files[manifests[0].Config]), &c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runConfig{User: "7", Entrypoint: []string{"/a"}}, c.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if digest := "sha256:" + strings.TrimSuffix(manifests[0].Layers[0], "/layer.tar"); c.RootFS.DiffIDs[0] != digest {
		t.Errorf("the configuration says layer %s, the archive has %s", c.RootFS.DiffIDs[0], digest)
	}
}
