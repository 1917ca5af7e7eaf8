package discovery

import (
	"fmt"
	"slices"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// target is a pod port that a Service forwards to.
type target struct {
	workload.Port
	// metrics is true where a name says that the port serves metrics.
	metrics bool
}

// decidePorts sets the workload's serving and metrics ports. scraped are the ports that monitors name.
func (r *Reader) decidePorts(c *candidate, scraped []workload.Port) {
	if c.Client {
		return
	}
	targets := r.targets(c)
	metrics := r.metricsPorts(c, targets, scraped)
	c.Ports = serving(c, targets, metrics)
	if len(c.Ports) == 0 && len(metrics) == 0 {
		c.Ports = r.imagePorts(c)
	}
	if len(metrics) == 0 && c.saysScrape() && len(c.Ports) == 1 {
		metrics = append(metrics, c.Ports[0])
		metrics[0].Origin = workload.FromAnnotation
	}
	c.Metrics = withServicePorts(workload.MergePorts(metrics), targets)
	// A Service or a monitor may have the pods scraped that say no for themselves: then no is not the last word.
	c.NoScrape = c.refusesScrape() && len(c.Metrics) == 0
}

// serving are the workload's serving ports from the most trusted place that names one: Services, containers, probes.
// A Service's port stays one even if Prometheus scrapes it too; another's is then a metrics port and nothing else.
func serving(c *candidate, targets []target, metrics []workload.Port) []workload.Port {
	var ports []workload.Port
	for _, t := range targets {
		if !t.metrics {
			ports = append(ports, t.Port)
		}
	}
	for _, less := range [][]workload.Port{c.declared, c.probed} {
		if len(ports) > 0 {
			break
		}
		for _, p := range less {
			if !isMetricsName(p.Name) && !holds(metrics, p) {
				ports = append(ports, p)
			}
		}
	}
	return workload.MergePorts(ports)
}

// targets are the pod ports behind the Services that select the workload, each as often as a Service forwards to it.
func (r *Reader) targets(c *candidate) []target {
	var targets []target
	for _, s := range c.services {
		for i, sp := range s.Ports {
			port, ok := c.resolve(sp)
			if !ok {
				r.report(s.origin, idPortUnresolved, report.Warning, s.targetField(i),
					"%q is no %s port of %s (%s), which declares %s: name one of these or give the number",
					sp.TargetName, sp.Protocol, c.Workload, c.Source, c.declaredPorts())
				continue
			}
			if declared, any := c.declares(port.Number, port.Protocol); any && !declared && sp.TargetName == "" {
				r.report(s.origin, idPortContradicts, report.Warning, s.targetField(i),
					"the Service forwards to %s, but %s (%s) declares %s: correct one of the two",
					port, c.Workload, c.Source, c.declaredPorts())
			}
			targets = append(targets, target{port, isMetricsName(sp.Name) || isMetricsName(sp.TargetName)})
		}
	}
	return targets
}

// targetField is the path of the field that says where the Service's i-th port leads.
func (s *service) targetField(i int) string {
	return fmt.Sprintf("spec.ports[%d].targetPort", s.fields[i])
}

// resolve is the pod port that a Service's port leads to. A name is looked up in each workload for itself, with the
// Service port's protocol; false where no container has it.
func (c *candidate) resolve(sp workload.ServicePort) (workload.Port, bool) {
	if sp.TargetName == "" {
		return workload.Port{
			Name: c.declaredName(sp.TargetPort, sp.Protocol), Protocol: sp.Protocol, Number: sp.TargetPort,
			Origin: workload.FromService, ServicePort: sp.Port,
		}, true
	}
	port, ok := c.named(sp.TargetName, sp.Protocol)
	port.Origin, port.ServicePort = workload.FromService, sp.Port
	return port, ok
}

// holds reports whether the list has a port of that number and protocol.
func holds(ports []workload.Port, p workload.Port) bool {
	return slices.ContainsFunc(ports, func(q workload.Port) bool { return q.Number == p.Number && q.Protocol == p.Protocol })
}

// withServicePorts sets the Service port of each port to the one that forwards to it, where exactly one does.
func withServicePorts(ports []workload.Port, targets []target) []workload.Port {
	for i := range ports {
		p := &ports[i]
		p.ServicePort = 0
		first := true
		for _, t := range targets {
			if t.Number != p.Number || t.Protocol != p.Protocol {
				continue
			}
			if !first && t.ServicePort != p.ServicePort {
				p.ServicePort = 0
				break
			}
			p.ServicePort, first = t.ServicePort, false
		}
	}
	return ports
}
