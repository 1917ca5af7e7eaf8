package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// page is a page for users whose commands the tests run.
type page struct {
	path string
	// flat is true where the cluster that kubectl asks has no policies yet; elsewhere kustomize/overlays/prod is applied.
	flat bool
}

// pages are the pages with commands, from the repository's root, but findings.md, which has a test of its own beside the
// findings.
var pages = []page{
	{path: "README.md"},
	{path: "docs/verification.md"},
	{path: "docs/guide/first-package.md"},
	{path: "docs/guide/own-application.md"},
	{path: "docs/guide/environments.md"},
	{path: "docs/guide/exceptions.md"},
	{path: "docs/guide/platforms.md"},
	{path: "docs/guide/adoption.md", flat: true},
	{path: "docs/guide/delivery.md"},
}

// notRun are commands that no test runs, each with why.
var notRun = map[string]string{
	"make test": "it is what runs this test",
}

// allPages are README.md and all pages of docs/ but findings.md.
func allPages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			out = append(out, filepath.ToSlash(strings.TrimPrefix(p, ".."+string(filepath.Separator))))
		}
	}
	return slices.DeleteFunc(out, func(p string) bool { return p == "docs/findings.md" })
}

// TestEveryPageWithCommandsIsRun holds the list of the pages that are run equal to those that have a command.
func TestEveryPageWithCommandsIsRun(t *testing.T) {
	var run, have []string
	for _, p := range pages {
		run = append(run, p.path)
	}
	for _, p := range allPages(t) {
		if len(commandsOf(t, p)) > 0 {
			have = append(have, p)
		}
	}
	slices.Sort(run)
	slices.Sort(have)
	if diff := cmp.Diff(run, have); diff != "" {
		t.Errorf("pages that the tests run, and pages with commands (-run +have):\n%s", diff)
	}
}

// command is one command of a page, with what it prints.
type command struct {
	line int
	// block is the number of its block among all of the page.
	block int
	// script is what a shell runs, shown what the page says that it prints.
	script, shown string
	// exit is the exit code: that behind exit= on the fence for the last command of a block, else 0.
	exit string
	// silent is true for a command of an sh block, or one below which nothing is shown: what it prints is not compared.
	silent bool
}

// commandsOf are the commands of a page: each sh block is one, and each line of a console block that begins with "$ ",
// with the lines that continue it with "> " and those that it prints.
func commandsOf(t *testing.T, path string) []command {
	t.Helper()
	var out []command
	for i, b := range blocksOf(t, filepath.Join("..", filepath.FromSlash(path))) {
		exit := "0"
		if code, ok := strings.CutPrefix(b.args, "exit="); ok {
			exit = code
		}
		switch {
		case b.lang == "sh" && strings.Contains(b.args, "dry-run"):
			// TestRealToolsChartReadme runs it, as a dry run.
		case b.lang == "sh":
			out = append(out, command{line: b.line, block: i, script: b.text, exit: exit, silent: true})
		case b.lang == "console":
			var mine []command
			n := b.line
			for line := range strings.Lines(b.text) {
				n++
				if script, ok := strings.CutPrefix(line, "$ "); ok {
					mine = append(mine, command{line: n, block: i, script: script, exit: "0"})
				} else if len(mine) == 0 {
					t.Fatalf("%s:%d: a console block begins with a command, \"$ ...\"", path, n)
				} else if more, ok := strings.CutPrefix(line, "> "); ok && mine[len(mine)-1].shown == "" {
					mine[len(mine)-1].script += more
				} else {
					mine[len(mine)-1].shown += line
				}
			}
			for j := range mine {
				mine[j].silent = mine[j].shown == ""
			}
			if len(mine) > 0 {
				mine[len(mine)-1].exit = exit
			}
			out = append(out, mine...)
		}
	}
	return out
}

