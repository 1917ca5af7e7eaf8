package discovery

import (
	"fmt"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/manifest"
)

// benchObjects are n Deployments with a Service each, spread over namespaces, in the shape of real ones: five labels that
// all or many wear, two ports, probes, variables, of which two hold addresses.
func benchObjects(t testing.TB, n, namespaces int) []*manifest.Object {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, benchApplication, fmt.Sprintf("web-%d", i), fmt.Sprintf("ns-%d", i%namespaces), fmt.Sprintf("web-%d", (i+namespaces)%n), []string{"web", "api", "data"}[i%3])
	}
	objects, err := parse("bench.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

const benchApplication = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
  labels: {app: %[1]s, tier: %[4]s, app.kubernetes.io/part-of: shop, app.kubernetes.io/managed-by: kustomize}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s, app.kubernetes.io/part-of: shop}}
  template:
    metadata:
      labels: {app: %[1]s, tier: %[4]s, app.kubernetes.io/part-of: shop, app.kubernetes.io/managed-by: kustomize, version: v1}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}
    spec:
      serviceAccountName: %[1]s
      containers:
      - name: main
        image: registry.example.com/%[2]s/%[1]s:v1.2.3
        command: [/bin/server, --listen=:8080]
        ports: [{name: http, containerPort: 8080, protocol: TCP}, {name: metrics, containerPort: 9090, protocol: TCP}]
        env:
        - {name: LOG_LEVEL, value: info}
        - {name: UPSTREAM_URL, value: "http://%[3]s:80"}
        - {name: DB_HOST, value: "%[3]s.%[2]s.svc.cluster.local"}
        - {name: POOL_SIZE, value: "20"}
        - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: %[1]s, key: password}}}
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
        livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10}
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
        volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata:
  name: %[1]s
  namespace: %[2]s
  labels: {app: %[1]s, app.kubernetes.io/part-of: shop}
spec:
  selector: {app: %[1]s, app.kubernetes.io/part-of: shop}
  ports: [{name: http, port: 80, targetPort: http}]
---
`

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ workloads, namespaces int }{
		{10, 1}, {100, 2}, {1000, 20}, {10_000, 200}, {10_000, 1},
	} {
		b.Run(fmt.Sprintf("workloads=%d/namespaces=%d", c.workloads, c.namespaces), func(b *testing.B) {
			objects := benchObjects(b, c.workloads, c.namespaces)
			b.ReportAllocs()
			for b.Loop() {
				if inv, _ := Read(objects); len(inv.Workloads) != c.workloads {
					b.Fatalf("%d workloads, want %d", len(inv.Workloads), c.workloads)
				}
			}
		})
	}
}

// However many workloads wear a label, a Service that also asks for one that few wear looks at those few: the cost of
// finding who selects whom is the number of pairs, not workloads times Services.
func TestServicesLookAtFewWorkloads(t *testing.T) {
	const n = 500
	r := &Reader{}
	for _, o := range benchObjects(t, n, 1) {
		r.object(o, 0)
	}
	r.settleWorkloads()
	index := r.podIndex()
	looks := 0
	for _, s := range r.services {
		looks += len(index.candidates(scope(s.Namespace), s.Selector))
	}
	if looks != n {
		t.Errorf("%d Services that select one workload each look at %d workloads, want %d", n, looks, n)
	}
}

// Services with one selector share what it selects.
func TestEqualSelectorsAreResolvedOnce(t *testing.T) {
	objects := benchObjects(t, manyItems, 1)
	for i := range 2 {
		service, err := parse("service.yaml", fmt.Appendf(nil, "apiVersion: v1\nkind: Service\nmetadata: {name: all-%d, namespace: ns-0}\nspec: {selector: {app.kubernetes.io/part-of: shop}, ports: [{port: 80, targetPort: 8080}]}\n", i))
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, service...)
	}
	inv, _ := Read(objects)
	first, second := inv.Services[0].Workloads, inv.Services[1].Workloads
	if len(first) != manyItems || len(second) != manyItems || &first[0] != &second[0] {
		t.Errorf("the two Services select %d and %d workloads, want the same list of %d", len(first), len(second), manyItems)
	}
}
