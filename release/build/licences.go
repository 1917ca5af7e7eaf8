package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// linked is a package that is linked into the binary, as go list describes it.
type linked struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// Licences is the text that has to go with the binary: of every module that is linked into it, and of Go itself, each
// licence and notice in the directories of the packages that are linked.
func (s Source) Licences(p Platform) ([]byte, error) {
	packages, err := s.linked(p)
	if err != nil {
		return nil, err
	}
	byModule := map[string][]string{} // heading -> files
	for _, l := range packages {
		heading, top := "The Go standard library", ""
		switch {
		case l.Standard:
			if top, err = s.goroot(p); err != nil {
				return nil, err
			}
		case l.Module == nil || l.Module.Main:
			continue
		default:
			heading, top = l.Module.Path+" "+l.Module.Version, l.Module.Dir
		}
		files, err := licencesAbove(l.Dir, top)
		if err != nil {
			return nil, err
		}
		byModule[heading] = append(byModule[heading], files...)
	}
	return notice(byModule)
}

func (s Source) linked(p Platform) ([]linked, error) {
	out, err := s.goTool(p, "list", "-deps", "-json=Dir,Standard,Module", "./fn")
	if err != nil {
		return nil, err
	}
	var packages []linked
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var l linked
		switch err := decoder.Decode(&l); err {
		case nil:
			packages = append(packages, l)
		case io.EOF:
			return packages, nil
		default:
			return nil, err
		}
	}
}

func (s Source) goroot(p Platform) (string, error) {
	out, err := s.goTool(p, "env", "GOROOT")
	return strings.TrimSpace(string(out)), err
}

// licencesAbove are the licences in a directory and in those above it, up to top.
func licencesAbove(dir, top string) ([]string, error) {
	var out []string
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && isLicence(e.Name()) {
				out = append(out, filepath.Join(dir, e.Name()))
			}
		}
		if dir == top || dir == filepath.Dir(dir) {
			return out, nil
		}
		dir = filepath.Dir(dir)
	}
}

func isLicence(name string) bool {
	upper := strings.ToUpper(name)
	return filepath.Ext(name) != ".go" &&
		slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, func(prefix string) bool { return strings.HasPrefix(upper, prefix) })
}

// notice is the one text, sorted, each licence once for each heading. A heading without a licence is an error: what has
// none must not be given away.
func notice(byHeading map[string][]string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("tierwall contains the following software.\n")
	for _, heading := range slices.Sorted(maps.Keys(byHeading)) {
		files := byHeading[heading]
		slices.Sort(files)
		files = slices.Compact(files)
		if len(files) == 0 {
			return nil, fmt.Errorf("%s has no licence", heading)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&out, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 78), heading, filepath.Base(file), bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
		}
	}
	return out.Bytes(), nil
}
