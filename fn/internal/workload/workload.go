// Package workload holds the plain data that an application is described with: its workloads, namespaces, ports,
// Services and what exposes them, each with the place it was read from. It is a leaf: it imports no other package of
// this module and decides nothing.
package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Source is the place that an object was read from.
type Source struct {
	// File is the slash-separated path below the package's root. Empty means a stream without paths.
	File string
	// Index is the position of the document in its file, from 0.
	Index int
}

// String is FILE, or FILE[INDEX] for a document that is not the file's first; "input" stands for a stream without paths.
func (s Source) String() string {
	file := s.File
	if file == "" {
		return "input[" + strconv.Itoa(s.Index) + "]"
	}
	if s.Index == 0 {
		return file
	}
	return file + "[" + strconv.Itoa(s.Index) + "]"
}

// Protocol is a transport protocol that a NetworkPolicy can name.
type Protocol string

// The protocols of networking/v1: "The protocol (TCP, UDP, or SCTP) which traffic must match."
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// PortOrigin says where a port was learned from.
type PortOrigin string

// The origins of a port, the most trusted first.
const (
	FromService    PortOrigin = "service"    // the targetPort of a Service that selects the workload
	FromContainer  PortOrigin = "container"  // a container's or a native sidecar's containerPort
	FromProbe      PortOrigin = "probe"      // a probe, where nothing else names a port
	FromAnnotation PortOrigin = "annotation" // prometheus.io/port
	FromMonitor    PortOrigin = "monitor"    // a ServiceMonitor or PodMonitor endpoint
	FromImage      PortOrigin = "image"      // the usual port of the well-known store that the image is, where nothing else names one
	FromDefault    PortOrigin = "default"    // the tier's usual port, a guess
)

// Port is a port that a workload's pods listen on: always the pod's own port, never a Service's.
type Port struct {
	// Name is the container port's name. Empty means it has none.
	Name string
	// Protocol is never empty.
	Protocol Protocol
	// Number is from 1 to 65535.
	Number int32
	Origin PortOrigin
	// ServicePort is the port of the Service that forwards here. 0 means that no Service does, or that they differ.
	ServicePort int32
}

// String is NUMBER/PROTOCOL.
func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Protocol) }

