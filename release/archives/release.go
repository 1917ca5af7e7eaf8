package main

import (
	"os"
	"path/filepath"
	"time"

	"tierwall.dev/release/build"
)

// release is what is the same for all platforms.
type release struct {
	source build.Source
	// out is where the archives go, work where binaries are compiled.
	out, work   string
	when        time.Time
	completions map[string][]byte
}

// platform writes a platform's archive and its bill of materials.
func (r *release) platform(p build.Platform) error {
	binary, err := r.compile(p)
	if err != nil {
		return err
	}
	name := "tierwall-" + r.source.Version + "-" + p.OS + "-" + p.Arch
	files, err := r.files(p, binary)
	if err != nil {
		return err
	}
	archive, extension := tarGz, ".tar.gz"
	if p.OS == "windows" {
		archive, extension = zipped, ".zip"
	}
	content, err := archive(name, files, r.when)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, name+extension), content, 0o644); err != nil {
		return err
	}
	materials, err := build.BillOfMaterials(binary, r.source.Version, r.when)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, name+".cdx.json"), materials, 0o644)
}

func (r *release) compile(p build.Platform) (string, error) {
	dir := filepath.Join(r.work, p.OS+"-"+p.Arch)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return r.source.Binary(p, dir)
}

// files are the files of an archive.
func (r *release) files(p build.Platform, binary string) (map[string]entry, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	others, err := r.source.Licences(p)
	if err != nil {
		return nil, err
	}
	files := map[string]entry{p.Executable(): {program, 0o755}, "THIRD-PARTY-LICENSES": {others, 0o644}}
	for _, name := range []string{"LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(r.source.Root, name))
		if err != nil {
			return nil, err
		}
		files[name] = entry{content, 0o644}
	}
	for name, script := range r.completions {
		files[name] = entry{script, 0o644}
	}
	return files, nil
}
