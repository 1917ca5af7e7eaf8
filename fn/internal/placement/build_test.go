package placement

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: %s
spec:
  selector:
    matchLabels: {app: %[1]s}
  template:
    metadata:
      labels: {app: %[1]s%[2]s}
    spec:
      containers:
      - {name: main, image: example/%[1]s}
`

// inMemory is a file system with the archive's files below /; an empty NAME.deployment or NAME.TIER.deployment stands for
// a Deployment that wears the tier.
func inMemory(t *testing.T, archive string) filesys.FileSystem {
	t.Helper()
	fsys := filesys.MakeFsInMemory()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name, content := f.Name, f.Data
		if base, ok := strings.CutSuffix(f.Name, ".deployment"); ok {
			app, tierName, _ := strings.Cut(path.Base(base), ".")
			label := ""
			if tierName != "" {
				label = ", tier: " + tierName
			}
			name, content = base+".yaml", fmt.Appendf(nil, deployment, app, label)
		}
		if err := fsys.WriteFile("/"+name, content); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

func TestBuildTellsWhatKustomizeDoesToALayersPolicies(t *testing.T) {
	for _, test := range []struct {
		name, root, files string
		dirs              []string
		want              string
	}{
		{
			name: "namespace, prefix and labels of base and overlay",
			root: "overlays/prod", dirs: []string{"base", "overlays/prod"},
			files: `-- base/kustomization.yaml --
resources: [web.yaml]
-- base/web.deployment --
-- overlays/prod/kustomization.yaml --
namespace: app-production
namePrefix: p-
labels:
- pairs: {team: x}
  includeSelectors: true
resources:
- ../../base
`,
			want: `base: namespace app-production kept false name p-* labels map[team:x]
overlays/prod: namespace app-production kept false name p-* labels map[team:x]
Deployment app-production/p-web from base/web.yaml
`,
		},
		{
			name: "nothing is changed",
			root: "base", dirs: []string{"base"},
			files: `-- base/kustomization.yaml --
resources: [web.yaml]
-- base/web.deployment --
`,
			want: `base: namespace  kept true name * labels map[]
Deployment /web from base/web.yaml
`,
		},
		{
			name: "a base that is included twice",
			root: "both", dirs: []string{"base", "both", "a", "b"},
			files: `-- base/kustomization.yaml --
resources: [web.yaml]
-- base/web.deployment --
-- a/kustomization.yaml --
nameSuffix: -a
resources: [../base]
-- b/kustomization.yaml --
namespace: other
resources: [../base]
-- both/kustomization.yaml --
resources: [../a, ../b]
`,
			want: `a: namespace  kept true name *-a labels map[]
b: namespace other kept false name * labels map[]
base: namespace  kept true name *-a labels map[]
base: namespace other kept false name * labels map[]
both: namespace  kept true name * labels map[]
Deployment /web-a from base/web.yaml
Deployment other/web from base/web.yaml
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			built, err := Build(inMemory(t, test.files), "/", test.root, test.dirs)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for dir, all := range built.Layers {
				for _, l := range all {
					lines = append(lines, fmt.Sprintf("%s: namespace %s kept %t name %s*%s labels %v\n", dir, l.Namespace, l.Kept, l.Prefix, l.Suffix, l.Added))
				}
			}
			slices.Sort(lines)
			for _, o := range built.Objects {
				lines = append(lines, fmt.Sprintf("%s %s/%s from %s\n", o.Kind, o.Namespace, o.Name, o.Source))
			}
			if diff := cmp.Diff(test.want, strings.Join(lines, "")); diff != "" {
				t.Errorf("built (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBuildGivesNodesAsParsed: a reader that asks whether a scalar is a string finds those that a transformer wrote.
func TestBuildGivesNodesAsParsed(t *testing.T) {
	built, err := Build(inMemory(t, `-- base/kustomization.yaml --
resources: [web.yaml]
namePrefix: p-
namespace: shop
replicas:
- {name: web, count: 3}
-- base/web.deployment --
`), "/", "base", []string{"base"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, at := range [][]string{{"metadata", "name"}, {"metadata", "namespace"}, {"spec", "replicas"}} {
		got[strings.Join(at, ".")] = built.Objects[0].At(at...).Node().Tag
	}
	want := map[string]string{"metadata.name": "!!str", "metadata.namespace": "!!str", "spec.replicas": "!!int"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestBuildGivesKustomizesOwnError(t *testing.T) {
	_, err := Build(inMemory(t, "-- base/kustomization.yaml --\nresources: [gone.yaml]\n"), "/", "base", []string{"base"})
	if err == nil || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("error = %v, want one that names gone.yaml", err)
	}
}
