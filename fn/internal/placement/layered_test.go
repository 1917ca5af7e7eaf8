package placement

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// declaredIn are the namespaces that manifests in the tests name.
var declaredIn = map[string]string{"base/a.yaml": "one", "base/b.yaml": "two"}

// plannedLayers plans a tree of kustomizations. NAME.TIER.deployment files are Deployments that wear the tier; flows are
// lines "[ENVIRONMENT:] FROM > TO PORT" between tiers and peers; an environment is the directories of one name
// below overlays/.
func plannedLayers(t *testing.T, archive, flows string) string {
	t.Helper()
	fsys := inMemory(t, archive)
	includes, files := map[string][]string{}, map[string][]string{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		dir := path.Dir(f.Name)
		if path.Base(f.Name) != "kustomization.yaml" {
			files[dir] = append(files[dir], strings.TrimSuffix(strings.TrimSuffix(f.Name, ".deployment"), ".yaml")+".yaml")
			continue
		}
		for line := range strings.SplitSeq(string(f.Data), "\n") {
			if entry, ok := strings.CutPrefix(line, "- ../"); ok {
				includes[dir] = append(includes[dir], path.Join(dir, "..", entry))
			}
		}
		includes[dir] = append(includes[dir], "")
	}
	var layers []*Layer
	for _, dir := range slices.Sorted(maps.Keys(includes)) {
		layers = append(layers, &Layer{Dir: dir, Files: files[dir], Closure: closureOf(dir, includes)})
	}
	var environments []Environment
	for _, l := range layers {
		if !strings.HasPrefix(l.Dir, "overlays/") && !strings.Contains(l.Dir, "/overlays/") {
			continue
		}
		built, err := Build(fsys, "/", l.Dir, slices.Sorted(maps.Keys(l.Closure)))
		if err != nil {
			t.Fatal(err)
		}
		name := path.Base(l.Dir)
		at := slices.IndexFunc(environments, func(e Environment) bool { return e.Model.Environment == name })
		if at < 0 {
			at = len(environments)
			environments = append(environments, Environment{Model: &tier.Model{Environment: name},
				Layers: map[string][]Transformed{}, RootOf: map[*workload.Workload]string{}})
		}
		e := &environments[at]
		inventory, findings := discovery.Read(built.Objects)
		if findings.Failed() {
			t.Fatal(findings)
		}
		e.Roots = append(e.Roots, l.Dir)
		e.Model.Workloads = append(e.Model.Workloads, inventory.Workloads...)
		for dir, all := range built.Layers {
			e.Layers[dir] = append(e.Layers[dir], all...)
		}
		for _, w := range inventory.Workloads {
			e.RootOf[w] = l.Dir
		}
	}
	for i := range environments {
		environments[i].Model = modelByTier(t, environments[i].Model.Environment, environments[i].Model.Workloads, flows)
	}
	placed, _, findings := Layered(Owner{Set: "s"}, layers, environments, func(file, _, _ string) string { return declaredIn[file] })
	var b strings.Builder
	for _, p := range placed {
		fmt.Fprintf(&b, "%s: %s", p.Layer, summary([]*networkingv1.NetworkPolicy{p.Policy}))
	}
	b.WriteString(findings.Error())
	return b.String()
}

func closureOf(dir string, includes map[string][]string) map[string]bool {
	out := map[string]bool{dir: true}
	for _, next := range includes[dir] {
		if next != "" {
			maps.Copy(out, closureOf(next, includes))
		}
	}
	return out
}

