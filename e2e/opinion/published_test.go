package opinion

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// published is a module that a project publishes, of which files are read and no code is run: it is no requirement of
// this module, so its version and checksum stand here.
type published struct{ module, version, sum string }

var (
	argoCD              = published{"github.com/argoproj/argo-cd/v3", "v3.3.14", "h1:hiZlfHiO6xwZR2DGvhPr1P5MSKxXEMcQaupvKjsMsz0="}
	kustomizeController = published{"github.com/fluxcd/kustomize-controller", "v1.7.3", "h1:SzNnGn/4ObAPEHHleM5U7y/AKxKXph3Vj6ZhteeXw8M="}
	sourceController    = published{"github.com/fluxcd/source-controller", "v1.7.0", "h1:/fBgS4CSmT5Jj/fjQDF92y+pC3gst1GJjgNSzY8Ff9I="}
)

// file is the path of a file of the module, which is downloaded where it is not in the cache of modules.
func (p published) file(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", p.module+"@"+p.version)
	cmd.Dir = t.TempDir() // no module's go.mod has a say
	out, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &got); err != nil || jsonErr != nil {
		t.Fatalf("go mod download %s@%s: %v %s", p.module, p.version, err, got.Error)
	}
	if got.Sum != p.sum {
		t.Fatalf("%s@%s has checksum %s, want %s", p.module, p.version, got.Sum, p.sum)
	}
	return filepath.Join(got.Dir, filepath.FromSlash(name))
}
