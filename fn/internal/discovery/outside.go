package discovery

import (
	"net/netip"
	"slices"
	"strings"
)

// outsideRule says which hosts of a passage that no Service is count as addresses.
type outsideRule int

const (
	outsideNever outsideRule = iota // prose and programs: any host may be just mentioned
	outsideKeyed                    // a setting in a file: behind a key that says that it is a host
	outsideValue                    // a variable or a command line: in a URL too
)

// schemePorts are the schemes of URLs that name a host on the network, with the port where the URL names none; 0 where
// there is no usual one.
var schemePorts = map[string]int32{
	"http": 80, "https": 443, "ws": 80, "wss": 443, "grpc": 0, "grpcs": 443, "tcp": 0, "udp": 0, "tls": 0, "ssl": 0,
	"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mysql2": 3306, "mariadb": 3306, "mongodb": 27017, "redis": 6379, "rediss": 6379,
	"amqp": 5672, "amqps": 5671, "kafka": 9092, "nats": 4222, "mqtt": 1883, "mqtts": 8883, "stomp": 61613, "pulsar": 6650,
	"ldap": 389, "ldaps": 636, "smtp": 25, "smtps": 465, "imap": 143, "imaps": 993, "pop3": 110, "ftp": 21, "sftp": 22, "ssh": 22,
	"git": 9418, "memcached": 11211, "sqlserver": 1433, "mssql": 1433, "oracle": 1521, "cassandra": 9042, "clickhouse": 9000,
	"neo4j": 7687, "bolt": 7687, "elasticsearch": 9200, "opensearch": 9200, "etcd": 2379, "zookeeper": 2181, "consul": 8500,
	"syslog": 514, "statsd": 8125, "socks5": 1080, "cockroachdb": 26257, "otlp": 4317, "plaintext": 9092, "sasl_plaintext": 9092,
	"sasl_ssl": 9093, "hdfs": 8020, "loadbalance": 3306, "replication": 3306, "failover": 0,
	"dns": 0, "xds": 0, "passthrough": 0,
}

// schemeName is the scheme without what says how it is spoken: postgresql for postgresql+psycopg, mongodb for mongodb+srv.
func schemeName(scheme string) string {
	name, _, _ := strings.Cut(scheme, "+")
	return name
}

// template reports whether a part of the host is filled in later, as in db.$(DOMAIN) or {{x}}.example.com.
func (h *host) template() bool {
	switch h.byteAt(h.start - 1) {
	case '}', ')', '>', '%', '$', '*':
		return true
	}
	end := h.end
	for h.byteAt(end) == '.' || h.byteAt(end) == '-' {
		end++
	}
	switch h.byteAt(end) {
	case '$', '{', '%', '<', '*':
		return true
	}
	return false
}

// outside is the host as an address outside, if it is one.
func (book *addressBook) outside(p passage, h host) (address, bool) {
	name := strings.TrimSuffix(h.text[h.start:h.end], ".")
	number, after := h.portAfter()
	a := address{host: name, port: number, offset: h.start}
	if h.byteAt(after) == '@' || !isOutsideName(name) || book.own[strings.ToLower(name)] || isNotCalled(p.key) {
		return a, false
	}
	if h.inURL && (h.byteAt(h.start-1) == ':' || number == 0 && h.byteAt(h.end) == ':') {
		return a, false // a user and a password with a slash in it
	}
	usual, network := schemePorts[schemeName(h.scheme)]
	if number == 0 {
		a.port = usual
	}
	inText, keyed := h.hasHostKey(p.key)
	if inText && a.port == 0 {
		a.port = h.portBeside()
	}
	if isNotCalled(h.option()) || inText && isNotCalled(keyBefore(h.text, h.start-1)) {
		return a, false
	}
	qualified := strings.Contains(name, ".")
	switch {
	case h.inURL:
		return a, network && (p.outside == outsideValue || isHostKey(p.key) && qualified)
	case isClusterName(name):
		return a, p.outside == outsideValue || keyed
	case h.byteAt(h.start-1) == '@' && !h.hasPassword(), !h.endsWell(after):
		return a, false
	case h.byteAt(h.start-1) == '(' && h.dsnProtocol():
		return a, true
	case !keyed || inText && p.outside != outsideValue || hasSuffixFold(p.key, "service"):
		return a, false
	case number == 0 && !inText && isOwnNameKey(p.key) && (p.outside == outsideValue || strings.EqualFold(p.key, "hostname")):
		return a, false
	case qualified:
		return a, isDomain(name) || isAddress(name)
	}
	// A name alone is a host only with a port, its own or another variable's.
	return a, p.outside == outsideValue && !inText && isNameKey(p.key)
}

