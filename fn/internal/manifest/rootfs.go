package manifest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// rootFS is a fileSystem below a directory of the machine. os.Root refuses links that lead out of it.
type rootFS struct{ *os.Root }

func (r rootFS) WriteNew(name string, content []byte, like fs.FileInfo) (err error) {
	mode := fs.FileMode(0o644)
	if like != nil {
		mode = like.Mode().Perm()
	}
	f, err := r.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = r.Root.Remove(filepath.FromSlash(name))
		}
	}()
	_, err = f.Write(content)
	if err == nil && like != nil {
		// The umask may have taken bits from the mode.
		err = f.Chmod(mode)
	}
	if err == nil && like != nil {
		keepOwner(f, like)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (r rootFS) Mkdir(name string) error {
	return r.Root.Mkdir(filepath.FromSlash(name), 0o755)
}

func (r rootFS) SyncDir(name string) error {
	d, err := r.Open(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems cannot sync a directory; the files themselves are synced.
	_ = d.Sync()
	return nil
}
