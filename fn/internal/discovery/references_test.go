package discovery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

func readText(t *testing.T, text string) (*workload.Inventory, report.Findings) {
	t.Helper()
	objects, err := parse("app.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Read(objects)
}

// A ConfigMap with the addresses of all, which all take whole, gives no references but a finding: they would be as many
// as pairs of workloads.
func TestSharedByTooMany(t *testing.T) {
	const n = 101 // n*n is more than maxShared
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: all, namespace: shop}\ndata:\n")
	for i := range n {
		fmt.Fprintf(&b, "  URL_%d: http://s%d\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: shop}\nspec: {ports: [{port: 80}]}\n", i)
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: shop}\nspec: {containers: [{envFrom: [{configMapRef: {name: all}}]}]}\n", i)
	}
	inv, findings := readText(t, b.String())
	if len(inv.References) > 0 {
		t.Errorf("%d references, want none", len(inv.References))
	}
	want := []string{"info app.yaml ConfigMap shop/all: data: 101 workloads take the 101 addresses of this ConfigMap whole, which does not tell who calls whom: " +
		"give each workload the entries that it needs [reference-too-shared]"}
	if diff := cmp.Diff(want, showFindings(inv, findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// A variable made of a long entry of a ConfigMap holds what the entry holds, and nothing of the others.
func TestLongEntry(t *testing.T) {
	inv, _ := readText(t, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: shop}
data: {long: "%s http://db", other: "http://api"}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{env: [{name: X, valueFrom: {configMapKeyRef: {name: c, key: long}}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {ports: [{port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80}]}
`, strings.Repeat("x", maxRescanned)))
	want := []string{"Pod shop/web -> shop/db by config app.yaml data[long]"}
	if diff := cmp.Diff(want, showReferences(inv, nil)); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

// Env overrides envFrom, a later source an earlier one, and a prefix is part of the name.
func TestEnvironmentOrder(t *testing.T) {
	inv, _ := readText(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: shop}
data: {HOST: gone, PORT: "80", P: "80"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, namespace: shop}
data: {HOST: db, PORT: "5432"}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - envFrom: [{configMapRef: {name: one}}, {configMapRef: {name: two}}, {configMapRef: {name: one}, prefix: X_}]
    env: [{name: HOST, value: db}, {name: A, value: "$(HOST):$(PORT)"}, {name: B, value: "$(HOST):$(X_PORT)"}, {name: C, value: "$(X_HOST):$(PORT)"}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {ports: [{port: 5432}]}
`)
	want := []string{
		"Pod shop/web -> shop/db:5432 by config app.yaml[1] data[HOST]",
		"Pod shop/web -> shop/db:5432 by env app.yaml[2] spec.containers[0].env[A]",
		"Pod shop/web -> shop/db:5432 by env app.yaml[2] spec.containers[0].env[HOST]",
	}
	if diff := cmp.Diff(want, showReferences(inv, nil)); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}
