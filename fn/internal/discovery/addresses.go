package discovery

import (
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// addressBook finds the Services of the input by the names that other workloads reach them by.
type addressBook map[string]map[string]*service // scope, name

func newAddressBook(services []*service) addressBook {
	book := addressBook{}
	for _, s := range services {
		in := scope(s.Namespace)
		if book[in] == nil {
			book[in] = map[string]*service{}
		}
		if book[in][s.Name] == nil {
			book[in][s.Name] = s
		}
	}
	return book
}

// address is a Service's address in a text.
type address struct {
	to *service
	// port is the Service's port that the address names, 0 where it names none that the Service has.
	port int32
	// offset is the position of the host in the text.
	offset int
}

// scan calls found for each address in the text, read by a workload in the scope. key is the name of the variable, or of
// the entry, whose value the text is; empty where it has none.
//
// A Service's name is a common word more often than an address: it counts only as a whole host with a sign that it is
// one, a scheme, a port of that Service, a domain, or a key such as DB_HOST.
func (book addressBook) scan(in, key, text string, found func(address)) {
	local := book[in]
	urlEnd := 0 // end of the authority of the URL that the position is in
	for i := 0; i < len(text); {
		if !isHostByte[text[i]] {
			if text[i] == ':' && strings.HasPrefix(text[i:], "://") {
				i, urlEnd = authority(text, i+len("://"))
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
		if h.trim() {
			if s := book.lookup(local, text[h.start:h.end]); s != nil {
				if port, ok := h.judge(s, key); ok {
					found(address{to: s, port: port, offset: h.start})
				}
			}
		}
		i = end
	}
}

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
func (book addressBook) lookup(local map[string]*service, host string) *service {
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

// qualified is the Service of that name in the namespace that rest begins with.
func (book addressBook) qualified(name, rest string) *service {
	namespace, domain, more := strings.Cut(rest, ".")
	if more && domain != "svc" && !strings.HasPrefix(domain, "svc.") {
		return nil
	}
	return book[namespace][name]
}

// servicePort is the Service's port that a client means by a number: its own port or, as clients of a headless Service
// do, the one that leads to the pods' port; 0 where the Service has none such.
func (s *service) servicePort(number int32) int32 {
	if number == 0 {
		return 0
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
