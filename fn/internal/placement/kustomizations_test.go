package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestReadTree(t *testing.T) {
	for _, test := range []struct{ name, files, want string }{
		{
			name: "bases, overlays and components",
			files: `-- base/kustomization.yaml --
resources: [web.yaml, gone.yaml, https://example.com/x.yaml]
-- base/web.yaml --
-- base/patch.yaml --
-- overlays/prod/kustomization.yml --
resources: [../../base]
components: [../../components/extra]
-- components/extra/kustomization.yaml --
kind: Component
resources: [more.yaml]
-- components/extra/more.yaml --
-- components/unused/Kustomization --
kind: Component
`,
			want: `base [base/web.yaml]
components/extra [components/extra/more.yaml]
components/unused []
overlays/prod []
base/kustomization.yaml resources[1]: gone.yaml is absent
base/kustomization.yaml resources[2]: https://example.com/x.yaml is remote
environments: prod=overlays/prod
`,
		},
		{
			name: "what a build in process cannot see",
			files: `-- kustomization.yaml --
transformers:
- labels.yaml
- function.yaml
- |-
  apiVersion: builtin
  kind: PrefixTransformer
  metadata: {name: p}
  prefix: p-
patches:
- path: patch.yaml
- patch: "- {op: remove, path: /x}"
helmCharts:
- {name: redis}
configMapGenerator:
- {name: c, envs: [gone.env]}
-- labels.yaml --
apiVersion: builtin
kind: LabelTransformer
-- function.yaml --
apiVersion: example.com/v1
kind: Function
`,
			want: `. []
kustomization.yaml patches[0].path: patch.yaml is absent
kustomization.yaml helmCharts[0]: helm chart redis is plugin
kustomization.yaml transformers[1]: function.yaml is plugin
environments: =.
`,
		},
		{
			name: "all that kustomize would clone",
			files: `-- kustomization.yaml --
resources:
- github.com/org/repo
- GitHub.com:org/repo/base
- git@example.com:org/repo.git
- git::ssh://git@example.com/org/repo
- file:///srv/repo
- example.com/org/repo//base
`,
			want: `. []
kustomization.yaml resources[0]: github.com/org/repo is remote
kustomization.yaml resources[1]: GitHub.com:org/repo/base is remote
kustomization.yaml resources[2]: git@example.com:org/repo.git is remote
kustomization.yaml resources[3]: git::ssh://git@example.com/org/repo is remote
kustomization.yaml resources[4]: file:///srv/repo is remote
kustomization.yaml resources[5]: example.com/org/repo//base is absent
environments: =.
`,
		},
		{
			name: "overlays of one name are told apart by their parents",
			files: `-- a/overlays/prod/kustomization.yaml --
-- b/overlays/prod/kustomization.yaml --
-- b/overlays/dev/kustomization.yaml --
`,
			want: `a/overlays/prod []
b/overlays/dev []
b/overlays/prod []
environments: a/overlays/prod=a/overlays/prod b/overlays/prod=b/overlays/prod dev=b/overlays/dev
`,
		},
		{
			name:  "the package's root alone",
			files: "-- kustomization.yaml --\nresources: [a.yaml]\n-- a.yaml --\n",
			want:  ". [a.yaml]\nenvironments: =.\n",
		},
		{
			name:  "a circle",
			files: "-- a/kustomization.yaml --\nresources: [../b]\n-- b/kustomization.yaml --\nresources: [../a]\n",
			want:  "a/kustomization.yaml: resources: the kustomizations include each other in a circle (a -> b -> a): take one of the entries out [layer-cycle]",
		},
		{
			name:  "two kustomizations in one directory",
			files: "-- a/kustomization.yaml --\n-- a/kustomization.yml --\n",
			want:  "a/kustomization.yml: the directory holds kustomization.yaml too; kustomize takes only one: remove one of them [layer-two-files]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := Files{}
			for _, f := range txtar.Parse([]byte(test.files)).Files {
				files[f.Name] = f.Data
			}
			tree, findings := ReadTree(files)
			got := findings.Error()
			if got == "" {
				var b strings.Builder
				for _, l := range tree.Layers {
					fmt.Fprintf(&b, "%s %v\n", l.Dir, l.Files)
				}
				var environments []string
				for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
					environments = append(environments, name+"="+tree.Roots[name].Dir)
				}
				for _, l := range tree.Layers {
					for _, x := range tree.Blind[l.Dir] {
						fmt.Fprintf(&b, "%s %s: %s is %s\n", x.File, x.Field, x.Entry, x.Reason)
					}
				}
				got = b.String() + "environments: " + strings.Join(environments, " ") + "\n"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}
