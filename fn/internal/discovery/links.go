package discovery

import (
	"maps"
	"slices"
	"strings"
)

// linkVariable is the Service that a variable leads to which Kubernetes gives to each pod of the Service's namespace:
// NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_PORTNAME, and those of Docker's links, NAME_PORT_5432_TCP_ADDR and
// the like. The port is that of the name or number; 0 where it names none. Nil where the text is no such name.
//
// "When a Pod is run on a Node, the kubelet adds a set of environment variables for each active Service."
// (kubernetes.io, Services, Environment variables)
func (book *addressBook) linkVariable(in string, h host) (*service, int32) {
	name := h.text[h.start:h.end]
	if len(name) < len("X_PORT_1_TCP") || name[0] < 'A' || name[0] > 'Z' {
		return nil, 0
	}
	stem, rest, ok := strings.Cut(name, "_SERVICE_")
	if ok {
		if s := book.link(in, stem); s != nil {
			portName, named := strings.CutPrefix(rest, "PORT_")
			switch {
			case rest == "HOST", rest == "PORT":
				return s, 0
			case named:
				return s, s.portOfVariable(portName)
			}
		}
		return nil, 0
	}
	return book.dockerLink(in, name)
}

// dockerLink is linkVariable for Docker's names, in which the Service's own may hold _PORT_ too.
func (book *addressBook) dockerLink(in, name string) (*service, int32) {
	for from := 0; ; {
		i := strings.Index(name[from:], "_PORT_")
		if i < 0 {
			return nil, 0
		}
		stem := name[:from+i]
		from += i + len("_PORT_")
		number, end, ok := strings.Cut(name[from:], "_")
		if value, isNumber := digits(number); ok && isNumber && value <= maxPort && isLinkEnd(end) {
			if s := book.link(in, stem); s != nil {
				return s, s.servicePort(int32(value))
			}
		}
	}
}

// isLinkEnd reports whether a name ends as those of Docker's links do after the port's number.
func isLinkEnd(rest string) bool {
	for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
		if end, ok := strings.CutPrefix(rest, protocol); ok {
			return end == "" || end == "_ADDR" || end == "_PORT" || end == "_PROTO"
		}
	}
	return false
}

// link is the Service of a scope by the beginning of its variables.
func (book *addressBook) link(in, stem string) *service {
	links, known := book.links[in]
	if !known {
		links = make(map[string]*service, len(book.scopes[in]))
		for _, name := range slices.Sorted(maps.Keys(book.scopes[in])) { // two names may be written alike
			links[variableName(name)] = book.scopes[in][name]
		}
		book.links[in] = links
	}
	return links[stem]
}

// variableName is how the name of a Service, or of its port, is written in those variables.
func variableName(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// portOfVariable is the port by its name as variables have it; 0 where the Service has none such.
func (s *service) portOfVariable(name string) int32 {
	for _, p := range s.Ports {
		if p.Name != "" && variableName(p.Name) == name {
			return p.Port
		}
	}
	return 0
}
