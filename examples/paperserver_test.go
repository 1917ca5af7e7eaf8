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

	"k8s.io/apimachinery/pkg/labels"
)

// resources are what the server knows, by the path of their group.
var resources = map[string][]map[string]string{
	"/api/v1": {
		{"name": "pods", "kind": "Pod", "shortNames": "po"}, {"name": "services", "kind": "Service", "shortNames": "svc"},
		{"name": "namespaces", "kind": "Namespace", "shortNames": "ns"}, {"name": "serviceaccounts", "kind": "ServiceAccount", "shortNames": "sa"},
		{"name": "configmaps", "kind": "ConfigMap", "shortNames": "cm"},
	},
	"/apis/apps/v1": {
		{"name": "deployments", "kind": "Deployment", "shortNames": "deploy"}, {"name": "statefulsets", "kind": "StatefulSet", "shortNames": "sts"},
		{"name": "daemonsets", "kind": "DaemonSet", "shortNames": "ds"},
	},
	"/apis/networking.k8s.io/v1": {
		{"name": "networkpolicies", "kind": "NetworkPolicy", "shortNames": "netpol"}, {"name": "ingresses", "kind": "Ingress", "shortNames": "ing"},
	},
	"/apis/batch/v1":  {{"name": "jobs", "kind": "Job"}, {"name": "cronjobs", "kind": "CronJob", "shortNames": "cj"}},
	"/apis/policy/v1": {{"name": "poddisruptionbudgets", "kind": "PodDisruptionBudget", "shortNames": "pdb"}},
}

// lastApplied is where kubectl apply keeps what it has applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

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
	if r.URL.Query().Get("watch") != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done() // nothing changes but by what kubectl does
		return
	}
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
		reply(w, map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{group("apps"), group("networking.k8s.io"), group("policy"), group("batch")}})
		return
	case path == "/openapi/v3":
		paths := map[string]any{}
		for prefix := range resources {
			paths[prefix[1:]] = map[string]any{"serverRelativeURL": "/openapi/v3" + prefix}
		}
		reply(w, map[string]any{"paths": paths})
		return
	case strings.HasPrefix(path, "/openapi/v3/"):
		reply(w, openAPIOf(strings.TrimPrefix(path, "/openapi/v3")))
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
			"namespaced": r["name"] != "namespaces", "shortNames": strings.Fields(r["shortNames"]), "verbs": []string{"get", "list", "patch", "create", "delete"}})
	}
	return map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": groupVersion(path), "resources": list}
}

// openAPIOf says no more of the kinds than that the server validates their fields.
func openAPIOf(path string) any {
	group, version, found := strings.Cut(groupVersion(path), "/")
	if !found {
		group, version = "", group
	}
	paths := map[string]any{}
	for _, r := range resources[path] {
		paths[path+"/"+r["name"]+"/{name}"] = map[string]any{"patch": map[string]any{
			"parameters":                      []any{map[string]any{"name": "fieldValidation", "in": "query"}},
			"x-kubernetes-group-version-kind": map[string]any{"group": group, "version": version, "kind": r["kind"]},
		}}
	}
	return map[string]any{"openapi": "3.0.0", "info": map[string]any{"title": "paper", "version": "v1"}, "paths": paths}
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
		field := "metadata.name=" + meta["name"].(string)
		named := r.URL.Query().Get("fieldSelector")
		return strings.HasPrefix(named, "metadata.name=") && named != field ||
			namespace != "" && meta["namespace"] != namespace || len(path) > 1 && meta["name"] != path[1] || !selector.Matches(set)
	})
	switch {
	case len(path) == 1 && r.Method == http.MethodPost:
		o := c.body(r)
		o["metadata"].(map[string]any)["uid"] = "x"
		if r.URL.Query().Get("dryRun") == "" {
			c.add(o)
		}
		w.WriteHeader(http.StatusCreated)
		reply(w, o)
	case len(path) == 1:
		slices.SortFunc(items, func(a, b map[string]any) int {
			return strings.Compare(a["metadata"].(map[string]any)["name"].(string), b["metadata"].(map[string]any)["name"].(string))
		})
		reply(w, listOf(path[0], items))
	case len(items) != 1:
		w.WriteHeader(http.StatusNotFound)
		reply(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": path[0] + " " + path[1] + " not found"})
	case len(path) == 2 && r.Method == http.MethodPatch:
		c.patch(items[0], c.body(r))
		reply(w, items[0])
	case len(path) == 2 && r.Method == http.MethodDelete:
		c.objects[path[0]] = slices.DeleteFunc(c.objects[path[0]], func(o map[string]any) bool { return sameObject(o, items[0]) })
		reply(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
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

// listOf is the list of a resource's objects.
func listOf(resource string, items []map[string]any) any {
	list := map[string]any{"metadata": map[string]any{"resourceVersion": "1"}, "items": items}
	for path, all := range resources {
		for _, r := range all {
			if r["name"] == resource {
				list["kind"], list["apiVersion"] = r["kind"]+"List", groupVersion(path)
			}
		}
	}
	return list
}

// groupVersion is the apiVersion of a path such as /apis/apps/v1.
func groupVersion(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
}

func sameObject(a, b map[string]any) bool {
	am, bm := a["metadata"].(map[string]any), b["metadata"].(map[string]any)
	return am["name"] == bm["name"] && am["namespace"] == bm["namespace"]
}

// patch changes an object. What kubectl apply sends holds the whole object in an annotation, where that has changed.
func (c *paperCluster) patch(o, patch map[string]any) {
	meta, _ := patch["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	text, whole := annotations[lastApplied].(string)
	if !whole {
		for key, value := range patch {
			part, is := value.(map[string]any)
			if of, has := o[key].(map[string]any); is && has {
				c.patch(of, part)
				continue
			}
			o[key] = value
		}
		return
	}
	var applied map[string]any
	if err := json.Unmarshal([]byte(text), &applied); err != nil {
		panic(err) // kubectl wrote it
	}
	applied["metadata"].(map[string]any)["annotations"].(map[string]any)[lastApplied] = text
	maps.Copy(o, applied)
}

func (c *paperCluster) body(r *http.Request) map[string]any {
	var o map[string]any
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		panic(err) // kubectl sends JSON
	}
	return o
}

// start runs the command of the last ephemeral container of the patch, and keeps what it prints as its log.
func (c *paperCluster) start(w http.ResponseWriter, r *http.Request, pod map[string]any) {
	var patch struct {
		Spec struct {
			EphemeralContainers []struct {
				Name, Image     string
				Command         []string
				SecurityContext struct {
					RunAsNonRoot, AllowPrivilegeEscalation *bool
					RunAsUser                              *int
				}
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
	context, _ := pod["spec"].(map[string]any)["securityContext"].(map[string]any)
	if (context["runAsUser"] == nil) != (one.SecurityContext.RunAsUser != nil) {
		http.Error(w, "the image runs as root, or the pod's own user is changed", http.StatusForbidden)
		return
	}
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