// TestEveryBlockIsChecked: a page shows nothing that no test looks at. Commands are run by the tests with real tools,
// configurations are decoded here, and other YAML is a part of a file of this repository.
func TestEveryBlockIsChecked(t *testing.T) {
	files := yamlFiles(t)
	checked := 0
	for _, path := range allPages(t) {
		for _, b := range blocksOf(t, filepath.Join("..", filepath.FromSlash(path))) {
			switch b.lang {
			case "sh", "console", "mermaid":
			case "yaml":
				checked++
				if !strings.Contains(b.text, "apiVersion: tierwall.dev/") {
					if !contained(b.text, files) {
						t.Errorf("%s:%d: no file of this repository holds this YAML, and it is no configuration", path, b.line)
					}
					continue
				}
				if wrong := undecodable(t, b.text); wrong != "" {
					t.Errorf("%s:%d: %s", path, b.line, wrong)
				}
			default:
				t.Errorf("%s:%d: a block of %q is not checked by any test: write sh, console, yaml or mermaid", path, b.line, b.lang)
			}
		}
	}
	if checked == 0 {
		t.Error("no YAML was checked")
	}
}

// undecodable is what tierwall says against a configuration, whatever workloads there are; empty where it says nothing.
func undecodable(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	tree{"config.yaml": config, "input.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n"}.write(t, dir)
	r := run(t, dir, nil, "sh", "-c", `"$0" --config config.yaml <input.yaml`, tierwall)
	var wrong []string
	for line := range strings.Lines(r.stderr) {
		if aboutConfig.MatchString(strings.TrimSpace(line)) {
			wrong = append(wrong, line)
		}
	}
	if r.code == 2 {
		wrong = append(wrong, r.stderr)
	}
	return strings.Join(wrong, "")
}

// aboutConfig are findings that a configuration has by itself. That a name matches no workload is none.
var aboutConfig = regexp.MustCompile(`^tierwall: error: .*\[config-[a-z-]+\]$`)

func TestAWrongConfigurationOnAPageIsFound(t *testing.T) {
	const config = "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: shop}\nspec: {flows: [{from: frontend, to: backend, port: 80}]}\n"
	if undecodable(t, config) == "" {
		t.Error("an unknown field was not found")
	}
}

// yamlFiles are the texts of all YAML files of this repository that a page may quote.
func yamlFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, root := range []string{"../kustomize", ".", "../charts"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			ext := filepath.Ext(path)
			if err != nil || d.IsDir() || ext != ".yaml" && ext != ".yml" && filepath.Base(path) != "Kptfile" {
				return err
			}
			text, err := os.ReadFile(path)
			out = append(out, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// contained reports whether a part stands in one of the texts, at any indent. It must be YAML.
func contained(part string, texts []string) bool {
	var any any
	if yaml.Unmarshal([]byte(part), &any) != nil {
		return false
	}
	for _, text := range texts {
		for indent := 0; indent <= 8; indent += 2 {
			var moved strings.Builder
			for line := range strings.Lines(part) {
				moved.WriteString(strings.Repeat(" ", indent) + line)
			}
			if strings.Contains("\n"+text, "\n"+moved.String()) {
				return true
			}
		}
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere: every link to a file, or to a heading, has one.
func TestLinksLeadSomewhere(t *testing.T) {
	checked := 0
	for _, path := range allPages(t) {
		file := filepath.Join("..", filepath.FromSlash(path))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			checked++
			to := file
			if target != "" {
				to = filepath.Join(filepath.Dir(file), filepath.FromSlash(target))
			}
			content, err := os.Stat(to)
			if err != nil {
				t.Errorf("%s: the link to %s leads nowhere", path, m[1])
				continue
			}
			if anchor != "" && !content.IsDir() && !slices.Contains(anchorsOf(t, to), anchor) {
				t.Errorf("%s: %s has no heading #%s", path, target, anchor)
			}
		}
	}
	if checked == 0 {
		t.Error("no link was checked")
	}
}

var (
	heading     = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchorsOf are the anchors of a page's headings, as GitHub makes them.
func anchorsOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		out = append(out, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}
