package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// The bad inputs. Each is refused with one message and the right exit code, says nothing on standard output, and leaves
// every file as it was. UPDATE=1 rewrites the expected messages.
//
//	testdata/badinput/config.txtar   NAME.yaml is a configuration's spec, given to the function and to render
//	testdata/badinput/stdin.txtar    NAME.stdin is what the function reads
//	testdata/badinput/folder/*.txtar the folder that render is given
//
// and made_test.go has those that no text file can hold. NAME.want, or the file want, is the exit code and the messages.
const badInputs = "testdata/badinput"

// minBadInputs is how many there are at least, so that a lost file is noticed.
const minBadInputs = 60

// outcome is how a run ended.
type outcome struct {
	code           int
	stdout, stderr string
}

func execute(stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(stdin), &stdout, &stderr, false)
	return outcome{code, stdout.String(), stderr.String()}
}

// want is the outcome as the archives have it.
func (o outcome) want() string { return fmt.Sprintf("exit %d\n%s", o.code, o.stderr) }

// checkRefused holds a run to what every refusal is: a code, nothing on standard output, and one message.
func checkRefused(t *testing.T, o outcome) {
	t.Helper()
	if o.code != exitFindings && o.code != exitUsage {
		t.Errorf("exit code %d, want %d or %d", o.code, exitFindings, exitUsage)
	}
	if o.stdout != "" {
		t.Errorf("standard output is not empty: %.200q", o.stdout)
	}
	if cause := o.cause(); strings.Count(cause, "\n") != 1 || !strings.HasPrefix(cause, "tierwall: ") {
		t.Errorf("want one line that says why:\n%s", o.stderr)
	}
}

// cause is the lines that say why a run failed.
func (o outcome) cause() string {
	var out strings.Builder
	for line := range strings.Lines(o.stderr) {
		if !strings.HasPrefix(line, "tierwall: info: ") && !strings.HasPrefix(line, "tierwall: warning: ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestBadConfigurations(t *testing.T) {
	eachPair(t, "config.txtar", ".yaml", func(t *testing.T, spec string) string {
		files := application()
		files["tierwall.yaml"] = configuration + spec
		dir := t.TempDir()
		writeTree(t, dir, files)
		rendered := refusedFolder(t, dir)
		called := execute(packageList(files, "tierwall.yaml"))
		checkRefused(t, called)
		if diff := cmp.Diff(rendered.want(), called.want()); diff != "" {
			t.Errorf("what render and the function say (-render +function):\n%s", diff)
		}
		return rendered.want()
	})
}

func TestBadStandardInputs(t *testing.T) {
	eachPair(t, "stdin.txtar", ".stdin", func(t *testing.T, stdin string) string {
		o := execute(stdin)
		checkRefused(t, o)
		return o.want()
	})
}

func TestBadFolders(t *testing.T) {
	for _, archive := range folderArchives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(archive)
			if err != nil {
				t.Fatal(err)
			}
			dir, at := t.TempDir(), -1
			for i, f := range a.Files {
				if f.Name == "want" {
					at = i
					continue
				}
				writeInput(t, dir, f.Name, f.Data)
			}
			if at < 0 {
				at = len(a.Files)
				a.Files = append(a.Files, txtar.File{Name: "want"})
			}
			compareWant(t, a, at, archive, refusedFolder(t, dir).want())
		})
	}
}

// TestEnoughBadInputs counts them.
func TestEnoughBadInputs(t *testing.T) {
	n := len(folderArchives(t)) + len(madeFolders()) + len(madeStandardInputs())
	for _, name := range []string{"config.txtar", "stdin.txtar"} {
		a, err := txtar.ParseFile(filepath.Join(badInputs, name))
		if err != nil {
			t.Fatal(err)
		}
		n += len(a.Files) / 2
	}
	if n < minBadInputs {
		t.Errorf("%d bad inputs, want %d or more", n, minBadInputs)
	}
}

func folderArchives(t *testing.T) []string {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(badInputs, "folder", "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no folders: %v", err)
	}
	return archives
}

