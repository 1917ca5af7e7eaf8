//go:build !unix

package manifest

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: the file system has no owners to keep.
func keepOwner(*os.File, fs.FileInfo) {}
