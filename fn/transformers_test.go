package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tierwall.dev/fn/internal/report"
)

// transformed are what an overlay of the shipped package may add: fields of its kustomization and files beside it. before
// is what a proof of the committed policies says then, the ids of its errors: empty where kustomize rewrites policies and
// pods alike.
var transformed = []struct {
	name, fields, files string
	before              []string
}{
	{"labels with selectors", "labels:\n- pairs: {environment: production}\n  includeSelectors: true\n", "", nil},
	{"labels on templates", "labels:\n- pairs: {environment: production}\n  includeTemplates: true\n", "", nil},
	{"labels on objects", "labels:\n- pairs: {environment: production}\n", "", nil},
	{"commonLabels", "commonLabels: {environment: production, team: shop}\n", "", nil},
	{"labels that pods wear already, with one value for all", "labels:\n- pairs: {app: shop}\n  includeSelectors: true\n", "", nil},
	{"commonAnnotations", "commonAnnotations: {owner: shop}\n", "", nil},
	{"namePrefix", "namePrefix: prod-\n", "", nil},
	{"namePrefix and nameSuffix and labels", "namePrefix: prod-\nnameSuffix: -v2\nlabels:\n- pairs: {environment: production}\n  includeSelectors: true\n", "", nil},
	{"a patch of a port", "patches:\n- path: port.yaml\n", `
-- port.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  template:
    spec:
      containers:
      - name: backend
        ports:
        - {name: http, containerPort: 8080, $patch: delete}
        - {name: http, containerPort: 8099}
`, []string{"connection-not-meant", "flow-blocked"}},
	{"a patch of a pod's labels", "patches:\n- path: labels.yaml\n", `
-- labels.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  template:
    metadata: {labels: {release: blue}}
`, nil},
	{"a patch that moves a workload to another tier", "patches:\n- path: tier.yaml\n", `
-- tier.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend}
spec:
  selector: {matchLabels: {tier: backend}}
  template:
    metadata: {labels: {tier: backend}}
`, []string{"flow-blocked"}},
	{"a patch that takes a workload away", "patches:\n- path: gone.yaml\n", `
-- gone.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: redis}
$patch: delete
`, nil},
	{"a component with a workload", "components: [reports]\n", `
-- reports/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [worker.yaml]
-- reports/worker.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: reports}
spec:
  selector: {matchLabels: {app: reports}}
  template:
    metadata: {labels: {app: reports, tier: worker}}
    spec:
      containers:
      - {name: main, image: "registry.example.com/app:1"}
`, []string{"flow-blocked"}},
	{"a component with labels and a prefix", "components: [labelled]\n", `
-- labelled/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: blue-
labels:
- pairs: {color: blue}
  includeSelectors: true
`, nil},
}

// TestRenderSurvivesTransformers adds each to the overlay prod, renders, and proves what kustomize builds then.
func TestRenderSurvivesTransformers(t *testing.T) {
	for _, tc := range transformed {
		t.Run(tc.name, func(t *testing.T) {
			dir := copied(t, "../kustomize")
			overlay := filepath.Join(dir, "overlays", "prod")
			extend(t, overlay, tc.fields, tc.files)
			if diff := cmp.Diff(tc.before, errorsOf(t, dir)); diff != "" {
				t.Errorf("errors of the committed policies (-want +got):\n%s", diff)
			}
			mustRender(t, dir)
			if got := errorsOf(t, dir); got != nil {
				t.Errorf("errors once rendered: %v", got)
			}
			var out bytes.Buffer
			if code := render(dir, true, &out, &out); code != exitGood {
				t.Errorf("render --check once rendered: exit code %d\n%s", code, out.String())
			}
		})
	}
}

// handWritten is an application whose policies are written by hand, right as the overlay stands.
const handWritten = `
-- set.yaml --
apiVersion: tierwall.dev/v1alpha1
kind: NetworkPolicySet
metadata: {name: shop}
spec:
  preset: none
  tiers: [{name: frontend}, {name: backend}]
  flows: [{from: frontend, to: backend}, {from: frontend, to: dns}]
-- base/kustomization.yaml --
resources: [app.yaml, policies.yaml]
-- base/app.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: frontend}}
    spec:
      containers:
      - {name: main, image: "registry.example.com/app:1", ports: [{containerPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api, tier: backend}}
    spec:
      containers:
      - {name: main, image: "registry.example.com/app:1", ports: [{containerPort: 8080}]}
-- base/policies.yaml --
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: api}}}]
    ports: [{port: 8080}]
  - to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api}
spec:
  podSelector: {matchLabels: {app: api}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
      podSelector: {matchLabels: {app: web}}
    ports: [{port: 8080}]
-- overlays/prod/kustomization.yaml --
namespace: shop
resources: [../../base]
`

