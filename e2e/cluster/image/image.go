// Package image makes container images FROM scratch out of this machine's own programs, as one docker-archive for
// `ctr images import`: there is no registry to pull from, and manifests are to be applied as they are.
package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

// Image is an image under one or more names.
type Image struct {
	// Names are full references, such as docker.io/library/redis:8.2.1-bookworm.
	Names []string
	// Layers are from the lowest up. Images that share one by its pointer share it in the archive.
	Layers []*Layer
	// The rest is as in an image's configuration. Empty is unset.
	Entrypoint, Cmd, Env []string
	User, WorkingDir     string
}

// config is the part of an image's configuration that is needed.
type config struct {
	Architecture string       `json:"architecture"`
	OS           string       `json:"os"`
	Config       runConfig    `json:"config"`
	RootFS       rootFS       `json:"rootfs"`
	History      []historyRow `json:"history"`
}

type runConfig struct {
	User       string   `json:",omitempty"`
	Env        []string `json:",omitempty"`
	Entrypoint []string `json:",omitempty"`
	Cmd        []string `json:",omitempty"`
	WorkingDir string   `json:",omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type historyRow struct {
	CreatedBy string `json:"created_by"`
}

// manifest is an item of a docker-archive's manifest.json.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write writes the images as one docker-archive, each layer once.
func Write(w io.Writer, images []Image) error {
	archive := tar.NewWriter(w)
	written := map[*Layer]string{} // the layer's digest
	var manifests []manifest
	for _, image := range images {
		m := manifest{RepoTags: image.Names}
		var digests []string
		for _, layer := range image.Layers {
			digest, err := writeLayer(archive, written, layer)
			if err != nil {
				return fmt.Errorf("image %s: %w", image.Names[0], err)
			}
			digests = append(digests, "sha256:"+digest)
			m.Layers = append(m.Layers, layerFile(digest))
		}
		content, err := json.Marshal(image.config(digests))
		if err != nil {
			return err
		}
		m.Config = hash(content) + ".json"
		if err := put(archive, m.Config, content); err != nil {
			return err
		}
		manifests = append(manifests, m)
	}
	content, err := json.Marshal(manifests)
	if err != nil {
		return err
	}
	if err := put(archive, "manifest.json", content); err != nil {
		return err
	}
	return archive.Close()
}

func (i Image) config(digests []string) config {
	c := config{
		Architecture: runtime.GOARCH, OS: "linux",
		Config: runConfig{User: i.User, Env: i.Env, Entrypoint: i.Entrypoint, Cmd: i.Cmd, WorkingDir: i.WorkingDir},
		RootFS: rootFS{Type: "layers", DiffIDs: digests},
	}
	for range digests {
		c.History = append(c.History, historyRow{CreatedBy: "tierwall e2e"})
	}
	return c
}

func writeLayer(archive *tar.Writer, written map[*Layer]string, layer *Layer) (string, error) {
	if digest, done := written[layer]; done {
		return digest, nil
	}
	content, err := layer.bytes()
	if err != nil {
		return "", err
	}
	digest := hash(content)
	written[layer] = digest
	return digest, put(archive, layerFile(digest), content)
}

func layerFile(digest string) string { return digest + "/layer.tar" }

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func put(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}
