package discovery

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
)

// maxEndpoints bounds how many of the addresses behind one Service are told: the first ones in the order of their text.
const maxEndpoints = 8

// readEndpoints takes Endpoints or an EndpointSlice in: where a Service without a selector leads.
func (r *Reader) readEndpoints(o *manifest.Object) {
	name := objectName{scope(r.keep(o.Namespace)), r.keep(o.Name)}
	var hosts []string
	take := func(n *yaml.Node) {
		if ip := text(n); isAddress(ip) && isOutsideName(ip) {
			hosts = append(hosts, r.keep(ip))
		}
	}
	if o.Kind == "EndpointSlice" {
		// "kubernetes.io/service-name ... indicates the name of a Service" (discovery/v1, LabelServiceName)
		name.name = r.text(child(o.Root, "metadata", "labels", "kubernetes.io/service-name"))
		for _, endpoint := range items(child(o.Root, "endpoints")) {
			for _, address := range items(child(endpoint, "addresses")) {
				take(address)
			}
		}
	}
	for _, subset := range items(child(o.Root, "subsets")) {
		for _, address := range items(child(subset, "addresses")) {
			take(child(address, "ip"))
		}
	}
	if r.endpoints == nil {
		r.endpoints = map[objectName][]string{}
	}
	if len(hosts) > 0 {
		hosts = append(hosts, r.endpoints[name]...)
		slices.Sort(hosts)
		hosts = slices.Compact(hosts)
		r.endpoints[name] = hosts[:min(len(hosts), maxEndpoints)]
	}
}

// addEndpoints notes the addresses that a Service without a selector leads to; false where it has one, or none is known.
func (f *finder) addEndpoints(a address, e evidence) bool {
	if len(a.to.Selector) > 0 {
		return false
	}
	hosts := f.reader.endpoints[objectName{scope(a.to.Namespace), a.to.Name}]
	for _, host := range hosts {
		outside := address{host: host}
		for _, p := range a.to.Ports {
			// The endpoints' own port is what the Service translates to.
			if p.Port == a.port || a.port == 0 && len(a.to.Ports) == 1 {
				outside.port = p.TargetPort
			}
		}
		f.addOutside(outside, e)
	}
	return len(hosts) > 0
}
