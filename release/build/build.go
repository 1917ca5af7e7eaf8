// Package build compiles tierwall for the platforms of a release, so that the same source and the same Go give the same
// bytes on every machine, and gathers what else a release holds: completion scripts and licences.
package build

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Platform is an operating system and an architecture, as Go names them.
type Platform struct{ OS, Arch string }

// Released are the platforms of a release. The image holds those of Linux.
var Released = []Platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

// String is OS/ARCH.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Executable is the name of the binary on the platform.
func (p Platform) Executable() string {
	if p.OS == "windows" {
		return "tierwall.exe"
	}
	return "tierwall"
}

// Source is the source tree that is released.
type Source struct {
	// Root is the directory of the go.mod of tierwall.
	Root string
	// Version is what the binary says of itself, such as v0.1.0.
	Version string
}

// Binary compiles tierwall into dir and gives the path of the executable.
func (s Source) Binary(p Platform, dir string) (string, error) {
	out, err := filepath.Abs(filepath.Join(dir, p.Executable()))
	if err != nil {
		return "", err
	}
	_, err = s.goTool(p, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+s.Version, "-o", out, "./fn")
	return out, err
}

// environment is what decides the bytes of a build besides the source: all of it is set, and none comes from the machine.
func environment(p Platform) []string {
	return append(os.Environ(),
		"GOOS="+p.OS, "GOARCH="+p.Arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GODEBUG=", "GOFIPS140=off")
}

func (s Source) goTool(p Platform, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = s.Root
	cmd.Env = environment(p)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: go %s: %w\n%s", p, args[0], err, stderr.String())
	}
	return out, nil
}

// Completions are the completion scripts that the binary, which is one of this machine's platform, prints, by their paths in
// an archive.
func Completions(binary string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for shell, name := range map[string]string{"bash": "tierwall.bash", "zsh": "_tierwall", "fish": "tierwall.fish", "powershell": "tierwall.ps1"} {
		script, err := exec.Command(binary, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("tierwall completion %s: %w", shell, err)
		}
		out["completions/"+name] = script
	}
	return out, nil
}

// Time is the time that everything in a release bears: SOURCE_DATE_EPOCH, in seconds since 1970, else that of the last
// commit, else 1980, which is the first that a zip archive can hold.
func (s Source) Time() (time.Time, error) {
	text, ok := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !ok {
		text = "315532800"
		if out, err := s.git("log", "-1", "--format=%ct"); err == nil {
			text = out
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, and must be seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// Revision is the commit that is checked out; empty where the source is no repository.
func (s Source) Revision() string {
	out, err := s.git("rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	return out
}

func (s Source) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = s.Root
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