func modelByTier(t *testing.T, environment string, workloads []*workload.Workload, flows string) *tier.Model {
	t.Helper()
	m := &tier.Model{Environment: environment, Workloads: workloads}
	for _, w := range workloads {
		w.Tier, w.TierLabel = w.PodLabels["tier"], "tier"
	}
	ends := func(name string) []tier.Endpoint {
		if p := peers[name]; p != nil {
			return []tier.Endpoint{{Peer: p}}
		}
		var out []tier.Endpoint
		for _, w := range workloads {
			if w.Tier == name || name == "*" {
				out = append(out, tier.Endpoint{Workload: w})
			}
		}
		return out
	}
	for line := range strings.SplitSeq(flows, "\n") {
		only, rest, scoped := strings.Cut(line, ": ")
		if !scoped {
			rest = line
		} else if only != environment {
			continue
		}
		f := strings.Fields(rest)
		from, to := ends(f[0]), ends(f[2])
		port, err := strconv.ParseInt(f[3], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		if len(from) > 0 && len(to) > 0 {
			m.Groups = append(m.Groups, tier.Group{From: from, To: to, Ports: tier.PortSet{{Protocol: workload.TCP, First: int32(port), Last: int32(port)}}})
		}
	}
	return m
}

func TestLayered(t *testing.T) {
	for _, test := range []struct{ name, files, flows, want string }{
		{
			name: "what both overlays share stands in the base, what differs in the overlay",
			files: `-- base/kustomization.yaml --
resources: [web.frontend.yaml, api.backend.yaml]
-- base/web.frontend.deployment --
-- base/api.backend.deployment --
-- overlays/prod/kustomization.yaml --
namespace: app-production
resources:
- ../../base
-- overlays/staging/kustomization.yaml --
namespace: app-staging
resources:
- ../../base
`,
			flows: "internet > frontend 8080\nfrontend > backend 8080\nprometheus > * 9090\nstaging: internet > backend 8080\nprod: backend > internet 443",
			want: `base: /default-deny-all selects <none> [Ingress Egress]
base: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from app=web,tier=frontend
base: /frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  in  8080/TCP from everyone
  out 8080/TCP to app=api,tier=backend
base: /prometheus-network-policy selects <none> [Ingress]
  in  9090/TCP from ns(kubernetes.io/metadata.name in (monitoring))
overlays/prod: /backend-network-policy-prod selects app=api,tier=backend [Egress]
  out 443/TCP to 0.0.0.0/0
overlays/staging: /backend-network-policy-staging selects app=api,tier=backend [Ingress]
  in  8080/TCP from everyone
`,
		},
		{
			name: "bases that meet in no common layer: each workload's policy in its base, the default deny in each overlay",
			files: `-- bases/web/kustomization.yaml --
resources: [web.frontend.yaml]
-- bases/web/web.frontend.deployment --
-- bases/api/kustomization.yaml --
resources: [api.backend.yaml]
-- bases/api/api.backend.deployment --
-- overlays/dev/kustomization.yaml --
namespace: dev
resources:
- ../../bases/web
- ../../bases/api
-- overlays/prod/kustomization.yaml --
namespace: prod
resources:
- ../../bases/web
- ../../bases/api
`,
			flows: "frontend > backend 8080",
			want: `bases/api: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from app=web,tier=frontend
bases/web: /frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  out 8080/TCP to app=api,tier=backend
overlays/dev: /default-deny-all selects <none> [Ingress Egress]
overlays/prod: /default-deny-all selects <none> [Ingress Egress]
`,
		},
		{
			name: "a base that puts labels into selectors: its peers elsewhere are matchExpressions",
			files: `-- bases/web/kustomization.yaml --
labels:
- pairs: {team: x}
  includeSelectors: true
resources: [web.frontend.yaml]
-- bases/web/web.frontend.deployment --
-- bases/api/kustomization.yaml --
resources: [api.backend.yaml]
-- bases/api/api.backend.deployment --
-- overlays/prod/kustomization.yaml --
resources:
- ../../bases/web
- ../../bases/api
`,
			flows: "frontend > backend 8080",
			want: `bases/api: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from app=web,team=x,tier=frontend
bases/web: /frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  out 8080/TCP to app in (api),tier in (backend)
overlays/prod: /default-deny-all selects <none> [Ingress Egress]
`,
		},
		{
			name: "namespaces that the bases set: their names stand in the bases",
			files: `-- app/kustomization.yaml --
namespace: app
resources: [api.backend.yaml]
-- app/api.backend.deployment --
-- data/kustomization.yaml --
namespace: data
resources: [db.database.yaml]
-- data/db.database.deployment --
-- overlays/prod/kustomization.yaml --
resources:
- ../../app
- ../../data
-- overlays/staging/kustomization.yaml --
resources:
- ../../app
- ../../data
`,
			flows: "backend > database 5432",
			want: `app: /default-deny-all selects <none> [Ingress Egress]
app: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  out 5432/TCP to ns(kubernetes.io/metadata.name in (data)) app in (db),tier in (database)
data: /default-deny-all selects <none> [Ingress Egress]
data: /database-network-policy selects app=db,tier=database [Ingress Egress]
  in  5432/TCP from ns(kubernetes.io/metadata.name in (app)) app in (api),tier in (backend)
`,
		},
		{
			name: "overlays of one name in two places are one environment",
			files: `-- web/base/kustomization.yaml --
resources: [web.frontend.yaml]
-- web/base/web.frontend.deployment --
-- web/overlays/prod/kustomization.yaml --
namespace: prod
resources:
- ../../base
-- api/base/kustomization.yaml --
resources: [api.backend.yaml]
-- api/base/api.backend.deployment --
-- api/overlays/prod/kustomization.yaml --
namespace: prod
resources:
- ../../base
`,
			flows: "frontend > backend 8080",
			want: `api/base: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from app=web,tier=frontend
api/overlays/prod: /default-deny-all selects <none> [Ingress Egress]
web/base: /frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  out 8080/TCP to app=api,tier=backend
`,
		},
		{
			name: "an overlay that changes a label of the selector takes the whole policy, and its peers' rules",
			files: `-- base/kustomization.yaml --
resources: [web.frontend.yaml, api.backend.yaml]
-- base/web.frontend.deployment --
-- base/api.backend.deployment --
-- overlays/dev/kustomization.yaml --
resources:
- ../../base
-- overlays/prod/kustomization.yaml --
resources:
- ../../base
patches:
- target: {kind: Deployment, name: api}
  patch: |-
    - {op: replace, path: /spec/selector/matchLabels/app, value: api-v2}
    - {op: replace, path: /spec/template/metadata/labels/app, value: api-v2}
    - {op: remove, path: /spec/template/metadata/labels/tier}
    - {op: add, path: /spec/template/metadata/labels/tier, value: backend}
`,
			flows: "frontend > backend 8080\ninternet > frontend 8080",
			want: `base: /default-deny-all selects <none> [Ingress Egress]
base: /backend-network-policy selects tier=backend [Ingress Egress]
  in  8080/TCP from app=web,tier=frontend
base: /frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  in  8080/TCP from everyone
  out 8080/TCP to tier=backend
`,
		},
		{
			name: "a prefix and two namespaces that an overlay merges",
			files: `-- base/kustomization.yaml --
resources: [a.yaml, b.yaml]
-- base/a.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: one}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: frontend}}
    spec: {containers: [{name: main, image: example/web}]}
-- base/b.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: two}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api, tier: backend}}
    spec: {containers: [{name: main, image: example/api}]}
-- overlays/apart/kustomization.yaml --
namePrefix: p-
resources:
- ../../base
-- overlays/merged/kustomization.yaml --
namespace: all
resources:
- ../../base
`,
			flows: "frontend > backend 8080",
			want: `base: one/default-deny-all selects <none> [Ingress Egress]
overlays/apart: two/default-deny-all selects <none> [Ingress Egress]
overlays/apart: one/frontend-network-policy-apart selects app=web,tier=frontend [Egress]
  out 8080/TCP to ns(kubernetes.io/metadata.name in (two)) app in (api),tier in (backend)
overlays/apart: two/backend-network-policy-apart selects app=api,tier=backend [Ingress]
  in  8080/TCP from ns(kubernetes.io/metadata.name in (one)) app in (web),tier in (frontend)
overlays/merged: /backend-network-policy-merged selects app=api,tier=backend [Ingress]
  in  8080/TCP from app=web,tier=frontend
overlays/merged: /frontend-network-policy-merged selects app=web,tier=frontend [Egress]
  out 8080/TCP to app=api,tier=backend
`,
		},
		{
			name: "a workload that only one overlay declares leaves the base's policies where they are",
			files: `-- base/kustomization.yaml --
resources: [api.backend.yaml]
-- base/api.backend.deployment --
-- overlays/prod/kustomization.yaml --
resources:
- ../../base
-- overlays/staging/kustomization.yaml --
resources:
- ../../base
- debug.backend.yaml
-- overlays/staging/debug.backend.deployment --
`,
			flows: "internet > backend 8080",
			want: `base: /default-deny-all selects <none> [Ingress Egress]
base: /backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from everyone
overlays/staging: /backend-network-policy-staging selects app=debug,tier=backend [Ingress Egress]
  in  8080/TCP from everyone
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, plannedLayers(t, test.files, test.flows)); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
		})
	}
}
