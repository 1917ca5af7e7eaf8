package discovery

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// The annotations of Prometheus' usual scrape configuration, on pods and on Services.
const (
	scrapeAnnotation = "prometheus.io/scrape"
	portAnnotation   = "prometheus.io/port"
)

// scrapeAnnotations are those annotations of a Service that Prometheus reads; nil where it has none.
func (r *Reader) scrapeAnnotations(annotations *yaml.Node) map[string]string {
	var out map[string]string
	for key, value := range fields(annotations) {
		if key != scrapeAnnotation && key != portAnnotation || value == nil || value.Kind != yaml.ScalarNode {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[r.keep(key)] = r.text(value)
	}
	return out
}

// refusesScrape reports whether the pods say that they are not to be scraped.
func (c *candidate) refusesScrape() bool {
	return strings.EqualFold(c.PodAnnotations[scrapeAnnotation], "false")
}

// saysScrape reports whether the pods say that they are to be scraped.
func (c *candidate) saysScrape() bool {
	return strings.EqualFold(c.PodAnnotations[scrapeAnnotation], "true")
}

// metricsPorts are the ports that Prometheus is told to scrape, the most trusted first: container ports named for it,
// annotations, monitors.
func (r *Reader) metricsPorts(c *candidate, targets []target, scraped []workload.Port) []workload.Port {
	var metrics []workload.Port
	if !c.refusesScrape() {
		for _, p := range c.declared {
			if isMetricsName(p.Name) {
				metrics = append(metrics, p)
			}
		}
		// A target by number has no container port's name to say what it is, but the Service port's own.
		for _, t := range targets {
			if t.metrics {
				metrics = append(metrics, t.Port)
			}
		}
		if port, ok := r.annotatedPort(c, c.origin, c.PodAnnotations, c.kind); ok {
			metrics = append(metrics, port)
		}
	}
	for _, s := range c.services {
		if strings.EqualFold(s.annotations[scrapeAnnotation], "true") {
			metrics = append(metrics, r.servicePortsScraped(c, s)...)
		}
	}
	return append(metrics, scraped...)
}

// annotatedPort is the port of prometheus.io/port; false where the annotations have none, or no number there. They are
// the object's own, or its pod template's where its kind has one.
func (r *Reader) annotatedPort(c *candidate, o origin, annotations map[string]string, k workloadKind) (workload.Port, bool) {
	written, ok := annotations[portAnnotation]
	if !ok {
		return workload.Port{}, false
	}
	number, ok := digits(strings.TrimSpace(written))
	if !ok || number < 1 || number > maxPort {
		r.report(o, idPortInvalid, report.Warning, annotationPath(k), "%q is no port number, so nothing is scraped: give one from 1 to %d", written, maxPort)
		return workload.Port{}, false
	}
	port := workload.Port{Protocol: workload.TCP, Number: int32(number), Origin: workload.FromAnnotation}
	port.Name = c.declaredName(port.Number, port.Protocol)
	if declared, any := c.declares(port.Number, port.Protocol); any && !declared {
		r.report(o, idPortContradicts, report.Info, annotationPath(k), "Prometheus is told to scrape %s, but %s (%s) declares %s: see that something listens there",
			port, c.Workload, c.Source, c.declaredPorts())
	}
	return port, true
}

func annotationPath(k workloadKind) string {
	return k.path("metadata.annotations[" + portAnnotation + "]")
}

// servicePortsScraped is what a Service's annotations have scraped on its pods: the port that they name, else the one
// port that the Service forwards to. Nothing where it forwards to several, as it is not said which has the metrics.
func (r *Reader) servicePortsScraped(c *candidate, s *service) []workload.Port {
	if _, given := s.annotations[portAnnotation]; given {
		if port, ok := r.annotatedPort(c, s.origin, s.annotations, workloadKind{}); ok {
			return []workload.Port{port}
		}
		return nil
	}
	var ports []workload.Port
	for _, sp := range s.Ports {
		if port, ok := c.resolve(sp); ok {
			port.Origin = workload.FromAnnotation
			ports = append(ports, port)
		}
	}
	if ports = workload.MergePorts(ports); len(ports) != 1 {
		return nil
	}
	return ports
}
