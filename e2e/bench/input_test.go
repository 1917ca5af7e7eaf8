//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// The shape of the measured inputs: workloadsPerNamespace Deployments with a Service each in every namespace, their
// tiers in turn.
const workloadsPerNamespace = 50

// tier is what workloads of one tier have in common. calls is the tier whose Service they have in a variable, metrics
// the port that Prometheus scrapes, if they have one.
type tier struct {
	name, port, calls string
	number, metrics   int
}

var tiers = []tier{
	{name: "frontend", port: "http", number: 8080, calls: "api"},
	{name: "api", port: "http", number: 8080, metrics: 9090, calls: "database"},
	{name: "database", port: "postgres", number: 5432, metrics: 9187},
	{name: "cache", port: "redis", number: 6379, metrics: 9121},
	{name: "worker", port: "http", number: 8081, metrics: 9090, calls: "cache"},
}

// mode is a way to call the function.
type mode struct {
	name string
	// list says that the objects come in a ResourceList, as kustomize hands them to a transformer.
	list bool
}

var modes = []mode{{name: "stream", list: true}, {name: "filter"}}

// writeInput writes the input of n workloads to a file and gives its size. It holds one object at a time, since a child
// process counts the memory of the one that started it as its own peak.
func (m mode) writeInput(t *testing.T, path string, n int) int64 {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	if m.list {
		io.WriteString(out, "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
	}
	random := rand.New(rand.NewPCG(1, uint64(n)))
	var object bytes.Buffer
	for i := range n {
		w := workload{namespace: i / workloadsPerNamespace, number: i % workloadsPerNamespace / len(tiers), tier: tiers[i%len(tiers)], list: m.list}
		object.Reset()
		w.deployment(&object, random)
		m.writeObject(out, object.Bytes())
		object.Reset()
		w.service(&object)
		m.writeObject(out, object.Bytes())
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func (m mode) writeObject(out *bufio.Writer, document []byte) {
	if !m.list {
		out.WriteString("---\n")
		out.Write(document)
		return
	}
	prefix := "- "
	for line := range bytes.Lines(document) {
		out.WriteString(prefix)
		out.Write(line)
		prefix = "  "
	}
}

// workload is a Deployment and its Service.
type workload struct {
	namespace, number int
	tier              tier
	list              bool
}

func (w workload) name() string { return fmt.Sprintf("%s-%02d", w.tier.name, w.number) }

// metadata is written with sorted keys, as kustomize leaves them.
func (w workload) metadata(out io.Writer, apiVersion, kind string) {
	fmt.Fprintf(out, "apiVersion: %s\nkind: %s\nmetadata:\n", apiVersion, kind)
	if w.list {
		fmt.Fprintf(out, "  annotations:\n    kustomize.config.k8s.io/id: |\n      kind: %s\n      name: %s\n      namespace: team-%03d\n",
			kind, w.name(), w.namespace)
	}
	fmt.Fprintf(out, `  labels:
    app.kubernetes.io/name: %[1]s
    app.kubernetes.io/part-of: shop-%03[2]d
    tier: %[3]s
  name: %[1]s
  namespace: team-%03[2]d
`, w.name(), w.namespace, w.tier.name)
}

func (w workload) deployment(out io.Writer, random *rand.Rand) {
	w.metadata(out, "apps/v1", "Deployment")
	fmt.Fprintf(out, `spec:
  replicas: %[1]d
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: %[2]s
  template:
    metadata:
      annotations:
        checksum/config: %016[3]x%016[4]x
      labels:
        app.kubernetes.io/name: %[2]s
        app.kubernetes.io/part-of: shop-%03[5]d
        tier: %[6]s
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - --listen=:%[7]d
        - --log-format=json
        env:
        - name: LOG_LEVEL
          value: info
        - name: POOL_SIZE
          value: "%[8]d"
        - name: PASSWORD
          valueFrom:
            secretKeyRef:
              key: password
              name: %[2]s
`, 1+random.IntN(5), w.name(), random.Uint64(), random.Uint64(), w.namespace, w.tier.name, w.tier.number, random.IntN(64))
	if w.tier.calls != "" {
		fmt.Fprintf(out, "        - name: UPSTREAM_HOST\n          value: %s-%02d.team-%03d.svc.cluster.local\n", w.tier.calls, w.number, w.namespace)
	}
	metrics := ""
	if w.tier.metrics != 0 {
		metrics = fmt.Sprintf("        - containerPort: %d\n          name: metrics\n          protocol: TCP\n", w.tier.metrics)
	}
	fmt.Fprintf(out, `        image: registry.example.com/team-%03[1]d/%[2]s:v%[3]d.%[4]d.%[5]d
        livenessProbe:
          initialDelaySeconds: %[6]d
          tcpSocket:
            port: %[7]s
        name: main
        ports:
        - containerPort: %[8]d
          name: %[7]s
          protocol: TCP
%[12]s        readinessProbe:
          periodSeconds: 10
          tcpSocket:
            port: %[7]s
        resources:
          limits:
            memory: %[9]dMi
          requests:
            cpu: %[10]dm
            memory: 64Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        volumeMounts:
        - mountPath: /etc/%[2]s
          name: config
      securityContext:
        runAsNonRoot: true
        runAsUser: %[11]d
      serviceAccountName: %[2]s
      volumes:
      - configMap:
          name: %[2]s
        name: config
`, w.namespace, w.name(), random.IntN(9), random.IntN(30), random.IntN(99), random.IntN(30), w.tier.port, w.tier.number,
		128+random.IntN(1024), 50+random.IntN(500), 1000+random.IntN(1000), metrics)
}

func (w workload) service(out io.Writer) {
	w.metadata(out, "v1", "Service")
	fmt.Fprintf(out, `spec:
  ports:
  - name: %[1]s
    port: %[2]d
    targetPort: %[1]s
  selector:
    app.kubernetes.io/name: %[3]s
`, w.tier.port, w.tier.number, w.name())
}
