// Command image builds the image of tierwall without a container engine: an OCI image layout with an index of both
// architectures and their bills of materials; for each an archive that podman and docker load; and its files as a
// directory, for a Dockerfile. Nothing but the binary, the user nobody and the licences is in it. The same source and the
// same Go give the same digests.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"tierwall.dev/release/build"
)

func main() {
	root := flag.String("root", "..", "`DIR` of tierwall's go.mod")
	out := flag.String("out", "", "`DIR` to write to; what an earlier run wrote there is replaced")
	ref := flag.String("name", "", "`NAME:TAG` of the image; those of one architecture have TAG-ARCH")
	version := flag.String("version", "", "`VERSION` of the release, such as v0.1.0")
	flag.Parse()
	if *out == "" || *ref == "" || *version == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(build.Source{Root: *root, Version: *version}, *ref, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(source build.Source, ref, out string) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	when, err := source.Time()
	if err != nil {
		return err
	}
	about := labels(source)
	var images []platformImage
	for _, p := range build.Released {
		if p.OS != "linux" {
			continue
		}
		one, err := compiled(source, p, filepath.Join(work, p.Arch), when)
		if err != nil {
			return err
		}
		if one.image, err = newImage(p, one.files, about, when); err != nil {
			return err
		}
		images = append(images, one)
	}
	digest, err := write(images, tag, about, out)
	if err != nil {
		return err
	}
	fmt.Printf("%s@%s\n", tag, digest)
	return nil
}

// platformImage is the image of one architecture.
type platformImage struct {
	platform build.Platform
	files    []file
	// materials is the bill of materials.
	materials []byte
	image     v1.Image
}

// compiled compiles the binary into dir, and gives what there is of an image without itself.
func compiled(source build.Source, p build.Platform, dir string, when time.Time) (platformImage, error) {
	one := platformImage{platform: p}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return one, err
	}
	binary, err := source.Binary(p, dir)
	if err != nil {
		return one, err
	}
	if one.materials, err = build.BillOfMaterials(binary, source.Version, when); err != nil {
		return one, err
	}
	one.files, err = contents(source, p, binary)
	return one, err
}
