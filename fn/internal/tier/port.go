package tier

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/workload"
)

// metrics is the port name that stands for whatever a workload's metrics port is.
const metrics = "metrics"

// PortSpec is a port as the configuration writes it. Exactly one of Name and Range is set.
type PortSpec struct {
	// Name is a port's name, resolved for each destination, or "metrics".
	Name string
	// Range is the ports by number.
	Range PortRange
}

// String is the port as the configuration writes it, without the protocol where it is TCP.
func (p PortSpec) String() string {
	if p.Name != "" {
		return p.Name
	}
	return strings.TrimSuffix(p.Range.String(), "/"+string(workload.TCP))
}

const portForms = "a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics"

var numericPort = regexp.MustCompile(`^([0-9]+)(?:-([0-9]+))?(?:/([A-Za-z0-9]*))?$`)

// parsePort reads a port.
func parsePort(s string) (PortSpec, error) {
	parts := numericPort.FindStringSubmatch(s)
	if parts == nil {
		if len(validation.IsValidPortName(s)) > 0 {
			return PortSpec{}, fmt.Errorf("%q is no port; write %s", s, portForms)
		}
		return PortSpec{Name: s}, nil
	}
	first, last, protocol := parts[1], parts[2], parts[3]
	if last == "" {
		last = first
	}
	r := PortRange{Protocol: workload.TCP, First: portNumber(first), Last: portNumber(last)}
	if strings.Contains(s, "/") {
		r.Protocol = workload.Protocol(protocol)
	}
	switch {
	case r.First == 0 || r.Last == 0:
		return PortSpec{}, fmt.Errorf("%q is no port: a number is out of range; write %s", s, portForms)
	case r.First > r.Last:
		return PortSpec{}, fmt.Errorf("%q is no port: the range ends before it begins; write %d-%d", s, r.Last, r.First)
	}
	switch r.Protocol {
	case workload.TCP, workload.UDP, workload.SCTP:
		return PortSpec{Range: r}, nil
	}
	return PortSpec{}, fmt.Errorf("%q is no port: the protocol must be one of TCP, UDP, SCTP%s", s, didYouMean(protocol, []string{"TCP", "UDP", "SCTP"}))
}

// portNumber is the number of a port, 0 where it is none: out of range, or with a leading zero.
func portNumber(s string) int32 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || s[0] == '0' {
		return 0
	}
	return int32(n)
}

// numbers is the set of the ports that are given by number.
func numbers(ports []PortSpec) PortSet {
	var out PortSet
	for _, p := range ports {
		if p.Name == "" {
			out = out.Union(PortSet{p.Range})
		}
	}
	return out
}
