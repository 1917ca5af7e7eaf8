package discovery

import "strings"

// maxSiblings bounds how many of a container's variables are looked through for the ports of a host.
const maxSiblings = 500

// siblingPort is the name of the variable that holds the port where another holds the host: DB_PORT for DB_HOST,
// redis.port for redis.host, redisPort for redisHost; empty where the name is no host's.
func siblingPort(key string) string {
	suffix := hostSuffix(key)
	if suffix == "" {
		return ""
	}
	stem, written := key[:len(key)-len(suffix)], key[len(key)-len(suffix):]
	switch {
	case written[0] >= 'a':
		return stem + "port"
	case written[1] >= 'a':
		return stem + "Port"
	}
	return stem + "PORT"
}

// withSibling is the address with the port that another variable holds, where it names none itself.
func withSibling(a address, name string, lookup func(string) (string, bool)) address {
	if a.port != 0 || len(name) > maxVariableName {
		return a
	}
	sibling := siblingPort(name)
	if sibling == "" {
		return a
	}
	// DB_PORT_NUMBER is how Bitnami's images have it, port_value Envoy.
	for _, port := range []string{sibling, sibling + "_NUMBER", sibling + "_value", strings.ToUpper(sibling[:1]) + sibling[1:]} {
		if value, ok := lookup(port); ok {
			if number, _ := leadingNumber(strings.TrimSpace(value), 0, 0); number != 0 {
				a.port = a.meant(number)
				return a
			}
		}
	}
	return a
}

// meant is the port that the address has with a number beside it.
func (a address) meant(number int32) int32 {
	if a.to == nil {
		return number
	}
	return a.to.servicePort(number)
}

// portVariable is a variable of a container whose name speaks of a port and whose value is a number.
type portVariable struct {
	name   string
	number int32
}

// portVariables are those of the container, the first maxSiblings of them.
func (e *environment) portVariables() []portVariable {
	if e.ports == nil {
		e.ports = []portVariable{}
		e.names(func(name, value string) {
			number, after := leadingNumber(value, 0, 0)
			if number != 0 && after == len(value) && len(e.ports) < maxSiblings && speaksOfPort(name) {
				e.ports = append(e.ports, portVariable{name, number})
			}
		})
	}
	return e.ports
}

// otherPorts are further ports of the address's Service in the container's variables that begin as the host's own does:
// FLAGD_UI_PORT beside FLAGD_HOST.
func (e *environment) otherPorts(a address, name string) []int32 {
	if a.to == nil || len(a.to.Ports) < 2 || len(name) > maxVariableName {
		return nil
	}
	suffix := hostSuffix(name)
	stem := strings.TrimRight(name[:len(name)-len(suffix)], "_.-")
	if suffix == "" || stem == "" {
		return nil
	}
	var ports []int32
	for _, v := range e.portVariables() {
		if len(v.name) <= len(stem) || !strings.EqualFold(v.name[:len(stem)], stem) {
			continue
		}
		if port := a.to.servicePort(v.number); port != 0 && port != a.port {
			ports = append(ports, port)
		}
	}
	return ports
}

// speaksOfPort reports whether port is a word of the name, and not the end of another as in REPORT.
func speaksOfPort(name string) bool {
	for i := 1; i+len("port") <= len(name); i++ {
		if !strings.EqualFold(name[i:i+len("port")], "port") {
			continue
		}
		if before := name[i-1]; before == '_' || before == '.' || before == '-' || name[i] == 'P' && before >= 'a' {
			return true
		}
	}
	return false
}
