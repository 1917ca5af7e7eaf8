package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tierwall.dev/fn/internal/workload"
)

// wanted is the file of an application's txtar that holds the configuration that init proposes for it.
const wanted = "want.yaml"

var connectionLine = regexp.MustCompile(`^(open|shut) (\S+) > (\S+):(\d+)$`)

// TestInitApplications proposes a configuration for each application of testdata/init, written as people write their
// manifests, and renders it untouched. What the application needs is open, what it must not have is shut, and the proposal
// is the one that is held, for people to review. UPDATE=1 rewrites what is held.
func TestInitApplications(t *testing.T) {
	files, err := filepath.Glob("testdata/init/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no applications: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := unpack(t, archive)
			a.propose(t)
			var missing []string
			open := 0
			for _, line := range strings.Split(strings.TrimSpace(a.connections), "\n") {
				m := connectionLine.FindStringSubmatch(line)
				if m == nil {
					t.Fatalf("connections.txt: %q is not: open|shut FROM > TO:PORT", line)
				}
				is := a.isOpen(t, m[2], m[3], m[4])
				if m[1] == "open" && is {
					open++
				}
				if is != (m[1] == "open") {
					missing = append(missing, line)
				}
			}
			if diff := cmp.Diff(a.unmet, strings.Join(missing, "\n")); diff != "" {
				t.Errorf("connections that are not as the application needs them (-known +are):\n%s", diff)
			}
			if open == 0 {
				t.Error("nothing is open that the application needs")
			}
			a.hold(t, file, archive)
		})
	}
}

// proposedApplication is an unpacked txtar of testdata/init.
type proposedApplication struct {
	dir, connections, want, got string
	// unmet are the connections that nothing in the manifests tells, so that the proposal asks about them.
	unmet  string
	proofs []*proof
}

func unpack(t *testing.T, archive *txtar.Archive) *proposedApplication {
	t.Helper()
	a := &proposedApplication{dir: t.TempDir()}
	for _, f := range archive.Files {
		switch name, input := strings.CutPrefix(f.Name, "input/"); {
		case input:
			writeInput(t, a.dir, name, f.Data)
		case f.Name == "connections.txt":
			a.connections = string(f.Data)
		case f.Name == "unmet.txt":
			a.unmet = strings.TrimSpace(string(f.Data))
		case f.Name == wanted:
			a.want = string(f.Data)
		}
	}
	return a
}

// propose runs init and render, and proves what is open then.
func (a *proposedApplication) propose(t *testing.T) {
	t.Helper()
	var out, messages bytes.Buffer
	if code := run([]string{"init", a.dir}, nil, &out, &messages, false); code != exitGood {
		t.Fatalf("init: exit code %d:\n%s", code, messages.String())
	}
	content, err := os.ReadFile(filepath.Join(a.dir, proposedFile))
	if err != nil {
		t.Fatal(err)
	}
	a.got = string(content)
	if code := run([]string{"render", a.dir}, nil, &out, &messages, false); code != exitGood {
		t.Fatalf("render: exit code %d:\n%s\n%s", code, messages.String(), a.got)
	}
	p, findings, err := readProject(a.dir, nil)
	if err != nil || findings.Failed() {
		t.Fatal(err, findings)
	}
	if a.proofs, err = p.prove(); err != nil {
		t.Fatal(err)
	}
}

// isOpen reports whether a connection is open, in the environment prod where there are several.
func (a *proposedApplication) isOpen(t *testing.T, from, to, port string) bool {
	t.Helper()
	for _, p := range a.proofs {
		if p.name != "" && p.name != "prod" {
			continue
		}
		sources, err := p.endsOf("from", from, true)
		if err != nil {
			t.Fatal(err)
		}
		destinations, err := p.endsOf("to", to, false)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.ParseInt(port, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sources {
			for _, d := range destinations {
				if value := p.Explain(s.End, d.End, workload.TCP, int32(number)).Value; fmt.Sprint(value) == "allowed" {
					return true
				}
			}
		}
	}
	return false
}

func (a *proposedApplication) hold(t *testing.T, file string, archive *txtar.Archive) {
	t.Helper()
	if os.Getenv("UPDATE") == "" {
		if diff := cmp.Diff(a.want, a.got); diff != "" {
			t.Errorf("the proposal (-held +now):\n%s", diff)
		}
		return
	}
	for i, f := range archive.Files {
		if f.Name == wanted {
			archive.Files = append(archive.Files[:i], archive.Files[i+1:]...)
			break
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: wanted, Data: []byte(a.got)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
