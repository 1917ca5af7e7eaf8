package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"tierwall.dev/release/build"
)

// passwd has the user nobody: kpt and kustomize run functions with --user nobody, and a name needs a passwd file.
const passwd = "root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n"

// user is who runs where nothing else is said: nobody, by number, as Kubernetes' runAsNonRoot asks for.
const user = "65534:65534"

// file is a file of the image. Everything belongs to root, and only the binary may be executed.
type file struct {
	path    string
	content []byte
	mode    int64
}

// contents are all files of the image.
func contents(source build.Source, p build.Platform, binary string) ([]file, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(source.Root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	others, err := source.Licences(p)
	if err != nil {
		return nil, err
	}
	return []file{
		{"etc/passwd", []byte(passwd), 0o644},
		{"licenses/LICENSE", licence, 0o644},
		{"licenses/THIRD-PARTY-LICENSES", others, 0o644},
		{"tierwall", program, 0o755},
	}, nil
}

// labels are the labels of each image, and the annotations of the index.
func labels(source build.Source) map[string]string {
	out := map[string]string{
		"org.opencontainers.image.title":       "tierwall",
		"org.opencontainers.image.description": "KRM function that derives NetworkPolicies from tier labels and places them in a kustomize package",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.url":         "https://tierwall.dev",
		"org.opencontainers.image.version":     source.Version,
	}
	if revision := source.Revision(); revision != "" {
		out["org.opencontainers.image.revision"] = revision
	}
	return out
}

// newImage is an image of one layer on nothing.
func newImage(p build.Platform, files []file, labels map[string]string, when time.Time) (v1.Image, error) {
	content, err := layerOf(files, when)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: when}, CreatedBy: "FROM scratch; the files of tierwall"}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = p.OS, p.Arch, v1.Time{Time: when}
	config.Config = v1.Config{User: user, Entrypoint: []string{"/tierwall"}, Labels: labels}
	return mutate.ConfigFile(image, config)
}

// layerOf is the files as a tar archive, with the directories that they are in.
func layerOf(files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	for _, f := range files {
		if dir := path.Dir(f.path); dir != "." && !made[dir] {
			made[dir] = true
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: when, Format: tar.FormatUSTAR}); err != nil {
				return nil, err
			}
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode, Size: int64(len(f.content)), ModTime: when, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

// write writes the layout to out/oci, and of each image out/image-ARCH.tar, its bill of materials out/ARCH.cdx.json, and its
// files below out/ARCH; the digest is that of the index. In the layout the bills refer to their images, so that a
// registry lists them among their referrers.
func write(images []platformImage, tag name.Tag, annotations map[string]string, out string) (v1.Hash, error) {
	if err := os.RemoveAll(filepath.Join(out, "oci")); err != nil {
		return v1.Hash{}, err
	}
	index := indexOf(images, annotations)
	path, err := layout.Write(filepath.Join(out, "oci"), empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	// skopeo and podman look for this name in oci:DIR:NAME.
	named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag.Name()})
	if err := path.AppendIndex(index, named); err != nil {
		return v1.Hash{}, err
	}
	for _, one := range images {
		bill, err := one.bill()
		if err != nil {
			return v1.Hash{}, err
		}
		if err := path.AppendImage(bill); err != nil {
			return v1.Hash{}, err
		}
		if err := one.write(tag, out); err != nil {
			return v1.Hash{}, err
		}
	}
	return index.Digest()
}

func indexOf(images []platformImage, annotations map[string]string) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, one := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one.image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: one.platform.OS, Architecture: one.platform.Arch}}})
	}
	return mutate.Annotations(index, annotations).(v1.ImageIndex)
}

// bill is the bill of materials as an artifact that refers to its image.
func (one platformImage) bill() (v1.Image, error) {
	subject, err := partial.Descriptor(one.image)
	if err != nil {
		return nil, err
	}
	subject.Annotations, subject.Platform, subject.ArtifactType = nil, nil, ""
	empty := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), build.BillOfMaterialsType)
	artifact, err := mutate.AppendLayers(empty, static.NewLayer(one.materials, build.BillOfMaterialsType))
	if err != nil {
		return nil, err
	}
	return mutate.Subject(artifact, *subject).(v1.Image), nil
}

func (one platformImage) write(tag name.Tag, out string) error {
	root := filepath.Join(out, one.platform.Arch)
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	for _, f := range one.files {
		target := filepath.Join(root, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, f.content, os.FileMode(f.mode)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(out, one.platform.Arch+".cdx.json"), one.materials, 0o644); err != nil {
		return err
	}
	own := tag.Context().Tag(tag.TagStr() + "-" + one.platform.Arch)
	return tarball.WriteToFile(filepath.Join(out, "image-"+one.platform.Arch+".tar"), own, one.image)
}
