//go:build realtools

package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRealToolsDocs runs every command of README.md and docs/, page by page and in their order, in a copy of this
// repository, and compares what each prints with what the page shows. UPDATE=1 writes what they print into the page.
func TestRealToolsDocs(t *testing.T) {
	env := environment(t, "")
	built := buildProd(t, env)
	for _, p := range pages {
		t.Run(p.path, func(t *testing.T) {
			applied := built
			if p.flat {
				applied = withoutKind(built, "NetworkPolicy")
			}
			shell := newDocShell(t, slices.Concat(env, goEnvironment(t), newPaperCluster(t, applied, openInProd).serve()))
			commands, printed := commandsOf(t, p.path), []string{}
			for _, c := range commands {
				if notRun[strings.TrimSpace(strings.Split(c.script, "#")[0])] != "" {
					printed = append(printed, c.shown)
					continue
				}
				r := shell.run(t, c.script)
				printed = append(printed, r.stdout)
				if code := strconv.Itoa(r.code); code != c.exit {
					t.Fatalf("%s:%d: exit code %s, want %s:\n%s%s", p.path, c.line, code, c.exit, c.script, r.stdout)
				}
				if diff := cmp.Diff(c.shown, r.stdout); !c.silent && !shows(c.shown, r.stdout) && os.Getenv("UPDATE") == "" {
					t.Errorf("%s:%d: what the page shows, and what is printed (-page +printed):\n%s%s", p.path, c.line, c.script, diff)
				}
			}
			if os.Getenv("UPDATE") != "" {
				rewrite(t, p.path, commands, printed)
			}
			if len(printed) != len(commands) || len(commands) == 0 {
				t.Errorf("%d of %d commands were run", len(printed), len(commands))
			}
		})
	}
}

// goEnvironment keeps Go's caches where they are for a shell with a home of its own.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY"} {
		out = append(out, name+"="+strings.TrimSpace(mustRun(t, ".", nil, "go", "env", name).stdout))
	}
	return out
}

// shows reports whether a page shows what is printed; a line of dots stands for any lines.
func shows(shown, printed string) bool {
	parts := strings.Split(shown, "...\n")
	if len(parts) == 1 {
		return shown == printed
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(printed, first) || !strings.HasSuffix(printed, last) || len(printed) < len(first)+len(last) {
		return false
	}
	rest := printed[len(first) : len(printed)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut("\n"+rest, "\n"+part)
		if !found {
			return false
		}
		rest = after
	}
	return true
}

// rewrite writes what commands print into a page, where it shows something without dots.
func rewrite(t *testing.T, path string, commands []command, printed []string) {
	t.Helper()
	file := filepath.Join("..", filepath.FromSlash(path))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rest, out := string(text), ""
	for i, c := range commands {
		if c.silent || strings.Contains(c.shown, "...\n") {
			continue
		}
		script := "$ " + strings.ReplaceAll(strings.TrimSuffix(c.script, "\n"), "\n", "\n> ") + "\n"
		before, after, found := strings.Cut(rest, script+c.shown)
		if !found {
			t.Fatalf("%s:%d: not found again", path, c.line)
		}
		out, rest = out+before+script+printed[i], after
	}
	if err := os.WriteFile(file, []byte(out+rest), 0o644); err != nil {
		t.Fatal(err)
	}
}

// docShell is the shell of a reader: what one command leaves behind, in files, functions, variables and as its folder,
// the next one finds.
type docShell struct {
	dir, state string
	env        []string
}

// newDocShell begins in a copy of this repository.
func newDocShell(t *testing.T, env []string) *docShell {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tierwall")
	for _, name := range []string{"README.md", "Makefile", "go.mod", "go.sum", "docs", "kustomize", "examples", "fn", "charts"} {
		path := filepath.Join("..", name)
		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(path)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree{name: string(text)}.write(t, dir)
	}
	s := &docShell{dir: dir, state: t.TempDir(), env: env}
	tree{"state": "cd " + dir + "\n"}.write(t, s.state)
	mustRun(t, dir, env, tool(t, "git"), "init", "--quiet", "--initial-branch=main")
	return s
}

// run runs a command; its stdout is both of its streams, in their order.
func (s *docShell) run(t *testing.T, script string) result {
	t.Helper()
	state := filepath.Join(s.state, "state")
	const keep = `trap 'code=$?; { declare -f; declare -p -x | grep -v "declare -[a-z]*r"; echo "cd $(printf %q "$PWD")"; } > "$0"; exit $code' EXIT` + "\n"
	return run(t, s.dir, s.env, "timeout", "300", tool(t, "bash"), "-euo", "pipefail", "-c", `exec 2>&1; source "$0"`+"\n"+keep+script, state)
}

// withoutKind is a stream without the documents of a kind.
func withoutKind(stream, kind string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(stream, "\n---\n"), func(doc string) bool {
		return strings.Contains("\n"+doc, "\nkind: "+kind+"\n")
	}), "\n---\n")
}
