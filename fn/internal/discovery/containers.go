package discovery

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// container is what discovery reads of a container.
type container struct {
	// list is containers or initContainers, index the position in it.
	list  string
	index int
	// sidecar is true for a native sidecar: an init container that keeps running, so its ports are open.
	sidecar bool
	image   string

	ports         []containerPort
	probes        []probe
	env           []variable
	envFrom       []envFrom
	command, args []string
	mounts        []volumeMount
	// hooks are the commands of its probes and its lifecycle.
	hooks []hook
}

// hook is a command that the kubelet has run in a container.
type hook struct {
	field   string
	command []string
}

// containerPort is an entry of a container's ports. It counts where it has a number and a protocol.
type containerPort struct {
	workload.Port
	// onHost is true where the node has a port that leads here.
	onHost   bool
	problems portProblems
}

// probe is the port of a container's probe: by number, or by name.
type probe struct {
	// of is the field of the container, handler the field in that.
	of, handler string
	name        string
	number      int32
	problems    portProblems
}

func (r *Reader) readContainer(n *yaml.Node, list string, index int, volumes []volume) container {
	c := container{list: list, index: index}
	var probes [3]*yaml.Node
	for key, value := range fields(n) {
		switch key {
		case "image":
			c.image = r.text(value)
		case "ports":
			c.ports = each(value, r.readContainerPort)
		case "env":
			c.env = each(value, r.readVariable)
		case "envFrom":
			c.envFrom = each(value, r.readEnvFrom)
		case "command":
			c.command = each(value, r.text)
		case "args":
			c.args = each(value, r.text)
		case "lifecycle":
			for when, n := range fields(value) {
				r.readHook(&c, "lifecycle."+when, child(n, "exec"))
			}
		case "volumeMounts":
			c.mounts = r.readVolumeMounts(value, volumes)
		case "restartPolicy":
			c.sidecar = list == "initContainers" && text(value) == "Always"
		case "livenessProbe":
			probes[0] = value
		case "readinessProbe":
			probes[1] = value
		case "startupProbe":
			probes[2] = value
		}
	}
	for i, of := range [3]string{"livenessProbe", "readinessProbe", "startupProbe"} {
		r.readProbe(&c, of, probes[i])
	}
	return c
}

// each is what read gives of each element of a sequence.
func each[T any](n *yaml.Node, read func(*yaml.Node) T) []T {
	var out []T
	for i, element := range items(n) {
		if i == 0 {
			out = make([]T, 0, len(resolve(n).Content))
		}
		out = append(out, read(element))
	}
	return out
}

func (r *Reader) readContainerPort(n *yaml.Node) containerPort {
	var number, protocol *yaml.Node
	p := containerPort{Port: workload.Port{Origin: workload.FromContainer}}
	for key, value := range fields(n) {
		switch key {
		case "name":
			p.Name = r.text(value)
		case "containerPort":
			number = value
		case "protocol":
			protocol = value
		case "hostPort":
			host, given := integer(value)
			p.onHost = given && host != 0
		}
	}
	p.Number = p.problems.number("containerPort", number)
	p.Protocol = p.problems.protocol("protocol", protocol)
	return p
}

// readProbe reads the port of a probe. All kinds of probe but exec have one.
func (r *Reader) readProbe(c *container, of string, n *yaml.Node) {
	for handler, n := range fields(n) {
		if handler == "exec" {
			r.readHook(c, of, n)
		}
		if handler != "httpGet" && handler != "tcpSocket" && handler != "grpc" {
			continue
		}
		port := child(n, "port")
		if isAbsent(port) {
			continue
		}
		p := probe{of: of, handler: r.keep(handler)}
		if name, ok := portName(port); ok {
			p.name = r.keep(name)
		} else {
			p.number = p.problems.number("port", port)
		}
		c.probes = append(c.probes, p)
	}
}

func (r *Reader) readHook(c *container, of string, exec *yaml.Node) {
	if command := each(child(exec, "command"), r.text); len(command) > 0 {
		c.hooks = append(c.hooks, hook{r.keep(of) + ".exec.command", command})
	}
}

// listens reports whether the container runs beside the others, so that its ports are the pod's.
func (c *container) listens() bool { return c.list == "containers" || c.sidecar }

// path is the path of a field of the container, within the workload of kind k.
func (c *container) path(k workloadKind, field string) string {
	return k.path("spec." + c.list + "[" + strconv.Itoa(c.index) + "]." + field)
}

// readPorts collects the ports that containers and probes declare.
func (r *Reader) readPorts(c *candidate) {
	for i := range c.containers {
		if c.containers[i].listens() {
			r.declarePorts(c, &c.containers[i])
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

func (r *Reader) declarePorts(c *candidate, in *container) {
	for i, port := range in.ports {
		for _, p := range port.problems {
			r.report(c.origin, idPortInvalid, p.severity, in.path(c.kind, fmt.Sprintf("ports[%d].%s", i, p.field)), "%s", p.message)
		}
		if port.Number != 0 && port.Protocol != "" {
			c.declared = append(c.declared, port.Port)
		}
	}
}

// readProbes takes over the ports of a container's probes.
func (r *Reader) readProbes(c *candidate, in *container) {
	for _, p := range in.probes {
		field := func() string { return in.path(c.kind, p.of+"."+p.handler+".port") }
		if p.name != "" {
			r.readNamedProbe(c, p.name, field)
			continue
		}
		for _, problem := range p.problems {
			r.report(c.origin, idPortInvalid, problem.severity, field(), "%s", problem.message)
		}
		if p.number != 0 {
			r.sayProbe(c, p.number, field)
			c.probed = append(c.probed, workload.Port{Protocol: workload.TCP, Number: p.number, Origin: workload.FromProbe})
		}
	}
}

// sayProbe says that a probe asks another port than those that containers declare: one of them may be out of date. The
// kubelet is let in either way.
func (r *Reader) sayProbe(c *candidate, number int32, field func() string) {
	if declared, any := c.declares(number, workload.TCP); any && !declared {
		r.report(c.origin, idPortContradicts, report.Info, field(), "the probe asks %d/TCP, but the containers declare %s: see that they serve on what they declare, or declare this too",
			number, c.declaredPorts())
	}
}

func (r *Reader) readNamedProbe(c *candidate, name string, field func() string) {
	port, ok := c.named(name, workload.TCP)
	if !ok {
		r.report(c.origin, idPortUnresolved, report.Warning, field(), "the probe's port %q is no port of the workload, which declares %s: give one of these or the number",
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
