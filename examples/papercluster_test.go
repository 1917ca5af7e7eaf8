//go:build realtools

package examples

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// paperCluster answers the real kubectl as an API server does that holds what an overlay builds, with one running pod for
// each workload. An ephemeral container of a pod is a real shell on this machine, whose nc and nslookup reach what the
// test says is open. So everything of a command is real but the network; the network is for a real cluster to show.
type paperCluster struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string][]map[string]any // by resource, such as networkpolicies
	bin     string                      // nc, nslookup
	open    string                      // the file with what is open, "FROM HOST PORT" a line
	shell   string
	images  []string
}

// newPaperCluster holds what the overlay builds, and a pod of monitoring and one of namespace default. Open is what its
// network lets through, "FROM HOST PORT" a line, where HOST is a workload, internet, dns or a host.
func newPaperCluster(t *testing.T, built string, open []string) *paperCluster {
	t.Helper()
	c := &paperCluster{t: t, objects: map[string][]map[string]any{}, bin: t.TempDir(), shell: tool(t, "bash")}
	decoder := yaml.NewDecoder(strings.NewReader(built))
	for {
		var o map[string]any
		if err := decoder.Decode(&o); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		asApplied(t, o)
		c.add(o)
	}
	// The first pod of monitoring is on the host network, where policies see the node.
	c.addPod("monitoring", "a-node-exporter", "192.0.2.9", map[string]any{"app": "node-exporter"}, map[string]any{"hostNetwork": true})
	c.addPod("monitoring", "prometheus-0", "10.0.9.1", map[string]any{"app.kubernetes.io/name": "prometheus"}, map[string]any{"securityContext": map[string]any{"runAsUser": 65534}})
	c.addPod("default", "other-0", "10.0.9.2", map[string]any{"app": "other"}, map[string]any{})
	for _, n := range []string{"monitoring", "default"} {
		c.add(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": n}})
	}
	c.network(open)
	return c
}

// asApplied gives the object the annotation that kubectl apply writes.
func asApplied(t *testing.T, o map[string]any) {
	t.Helper()
	meta := o["metadata"].(map[string]any)
	annotations, ok := meta["annotations"].(map[string]any)
	if !ok {
		annotations = map[string]any{}
		meta["annotations"] = annotations
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	annotations[lastApplied] = string(text) + "\n"
}

func (c *paperCluster) add(o map[string]any) {
	for path, list := range resources {
		for _, r := range list {
			if r["kind"] == o["kind"] && strings.HasSuffix(path, o["apiVersion"].(string)) {
				c.objects[r["name"]] = append(c.objects[r["name"]], o)
			}
		}
	}
	spec, _ := o["spec"].(map[string]any)
	template, ok := spec["template"].(map[string]any)
	if !ok {
		return
	}
	meta := o["metadata"].(map[string]any)
	pod := template["metadata"].(map[string]any)["labels"].(map[string]any)
	// As a controller makes them: a Deployment by way of a ReplicaSet, which has its hash in its name.
	podLabels, owner := maps.Clone(pod), map[string]any{"apiVersion": "apps/v1", "kind": o["kind"], "name": meta["name"], "uid": "x", "controller": true}
	if o["kind"] == "Deployment" {
		podLabels["pod-template-hash"] = "5d4f8c7b9"
		owner["kind"], owner["name"] = "ReplicaSet", meta["name"].(string)+"-5d4f8c7b9"
	}
	c.addPod(meta["namespace"].(string), meta["name"].(string)+"-0", fmt.Sprintf("10.0.0.%d", len(c.objects["pods"])+1), podLabels, template["spec"].(map[string]any), owner)
}

func (c *paperCluster) addPod(namespace, name, ip string, podLabels, spec map[string]any, owners ...any) {
	c.objects["pods"] = append(c.objects["pods"], map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"namespace": namespace, "name": name, "labels": podLabels, "uid": name, "resourceVersion": "1", "ownerReferences": owners},
		"spec":     spec,
		"status":   map[string]any{"phase": "Running", "podIP": ip, "ephemeralContainerStatuses": []any{}},
	})
}

// ncs are the usages of two kinds of nc, by which scripts tell them apart.
var ncs = map[string]string{"with -z": "usage: nc [-zv] [-w secs] host port", "with -e": "Usage: nc [-wN] IPADDR PORT [-e PROG]"}

// network makes the commands that a shell of an ephemeral container has: they reach what is open.
func (c *paperCluster) network(open []string) {
	c.open = filepath.Join(c.bin, "open")
	var lines []string
	for _, line := range open {
		from, host, port := cut3(line)
		for _, name := range c.addresses(host) {
			lines = append(lines, from+" "+name+" "+port)
		}
	}
	c.write("open", strings.Join(lines, "\n")+"\n")
	c.write("nc", "#!"+c.shell+`
case "$*" in
-h) echo "$NC_USAGE"; exit 1 ;;
"-z -w 3 "*) [[ $NC_USAGE == *-z* ]] || exit 1; host=$4 port=$5 ;;
"-w 3 "*" -e true") host=$3 port=$4 ;;
*) echo "nc: $*" >&2; exit 1 ;;
esac
[ "$port" != 53 ] || host=dns
grep -qxF -- "$FROM $host $port" "$OPEN"
`)
	c.write("nslookup", "#!"+c.shell+`
if grep -qxF -- "$FROM dns 53/UDP" "$OPEN"; then echo "** server can't find $1: NXDOMAIN"; else echo ";; connection timed out; no servers could be reached"; fi
exit 1
`)
}

func cut3(line string) (a, b, c string) {
	fields := strings.Fields(line)
	return fields[0], fields[1], fields[2]
}

func (c *paperCluster) write(name, content string) {
	if err := os.WriteFile(filepath.Join(c.bin, name), []byte(content), 0o755); err != nil {
		c.t.Fatal(err)
	}
}

// addresses are the pod's address of a workload and the names of its Service, else the host itself.
func (c *paperCluster) addresses(host string) []string {
	out := []string{}
	for _, p := range c.objects["pods"] {
		meta := p["metadata"].(map[string]any)
		if meta["name"] == host+"-0" {
			out = append(out, p["status"].(map[string]any)["podIP"].(string), host, host+"."+meta["namespace"].(string))
		}
	}
	switch {
	case len(out) > 0:
		return out
	case host == "internet":
		return []string{"1.1.1.1", "example.com"}
	}
	return []string{host}
}
