package discovery

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// container is what discovery reads of a container. The nodes are nil where it has none.
type container struct {
	// list is containers or initContainers, index the position in it.
	list  string
	index int
	// sidecar is true for a native sidecar: an init container that keeps running, so its ports are open.
	sidecar bool
	image   string

	ports, env, envFrom, command, args *yaml.Node
	// probes are the liveness, readiness and startup probes.
	probes [3]*yaml.Node
}

// probeNames are the fields of container.probes, in its order.
var probeNames = [3]string{"livenessProbe", "readinessProbe", "startupProbe"}

func readContainer(n *yaml.Node, list string, index int) container {
	c := container{list: list, index: index}
	for key, value := range fields(n) {
		switch key {
		case "image":
			c.image = text(value)
		case "ports":
			c.ports = value
		case "env":
			c.env = value
		case "envFrom":
			c.envFrom = value
		case "command":
			c.command = value
		case "args":
			c.args = value
		case "restartPolicy":
			c.sidecar = list == "initContainers" && text(value) == "Always"
		case "livenessProbe":
			c.probes[0] = value
		case "readinessProbe":
			c.probes[1] = value
		case "startupProbe":
			c.probes[2] = value
		}
	}
	return c
}

// listens reports whether the container runs beside the others, so that its ports are the pod's.
func (c *container) listens() bool { return c.list == "containers" || c.sidecar }

// path is the path of a field of the container, within the workload of kind k.
func (c *container) path(k workloadKind, field string) string {
	return k.path("spec." + c.list + "[" + strconv.Itoa(c.index) + "]." + field)
}

// readPorts reads the ports that containers and probes declare.
func (r *reader) readPorts(c *candidate) {
	for i := range c.containers {
		if c.containers[i].listens() {
			r.readContainerPorts(c, &c.containers[i])
		}
	}
	for _, p := range c.declared {
		if p.Name != "" {
			c.NamedPorts = append(c.NamedPorts, p)
		}
	}
	for i := range c.containers {
		if c.containers[i].listens() {
			r.readProbes(c, &c.containers[i])
		}
	}
}

func (r *reader) readContainerPorts(c *candidate, in *container) {
	for i, n := range items(in.ports) {
		var number, protocol *yaml.Node
		port := workload.Port{Origin: workload.FromContainer}
		for key, value := range fields(n) {
			switch key {
			case "name":
				port.Name = text(value)
			case "containerPort":
				number = value
			case "protocol":
				protocol = value
			}
		}
		var problems portProblems
		port.Number = problems.number("containerPort", number)
		port.Protocol = problems.protocol("protocol", protocol)
		for _, p := range problems {
			r.report(c.object, idPortInvalid, p.severity, in.path(c.kind, fmt.Sprintf("ports[%d].%s", i, p.field)), "%s", p.message)
		}
		if port.Number != 0 && port.Protocol != "" {
			c.declared = append(c.declared, port)
		}
	}
}

// readProbes reads the ports of a container's probes. All kinds of probe but exec have one.
func (r *reader) readProbes(c *candidate, in *container) {
	for i, probe := range in.probes {
		for handler, n := range fields(probe) {
			if handler != "httpGet" && handler != "tcpSocket" && handler != "grpc" {
				continue
			}
			port := child(n, "port")
			if isAbsent(port) {
				continue
			}
			field := func() string { return in.path(c.kind, probeNames[i]+"."+handler+".port") }
			if name, ok := portName(port); ok {
				r.readNamedProbe(c, name, field)
				continue
			}
			var problems portProblems
			number := problems.number("port", port)
			for _, p := range problems {
				r.report(c.object, idPortInvalid, p.severity, field(), "%s", p.message)
			}
			if number != 0 {
				c.probed = append(c.probed, workload.Port{Protocol: workload.TCP, Number: number, Origin: workload.FromProbe})
			}
		}
	}
}

func (r *reader) readNamedProbe(c *candidate, name string, field func() string) {
	port, ok := c.named(name, workload.TCP)
	if !ok {
		r.report(c.object, idPortUnresolved, report.Warning, field(), "the probe's port %q is no port of the workload, which declares %s: give one of these or the number",
			name, c.declaredPorts())
		return
	}
	port.Origin = workload.FromProbe
	c.probed = append(c.probed, port)
}

// named is the declared port of that name and protocol. Names are looked up as the endpoints controller does it:
// containers first, then native sidecars.
func (c *candidate) named(name string, protocol workload.Protocol) (workload.Port, bool) {
	for _, p := range c.NamedPorts {
		if p.Name == name && p.Protocol == protocol {
			return p, true
		}
	}
	return workload.Port{}, false
}

// declaredName is the name of the declared port of that number and protocol, empty where it has none.
func (c *candidate) declaredName(number int32, protocol workload.Protocol) string {
	for _, p := range c.declared {
		if p.Number == number && p.Protocol == protocol && p.Name != "" {
			return p.Name
		}
	}
	return ""
}

// declares reports whether a container declares the port, and whether one declares any port of that protocol.
func (c *candidate) declares(number int32, protocol workload.Protocol) (port, any bool) {
	for _, p := range c.declared {
		if p.Protocol == protocol {
			any = true
			if p.Number == number {
				return true, true
			}
		}
	}
	return false, any
}