// option is the option or setting that the word with the host is the value of, as --listen-urls in --listen-urls=http://x;
// empty where it is none's.
func (h *host) option() string {
	start := h.start
	for start > 0 && h.start-start < lookBack && strings.IndexByte(" \t\n\"'", h.text[start-1]) < 0 {
		start--
	}
	name, _, ok := strings.Cut(h.text[start:h.start], "=")
	if !ok {
		return ""
	}
	return name
}

// portBeside is the port that a text names in other ways than behind a colon; 0 where it names none.
func (h *host) portBeside() int32 {
	if port := h.portNearby(); port != 0 {
		return port
	}
	if number := h.numberAfter(); number >= minSignPort {
		return number
	}
	return 0
}

// dsnProtocol reports whether the host is in brackets behind a protocol, as in user:password@tcp(db.example.com:3306)/shop.
func (h *host) dsnProtocol() bool {
	before := h.text[:h.start-1]
	return strings.HasSuffix(before, "@tcp") || strings.HasSuffix(before, "@udp")
}

// isClusterName reports whether a host is a Service's full name.
func isClusterName(name string) bool {
	return strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc.cluster.local")
}

// apiServer is the host of the Kubernetes API within a cluster.
const apiServer = "kubernetes.default"

// isAPIServer reports whether a host is the Kubernetes API's: "a Service named kubernetes" in the namespace default.
func isAPIServer(name string) bool {
	rest, ok := strings.CutPrefix(name, apiServer)
	return ok && (rest == "" || strings.HasPrefix(rest, ".svc"))
}

// isOutsideName reports whether a name can be that of a host elsewhere: in the form of a name or an address, and neither
// the pod itself nor every address nor the cluster's DNS.
func isOutsideName(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsMulticast()
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasPrefix(name, "localhost.") ||
		strings.HasPrefix(name, "kube-dns.kube-system") || strings.HasPrefix(name, "coredns.kube-system") {
		return false
	}
	letter := false
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch c := label[i]; {
			case c >= 'a' && c <= 'z':
				letter = true
			case c >= '0' && c <= '9', c == '-':
			default:
				return false // capitals are a placeholder's or a class's, and no host has "_"
			}
		}
	}
	return letter && len(name) <= 253
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// fileEndings are what files end in that looks like a domain.
var fileEndings = []string{
	"cfg", "class", "cnf", "conf", "config", "crt", "css", "csv", "db", "env", "gz", "html", "ini", "jar", "js", "json", "jwks", "key",
	"lock", "log", "lua", "md", "mjs", "pem", "php", "pid", "png", "properties", "py", "sh", "sock", "sql", "svg", "tar", "tmpl", "toml", "tpl", "ts",
	"txt", "war", "xml", "yaml", "yml", "zip",
}

// isDomain reports whether a name ends as a domain does, and not as a file.
func isDomain(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if len(last) < 2 || slices.Contains(fileEndings, last) {
		return false
	}
	return strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") == "" || strings.HasPrefix(last, "xn--")
}

// notCalled are parts of the names of variables whose addresses the workload does not call: it tells them to browsers, or
// compares with them.
var notCalled = []string{
	"no_proxy", "noproxy", "cors", "origin", "allowed_host", "allowedhost", "trusted", "csrf", "redirect", "callback", "public_", "publicurl",
	"external_url", "externalurl", "root_url", "site_url", "siteurl", "app_url", "base_href", "homepage", "docs_url", "documentation", "website",
	"schema", "xmlns", "license", "user_agent", "useragent", "referer", "referrer", "cookie", "runbook", "virtual_host", "letsencrypt",
	"kc_hostname", "react_app_", "vite_", "listen", "bind", "advertise", "server_name", "servername", "image", "registry", "repository", "issuer_ref", "domain",
	"mail_from", "from_address", "email_address", "support", "audience",
}

// isNotCalled reports whether a variable of this name holds addresses that the workload does not call.
func isNotCalled(key string) bool {
	if key == "" {
		return false
	}
	key = key[max(0, len(key)-maxVariableName):]
	key = strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(key, "-", "_"), ".", "_"))
	key = strings.ReplaceAll(key, "schema_registry", "")
	return slices.ContainsFunc(notCalled, func(part string) bool { return strings.Contains(key, part) })
}

// isOwnNameKey reports whether a variable rather holds the workload's own name: HOST, HOSTNAME, SERVER_ADDRESS.
func isOwnNameKey(key string) bool {
	switch strings.ToLower(key) {
	case "host", "hostname", "addr", "address", "server_host", "server_addr", "server_address", "http_host", "http_addr", "node", "pod_ip":
		return true
	}
	return false
}

// isNameKey reports whether a variable's name says that a word alone is a host.
func isNameKey(key string) bool {
	for _, suffix := range []string{"host", "hosts", "hostname", "addr", "address"} {
		if hasSuffixFold(key, suffix) {
			return len(key) > len(suffix)
		}
	}
	return false
}
