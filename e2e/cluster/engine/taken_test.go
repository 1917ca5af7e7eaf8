//go:build cluster

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// root is the repository.
const root = "../../.."

// corpusVariable names a folder with a folder a case, each with manifests below input/ or kustomize/. It may be left out.
const corpusVariable = "TIERWALL_E2E_CORPUS"

// tierwall is the binary whose policies the API server is given: TIERWALL_E2E_TIERWALL, or what make build gives.
func tierwall(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TIERWALL_E2E_TIERWALL")
	if path == "" {
		path = filepath.Join(root, "bin", "tierwall")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("tierwall is not built: run make build, or set TIERWALL_E2E_TIERWALL: %v", err)
	}
	return path
}

// packages are the folders of this repository that tierwall renders.
var packages = []string{"kustomize", "examples/three-tier", "examples/many-workloads", "examples/openshift", "examples/no-kustomization"}

// written are files with policies of tierwall's as other ways to run it give them.
var written = []string{"examples/inline-component/expected/*.yaml", "examples/helm-post-renderer/expected/*.yaml", "examples/kubectl/*.yaml"}

// TestTaken gives all that tierwall emits to `kubectl apply --server-side --dry-run=server`: for the packages of this
// repository, the files that other ways to run it gave, and the corpus where there is one.
func TestTaken(t *testing.T) {
	w := world(t)
	total := 0
	for _, dir := range packages {
		total += w.takesPackage(t, filepath.Join(root, dir), dir)
	}
	for _, pattern := range written {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Errorf("no file is %s: %v", pattern, err)
		}
		for _, file := range files {
			t.Run(strings.TrimPrefix(file, root+"/"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				total += w.takes(t, policiesIn(text))
			})
		}
	}
	for _, overlay := range []string{"prod", "staging"} {
		t.Run("kubectl apply -k kustomize/overlays/"+overlay, func(t *testing.T) { w.takesWhole(t, overlay) })
	}
	summary.row("%d policies of this repository taken by kubectl apply --server-side --dry-run=server\t\t\t\t\t", total)
	if total == 0 {
		t.Error("nothing was taken")
	}
}

// TestTakenOfCorpus is TestTaken for the applications of others, each without configuration, where there are some. It
// is an error to name a corpus that has none.
func TestTakenOfCorpus(t *testing.T) {
	corpus := os.Getenv(corpusVariable)
	if corpus == "" {
		summary.row("corpus: not here\t\t\t\t\t")
		return
	}
	w := world(t)
	dirs := map[string]string{} // by name
	for _, pattern := range []string{"*/input", "*/kustomize", "traps/input/*"} {
		found, err := filepath.Glob(filepath.Join(corpus, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range found {
			if name := strings.TrimPrefix(dir, corpus+"/"); name != "traps/input" {
				dirs[name] = dir
			}
		}
	}
	total := 0
	for name, dir := range dirs {
		total += w.takesPackage(t, dir, name)
	}
	summary.row("%d policies of %d folders of the corpus taken\t\t\t\t\t", total, len(dirs))
	if total == 0 {
		t.Errorf("no policy of %s was taken", corpus)
	}
}

var (
	choose  = regexp.MustCompile(`choose with --environment one of (.*)`)
	finding = regexp.MustCompile(`tierwall: error: .*\[([a-z-]+)\]`)
)

// takesPackage renders each environment of a folder and gives the number of policies that the API server takes.
func (w *World) takesPackage(t *testing.T, dir, name string) int {
	t.Helper()
	total := 0
	t.Run(name, func(t *testing.T) {
		_, messages, err := render(t, dir, "")
		environments := []string{""}
		if m := choose.FindStringSubmatch(messages); err != nil && m != nil {
			environments = strings.Split(m[1], ", ")
		}
		for _, e := range environments {
			policies, messages, err := render(t, dir, e)
			if m := finding.FindStringSubmatch(messages); err != nil && m != nil {
				t.Logf("environment %q is refused: %s", e, m[1])
				continue
			}
			if err != nil && strings.Contains(messages, "holds no workloads, so there are no policies to write") {
				continue
			}
			if err != nil {
				t.Errorf("environment %q: %v: %s", e, err, messages)
				continue
			}
			total += w.takes(t, policiesIn(policies))
		}
	})
	return total
}

// render gives the policies of one environment of the folder.
func render(t *testing.T, dir, environment string) (policies []byte, messages string, err error) {
	arguments := []string{"render", dir, "--to", "-"}
	if environment != "" {
		arguments = append(arguments, "--environment", environment)
	}
	var out, errs bytes.Buffer
	command := exec.Command(tierwall(t), arguments...)
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	return out.Bytes(), errs.String(), err
}

// policiesIn are the documents of the stream that are NetworkPolicies.
func policiesIn(stream []byte) [][]byte {
	var out [][]byte
	for _, document := range bytes.Split(stream, []byte("\n---")) {
		if regexp.MustCompile(`(?m)^kind: NetworkPolicy$`).Match(document) {
			out = append(out, document)
		}
	}
	return out
}

var namespaceOf = regexp.MustCompile(`(?m)^  namespace: (\S+)$`)

// takes applies the policies in a dry run, and gives their number.
func (w *World) takes(t *testing.T, policies [][]byte) int {
	t.Helper()
	if len(policies) == 0 {
		t.Log("no policy")
		return 0
	}
	for _, p := range policies {
		if m := namespaceOf.FindSubmatch(p); m != nil {
			if err := w.needNamespace(t.Context(), strings.Trim(string(m[1]), `"'`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := w.kubectl(t, bytes.Join(policies, []byte("\n---\n")), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
	if n := strings.Count(out, "serverside-applied (server dry run)"); n != len(policies) {
		t.Errorf("kubectl applies %d of %d policies:\n%s", n, len(policies), out)
	}
	return len(policies)
}

// takesWhole applies an overlay of the shipped package, with all that it holds.
func (w *World) takesWhole(t *testing.T, overlay string) {
	t.Helper()
	dir := filepath.Join(root, "kustomize/overlays", overlay)
	built := w.kubectl(t, nil, "kustomize", dir)
	for _, m := range regexp.MustCompile(`(?m)^  namespace: (\S+)$`).FindAllStringSubmatch(built, -1) {
		if err := w.needNamespace(t.Context(), m[1]); err != nil {
			t.Fatal(err)
		}
	}
	out := w.kubectl(t, nil, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", dir)
	if kinds, n := strings.Count(built, "\nkind: "), strings.Count(out, "serverside-applied (server dry run)"); kinds != n || n == 0 {
		t.Errorf("kubectl applies %d of %d objects:\n%s", n, kinds, out)
	}
}

func (w *World) needNamespace(ctx context.Context, name string) error {
	n := &corev1.Namespace{}
	n.Name = name
	_, err := w.lab.Client.CoreV1().Namespaces().Create(ctx, n, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// kubectl runs the cluster's own kubectl.
func (w *World) kubectl(t *testing.T, stdin []byte, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), w.lab.Binary, slices.Concat([]string{"kubectl", "--kubeconfig", w.lab.Kubeconfig}, arguments)...)
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Errorf("kubectl %s: %v", strings.Join(arguments, " "), err)
	}
	return string(out)
}
