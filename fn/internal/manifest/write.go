package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
)

// WriteFiles writes and removes files below root: all of them, or none as far as a file system allows. Paths are
// slash-separated and below root. New contents are written and synced beside their targets first; only then do they
// replace them, and if one replacement fails those before it are taken back. A file that holds its content already is
// not touched; a removed file need not exist. Files keep their mode and owner; missing directories are made. A path that
// leads out of root, through ".." or a symbolic link, is refused, as is one that is written and removed.
//
// On an error nothing has changed, unless the error says that a file could not be restored, and where its old content is.
func WriteFiles(root string, write map[string][]byte, remove []string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	return writeFiles(rootFS{r}, write, remove)
}

// fileSystem is what writing needs of a directory; paths are slash-separated and below it.
type fileSystem interface {
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	ReadFile(name string) ([]byte, error)
	// WriteNew writes and syncs a file that does not exist yet, with the mode and owner of like, if that is not nil.
	WriteNew(name string, content []byte, like fs.FileInfo) error
	Mkdir(name string) error
	Link(old, new string) error
	Rename(old, new string) error
	Remove(name string) error
	// SyncDir makes renames in a directory last.
	SyncDir(name string) error
}

func writeFiles(f fileSystem, write map[string][]byte, remove []string) error {
	t := &transaction{fs: f}
	err := t.stage(write, remove)
	if err == nil {
		err = t.commit()
	}
	if err != nil {
		return errors.Join(err, t.rollback())
	}
	t.cleanUp()
	return nil
}

// transaction is the changes of one WriteFiles and what is needed to take them back.
type transaction struct {
	fs      fileSystem
	changes []*change
	// made are the directories that were created, outermost first.
	made []string
}

// change is one file that is written or removed.
type change struct {
	target string
	// staged is the new content beside the target; empty for a removal.
	staged string
	// backup is the old file beside the target; empty where there was none.
	backup string
	done   bool
}

// stage checks everything and writes all that takes space, without touching a target.
func (t *transaction) stage(write map[string][]byte, remove []string) error {
	targets := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(write)) {
		if err := t.stageWrite(name, write[name], targets); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(slices.Values(remove)) {
		if err := t.stageRemove(name, targets); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func (t *transaction) stageWrite(name string, content []byte, targets map[string]string) error {
	target, info, err := t.resolve(name)
	if err != nil {
		return err
	}
	if other, taken := targets[target]; taken {
		return fmt.Errorf("is the same file as %s", other)
	}
	targets[target] = name
	if info == nil {
		if err := t.makeDir(path.Dir(target)); err != nil {
			return err
		}
	} else {
		old, err := t.fs.ReadFile(target)
		if err != nil {
			return err
		}
		if bytes.Equal(old, content) {
			return nil
		}
	}
	c := &change{target: target}
	t.changes = append(t.changes, c)
	if c.staged, err = t.beside(target, "new", func(temp string) error { return t.fs.WriteNew(temp, content, info) }); err != nil {
		return err
	}
	if info != nil {
		return t.keep(c, info)
	}
	return nil
}

func (t *transaction) stageRemove(name string, targets map[string]string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("the path leads out of the directory")
	}
	target := path.Clean(name)
	if other, taken := targets[target]; taken {
		return fmt.Errorf("is the same file as %s", other)
	}
	targets[target] = name
	info, err := t.fs.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("is a directory")
	}
	c := &change{target: target}
	t.changes = append(t.changes, c)
	return t.keep(c, info)
}

// keep makes the change's backup: a second link to the file, which takes no space, or a copy where links cannot be had.
func (t *transaction) keep(c *change, info fs.FileInfo) (err error) {
	c.backup, err = t.beside(c.target, "old", func(temp string) error {
		err := t.fs.Link(c.target, temp)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
		content, err := t.fs.ReadFile(c.target)
		if err != nil {
			return err
		}
		return t.fs.WriteNew(temp, content, info)
	})
	return err
}

// beside makes a file in the target's directory under a name that no other tool takes for a manifest.
func (t *transaction) beside(target, kind string, create func(temp string) error) (string, error) {
	const attempts = 100
	dir, base := path.Split(target)
	for i := 0; ; i++ {
		temp := dir + "." + base + ".tierwall-" + kind
		if i > 0 {
			temp += strconv.Itoa(i)
		}
		err := create(temp)
		if err == nil {
			return temp, nil
		}
		if !errors.Is(err, fs.ErrExist) || i == attempts {
			return "", err
		}
	}
}

// maxLinks bounds the symbolic links that are followed for one path.
const maxLinks = 40

// resolve is the file that a path leads to, through links within the root; no info where it does not exist.
func (t *transaction) resolve(name string) (target string, info fs.FileInfo, err error) {
	target = name
	for range maxLinks {
		if !filepath.IsLocal(filepath.FromSlash(target)) {
			return "", nil, errors.New("the path leads out of the directory")
		}
		target = path.Clean(target)
		info, err := t.fs.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return target, nil, nil
		case err != nil:
			return "", nil, err
		case info.Mode().IsRegular():
			return target, info, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return "", nil, errors.New("is no regular file")
		}
		link, err := t.fs.Readlink(target)
		if err != nil {
			return "", nil, err
		}
		if path.IsAbs(filepath.ToSlash(link)) {
			return "", nil, errors.New("is a symbolic link out of the directory")
		}
		target = path.Join(path.Dir(target), filepath.ToSlash(link))
	}
	return "", nil, errors.New("too many symbolic links")
}

func (t *transaction) makeDir(dir string) error {
	if dir == "." {
		return nil
	}
	_, err := t.fs.Lstat(dir)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := t.fs.Mkdir(dir); err != nil {
		return err
	}
	t.made = append(t.made, dir)
	return nil
}

// commit puts the new files in place of the old.
func (t *transaction) commit() error {
	dirs := map[string]bool{}
	for _, c := range t.changes {
		var err error
		if c.staged == "" {
			err = t.fs.Remove(c.target)
		} else {
			err = t.fs.Rename(c.staged, c.target)
		}
		if err != nil {
			return fmt.Errorf("replace %s: %w", c.target, err)
		}
		c.done = true
		dirs[path.Dir(c.target)] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := t.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

// rollback takes back what was done. Its error is nil unless an old file could not be put back.
func (t *transaction) rollback() error {
	var failed error
	for _, c := range slices.Backward(t.changes) {
		switch {
		case c.done && c.backup != "":
			if err := t.fs.Rename(c.backup, c.target); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s could not be restored, its old content is in %s: %w", c.target, c.backup, err))
			}
			continue
		case c.done:
			if err := t.fs.Remove(c.target); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s could not be removed again: %w", c.target, err))
			}
		}
		t.discard(c)
	}
	for _, dir := range slices.Backward(t.made) {
		_ = t.fs.Remove(dir)
	}
	return failed
}

// discard removes what stands beside a target. What cannot be removed does no harm: no tool reads it.
func (t *transaction) discard(c *change) {
	if c.staged != "" && !c.done {
		_ = t.fs.Remove(c.staged)
	}
	if c.backup != "" {
		_ = t.fs.Remove(c.backup)
	}
}

func (t *transaction) cleanUp() {
	for _, c := range t.changes {
		t.discard(c)
	}
}
