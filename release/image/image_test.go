package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"tierwall.dev/release/build"
)

const ref = "registry.example.com/tierwall:v0.0.0-test"

var source = build.Source{Root: "../..", Version: "v0.0.0-test"}

// TestImage builds the image twice: the layouts are the same, byte for byte, and valid, and hold an image of each
// architecture with nothing but what the function needs.
func TestImage(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, out := range []string{first, second} {
		t.Setenv("TZ", map[string]string{first: "UTC", second: "Pacific/Auckland"}[out])
		if err := run(source, ref, out); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(tree(t, first), tree(t, second)); diff != "" {
		t.Errorf("two builds differ (-first +second):\n%s", diff)
	}

	named, err := layout.ImageIndexFromPath(filepath.Join(first, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(named); err != nil {
		t.Error(err)
	}
	outer, err := named.IndexManifest()
	if err != nil || len(outer.Manifests) != 3 || outer.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != ref {
		t.Fatalf("the layout holds %v, %v; want one index of the name %s and two bills of materials", outer, err, ref)
	}
	index, err := named.ImageIndex(outer.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		if m.MediaType != types.OCIManifestSchema1 {
			t.Errorf("%s is a %s", m.Platform, m.MediaType)
		}
		platforms = append(platforms, m.Platform.String())
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		inspect(t, image, *m.Platform)
		bill, err := named.Image(outer.Manifests[len(platforms)].Digest)
		if err != nil {
			t.Fatal(err)
		}
		inspectBill(t, bill, m, filepath.Join(first, m.Platform.Architecture))
		archive, err := tarball.ImageFromPath(filepath.Join(first, "image-"+m.Platform.Architecture+".tar"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(configName(t, image), configName(t, archive)); diff != "" {
			t.Errorf("the archive to load holds another image (-layout +archive):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

// inspect fails the test where an image holds anything else than what it should.
func inspect(t *testing.T, image v1.Image, p v1.Platform) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != p.OS || config.Architecture != p.Architecture {
		t.Errorf("%s: the configuration says %s/%s", p, config.OS, config.Architecture)
	}
	if config.Config.User != "65534:65534" || len(config.Config.Env)+len(config.Config.Cmd) > 0 {
		t.Errorf("%s: configuration %+v", p, config.Config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%s has %d layers, %v", p, len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	modes := map[string]int64{}
	r := tar.NewReader(content)
	for {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.Mode
		if header.Uid != 0 || header.Gid != 0 {
			t.Errorf("%s: %s belongs to %d:%d, and could be written by who runs", p, header.Name, header.Uid, header.Gid)
		}
	}
	want := map[string]int64{"etc/": 0o755, "etc/passwd": 0o644, "licenses/": 0o755, "licenses/LICENSE": 0o644, "licenses/THIRD-PARTY-LICENSES": 0o644, "tierwall": 0o755}
	if diff := cmp.Diff(want, modes); diff != "" {
		t.Errorf("%s: files (-want +got):\n%s", p, diff)
	}
}

// inspectBill fails the test where an artifact is no bill of materials of the image, by the checksum of the binary in dir.
func inspectBill(t *testing.T, bill v1.Image, of v1.Descriptor, dir string) {
	t.Helper()
	manifest, err := bill.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if s := manifest.Subject; s == nil || s.Digest != of.Digest || s.Size != of.Size || manifest.Config.MediaType != build.BillOfMaterialsType {
		t.Errorf("%s: the bill refers to %v, and is a %s", of.Platform, s, manifest.Config.MediaType)
	}
	layers, err := bill.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%s: the bill has %d layers, %v", of.Platform, len(layers), err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	materials, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := os.ReadFile(dir + ".cdx.json")
	if err != nil || !bytes.Equal(materials, beside) {
		t.Errorf("%s: the bill in the layout is another than the one beside it, %v", of.Platform, err)
	}
	program, err := os.ReadFile(filepath.Join(dir, "tierwall"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(materials, fmt.Appendf(nil, "%x", sha256.Sum256(program))) {
		t.Errorf("%s: the bill is of another binary", of.Platform)
	}
}

// TestTheTimeIsThatOfTheSource: everything in the image bears SOURCE_DATE_EPOCH.
func TestTheTimeIsThatOfTheSource(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	when, err := source.Time()
	if err != nil {
		t.Fatal(err)
	}
	image, err := newImage(build.Platform{OS: "linux", Arch: "arm64"}, []file{{"tierwall", []byte("x"), 0o755}}, nil, when)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Unix(1700000000, 0).UTC(); !config.Created.Equal(want) || !config.History[0].Created.Equal(want) {
		t.Errorf("created %v, history %v; want %v", config.Created, config.History, want)
	}
}

func TestANameNeedsATag(t *testing.T) {
	for _, bad := range []string{"tierwall", "Tierwall:v1", "tierwall@sha256:0"} {
		if err := run(source, bad, t.TempDir()); err == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

func configName(t *testing.T, image v1.Image) string {
	t.Helper()
	name, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return name.String()
}

// tree is the files below a directory, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%s holds %d files, %v", dir, len(out), err)
	}
	return out
}
