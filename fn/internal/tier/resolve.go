package tier

import (
	"fmt"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// defaultMetrics is the port that Prometheus scrapes where nothing says.
const defaultMetrics = 9090

// resolved is the ports that a statement means at one destination.
type resolved struct {
	ports PortSet
	// guessed is true where the tier's ports stand for the workload's own, metricsGuessed where 9090 does.
	guessed, metricsGuessed bool
	// unresolved are the port names that the destination does not have.
	unresolved []string
}

// servingPorts are a workload's ports where a flow names none: its own, or else its tier's.
func (e *expansion) servingPorts(w *workload.Workload) resolved {
	if len(w.Ports) > 0 {
		return resolved{ports: portSet(w.Ports)}
	}
	ports := e.tierPorts[w.Tier]
	return resolved{ports: ports, guessed: len(ports) > 0}
}

// resolvePorts are the ports of a statement at a workload.
func (e *expansion) resolvePorts(ports []PortSpec, w *workload.Workload) resolved {
	r := resolved{ports: numbers(ports)}
	for _, p := range ports {
		switch {
		case p.Name == metrics:
			set, guessed := metricsPorts(w)
			r.ports = r.ports.Union(set)
			r.metricsGuessed = guessed
		case p.Name != "":
			set := named(w, p.Name)
			if len(set) == 0 {
				r.unresolved = append(r.unresolved, p.Name)
			}
			r.ports = r.ports.Union(set)
		}
	}
	return r
}

// metricsPorts are the ports that Prometheus scrapes; none where the workload does not want to be scraped.
func metricsPorts(w *workload.Workload) (set PortSet, guessed bool) {
	switch {
	case len(w.Metrics) > 0:
		return portSet(w.Metrics), false
	case w.NoScrape:
		return nil, false
	}
	return PortSet{{workload.TCP, defaultMetrics, defaultMetrics}}, true
}

// named are the ports of a workload that have the name.
func named(w *workload.Workload, name string) PortSet {
	var found []workload.Port
	for _, list := range [][]workload.Port{w.NamedPorts, w.Ports, w.Metrics} {
		for _, p := range list {
			if p.Name == name {
				found = append(found, p)
			}
		}
	}
	return portSet(found)
}

func portSet(ports []workload.Port) PortSet {
	if len(ports) == 0 {
		return nil
	}
	set := make(PortSet, 0, len(ports))
	for _, p := range ports {
		set = append(set, PortRange{p.Protocol, p.Number, p.Number})
	}
	return PortSet(nil).Union(set)
}

// servicePorts are the ports with the Services' ports that differ from the pods', where the CNI looks at egress before the
// Service has translated; nil where that adds nothing.
func (s *Set) servicePorts(w *workload.Workload, ports PortSet) PortSet {
	if s.Profile.CNI != CNIAWS || w == nil {
		return nil
	}
	var extra PortSet
	for _, list := range [][]workload.Port{w.Ports, w.Metrics} {
		for _, p := range list {
			if p.ServicePort != 0 && p.ServicePort != p.Number && ports.contains(p) {
				extra = append(extra, PortRange{p.Protocol, p.ServicePort, p.ServicePort})
			}
		}
	}
	if len(PortSet(nil).Union(extra).Minus(ports)) == 0 {
		return nil
	}
	return ports.Union(extra)
}

func (s PortSet) contains(p workload.Port) bool {
	for _, r := range s {
		if r.Protocol == p.Protocol && r.First <= p.Number && p.Number <= r.Last {
			return true
		}
	}
	return false
}

// sayPorts says what was guessed, or is missing, about the ports of a statement's destination, for each of its workloads.
func (e *expansion) sayPorts(f *FlowSpec, r resolved, c *class) {
	for _, w := range c.members {
		for _, name := range r.unresolved {
			e.once(about(w, portUnresolved, report.Warning, "", fmt.Sprintf(
				"has no port named %q, which %s asks for%s; declare the port, or give its number there", name, f.Field, havePorts(w))))
		}
		switch {
		case r.guessed:
			e.once(about(w, portGuessed, report.Warning, "", fmt.Sprintf(
				"declares no serving port, so %s of tier %s is assumed; declare containerPort, or give ports in the flow", r.ports, w.Tier)))
		case len(f.Ports) == 0 && len(r.ports) == 0:
			e.once(about(w, portUnknown, report.Warning, "", fmt.Sprintf(
				"declares no serving port, and tier %s has none by default, so %s opens nothing; declare containerPort, or give ports in the flow or the tier", w.Tier, f.Field)))
		}
		if r.metricsGuessed {
			e.once(about(w, metricsGuessed, report.Info, "", fmt.Sprintf(
				"declares no metrics port, so %d/TCP is assumed; name a port metrics, or set the pod annotation prometheus.io/port, or prometheus.io/scrape: \"false\"", defaultMetrics)))
		}
	}
}

func havePorts(w *workload.Workload) string {
	var names []string
	for _, p := range w.NamedPorts {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return " (it has no named ports)"
	}
	return " (it has " + strings.Join(names, ", ") + ")"
}
