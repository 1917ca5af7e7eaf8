package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// libraryDirs are where Debian keeps shared libraries, by pattern.
var libraryDirs = []string{"/lib/*-linux-gnu", "/usr/lib/*-linux-gnu", "/lib64", "/lib", "/usr/lib"}

// libraries returns the files that a program needs to start: its interpreter, its shared libraries and theirs, each by
// the name under which the loader looks for it. Nothing for a static program, and for a file that is no program.
func libraries(path string) ([]string, error) {
	seen := map[string]bool{}
	var found []string
	todo := []string{path}
	for len(todo) > 0 {
		names, err := needs(todo[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", todo[0], err)
		}
		todo = todo[1:]
		for _, name := range names {
			library, err := findLibrary(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if !seen[library] {
				seen[library] = true
				found = append(found, library)
				todo = append(todo, library)
			}
		}
	}
	return found, nil
}

// needs returns the interpreter (a path) and the shared libraries (names) of one file.
func needs(path string) ([]string, error) {
	file, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, fs.ErrInvalid) || (err != nil && err.Error() == "EOF") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := file.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, program := range file.Progs {
		if program.Type != elf.PT_INTERP {
			continue
		}
		interpreter := make([]byte, program.Filesz)
		if _, err := program.ReadAt(interpreter, 0); err != nil {
			return nil, err
		}
		names = append(names, strings.TrimRight(string(interpreter), "\x00"))
	}
	return names, nil
}

// findLibrary returns the path of a library; a path is returned as it is.
func findLibrary(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, pattern := range libraryDirs {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, dir := range dirs {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("library %s is in none of %s", name, strings.Join(libraryDirs, ", "))
}
