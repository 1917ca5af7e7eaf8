// Command archives builds what a release hands out: for each platform an archive with the binary, its completion scripts
// and the licences, and a bill of materials in CycloneDX; and one file of checksums. The same source and the same Go give
// the same bytes.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"tierwall.dev/release/build"
)

// checksumFile is what `sha256sum -c` reads.
const checksumFile = "SHA256SUMS"

func main() {
	root := flag.String("root", "..", "`DIR` of tierwall's go.mod")
	out := flag.String("out", "", "`DIR` to write to, which must be empty or not there")
	version := flag.String("version", "", "`VERSION` of the release, such as v0.1.0")
	platforms := flag.String("platforms", "", "only these `PLATFORMS`, such as linux/amd64,windows/arm64")
	flag.Parse()
	if *out == "" || *version == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(build.Source{Root: *root, Version: *version}, *platforms, *out); err != nil {
		fmt.Fprintln(os.Stderr, "archives:", err)
		os.Exit(1)
	}
}

func run(source build.Source, only, out string) error {
	platforms, err := chosen(only)
	if err != nil {
		return err
	}
	if err := emptyDir(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "archives")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r := release{source: source, out: out, work: work}
	if r.when, err = source.Time(); err != nil {
		return err
	}
	own, err := r.compile(build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH})
	if err != nil {
		return err
	}
	if r.completions, err = build.Completions(own); err != nil {
		return err
	}
	for _, p := range platforms {
		if err := r.platform(p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return checksums(out)
}

// chosen are the platforms of a list, all for none.
func chosen(list string) ([]build.Platform, error) {
	if list == "" {
		return build.Released, nil
	}
	var out []build.Platform
	for _, name := range strings.Split(list, ",") {
		i := slices.IndexFunc(build.Released, func(p build.Platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("platform %q is none of %v", name, build.Released)
		}
		out = append(out, build.Released[i])
	}
	return out, nil
}

// emptyDir makes the directory. One with files in it is refused: an archive of another version among those of this one
// would get a checksum too.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: it holds %s", dir, entries[0].Name())
	}
	return err
}

// checksums writes a line for each file of the directory, sorted.
func checksums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	fmt.Print(out.String())
	return os.WriteFile(filepath.Join(dir, checksumFile), []byte(out.String()), 0o644)
}
