// Package discovery reads what an application is from its manifests: workloads with their ports, Services, what exposes
// them, who holds whose address, and the policies that are already there. It takes the objects of one environment as
// they would be applied and gives a workload.Inventory; which tier a workload belongs to, and what may talk to what, is
// for others to say.
//
// Objects without a namespace and those in "default" are taken to be neighbours, as they are once kubectl has applied
// them without -n. Where the input holds workloads of both kinds, the inventory has all of them in "default"; else it
// keeps what each says.
package discovery

import (
	"cmp"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// localConfig marks an object that is never applied (KRM functions specification).
const localConfig = "config.kubernetes.io/local-config"

// Read is the inventory of one environment's objects, with what is wrong or doubtful about them. The result does not
// depend on the order of the objects. An inventory comes back whatever the findings say.
func Read(objects []*manifest.Object) (*workload.Inventory, report.Findings) {
	var r Reader
	for _, o := range objects {
		r.Add(o)
	}
	return r.Finish()
}

// Reader is Read for objects that come one after another. It keeps none of them, only what the inventory is made of,
// so that a large input need not be in memory as YAML nodes. The zero value is ready.
type Reader struct {
	texts      texts
	findings   report.Findings
	candidates []*candidate
	services   []*service
	configs    map[configName]*config
	// promised are the Secrets that controllers make of what is in the input.
	promised   map[configName]*config
	namespaces []workload.Namespace
	policies   []workload.ExistingPolicy
	// serviceMonitors and podMonitors are those of monitoring.coreos.com; routes lead requests from outside to
	// Services, see isRoute.
	serviceMonitors, podMonitors []monitor
	routes                       []route
	webhooks                     []webhook
	// endpoints are the addresses behind Services that have no selector.
	endpoints map[objectName][]string
	// bindings and roles are RBAC's: roles says of each whether it lets anyone call the API. tokenless are ServiceAccounts
	// whose pods get no token.
	bindings  []binding
	roles     map[roleName]bool
	tokenless map[objectName]bool
}

// Add takes one object in.
func (r *Reader) Add(o *manifest.Object) { r.object(o, 0) }

// Finish is the inventory of all objects that were added. The Reader is empty afterwards.
func (r *Reader) Finish() (*workload.Inventory, report.Findings) {
	r.settleNamespaces()
	r.settleWorkloads()
	r.linkServices()
	scraped := r.monitoredPorts()
	for _, c := range r.candidates {
		r.decidePorts(c, scraped[c])
	}
	addresses := r.findAddresses()
	inv := &workload.Inventory{
		Workloads:   make([]*workload.Workload, len(r.candidates)),
		Services:    make([]*workload.Service, len(r.services)),
		Namespaces:  r.namespaces,
		Exposures:   r.exposures(),
		References:  addresses.references,
		Externals:   addresses.externals,
		APIAccess:   r.apiAccess(addresses.apiSigns),
		Webhooks:    r.webhookList(),
		Memberships: r.memberships(addresses),
		Policies:    r.policies,
	}
	for i, c := range r.candidates {
		inv.Workloads[i] = c.Workload
	}
	for i, s := range r.services {
		inv.Services[i] = s.Service
	}
	slices.SortStableFunc(inv.Namespaces, func(a, b workload.Namespace) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareSources(a.Source, b.Source))
	})
	slices.SortStableFunc(inv.Policies, func(a, b workload.ExistingPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), compareSources(a.Source, b.Source))
	})
	findings := r.findings.Sorted()
	*r = Reader{}
	return inv, findings
}

// objectName names an object of a known kind. The namespace is a scope.
type objectName struct{ scope, name string }

// scope is the namespace that an object shares with its neighbours. kubectl puts what names no namespace into "default".
func scope(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}

// listDepth is how deep lists may be nested: kubectl writes none within another.
const listDepth = 2

// object takes one object in. A kind of the same name in another API group is not the Kubernetes kind, and passes by.
func (r *Reader) object(o *manifest.Object, depth int) {
	if k, ok := workloadKindOf(o.APIVersion, o.Kind); ok {
		r.readWorkload(o, k)
		return
	}
	switch o.Kind {
	case "Service":
		if o.APIVersion == "v1" && !isLocal(o) {
			r.readService(o)
		}
	case "ConfigMap", "Secret":
		if o.APIVersion == "v1" && !isLocal(o) {
			r.addConfig(o)
		}
	case "ExternalSecret", "SealedSecret":
		if isPromise(o) && !isLocal(o) {
			r.readPromise(o)
		}
	case "Endpoints", "EndpointSlice":
		if (o.APIVersion == "v1" || o.Group() == "discovery.k8s.io") && !isLocal(o) {
			r.readEndpoints(o)
		}
	case "Namespace":
		if o.APIVersion == "v1" && !isLocal(o) {
			labels := r.stringMap(child(o.Root, "metadata", "labels"))
			r.namespaces = append(r.namespaces, workload.Namespace{Name: r.keep(o.Name), Labels: labels, Source: o.Source})
		}
	case "NetworkPolicy":
		if o.APIVersion == "networking.k8s.io/v1" && !isLocal(o) {
			r.policies = append(r.policies, workload.ExistingPolicy{Namespace: r.keep(o.Namespace), Name: r.keep(o.Name), Source: o.Source})
		}
	case "ServiceMonitor":
		if o.Group() == monitoringGroup && !isLocal(o) {
			r.serviceMonitors = append(r.serviceMonitors, readMonitor(o, "endpoints"))
		}
	case "PodMonitor":
		if o.Group() == monitoringGroup && !isLocal(o) {
			r.podMonitors = append(r.podMonitors, readMonitor(o, "podMetricsEndpoints"))
		}
	case "Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "Route", "IngressRoute", "IngressRouteTCP", "IngressRouteUDP",
		"HTTPProxy", "VirtualService":
		if isRoute(o) && !isLocal(o) {
			r.routes = append(r.routes, route{origin: r.originOf(o), kind: o.Kind, backends: backendsOf(o), hosts: r.hostsOf(o)})
		}
	case "RoleBinding", "ClusterRoleBinding", "Role", "ClusterRole":
		if o.Group() == rbacGroup && !isLocal(o) {
			r.readAccess(o)
		}
	case "ServiceAccount":
		if o.APIVersion == "v1" && !isLocal(o) {
			r.readServiceAccount(o)
		}
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "CustomResourceDefinition", "APIService":
		if isWebhook(o) && !isLocal(o) {
			r.readWebhooks(o)
		}
	default:
		if kind, isList := strings.CutSuffix(o.Kind, "List"); isList && depth < listDepth {
			r.list(o, kind, depth)
		}
	}
}

// list takes in the items of a List, as kubectl get -o yaml writes it, or of a typed list such as PodList, whose items
// leave out their kind.
func (r *Reader) list(o *manifest.Object, kind string, depth int) {
	for _, item := range items(child(o.Root, "items")) {
		if !isMapping(item) {
			continue
		}
		member := manifest.NewObject(item, o.Source)
		if member.Kind == "" && member.APIVersion == "" && kind != "" {
			member.Kind, member.APIVersion = kind, o.APIVersion
		}
		r.object(member, depth+1)
	}
}

func isLocal(o *manifest.Object) bool {
	return text(child(o.Root, "metadata", "annotations", localConfig)) == "true"
}

func compareSources(a, b workload.Source) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Index, b.Index))
}
