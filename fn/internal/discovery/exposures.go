package discovery

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// isRoute reports whether the object is one of the kinds that lead requests from outside to Services.
func isRoute(o *manifest.Object) bool {
	switch o.Kind {
	case "Ingress":
		return o.Group() == "networking.k8s.io" || o.Group() == "extensions"
	case "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute":
		return o.Group() == "gateway.networking.k8s.io"
	case "Route":
		return o.Group() == "route.openshift.io"
	case "IngressRoute", "IngressRouteTCP", "IngressRouteUDP":
		return o.Group() == "traefik.io" || o.Group() == "traefik.containo.us"
	case "HTTPProxy":
		return o.Group() == "projectcontour.io"
	case "VirtualService":
		return o.Group() == "networking.istio.io"
	}
	return false
}

// route is a way from outside that leads to Services.
type route struct {
	origin   origin
	kind     string
	backends []backend
	// hosts are the names that it answers to.
	hosts []string
}

// backend is what a route leads to: a Service and which of its ports.
type backend struct {
	// field is the path of the backend in the route.
	field     string
	namespace string
	service   string
	port      backendPort
}

// backendPort says which port of a Service is meant. The zero value is all of them.
type backendPort struct {
	name   string
	number int32
	// pod is true where the number is the pods' port, not the Service's.
	pod bool
}

func (p backendPort) isZero() bool { return p.name == "" && p.number == 0 }

// matches reports whether a Service's port, which leads to the given port of the pods, is the one meant.
func (p backendPort) matches(sp workload.ServicePort, pod int32) bool {
	switch {
	case p.name != "":
		return sp.Name == p.name
	case p.pod:
		return pod == p.number
	case p.number != 0:
		return sp.Port == p.number
	}
	return true
}

// backendPortOf reads a port by name or number. A number in quotes counts as the number.
func backendPortOf(n *yaml.Node) backendPort {
	if name, ok := portName(n); ok {
		return backendPort{name: name}
	}
	var ignored portProblems
	return backendPort{number: ignored.number("", n)}
}

// exposures are the ways from outside to the input's workloads, sorted.
func (r *Reader) exposures() []workload.Exposure {
	var out []workload.Exposure
	for _, s := range r.services {
		if s.Type == "LoadBalancer" || s.Type == "NodePort" {
			ports, _ := s.podPorts(backendPort{})
			out = append(out, workload.Exposure{
				Kind: s.Type, Namespace: s.Namespace, Name: s.Name, Source: s.Source, Service: s.Service, Ports: ports,
			})
		}
	}
	if len(r.routes) > 0 {
		services := r.servicesByName()
		for _, from := range r.routes {
			out = append(out, r.routeExposures(from, services)...)
		}
	}
	out = append(out, r.hostPorts()...)
	slices.SortStableFunc(out, func(a, b workload.Exposure) int {
		return cmp.Or(
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Kind, b.Kind),
			compareSources(a.Source, b.Source),
			compareServices(a.Service, b.Service),
		)
	})
	return out
}

// compareServices compares by namespace and name; one that is none is equal to all.
func compareServices(a, b *workload.Service) int {
	if a == nil || b == nil {
		return 0 // HostPorts are apart by their kind
	}
	return a.Compare(b)
}

// hostPorts are the workloads whose containers have a port of the node: "Number of port to expose on the host." (core/v1,
// ContainerPort.hostPort) Pods in the node's own network have nothing else, and no policy binds them.
func (r *Reader) hostPorts() []workload.Exposure {
	var out []workload.Exposure
	for _, c := range r.candidates {
		var ports []workload.Port
		for i := range c.containers {
			for _, p := range c.containers[i].ports {
				if p.onHost && p.Number != 0 && p.Protocol != "" && c.containers[i].listens() {
					ports = append(ports, p.Port)
				}
			}
		}
		if len(ports) > 0 && !c.HostNetwork && !c.Client {
			out = append(out, workload.Exposure{
				Kind: "HostPort", Namespace: c.Namespace, Name: c.Name, Source: c.Source, Workload: c.Workload, Ports: workload.MergePorts(ports),
			})
		}
	}
	return out
}

// routeExposures are the Services that one route leads to, each once with all the ports that its backends name.
func (r *Reader) routeExposures(from route, services map[objectName]*service) []workload.Exposure {
	var out []workload.Exposure
	position := map[*service]int{}
	for _, b := range from.backends {
		s := services[objectName{scope(b.namespace), b.service}]
		if s == nil {
			r.report(from.origin, idExposureUnresolved, report.Info, b.field, "the Service %q is not in the input, so what it exposes is not known", b.service)
			continue
		}
		ports, found := s.podPorts(b.port)
		if !found {
			r.report(from.origin, idExposureUnresolved, report.Warning, b.field, "the Service %q (%s) has no port %s: name one of its ports", b.service, s.Source, b.port)
			continue
		}
		i, seen := position[s]
		if !seen {
			i = len(out)
			position[s] = i
			out = append(out, workload.Exposure{
				Kind: from.kind, Namespace: from.origin.ref.Namespace, Name: from.origin.ref.Name, Source: from.origin.source, Service: s.Service,
			})
		}
		out[i].Ports = append(out[i].Ports, ports...)
	}
	for i := range out {
		out[i].Ports = workload.MergePorts(out[i].Ports)
	}
	return out
}

// podPorts are the pods' ports behind the Service's port that is meant; false where the Service has no such port.
func (s *service) podPorts(meant backendPort) ([]workload.Port, bool) {
	var ports []workload.Port
	found := meant.isZero()
	for _, sp := range s.Ports {
		if len(s.selected) == 0 && meant.matches(sp, sp.TargetPort) {
			found = true
		}
		for _, c := range s.selected {
			port, ok := c.resolve(sp)
			if meant.matches(sp, port.Number) {
				found = true
				if ok {
					ports = append(ports, port)
				}
			}
		}
	}
	return workload.MergePorts(ports), found
}
