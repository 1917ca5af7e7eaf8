package discovery

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/labels"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// service is a Service together with what its manifest says and the inventory does not keep.
type service struct {
	*workload.Service
	origin origin
	// fields are the positions of Ports in spec.ports, which may hold ports that are left out.
	fields []int
	labels map[string]string
	// externalName is the host that a Service of type ExternalName is another name of.
	externalName string
	// annotations are those that Prometheus reads.
	annotations map[string]string
	// selected are the candidates behind Service.Workloads.
	selected []*candidate
}

// readService takes a Service in.
func (r *Reader) readService(o *manifest.Object) {
	from := r.originOf(o)
	s := &service{origin: from, Service: &workload.Service{
		Namespace: from.ref.Namespace, Name: from.ref.Name, Source: o.Source, Type: "ClusterIP",
	}}
	meta := r.readMetadata(child(o.Root, "metadata"))
	s.labels, s.annotations = meta.labels, r.scrapeAnnotations(meta.annotations)
	var ports *yaml.Node
	for key, value := range fields(child(o.Root, "spec")) {
		switch key {
		case "type":
			if t := r.text(value); t != "" {
				s.Type = t
			}
		case "externalName":
			s.externalName = r.text(value)
		case "clusterIP":
			s.Headless = text(value) == "None"
		case "externalTrafficPolicy":
			s.LocalTraffic = text(value) == "Local"
		case "selector":
			s.Selector = r.stringMap(value)
		case "ports":
			ports = value
		}
	}
	for i, n := range items(ports) {
		if port, ok := r.readServicePort(s.origin, i, n); ok {
			s.Ports = append(s.Ports, port)
			s.fields = append(s.fields, i)
		}
	}
	r.services = append(r.services, s)
}

// readServicePort reads one port; false, with findings, where it cannot be used.
func (r *Reader) readServicePort(o origin, index int, n *yaml.Node) (workload.ServicePort, bool) {
	var p workload.ServicePort
	var number, target, protocol *yaml.Node
	for key, value := range fields(n) {
		switch key {
		case "name":
			p.Name = r.text(value)
		case "port":
			number = value
		case "targetPort":
			target = value
		case "protocol":
			protocol = value
		}
	}
	var problems portProblems
	p.Port = problems.number("port", number)
	p.Protocol = problems.protocol("protocol", protocol)
	if name, ok := portName(target); ok {
		p.TargetName = r.keep(name)
	} else if isUnset(target) {
		// "If this is not specified, the value of the 'port' field is used" (core/v1, ServicePort.targetPort); the API
		// server takes 0 and "" for unset too.
		p.TargetPort = p.Port
	} else {
		p.TargetPort = problems.number("targetPort", target)
	}
	for _, problem := range problems {
		r.report(o, idPortInvalid, problem.severity, fmt.Sprintf("spec.ports[%d].%s", index, problem.field), "%s", problem.message)
	}
	return p, p.Port != 0 && p.Protocol != "" && (p.TargetPort != 0 || p.TargetName != "")
}

// isUnset reports whether the API server gives a targetPort its default.
func isUnset(target *yaml.Node) bool {
	v, isInt := integer(target)
	return isAbsent(target) || isInt && v == 0 || target.Kind == yaml.ScalarNode && target.Value == ""
}

// selectsPods reports whether the Service has endpoints that its selector finds. ExternalName ignores the selector, and
// a Service without one stands for addresses that no label selects.
func (s *service) selectsPods() bool { return s.Type != "ExternalName" && len(s.Selector) > 0 }

// linkServices sorts the Services and finds the workloads that each selects in its namespace.
func (r *Reader) linkServices() {
	slices.SortStableFunc(r.services, func(a, b *service) int {
		return cmp.Or(a.Compare(b.Service), compareSources(a.Source, b.Source))
	})
	index := r.podIndex()
	selections := map[string]selection{}
	inhabited := map[string]bool{}
	for _, c := range r.candidates {
		if !c.HostNetwork {
			inhabited[scope(c.Namespace)] = true
		}
	}
	for _, s := range r.services {
		if !s.selectsPods() {
			continue
		}
		chosen := r.selectionOf(s, index, selections)
		s.selected, s.Workloads = chosen.candidates, slices.Clip(chosen.workloads)
		for _, c := range chosen.candidates {
			c.services = append(c.services, s)
		}
		if len(chosen.candidates)+len(chosen.clients) == 0 && inhabited[scope(s.Namespace)] {
			r.report(s.origin, idSelectsNothing, report.Warning, "spec.selector",
				"the selector (%s) selects no workload of the input, and the default deny of the namespace closes whatever pods it is for: add their workload to the input or, if an operator makes them, declare them, spec.workloads: [%s]",
				labels.Set(s.Selector), adviceFor(s))
		}
		for _, c := range chosen.clients {
			r.report(s.origin, idSelectsClient, report.Warning, "spec.selector",
				"the selector also selects the pods of %s, which would get requests meant for servers: add a label to the selector that they do not wear", c.Workload)
		}
	}
}

// adviceFor is the entry that declares the pods of a Service.
func adviceFor(s *service) string {
	namespace := ""
	if s.Namespace != "" {
		namespace = "namespace: " + s.Namespace + ", "
	}
	var words []string
	for _, key := range slices.Sorted(maps.Keys(s.Selector)) {
		value := s.Selector[key]
		if !plain.MatchString(value) || slices.Contains([]string{"true", "false", "null"}, strings.ToLower(value)) {
			value = strconv.Quote(value)
		}
		words = append(words, key+": "+value)
	}
	return fmt.Sprintf("{name: %s, %stier: TIER, pods: {%s}}", s.Name, namespace, strings.Join(words, ", "))
}

// plain is a label value that YAML reads as a string without quotes.
var plain = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9_.]*$`)

// podIndex is the workloads by those labels of their pods that Services select.
func (r *Reader) podIndex() labelIndex[*candidate] {
	index := labelIndex[*candidate]{}
	for _, s := range r.services {
		if s.selectsPods() {
			index.want(scope(s.Namespace), s.Selector)
		}
	}
	for _, c := range r.candidates {
		index.add(scope(c.Namespace), c.PodLabels, c)
	}
	return index
}

// selection is what one selector selects. Services with equal selectors share it.
type selection struct {
	candidates, clients []*candidate
	workloads           []*workload.Workload
}

// manyItems is the length of a list from which it pays to remember what a selector found in it.
const manyItems = 32

// selectionOf finds what a Service selects. Jobs are kept apart: they never accept a connection.
func (r *Reader) selectionOf(s *service, index labelIndex[*candidate], known map[string]selection) selection {
	list := index.candidates(scope(s.Namespace), s.Selector)
	key := ""
	if len(list) >= manyItems {
		key = selectorKey(s)
		if chosen, ok := known[key]; ok {
			return chosen
		}
	}
	var chosen selection
	for _, c := range list {
		switch {
		case !wears(c.PodLabels, s.Selector):
		case c.Client:
			chosen.clients = append(chosen.clients, c)
		default:
			chosen.candidates = append(chosen.candidates, c)
			chosen.workloads = append(chosen.workloads, c.Workload)
		}
	}
	if key != "" {
		known[key] = chosen
	}
	return chosen
}

func selectorKey(s *service) string {
	var b strings.Builder
	b.WriteString(scope(s.Namespace))
	for _, key := range slices.Sorted(maps.Keys(s.Selector)) {
		fmt.Fprintf(&b, "\n%s=%s", key, s.Selector[key])
	}
	return b.String()
}