// broken are what an overlay may add to hand-written policies, and what the proof then finds, in the order of ids.
var broken = []struct {
	name, fields, files string
	want                []string
}{
	{"nothing", "", "", nil},
	{"a prefix", "namePrefix: prod-\n", "", nil},
	{"labels with selectors, which the DNS peer gets too", "labels:\n- pairs: {environment: production}\n  includeSelectors: true\n", "",
		[]string{"flow-blocked", "peer-matches-nothing"}},
	{"commonLabels, which the DNS peer gets too", "commonLabels: {environment: production}\n", "",
		[]string{"flow-blocked", "peer-matches-nothing"}},
	{"a component's labels", "components: [labelled]\n", `
-- labelled/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
labels:
- pairs: {environment: production}
  includeSelectors: true
`, []string{"flow-blocked", "peer-matches-nothing"}},
	{"another namespace, which a namespaceSelector does not follow", "namespace: shop-production\n", "", []string{"connection-not-meant", "flow-blocked"}},
	{"a patch of a port", "patches:\n- path: port.yaml\n", `
-- port.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      containers:
      - name: main
        ports: [{containerPort: 8080, $patch: delete}, {containerPort: 8443}]
`, []string{"connection-not-meant", "flow-blocked"}},
	{"a patch of the labels that a policy selects by", "patches:\n- path: labels.yaml\n", `
-- labels.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api-v2}}
  template:
    metadata: {labels: {app: api-v2}}
`, []string{"flow-blocked", "peer-matches-nothing", "policy-selects-nothing"}},
	{"a component with a policy that opens more", "components: [debug]\n", `
-- debug/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [policy.yaml]
-- debug/policy.yaml --
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: debug}
spec:
  podSelector: {}
  ingress: [{}]
`, []string{"connection-not-meant"}},
}

// TestProofCatchesWhatTransformersBreak adds each to an overlay over hand-written policies.
func TestProofCatchesWhatTransformersBreak(t *testing.T) {
	for _, tc := range broken {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			extend(t, dir, "", handWritten)
			extend(t, filepath.Join(dir, "overlays", "prod"), tc.fields, tc.files)
			var ids []string
			for _, f := range proved(t, dir) {
				if f.Severity != report.Info {
					ids = append(ids, string(f.ID))
				}
			}
			slices.Sort(ids)
			if diff := cmp.Diff(tc.want, slices.Compact(ids)); diff != "" {
				t.Errorf("errors and warnings (-want +got):\n%s\n%v", diff, proved(t, dir))
			}
		})
	}
}

// extend adds files to a folder, and fields to its kustomization; a field that it has is replaced, or its list continued.
func extend(t *testing.T, dir, fields, files string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		writeInput(t, dir, f.Name, f.Data)
	}
	if fields == "" {
		return
	}
	name := filepath.Join(dir, "kustomization.yaml")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	key, rest, _ := strings.Cut(fields, "\n")
	switch before, after, found := strings.Cut(text, "\n"+key+"\n"); {
	case found: // a list: the new entries come first
		text = before + "\n" + key + "\n" + rest + after
	case strings.HasPrefix(fields, "namespace:"):
		_, after, _ := strings.Cut(text, "\n")
		text = fields + after
	default:
		text += fields
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copied is a copy of a folder's files in a folder of the test.
func copied(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustRender(t *testing.T, dir string) {
	t.Helper()
	var out bytes.Buffer
	if code := render(dir, false, &out, &out); code != exitGood {
		t.Fatalf("render: exit code %d\n%s", code, out.String())
	}
}

// proved is what the proof of a folder's environments says.
func proved(t *testing.T, dir string) report.Findings {
	t.Helper()
	p, findings, err := readProject(dir, nil)
	if err != nil || findings.Failed() {
		t.Fatal(err, findings)
	}
	found, err := p.findings()
	if err != nil {
		t.Fatal(err)
	}
	return append(findings, found...).Sorted()
}

// errorsOf are the ids of the errors that the proof finds, sorted.
func errorsOf(t *testing.T, dir string) []string {
	t.Helper()
	var ids []string
	for _, f := range proved(t, dir) {
		if f.Severity == report.Error {
			ids = append(ids, string(f.ID))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
