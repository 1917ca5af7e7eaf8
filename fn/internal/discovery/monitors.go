package discovery

import (
	"slices"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// monitoringGroup is the API group of the Prometheus operator.
const monitoringGroup = "monitoring.coreos.com"

// monitor is a ServiceMonitor or PodMonitor (monitoring.coreos.com): what it selects, and which ports it scrapes there.
type monitor struct {
	selector selector
	// scopes are the namespaces that it looks at.
	scopes    []string
	endpoints []endpoint
}

// endpoint says which port is scraped. With neither a name nor a target it is every port of the Service or the pod.
type endpoint struct {
	// port is the name of the Service's port, for a PodMonitor the name of the pod's.
	port string
	// targetName and targetNumber are the pod's port; empty and 0 where not given.
	targetName   string
	targetNumber int32
}

// monitoredPorts are the ports that the monitors of the input scrape, for each workload that they reach.
func (r *Reader) monitoredPorts() map[*candidate][]workload.Port {
	if len(r.serviceMonitors) == 0 && len(r.podMonitors) == 0 {
		return nil
	}
	scraped := map[*candidate][]workload.Port{}
	services, pods := labelIndex[*service]{}, labelIndex[*candidate]{}
	for _, m := range r.serviceMonitors {
		wantAll(services, m)
	}
	for _, m := range r.podMonitors {
		wantAll(pods, m)
	}
	for _, s := range r.services {
		services.add(scope(s.Namespace), s.labels, s)
		services.add(everywhere, s.labels, s)
	}
	for _, c := range r.candidates {
		pods.add(scope(c.Namespace), c.PodLabels, c)
		pods.add(everywhere, c.PodLabels, c)
	}
	for _, m := range r.serviceMonitors {
		for _, s := range selectedBy(m, services, func(s *service) map[string]string { return s.labels }) {
			for _, c := range s.selected {
				scraped[c] = append(scraped[c], m.portsOfService(s, c)...)
			}
		}
	}
	for _, m := range r.podMonitors {
		for _, c := range selectedBy(m, pods, func(c *candidate) map[string]string { return c.PodLabels }) {
			scraped[c] = append(scraped[c], m.portsOfPod(c)...)
		}
	}
	return scraped
}

func wantAll[T any](index labelIndex[T], m monitor) {
	for _, scope := range m.scopes {
		index.want(scope, m.selector.matchLabels)
	}
}

// selectedBy is what the monitor selects of the index.
func selectedBy[T any](m monitor, index labelIndex[T], labels func(T) map[string]string) []T {
	var selected []T
	for _, scope := range m.scopes {
		for _, item := range index.candidates(scope, m.selector.matchLabels) {
			if m.selector.selects(labels(item)) {
				selected = append(selected, item)
			}
		}
	}
	return selected
}

// readMonitor reads a monitor. namespaceSelector is {any: true}, {matchNames: [...]}, or absent: "the monitor's own
// namespace" (monitoring.coreos.com/v1, NamespaceSelector).
func readMonitor(o *manifest.Object, endpointsField string) monitor {
	m := monitor{selector: readSelectorField(o.At("spec", "selector"))}
	namespaces := o.At("spec", "namespaceSelector")
	names := namespaces.At("matchNames").Items()
	for _, n := range names {
		if name, ok := n.Text(); ok {
			m.scopes = append(m.scopes, scope(name))
		}
	}
	if anywhere, _ := namespaces.At("any").Bool(); anywhere {
		m.scopes = []string{everywhere}
	} else if len(names) == 0 {
		m.scopes = []string{scope(o.Namespace)}
	}
	slices.Sort(m.scopes)
	m.scopes = slices.Compact(m.scopes)
	for _, e := range o.At("spec", endpointsField).Items() {
		m.endpoints = append(m.endpoints, readEndpoint(e))
	}
	return m
}

func readEndpoint(f manifest.Field) endpoint {
	var e endpoint
	e.port, _ = f.At("port").Text()
	for _, field := range []string{"targetPort", "portNumber"} {
		target := f.At(field)
		if name, ok := portName(target.Node()); ok {
			e.targetName = name
		}
		if number, ok := target.Int(); ok && number >= 1 && number <= maxPort {
			e.targetNumber = int32(number)
		}
	}
	return e
}

// portsOfService are the ports of the workload that a ServiceMonitor has scraped behind a Service. A target port may
// be one that the Service leaves out: discovery by endpoints finds all ports of the pods behind it.
func (m monitor) portsOfService(s *service, c *candidate) []workload.Port {
	var ports []workload.Port
	for _, e := range m.endpoints {
		before := len(ports)
		for _, sp := range s.Ports {
			if port, ok := c.resolve(sp); ok && e.means(sp.Name, port) {
				ports = append(ports, port)
			}
		}
		if len(ports) == before && e.port == "" {
			ports = append(ports, e.portsOfPod(c)...)
		}
	}
	return fromMonitor(ports)
}

// portsOfPod are the ports of the workload that a PodMonitor has scraped.
func (m monitor) portsOfPod(c *candidate) []workload.Port {
	var ports []workload.Port
	for _, e := range m.endpoints {
		ports = append(ports, e.portsOfPod(c)...)
	}
	return fromMonitor(ports)
}

// portsOfPod are the declared ports that the endpoint is about, or the number that it gives.
func (e endpoint) portsOfPod(c *candidate) []workload.Port {
	var ports []workload.Port
	for _, p := range c.declared {
		if e.means(p.Name, p) {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 && e.port == "" && e.targetNumber != 0 {
		ports = append(ports, workload.Port{Protocol: workload.TCP, Number: e.targetNumber})
	}
	return ports
}

func fromMonitor(ports []workload.Port) []workload.Port {
	for i := range ports {
		ports[i].Origin = workload.FromMonitor
	}
	return ports
}

// means reports whether the endpoint is about a port, known by name to the monitor. "Port takes precedence over
// targetPort" (monitoring.coreos.com/v1, Endpoint).
func (e endpoint) means(name string, p workload.Port) bool {
	switch {
	case e.port != "":
		return name == e.port
	case e.targetName != "":
		return p.Name == e.targetName
	case e.targetNumber != 0:
		return p.Number == e.targetNumber
	}
	return true
}
