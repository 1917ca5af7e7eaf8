//go:build realtools

package examples

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/labels"
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

// resources are what the server knows, by the path of their group.
var resources = map[string][]map[string]string{
	"/api/v1": {
		{"name": "pods", "kind": "Pod", "shortNames": "po"}, {"name": "services", "kind": "Service", "shortNames": "svc"},
		{"name": "namespaces", "kind": "Namespace", "shortNames": "ns"},
	},
	"/apis/apps/v1": {
		{"name": "deployments", "kind": "Deployment", "shortNames": "deploy"}, {"name": "statefulsets", "kind": "StatefulSet", "shortNames": "sts"},
		{"name": "daemonsets", "kind": "DaemonSet", "shortNames": "ds"},
	},
	"/apis/networking.k8s.io/v1": {{"name": "networkpolicies", "kind": "NetworkPolicy", "shortNames": "netpol"}},
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
		c.add(o)
	}
	// The first pod of monitoring is on the host network, where policies see the node.
	c.addPod("monitoring", "a-node-exporter", "192.0.2.9", map[string]any{"app": "node-exporter"}, map[string]any{"hostNetwork": true})
	c.addPod("monitoring", "prometheus-0", "10.0.9.1", map[string]any{"app": "prometheus"}, map[string]any{})
	c.addPod("default", "other-0", "10.0.9.2", map[string]any{"app": "other"}, map[string]any{})
	for _, n := range []string{"monitoring", "default"} {
		c.add(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": n}})
	}
	c.network(open)
	return c
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

// serve starts the server and gives the variables that make kubectl ask it.
func (c *paperCluster) serve() []string {
	server := httptest.NewServer(c)
	c.t.Cleanup(server.Close)
	config := fmt.Sprintf(`{apiVersion: v1, kind: Config, clusters: [{name: paper, cluster: {server: %q}}],
contexts: [{name: paper, context: {cluster: paper, user: paper}}], users: [{name: paper, user: {}}], current-context: paper}`, server.URL)
	c.write("kubeconfig", config)
	return []string{"KUBECONFIG=" + filepath.Join(c.bin, "kubeconfig"), "HOME=" + c.bin}
}

func (c *paperCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case path == "/api":
		reply(w, map[string]any{"kind": "APIVersions", "versions": []string{"v1"}})
		return
	case path == "/apis":
		group := func(name string) any {
			v := map[string]string{"groupVersion": name + "/v1", "version": "v1"}
			return map[string]any{"name": name, "versions": []any{v}, "preferredVersion": v}
		}
		reply(w, map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{group("apps"), group("networking.k8s.io")}})
		return
	case resources[path] != nil:
		reply(w, discoveryOf(path))
		return
	}
	for prefix := range resources {
		if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
			c.object(w, r, strings.Split(rest, "/"))
			return
		}
	}
	http.NotFound(w, r)
}

func discoveryOf(path string) any {
	list := []any{}
	for _, r := range resources[path] {
		list = append(list, map[string]any{"name": r["name"], "singularName": strings.ToLower(r["kind"]), "kind": r["kind"],
			"namespaced": r["name"] != "namespaces", "shortNames": []string{r["shortNames"]}, "verbs": []string{"get", "list", "patch"}})
	}
	return map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/"), "resources": list}
}

func reply(w io.Writer, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(err) // the values are maps, slices and strings
	}
}

// object serves RESOURCE, namespaces/N/RESOURCE, and what is below one pod.
func (c *paperCluster) object(w http.ResponseWriter, r *http.Request, path []string) {
	namespace := ""
	if len(path) > 2 && path[0] == "namespaces" {
		namespace, path = path[1], path[2:]
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	items := slices.DeleteFunc(slices.Clone(c.objects[path[0]]), func(o map[string]any) bool {
		meta := o["metadata"].(map[string]any)
		set := labels.Set{}
		if of, ok := meta["labels"].(map[string]any); ok {
			for k, v := range of {
				set[k] = v.(string)
			}
		}
		return namespace != "" && meta["namespace"] != namespace || len(path) > 1 && meta["name"] != path[1] || !selector.Matches(set)
	})
	switch {
	case len(path) == 1:
		slices.SortFunc(items, func(a, b map[string]any) int {
			return strings.Compare(a["metadata"].(map[string]any)["name"].(string), b["metadata"].(map[string]any)["name"].(string))
		})
		reply(w, map[string]any{"kind": "List", "apiVersion": "v1", "metadata": map[string]any{}, "items": items})
	case len(items) != 1:
		w.WriteHeader(http.StatusNotFound)
		reply(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": path[0] + " " + path[1] + " not found"})
	case len(path) == 2:
		reply(w, items[0])
	case path[2] == "ephemeralcontainers":
		c.start(w, r, items[0])
	case path[2] == "log":
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, items[0]["logs"].(map[string]string)[r.URL.Query().Get("container")])
	default:
		http.NotFound(w, r)
	}
}

// start runs the command of the last ephemeral container of the patch, and keeps what it prints as its log.
func (c *paperCluster) start(w http.ResponseWriter, r *http.Request, pod map[string]any) {
	var patch struct {
		Spec struct {
			EphemeralContainers []struct {
				Name, Image     string
				Command         []string
				SecurityContext struct{ RunAsNonRoot, AllowPrivilegeEscalation *bool }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil || len(patch.Spec.EphemeralContainers) == 0 {
		http.Error(w, fmt.Sprint("no ephemeral container: ", err), http.StatusBadRequest)
		return
	}
	// The patch is a merge by name: kubectl sends what is new.
	one := patch.Spec.EphemeralContainers[0]
	if s := one.SecurityContext; s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		http.Error(w, "violates PodSecurity restricted", http.StatusForbidden)
		return
	}
	name := pod["metadata"].(map[string]any)["name"].(string)
	cmd := exec.Command(one.Command[0], one.Command[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+c.bin+":"+os.Getenv("PATH"), "FROM="+strings.TrimSuffix(name, "-0"), "OPEN="+c.open, "NC_USAGE="+ncs["with -e"])
	if len(c.images)%2 == 1 {
		cmd.Env = append(cmd.Env, "NC_USAGE="+ncs["with -z"])
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		out = append(out, []byte(err.Error())...)
	}
	c.images = append(c.images, one.Image)
	logs, ok := pod["logs"].(map[string]string)
	if !ok {
		logs = map[string]string{}
		pod["logs"] = logs
	}
	logs[one.Name] = string(out)
	status := pod["status"].(map[string]any)
	status["ephemeralContainerStatuses"] = append(status["ephemeralContainerStatuses"].([]any), map[string]any{
		"name": one.Name, "image": one.Image, "state": map[string]any{"terminated": map[string]any{"reason": "Completed", "exitCode": 0}}})
	spec := pod["spec"].(map[string]any)
	containers, _ := spec["ephemeralContainers"].([]any)
	spec["ephemeralContainers"] = append(containers, map[string]any{"name": one.Name, "image": one.Image, "command": one.Command})
	reply(w, pod)
}
