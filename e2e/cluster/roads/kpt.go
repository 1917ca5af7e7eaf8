package roads

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// image is the name that `make image` gives what it builds.
const image = "tierwall.dev/tierwall:v0.1.0"

// policiesFile is what a render writes beside a kustomization, and policiesEntry the line there that it adds.
const policiesFile = "network-policies.yaml"

var policiesEntry = regexp.MustCompile(`(?m)^- ` + regexp.QuoteMeta(policiesFile) + `\n`)

// kptRender is a way to render the package with kpt.
type kptRender struct {
	// name is that of the folder of its copy.
	name string
	// flags are those of `kpt fn render`.
	flags []string
	// function is the Kptfile's line that runs tierwall.
	function string
}

// shippedFunction is the Kptfile's line in the package as it ships.
const shippedFunction = "  - exec: tierwall\n"

var (
	kptExec      = kptRender{"exec", []string{"--allow-exec"}, shippedFunction}
	kptContainer = kptRender{"container", []string{"--image-pull-policy=never"}, "  - image: " + image + "\n"}
)

// containersConf lets podman start containers where CAP_SYS_RESOURCE is missing or cgroups are hybrid.
const containersConf = `[containers]
default_ulimits = ["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime = "runc"
`

// renderByKpt renders a copy of the package of the repository in each way, as dir/NAME. It needs a host on which podman
// works, kpt, the image, and tierwall in .cache/e2e.
func renderByKpt(root, dir string) error {
	conf := filepath.Join(dir, "containers.conf")
	if err := os.WriteFile(conf, []byte(containersConf), 0o644); err != nil {
		return err
	}
	environment := append(os.Environ(), "CONTAINERS_CONF="+conf,
		"KPT_FN_RUNTIME=podman", // kpt 1.0.0-beta.56
		"KRM_FN_RUNTIME=podman", // kpt 1.0.0-beta.67
		"PATH="+filepath.Join(root, ".cache", "e2e")+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := runTool(environment, "podman", "image", "exists", image); err != nil {
		return fmt.Errorf("there is no image %s, or no podman; run: make image: %w", image, err)
	}
	shipped := filepath.Join(root, "kustomize")
	for _, r := range []kptRender{kptExec, kptContainer} {
		bare := filepath.Join(dir, r.name)
		if err := copyBare(shipped, bare, r.function); err != nil {
			return err
		}
		err := rendered(shipped, bare, func() error {
			return runTool(environment, "kpt", append([]string{"fn", "render", bare}, r.flags...)...)
		})
		if err != nil {
			return fmt.Errorf("kpt fn render, %s: %w", r.name, err)
		}
	}
	return nil
}

func runTool(environment []string, name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Env = environment
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return nil
}

// copyBare copies the package to a folder that does not exist, as it is before its first render: without policies and
// without the entries that name them. Its Kptfile runs the given function.
func copyBare(shipped, bare, function string) error {
	if err := os.CopyFS(bare, os.DirFS(shipped)); err != nil {
		return err
	}
	return filepath.WalkDir(bare, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch entry.Name() {
		case policiesFile:
			return os.Remove(path)
		case "kustomization.yaml":
			return edit(path, func(content []byte) ([]byte, error) { return policiesEntry.ReplaceAll(content, nil), nil })
		case "Kptfile":
			return edit(path, func(content []byte) ([]byte, error) {
				if !bytes.Contains(content, []byte(shippedFunction)) {
					return nil, fmt.Errorf("%s does not have the line %q", path, shippedFunction)
				}
				return bytes.ReplaceAll(content, []byte(shippedFunction), []byte(function)), nil
			})
		}
		return nil
	})
}

func edit(path string, change func([]byte) ([]byte, error)) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := change(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, changed, 0o644)
}

// rendered runs the render, and fails unless it is the render that wrote the policies: bare has none before, and after it
// policies in the files in which the shipped package has some.
func rendered(shipped, bare string, render func() error) error {
	want, err := filesWithPolicies(shipped)
	if err != nil {
		return err
	}
	if len(want) == 0 {
		return fmt.Errorf("%s has no policies to compare with", shipped)
	}
	before, err := filesWithPolicies(bare)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		return fmt.Errorf("there are policies before the render, in %q", before)
	}
	if err := render(); err != nil {
		return err
	}
	after, err := filesWithPolicies(bare)
	if err != nil {
		return err
	}
	if !slices.Equal(after, want) {
		return fmt.Errorf("the render wrote policies to %q, want %q", after, want)
	}
	return nil
}

var policyKind = regexp.MustCompile(`(?m)^kind: NetworkPolicy$`)

// filesWithPolicies returns the paths below dir, sorted.
func filesWithPolicies(dir string) ([]string, error) {
	var found []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		if policyKind.Match(content) {
			found = append(found, path)
		}
		return err
	})
	return found, err
}
