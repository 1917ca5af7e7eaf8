package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Layer is a set of files that images share. Their owner is root, but for Dirs.
type Layer struct {
	// Programs are files of this machine, by their path in the image: each brings the shared libraries it needs.
	Programs map[string]string
	// Trees are folders of this machine, taken whole to the same path. The programs in them bring no libraries.
	Trees []string
	// Texts are small files, by their path in the image.
	Texts map[string]string
	// Dirs are empty folders and who owns them.
	Dirs []Dir
}

// Dir is an empty folder of an image.
type Dir struct {
	Path string
	Mode int64
	// Owner is both the user's and the group's number.
	Owner int
}

// write writes the layer as a tar file: every folder before what is in it, every file once.
func (l Layer) write(w io.Writer) error {
	b := &builder{tar: tar.NewWriter(w), have: map[string]bool{}}
	for _, dir := range l.Dirs {
		if err := b.dir(dir); err != nil {
			return err
		}
	}
	for _, path := range sortedKeys(l.Texts) {
		if err := b.file(path, 0o755, int64(len(l.Texts[path])), strings.NewReader(l.Texts[path])); err != nil {
			return err
		}
	}
	for _, path := range sortedKeys(l.Programs) {
		if err := b.program(l.Programs[path], path); err != nil {
			return err
		}
	}
	for _, tree := range l.Trees {
		if err := b.tree(tree); err != nil {
			return err
		}
	}
	return b.tar.Close()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// builder writes one layer.
type builder struct {
	tar  *tar.Writer
	have map[string]bool // by path in the image
}

func (b *builder) dir(dir Dir) error {
	if b.have[dir.Path] {
		return nil
	}
	if err := b.parents(dir.Path); err != nil {
		return err
	}
	b.have[dir.Path] = true
	return b.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir.Path, "/") + "/", Mode: dir.Mode, Uid: dir.Owner, Gid: dir.Owner,
	})
}

func (b *builder) parents(path string) error {
	parent := filepath.Dir(path)
	if parent == "/" || b.have[parent] {
		return nil
	}
	return b.dir(Dir{Path: parent, Mode: 0o755})
}

func (b *builder) file(path string, mode fs.FileMode, size int64, content io.Reader) error {
	if b.have[path] {
		return nil
	}
	if err := b.parents(path); err != nil {
		return err
	}
	b.have[path] = true
	if err := b.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(path, "/"), Mode: int64(mode.Perm()), Size: size}); err != nil {
		return err
	}
	_, err := io.CopyN(b.tar, content, size)
	return err
}

// program adds a file of the machine, links followed, with its libraries.
func (b *builder) program(source, target string) error {
	if err := b.copy(source, target); err != nil {
		return err
	}
	needed, err := libraries(source)
	if err != nil {
		return err
	}
	for _, library := range needed {
		if err := b.copy(library, library); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) copy(source, target string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return b.file(target, info.Mode(), info.Size(), file)
}

// tree adds a folder of the machine; a link becomes what it leads to, one that leads nowhere is left out.
func (b *builder) tree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.IsDir():
			return nil
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is no regular file", path)
		}
		return b.copy(path, path)
	})
}

// bytes returns the layer as a tar file.
func (l Layer) bytes() ([]byte, error) {
	var buffer bytes.Buffer
	if err := l.write(&buffer); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
