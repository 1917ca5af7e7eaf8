package discovery

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tierwall.dev/fn/internal/manifest"
)

func (p backendPort) String() string {
	if p.name != "" {
		return strconv.Quote(p.name)
	}
	return strconv.Itoa(int(p.number))
}

// backendsOf are the Services that a route leads to, in the order of the document.
func backendsOf(o *manifest.Object) []backend {
	switch o.Kind {
	case "Ingress":
		return ingressBackends(o)
	case "Route":
		return openshiftBackends(o)
	case "IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "HTTPProxy":
		return serviceBackends(o)
	case "VirtualService":
		return istioBackends(o)
	}
	return gatewayBackends(o)
}

// ingressBackends are those of networking.k8s.io/v1 (service.name, service.port) and of the versions before it
// (serviceName, servicePort). A backend that is another resource leads to no Service.
func ingressBackends(o *manifest.Object) []backend {
	fields := []manifest.Field{o.At("spec", "defaultBackend"), o.At("spec", "backend")}
	for _, rule := range o.At("spec", "rules").Items() {
		for _, path := range rule.At("http", "paths").Items() {
			fields = append(fields, path.At("backend"))
		}
	}
	out := authBackends(o)
	for _, f := range fields {
		b := backend{field: f.Path, namespace: o.Namespace}
		var ok bool
		if b.service, ok = f.At("service", "name").Text(); ok {
			b.port = backendPortOf(f.At("service", "port", "number").Node())
			if b.port.isZero() {
				b.port = backendPortOf(f.At("service", "port", "name").Node())
			}
		} else if b.service, ok = f.At("serviceName").Text(); ok {
			b.port = backendPortOf(f.At("servicePort").Node())
		}
		if ok {
			out = append(out, b)
		}
	}
	return out
}

// authURL is the annotation of an Ingress whose address ingress-nginx asks about each request.
const authURL = "nginx.ingress.kubernetes.io/auth-url"

// authBackends is the Service that the ingress controller asks whether a request may pass, where it is one of a cluster.
func authBackends(o *manifest.Object) []backend {
	f := o.At("metadata", "annotations", authURL)
	written, ok := f.Text()
	if !ok {
		return nil
	}
	u, err := url.Parse(written)
	if err != nil || !isClusterName(u.Hostname()) {
		return nil
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	namespace, _, _ := strings.Cut(rest, ".")
	number, _ := leadingNumber(cmp.Or(u.Port(), "80"), 0, 0)
	return []backend{{field: f.Path, namespace: namespace, service: name, port: backendPort{number: number}}}
}

// gatewayBackends are the Services among an HTTPRoute's or GRPCRoute's backendRefs. A route whose parents are all
// Services shapes traffic within a mesh (GAMMA) and exposes nothing.
func gatewayBackends(o *manifest.Object) []backend {
	if parents := o.At("spec", "parentRefs").Items(); len(parents) > 0 {
		gateways := 0
		for _, p := range parents {
			if kind, _ := p.At("kind").Text(); kind != "Service" {
				gateways++
			}
		}
		if gateways == 0 {
			return nil
		}
	}
	var out []backend
	for _, rule := range o.At("spec", "rules").Items() {
		for _, ref := range rule.At("backendRefs").Items() {
			// "When unspecified or empty string, core API group is inferred", and the kind is Service (gateway.networking.k8s.io)
			kind, hasKind := ref.At("kind").Text()
			group, _ := ref.At("group").Text()
			name, ok := ref.At("name").Text()
			if !ok || group != "" || hasKind && kind != "Service" {
				continue
			}
			b := backend{field: ref.Path, namespace: o.Namespace, service: name, port: backendPortOf(ref.At("port").Node())}
			if namespace, ok := ref.At("namespace").Text(); ok {
				b.namespace = namespace
			}
			out = append(out, b)
		}
	}
	return out
}

// serviceBackends are the Services of a Traefik IngressRoute (traefik.io/v1alpha1) or a Contour HTTPProxy
// (projectcontour.io/v1): the services of its routes, and of Contour's tcpproxy.
func serviceBackends(o *manifest.Object) []backend {
	lists := []manifest.Field{o.At("spec", "tcpproxy", "services")}
	for _, route := range o.At("spec", "routes").Items() {
		lists = append(lists, route.At("services"))
	}
	var out []backend
	for _, list := range lists {
		for _, f := range list.Items() {
			name, ok := f.At("name").Text()
			if kind, hasKind := f.At("kind").Text(); !ok || hasKind && kind != "Service" {
				continue // a TraefikService leads on
			}
			b := backend{field: f.Path, namespace: o.Namespace, service: name, port: backendPortOf(f.At("port").Node())}
			if namespace, ok := f.At("namespace").Text(); ok {
				b.namespace = namespace
			}
			out = append(out, b)
		}
	}
	return out
}

// istioBackends are the Services among the destinations of a VirtualService that a gateway serves (networking.istio.io).
// "The reserved word mesh is used to imply all the sidecars in the mesh", which exposes nothing; so does none.
func istioBackends(o *manifest.Object) []backend {
	gateways := slices.DeleteFunc(o.At("spec", "gateways").Items(), func(f manifest.Field) bool {
		name, _ := f.Text()
		return name == "mesh"
	})
	if len(gateways) == 0 {
		return nil
	}
	var out []backend
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, route := range o.At("spec", protocol).Items() {
			for _, to := range route.At("route").Items() {
				f := to.At("destination")
				host, ok := f.At("host").Text()
				if !ok {
					continue
				}
				b := backend{field: f.Path, namespace: o.Namespace, port: backendPortOf(f.At("port", "number").Node())}
				name, rest, qualified := strings.Cut(host, ".")
				b.service = name
				if qualified {
					b.namespace, _, _ = strings.Cut(rest, ".")
				}
				out = append(out, b)
			}
		}
	}
	return out
}

// openshiftBackends are the Services of an OpenShift Route. Its targetPort is "the target port on pods selected by the
// service this route points to. If this is a string, it will be looked up as a named port in the target endpoints port
// list" (route.openshift.io/v1, RoutePort): such a name is the Service port's.
func openshiftBackends(o *manifest.Object) []backend {
	port := backendPortOf(o.At("spec", "port", "targetPort").Node())
	port.pod = port.number != 0
	var out []backend
	for _, f := range append([]manifest.Field{o.At("spec", "to")}, o.At("spec", "alternateBackends").Items()...) {
		kind, hasKind := f.At("kind").Text()
		name, ok := f.At("name").Text()
		if ok && (!hasKind || kind == "Service") {
			out = append(out, backend{field: f.Path, namespace: o.Namespace, service: name, port: port})
		}
	}
	return out
}

// hostsOf are the host names that a route answers to.
func (r *Reader) hostsOf(o *manifest.Object) []string {
	var hosts []string
	take := func(f manifest.Field) {
		if name, ok := f.Text(); ok && name != "" {
			hosts = append(hosts, r.keep(name))
		}
	}
	take(o.At("spec", "host"))
	take(o.At("spec", "virtualhost", "fqdn"))
	for _, list := range []string{"hostnames", "hosts"} {
		for _, f := range o.At("spec", list).Items() {
			take(f)
		}
	}
	for _, rule := range o.At("spec", "rules").Items() {
		take(rule.At("host"))
	}
	for _, tls := range o.At("spec", "tls").Items() {
		for _, f := range tls.At("hosts").Items() {
			take(f)
		}
	}
	return hosts
}
