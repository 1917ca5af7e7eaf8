package discovery

import (
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// addressBook finds the Services of the input by the names that other workloads reach them by.
type addressBook struct {
	scopes map[string]map[string]*service // scope, name
	// links are the Services of a scope by the beginning of the variables that Kubernetes gives to the pods beside them,
	// such as MY_DB of MY_DB_SERVICE_HOST; made when first asked for.
	links map[string]map[string]*service
	// unplaced are the Services whose manifests name no namespace.
	unplaced map[string]*service
	// own are the host names under which the input is reached from outside, which it does not call.
	own map[string]bool
}

func newAddressBook(services []*service) *addressBook {
	book := &addressBook{scopes: map[string]map[string]*service{}, links: map[string]map[string]*service{}, unplaced: map[string]*service{}}
	for _, s := range services {
		in := scope(s.Namespace)
		if book.scopes[in] == nil {
			book.scopes[in] = map[string]*service{}
		}
		if book.scopes[in][s.Name] == nil {
			book.scopes[in][s.Name] = s
		}
		if s.origin.ref.Namespace == "" && book.unplaced[s.Name] == nil {
			book.unplaced[s.Name] = s
		}
	}
	return book
}

// address is a host in a text: a Service of the input, or a host outside.
type address struct {
	// to is nil for a host outside, which then has a name or an IP address.
	to   *service
	host string
	// port is the Service's port that the address names, 0 where it names none that the Service has. Of a host outside it is
	// the port itself, or its scheme's usual one.
	port int32
	// offset is the position of the host in the text.
	offset int
	// scrape is true in a Prometheus scrape configuration, datasource in a data source of Grafana.
	scrape, datasource bool
	// unplaced is true for a Service that names no namespace, read by a workload that names one: where it will be is not
	// known, and it is none other's name.
	unplaced bool
}

// passage is a text that may hold addresses.
type passage struct {
	// scope is that of the workload that reads it.
	scope string
	// key is the name of the variable, or of the entry, whose value the text is; empty where it has none.
	key  string
	text string
	// outside says which hosts outside count.
	outside outsideRule
}

// scan calls found for each address in the passage.
//
// A Service's name is a common word more often than an address: it counts only as a whole host with a sign that it is
// one, a scheme, a port of that Service, a domain, or a key such as DB_HOST.
func (book *addressBook) scan(p passage, found func(address)) {
	local := book.scopes[p.scope]
	text := p.text
	urlEnd := 0 // end of the authority of the URL that the position is in
	scheme := ""
	for i := 0; i < len(text); {
		if !isHostByte[text[i]] {
			if text[i] == ':' && strings.HasPrefix(text[i:], "://") {
				scheme = schemeBefore(text, i)
				i += len("://")
				if isResolver(scheme) && strings.HasPrefix(text[i:], "/") {
					i++ // dns:///HOST names the resolver first, and here none
				}
				i, urlEnd = authority(text, i)
			} else {
				i++
			}
			continue
		}
		end := i + 1
		for end < len(text) && isHostByte[text[end]] {
			end++
		}
		h := host{text: text, start: i, end: end, inURL: i < urlEnd}
		if h.inURL {
			h.scheme = scheme
		}
		book.judge(local, p, h, found)
		i = end
	}
}

// judge calls found with what the host is, if it is an address.
func (book *addressBook) judge(local map[string]*service, p passage, h host, found func(address)) {
	if p.outside == outsideValue && strings.HasPrefix(h.text[h.start:h.end], "KUBERNETES_SERVICE_") {
		found(address{host: apiServer, offset: h.start})
		return
	}
	if s, port := book.linkVariable(p.scope, h); s != nil {
		found(address{to: s, port: port, offset: h.start})
		return
	}
	if strings.HasPrefix(h.text[h.end:], "://") {
		return // the scheme of the next URL in a list
	}
	member := h.afterTemplate()
	if !member && !h.trim() {
		return
	}
	name := h.text[h.start:h.end]
	if portName, of, ok := serviceRecord(name); ok {
		if s := book.lookup(local, of); s != nil {
			found(address{to: s, port: s.portNamed(portName), offset: h.start})
		}
		return
	}
	s := book.lookup(local, name)
	unplaced := false
	if s == nil && len(book.unplaced) > 0 && p.scope != scope("") {
		s = book.unplaced[book.unplacedName(name)]
		unplaced = s != nil
	}
	if member && (s == nil || !s.Headless) {
		return
	}
	switch {
	case s != nil:
		if port, ok := h.judge(s, p.key); ok || member {
			found(address{to: s, port: port, offset: h.start, unplaced: unplaced})
		}
	case p.outside != outsideNever && !h.template():
		if a, ok := book.outside(p, h); ok {
			found(a)
		}
	}
}

// serviceRecord is the port's name and the host of an SRV record's name, _grpc._tcp.store.shop.svc.cluster.local.
func serviceRecord(name string) (portName, host string, ok bool) {
	if !strings.HasPrefix(name, "_") {
		return "", "", false
	}
	portName, rest, _ := strings.Cut(name[1:], ".")
	protocol, host, ok := strings.Cut(rest, ".")
	return portName, host, ok && (protocol == "_tcp" || protocol == "_udp" || protocol == "_sctp")
}

// portNamed is the Service's port of that name; 0 where it has none such.
func (s *service) portNamed(name string) int32 {
	for _, p := range s.Ports {
		if p.Name == name && name != "" {
			return p.Port
		}
	}
	return 0
}

// schemeBefore is the scheme that ends at a position, in lower case.
func schemeBefore(text string, end int) string {
	start := end
	for start > 0 && end-start < maxScheme && (isHostByte[text[start-1]] || text[start-1] == '+') {
		start--
	}
	return strings.ToLower(text[start:end])
}

// isResolver reports whether a scheme is one of those that say how gRPC finds a host (grpc, Name Resolution).
func isResolver(scheme string) bool {
	return scheme == "dns" || scheme == "xds" || scheme == "passthrough"
}

// maxScheme bounds the length of a URL's scheme, in bytes.
const maxScheme = 32

// authority is where the hosts of a URL's authority begin and end, what stands before an @ left out.
func authority(text string, start int) (hosts, end int) {
	hosts, end = start, start
	for end < len(text) && !strings.ContainsRune("/?#\\ \t\r\n\"'`<>(){};|", rune(text[end])) {
		if text[end] == '@' {
			hosts = end + 1
		}
		end++
	}
	return hosts, end
}

// lookup is the Service that a host names: NAME in the reader's own scope, NAME.NAMESPACE, either with a pod's name
// before it as members of a StatefulSet have it, and the last with .svc and the cluster's domain. Nil where it is none.
func (book *addressBook) lookup(local map[string]*service, host string) *service {
	first, rest, qualified := strings.Cut(host, ".")
	if !qualified {
		return local[first]
	}
	if s := book.qualified(first, rest); s != nil {
		return s
	}
	if pod, ordinal := cutLast(first, "-"); pod != "" {
		if _, member := digits(ordinal); member {
			if s := local[rest]; s != nil {
				return s
			}
			name, rest, _ := strings.Cut(rest, ".")
			return book.qualified(name, rest)
		}
	}
	return nil
}

// unplacedName is the name of the Service in a host that may be one without a namespace: alone, or with a namespace of the
// input.
func (book *addressBook) unplacedName(host string) string {
	name, rest, qualified := strings.Cut(host, ".")
	if !qualified {
		return name
	}
	namespace, domain, more := strings.Cut(rest, ".")
	if book.scopes[namespace] == nil || more && domain != "svc" && !strings.HasPrefix(domain, "svc.") {
		return ""
	}
	return name
}

// qualified is the Service of that name in the namespace that rest begins with.
func (book *addressBook) qualified(name, rest string) *service {
	namespace, domain, more := strings.Cut(rest, ".")
	if more && domain != "svc" && !strings.HasPrefix(domain, "svc.") {
		return nil
	}
	return book.scopes[namespace][name]
}

// minSignPort is the lowest port behind a name that makes it an address of a Service that lists no ports: below are the
// versions of images.
const minSignPort = 80

// servicePort is the Service's port that a client means by a number: its own port or, as clients of a headless Service
// do, the one that leads to the pods' port; 0 where the Service has none such. An ExternalName has every port: it is
// another name of a host.
func (s *service) servicePort(number int32) int32 {
	if number == 0 {
		return 0
	}
	if s.Type == "ExternalName" && len(s.Ports) == 0 && number >= minSignPort {
		return number
	}
	var behind int32
	for _, p := range s.Ports {
		if p.Port == number {
			return number
		}
		if s.Headless && s.leadsTo(p, number) {
			behind = p.Port
		}
	}
	return behind
}

// leadsTo reports whether the Service's port leads to a port of the pods, of the first workload where a name says so.
func (s *service) leadsTo(sp workload.ServicePort, number int32) bool {
	if sp.TargetName == "" || len(s.selected) == 0 {
		return sp.TargetPort == number
	}
	port, ok := s.selected[0].resolve(sp)
	return ok && port.Number == number
}

// isHostByte holds the bytes of host names, and "_" so that my_redis is not the host redis.
var isHostByte = func() (set [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") {
		set[c] = true
	}
	return set
}()