// refusedFolder renders a folder, which must be refused, with and without --check, and leave every file alone.
func refusedFolder(t *testing.T, dir string) outcome {
	t.Helper()
	before := snapshot(t, dir)
	o := execute("", "render", dir)
	checkRefused(t, o)
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	if strings.Contains(o.stderr, dir) {
		t.Errorf("the message has the path of the machine: %s", o.stderr)
	}
	return o
}

// snapshot is a folder's files: their contents, where links lead, and "directory" for directories.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			out[rel] = "directory"
		case d.Type()&fs.ModeSymlink != 0:
			out[rel], err = os.Readlink(at)
		default:
			var content []byte
			content, err = os.ReadFile(at)
			out[rel] = string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eachPair runs the inputs of an archive of pairs, NAME.suffix and NAME.want.
func eachPair(t *testing.T, name, suffix string, outcome func(*testing.T, string) string) {
	t.Helper()
	file := filepath.Join(badInputs, name)
	a, err := txtar.ParseFile(file)
	if err != nil || len(a.Files) == 0 {
		t.Fatalf("%s holds no inputs: %v", file, err)
	}
	for i := 0; i < len(a.Files); i++ {
		input := a.Files[i]
		label, isInput := strings.CutSuffix(input.Name, suffix)
		if !isInput {
			t.Fatalf("%s: %s stands where an input should", file, input.Name)
		}
		i++
		if i == len(a.Files) || a.Files[i].Name != label+".want" {
			a.Files = slices.Insert(a.Files, i, txtar.File{Name: label + ".want"})
		}
		t.Run(label, func(t *testing.T) { compareWant(t, a, i, file, outcome(t, string(input.Data))) })
	}
}

func compareWant(t *testing.T, a *txtar.Archive, at int, file, got string) {
	t.Helper()
	want := string(a.Files[at].Data)
	if want == got {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Errorf("exit code and messages (-want +got):\n%s", cmp.Diff(want, got))
		return
	}
	a.Files[at].Data = []byte(got)
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// application is a small three-tier package, a base and an overlay.
func application() map[string]string {
	files := map[string]string{
		"base/kustomization.yaml":          "resources:\n- web.yaml\n- api.yaml\n- db.yaml\n",
		"overlays/prod/kustomization.yaml": "namespace: shop-prod\nresources:\n- ../../base\n",
	}
	for _, w := range []struct {
		name, tier string
		port       int
	}{{"web", "frontend", 8080}, {"api", "backend", 8080}, {"db", "database", 5432}} {
		files["base/"+w.name+".yaml"] = deployment(w.name, w.tier, w.port)
	}
	return files
}

func deployment(name, tier string, port int) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
spec:
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
        tier: %[2]s
    spec:
      containers:
      - name: main
        image: registry.example.com/app:1
        ports:
        - containerPort: %[3]d
        - name: metrics
          containerPort: 9090
`, name, tier, port)
}

// configuration is what stands above a configuration's spec.
const configuration = "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata:\n  name: shop\nspec:\n"

// packageList is the ResourceList that an orchestrator makes of a package of files with one document each. The
// file named config is its functionConfig too.
func packageList(files map[string]string, config string) string {
	out := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out += "- " + strings.TrimPrefix(indented(placed(files[name], name)), "  ")
	}
	if config != "" {
		out += "functionConfig:\n" + indented(placed(files[config], config))
	}
	return out
}

// placed is a document with the annotations that say where it stands.
func placed(document, file string) string {
	annotations := "  annotations:\n    internal.config.kubernetes.io/path: '" + file + "'\n    internal.config.kubernetes.io/index: '0'\n"
	before, after, found := strings.Cut(document, "metadata:\n")
	if !found {
		return document + "metadata:\n" + annotations
	}
	return before + "metadata:\n" + annotations + after
}

func indented(document string) string {
	var out strings.Builder
	for line := range strings.Lines(document) {
		if line != "\n" {
			out.WriteString("  ")
		}
		out.WriteString(line)
	}
	return out.String()
}

func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		writeInput(t, dir, name, []byte(content))
	}
}