// MergePorts sorts ports by protocol and number and makes those of one number one: the first of them, with the Service port
// that all of them have, or none.
func MergePorts(ports []Port) []Port {
	slices.SortStableFunc(ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	out := ports[:0]
	for _, p := range ports {
		n := len(out)
		if n == 0 || out[n-1].Protocol != p.Protocol || out[n-1].Number != p.Number {
			out = append(out, p)
			continue
		}
		if out[n-1].ServicePort != p.ServicePort {
			out[n-1].ServicePort = 0
		}
		if out[n-1].Name == "" {
			out[n-1].Name = p.Name
		}
	}
	return out
}

// Workload is a thing with a pod template: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob or Pod.
type Workload struct {
	APIVersion, Kind string
	// Namespace is empty where the manifest names none.
	Namespace string
	Name      string
	// Declared is the name in the manifest, where kustomize has put a prefix or suffix around it. Empty means Name.
	Declared string
	Source   Source
	// Labels are the object's own labels, which no policy can select.
	Labels map[string]string
	// PodLabels are the pod template's labels: "template labels, not workload metadata labels, are what is matched".
	PodLabels map[string]string
	// PodAnnotations are the pod template's annotations.
	PodAnnotations map[string]string
	// Selector is spec.selector.matchLabels. Nil for Job, CronJob and Pod, which have none of their own.
	Selector map[string]string
	// HostNetwork pods are not bound by policies.
	HostNetwork bool
	// Client is true for Job and CronJob: they open connections and never accept one.
	Client bool
	// Images are the images of the containers, init containers last.
	Images []string
	// Ports are the serving ports without the metrics ports, in ascending order of protocol and number.
	// Empty means that nothing in the input declares one.
	Ports []Port
	// Metrics are the ports that Prometheus scrapes. Empty means that nothing in the input declares one.
	Metrics []Port
	// NamedPorts are all container ports that have a name, for resolving a port by its name.
	NamedPorts []Port
	// Operated is true for pods that no manifest of the input makes, and the configuration declares: an operator makes them.
	Operated bool
	// NoScrape is true where the workload says prometheus.io/scrape: "false".
	NoScrape bool

	// Tier is the tier's name, set by package tier. Empty means none.
	Tier string
	// TierLabel is the label key that gave the tier, where the pods wear it; empty where only the object does, or where
	// an override in the configuration decided.
	TierLabel string
}

// ID names the workload within one environment.
func (w *Workload) ID() string { return w.Namespace + "/" + w.Kind + "/" + w.Name }

// Called is the name by which a configuration calls the workload, whatever an environment puts around it.
func (w *Workload) Called() string {
	if w.Declared != "" {
		return w.Declared
	}
	return w.Name
}

// String is KIND NAMESPACE/NAME, or KIND NAME without a namespace.
func (w *Workload) String() string {
	if w.Namespace == "" {
		return w.Kind + " " + w.Name
	}
	return w.Kind + " " + w.Namespace + "/" + w.Name
}

// Compare orders workloads by namespace, kind and name.
func (w *Workload) Compare(other *Workload) int {
	return cmp.Or(cmp.Compare(w.Namespace, other.Namespace), cmp.Compare(w.Kind, other.Kind), cmp.Compare(w.Name, other.Name))
}

// ImageName is the last path component of an image, without tag and digest: redis for docker.io/bitnami/redis:7.2@sha256:….
func ImageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// Namespace is a Namespace object of the input.
type Namespace struct {
	Name   string
	Labels map[string]string
	Source Source
}

// Service is a Service of the input, with the workloads that it selects.
type Service struct {
	Namespace, Name string
	Source          Source
	// Type is ClusterIP, NodePort, LoadBalancer or ExternalName; never empty.
	Type string
	// LocalTraffic is true for externalTrafficPolicy: Local, which keeps the client's address.
	LocalTraffic bool
	Headless     bool
	Selector     map[string]string
	Ports        []ServicePort
	// Workloads are the workloads that the selector selects in the Service's namespace.
	Workloads []*Workload
}

// Compare orders Services by namespace and name.
func (s *Service) Compare(other *Service) int {
	return cmp.Or(cmp.Compare(s.Namespace, other.Namespace), cmp.Compare(s.Name, other.Name))
}

// ServicePort is one port of a Service.
type ServicePort struct {
	Name     string
	Protocol Protocol
	// Port is the Service's own port, which no policy sees.
	Port int32
	// TargetPort is the pod's port by number, 0 where TargetName names it.
	TargetPort int32
	TargetName string
}

// Exposure is a way from outside the cluster to a workload.
type Exposure struct {
	// Kind is Ingress, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute, Route, IngressRoute, IngressRouteTCP,
	// IngressRouteUDP, HTTPProxy, VirtualService, LoadBalancer, NodePort or HostPort.
	Kind string
	// Namespace and Name are the object's; of a HostPort, the workload's.
	Namespace, Name string
	Source          Source
	// Service is the one that is reached. Nil for a HostPort, which reaches the pods of Workload directly.
	Service  *Service
	Workload *Workload
	// Ports are the pods' ports that are reached; empty means all that the Service serves.
	Ports []Port
}

// Workloads are the workloads that are reached.
func (x *Exposure) Workloads() []*Workload {
	switch {
	case x.Service != nil:
		return x.Service.Workloads
	case x.Workload != nil:
		return []*Workload{x.Workload}
	}
	return nil
}

// Routed reports whether a controller in the cluster serves the exposure, as it does an Ingress or a route.
func (x *Exposure) Routed() bool {
	return x.Kind != "LoadBalancer" && x.Kind != "NodePort" && x.Kind != "HostPort"
}

// Evidence is the kind of place that an address was found in.
type Evidence string

// The kinds of evidence of a Reference or an External.
const (
	ViaEnv     Evidence = "env"     // a container's variable, with its value in the workload itself
	ViaArgs    Evidence = "args"    // a container's command or arguments
	ViaConfig  Evidence = "config"  // an entry of a ConfigMap or Secret that becomes variables
	ViaMounted Evidence = "mounted" // a file that is mounted from a ConfigMap or Secret
	ViaInit    Evidence = "init"    // an init container, whatever holds the address there
	ViaScrape  Evidence = "scrape"  // a Prometheus scrape configuration
	// ViaCredentials is a Secret that the source shares with the one store that takes it; there is no address.
	ViaCredentials Evidence = "credentials"
	// ViaName is the name of a variable, or of a Secret's key, whose value the input does not hold.
	ViaName Evidence = "name"
)

// IsAddress reports whether the evidence is an address, and not just a sign that there is one elsewhere.
func (e Evidence) IsAddress() bool { return e != ViaCredentials && e != ViaName }

// Reference is an address of one of the input's Services in a workload's env, args, ConfigMap, Secret or init container.
type Reference struct {
	From *Workload
	To   *Service
	// Via is the kind of place that holds the address.
	Via Evidence
	// Port is the Service's port that the address names, 0 where it names none.
	Port int32
	// Where is the field that holds the address, such as spec.template.spec.containers[0].env[DB_HOST].
	Where string
	// Source is the file that holds the address.
	Source Source
	// Weak is true for evidence that several workloads share (a ConfigMap taken whole by envFrom).
	Weak bool
}

// External is an address, in a workload's configuration, of a host that no Service of the input is.
type External struct {
	From *Workload
	// Via is the kind of place that holds the address.
	Via Evidence
	// Host is a DNS name or an IP address, without port, user or password. Of a Hidden one it is a name for the place
	// instead, host-in-KEY.
	Host string
	// Port is the port that the address names, or its scheme's usual one; 0 where it names neither.
	Port int32
	// Where is the field that holds the address, Source its file.
	Where  string
	Source Source
	// Hidden is true where a Secret holds the host, whose value is not to be told.
	Hidden bool
	// Weak is true for evidence that several workloads share.
	Weak bool
}

// APIAccess is a sign that a workload calls the Kubernetes API.
type APIAccess struct {
	Workload *Workload
	// Why says it in a few words, such as "ClusterRoleBinding shop gives its ServiceAccount shop ClusterRole view".
	Why string
	// Weak is true for what only such programs usually have, a flag or an image, where no binding tells.
	Weak bool
	// Where is the field that says so, Source its file.
	Where  string
	Source Source
}

// Webhook is a Service that the API server calls.
type Webhook struct {
	// Kind is ValidatingWebhookConfiguration, MutatingWebhookConfiguration, CustomResourceDefinition or APIService; Name is
	// the object's name.
	Kind, Name string
	Service    *Service
	// Port is the Service's port: "should be a valid port number (1-65535, inclusive)", 443 by default
	// (admissionregistration/v1, ServiceReference.port).
	Port int32
	// Where is the field that names the Service, Source its file.
	Where  string
	Source Source
}

// Membership is a sign that two workloads, or the pods of one, are members of one store or mesh and call each other.
type Membership struct {
	// Workload calls Peer, which may be the workload itself.
	Workload, Peer *Workload
	// Ports are the peer's ports that members use among themselves. Empty means that nothing tells.
	Ports []Port
	// Where is the field that says so, Source its file, Why what it says in a few words.
	Where, Why string
	Source     Source
}

// ExistingPolicy is a NetworkPolicy of the input that is not this tool's own. It is kept, never edited.
type ExistingPolicy struct {
	Namespace, Name string
	Source          Source
}

// Inventory is what one built environment, or one plain stream, holds.
type Inventory struct {
	// Workloads are sorted by namespace, kind and name; so are the others by namespace and name.
	Workloads  []*Workload
	Namespaces []Namespace
	Services   []*Service
	Exposures  []Exposure
	References []Reference
	// Externals, APIAccess and Memberships are sorted by their workload, Webhooks by kind and name.
	Externals   []External
	APIAccess   []APIAccess
	Webhooks    []Webhook
	Memberships []Membership
	Policies    []ExistingPolicy
}
