package discovery

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

const maxPort = 65535

// portProblem is what is wrong with one field of a port.
type portProblem struct {
	field    string
	severity report.Severity
	message  string
}

// portProblems collects what is wrong with the fields of one port.
type portProblems []portProblem

func (ps *portProblems) add(field string, severity report.Severity, format string, args ...any) {
	*ps = append(*ps, portProblem{field, severity, fmt.Sprintf(format, args...)})
}

// number is a port number from 1 to 65535; 0, with a problem, where the node holds none. A number in quotes, which the
// API server refuses, is taken as meant.
func (ps *portProblems) number(field string, n *yaml.Node) int32 {
	if v, ok := integer(n); ok {
		if v < 1 || v > maxPort {
			ps.add(field, report.Error, "%d is out of range: a port is from 1 to %d", v, maxPort)
			return 0
		}
		return int32(v)
	}
	if isAbsent(n) || n.Kind != yaml.ScalarNode {
		ps.add(field, report.Warning, "there is no port number, so the port is left out: give one from 1 to %d", maxPort)
		return 0
	}
	written := strings.TrimSpace(n.Value)
	v, ok := digits(written)
	switch {
	case ok && v >= 1 && v <= maxPort:
	case written != "" && strings.Trim(written, "0123456789") == "":
		ps.add(field, report.Error, "%s is out of range: a port is from 1 to %d", written, maxPort)
		return 0
	default:
		ps.add(field, report.Warning, "%q is no port number, so the port is left out: give one from 1 to %d", written, maxPort)
		return 0
	}
	ps.add(field, report.Warning, "%q is a string, which the API server refuses: write %d without quotes", written, v)
	return int32(v)
}

// protocol is a transport protocol, TCP where the node is absent: "Defaults to "TCP"." (core/v1, ContainerPort and
// ServicePort); empty, with a problem, where it holds another word.
func (ps *portProblems) protocol(field string, n *yaml.Node) workload.Protocol {
	if isAbsent(n) {
		return workload.TCP
	}
	switch written := text(n); written {
	case "", "TCP":
		return workload.TCP
	case "UDP":
		return workload.UDP
	case "SCTP":
		return workload.SCTP
	default:
		ps.add(field, report.Warning, "%q is no protocol, so the port is left out: write TCP, UDP or SCTP", written)
		return ""
	}
}

// portName is the name in an IntOrString that is no number. A string of digits is a number in quotes: a port's name has
// "at least one letter" (IANA_SVC_NAME, core/v1 ContainerPort.name).
func portName(n *yaml.Node) (string, bool) {
	if _, isInt := integer(n); isInt {
		return "", false
	}
	name := text(n)
	if _, isNumber := digits(name); isNumber || name == "" {
		return "", false
	}
	return name, true
}

// isMetricsName reports whether a port's name says that it serves metrics.
func isMetricsName(name string) bool { return name == "metrics" || name == "http-metrics" }

// declaredPorts is the declared ports as a person reads them, such as "http 8080/TCP, 9090/TCP".
func (c *candidate) declaredPorts() string {
	if len(c.declared) == 0 {
		return "no port"
	}
	parts := make([]string, len(c.declared))
	for i, p := range c.declared {
		parts[i] = strings.TrimSpace(p.Name + " " + p.String())
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ", ")
}
