package discovery

import "strings"

// host is a run of host bytes in a text, which may or may not be a host.
type host struct {
	text       string
	start, end int
	// inURL is true behind a scheme and before the path.
	inURL bool
	// scheme is that of the URL, in lower case.
	scheme string
	// cut is true behind an option that it is written to, as in mysql -hdb.
	cut bool
}

// trim drops the bytes that cannot begin or end a host; false where what is left, or what stands before it, rules a host
// out: a path's segment, a variable, an extension.
func (h *host) trim() bool {
	for h.end > h.start && (h.text[h.end-1] == '.' || h.text[h.end-1] == '-') {
		h.end--
	}
	begin := h.start
	for h.start < h.end && h.text[h.start] == '-' {
		h.start++
	}
	if h.start == h.end || h.text[h.start] == '.' {
		return false
	}
	before := h.byteAt(begin - 1)
	if begin != h.start {
		// A shell default, ${VAR:-redis:6379}, or a host that its option is written to, as in -hdb; any other is an option.
		return before == ':' || h.start == begin+1 && h.cutOption(before)
	}
	switch before {
	case '/', '\\':
		return h.inURL || h.isShellSocket()
	case '$', '%':
		return false
	case '(', '{':
		return h.byteAt(begin-2) != '$'
	}
	return true
}

// cutOption takes the option of mysql -hdb away from its host; false where there is none.
func (h *host) cutOption(before byte) bool {
	if (before != ' ' && before != 0) || h.text[h.start] != 'h' || h.start+1 == h.end {
		return false
	}
	h.start++
	h.cut = true
	return true
}

// isShellSocket reports whether the host is that of /dev/tcp/HOST/PORT, as bash opens a connection.
func (h *host) isShellSocket() bool {
	before := h.text[:h.start]
	return strings.HasSuffix(before, "/dev/tcp/") || strings.HasSuffix(before, "/dev/udp/")
}

// afterTemplate reports whether a variable is the first label of the host, as in $(POD_NAME).db, and cuts it off: what is
// left may be the Service that the pod is a member of.
func (h *host) afterTemplate() bool {
	start := h.start
	switch before := h.byteAt(h.start - 1); {
	case h.text[h.start] == '.' && (before == ')' || before == '}'):
	case before == '$':
		for start < h.end && h.text[start] != '.' {
			start++
		}
	default:
		return false
	}
	if start+1 >= h.end {
		return false
	}
	h.start = start + 1
	for h.end > h.start && h.text[h.end-1] == '.' {
		h.end--
	}
	return h.start < h.end
}

// byteAt is the byte at a position, 0 beyond the text.
func (h *host) byteAt(i int) byte {
	if i < 0 || i >= len(h.text) {
		return 0
	}
	return h.text[i]
}

// judge reports whether the host, which has the name of s, is meant as an address, and which port of s it names.
func (h *host) judge(s *service, key string) (port int32, ok bool) {
	number, after := h.portAfter()
	if h.byteAt(after) == '@' && !h.inURL {
		return 0, false // the user of USER@HOST or USER:PASSWORD@HOST
	}
	if number != 0 {
		port = s.servicePort(number)
	}
	if h.inURL && number == 0 {
		port = s.servicePort(schemePorts[schemeName(h.scheme)])
	}
	if h.isShellSocket() {
		number, _ := leadingNumber(h.text, min(h.end+1, len(h.text)), 0)
		return s.servicePort(number), true
	}
	switch {
	case h.inURL, port != 0:
		return port, true
	case !h.endsWell(after):
		return 0, false
	case strings.Contains(h.text[h.start:h.end], "."), h.byteAt(h.start-1) == '@' && h.hasPassword():
		return 0, true
	}
	if number == 0 {
		if next := s.servicePort(h.numberAfter()); next != 0 {
			return next, true
		}
	}
	if inText, ok := h.hasHostKey(key); ok {
		if inText {
			port = s.servicePort(h.portNearby())
		}
		return port, true
	}
	return 0, false
}

// portAfter is the number behind a colon after the host, 0 where there is none, and the position after it all.
func (h *host) portAfter() (number int32, after int) {
	if h.byteAt(h.end) != ':' {
		return 0, h.end
	}
	return leadingNumber(h.text, h.end+1, h.end)
}

// numberAfter is the number that is the next word of the line, as in nc -z db 5432 and connect("db", 5432); 0 where the
// next word is none.
func (h *host) numberAfter() int32 {
	i := h.end
	for b := h.byteAt(i); b == '"' || b == '\'' || b == ','; b = h.byteAt(i) {
		i++
	}
	for h.byteAt(i) == ' ' {
		i++
	}
	if i == h.end {
		return 0
	}
	number, _ := leadingNumber(h.text, i, i)
	return number
}

// leadingNumber is the port number at a position and the position after it; 0 and the fallback where none is there.
func leadingNumber(text string, start, fallback int) (number int32, after int) {
	end := start
	for end < len(text) && end-start < 6 && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	v, ok := digits(text[start:end])
	if !ok || v < 1 || v > maxPort || end < len(text) && isHostByte[text[end]] && text[end] != '.' {
		return 0, fallback
	}
	return int32(v), end
}

// endsWell reports whether the byte after the host and its port lets it be a host: no key, tag or call.
func (h *host) endsWell(after int) bool {
	switch h.byteAt(after) {
	case ':', '=', '(', '@', '[':
		return false
	}
	return true
}

// lookBack bounds how far before a host its key is looked for, so that a long list costs no more than its length.
const lookBack = 256

// hasPassword reports whether the word before the host's @ holds a colon, as USER:PASSWORD@HOST does and a mail address
// does not.
func (h *host) hasPassword() bool {
	for i := h.start - 2; i >= max(0, h.start-lookBack); i-- {
		switch h.text[i] {
		case ':':
			return true
		case ' ', '\t', '\n', '"', '\'', ',':
			return false
		}
	}
	return false
}

// hasHostKey reports whether the host, alone or in a list, is the value of a key that says so: the given one where the
// text begins with the value, else one in the text such as host=db, "host": "db", --host db.
func (h *host) hasHostKey(key string) (inText, ok bool) {
	if h.cut {
		return true, true
	}
	for i := h.start; h.start-i < lookBack; {
		j := i
		blank := false
		for j > 0 && strings.IndexByte(" \t\"'[", h.text[j-1]) >= 0 {
			blank = blank || h.text[j-1] == ' ' || h.text[j-1] == '\t'
			j--
		}
		if j == 0 {
			return false, isHostKey(key)
		}
		switch h.text[j-1] {
		case ':':
			if protocol := j - len("tcp:"); protocol > 0 && h.text[protocol:j] == "tcp:" {
				i = protocol // Server=tcp:db,1433
				continue
			}
			return true, isHostKey(keyBefore(h.text, j-1))
		case '=':
			return true, isHostKey(keyBefore(h.text, j-1)) || hasSuffixFold(h.text[:j-1], "data source")
		case ',':
			if i = elementBefore(h.text, j-1); i == j-1 {
				return false, false
			}
			if element := h.text[i : j-1]; isQuoted(element) && isHostKey(element[1:len(element)-1]) {
				return true, true // getenv("DB_HOST", "db")
			}
		default:
			return true, blank && isHostOption(wordBefore(h.text, j))
		}
	}
	return false, false
}

func isQuoted(s string) bool {
	return len(s) > 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]
}

// elementBefore is where the list element that ends at a position begins, with its quotes.
func elementBefore(text string, end int) int {
	i := skipQuotesBefore(text, end)
	for i > 0 && (isHostByte[text[i-1]] || text[i-1] == ':' && i < end && text[i] >= '0' && text[i] <= '9') {
		i--
	}
	return skipQuotesBefore(text, i)
}

func skipQuotesBefore(text string, end int) int {
	for end > 0 && (text[end-1] == '"' || text[end-1] == '\'') {
		end--
	}
	return end
}

// keyBefore is the key that ends before a position, quotes and blanks left out.
func keyBefore(text string, end int) string {
	for end > 0 && strings.IndexByte(" \t\"':]", text[end-1]) >= 0 {
		end--
	}
	start := end
	for start > 0 && end-start < lookBack && isHostByte[text[start-1]] {
		start--
	}
	return text[start:end]
}

// wordBefore is the word that ends at a position.
func wordBefore(text string, end int) string {
	start := end
	for start > 0 && end-start < lookBack && strings.IndexByte(" \t\n\"'", text[start-1]) < 0 {
		start--
	}
	return text[start:end]
}

// isHostOption reports whether the next word of a command line is a host: an option such as --redis-host or -h, or a
// command that takes one.
func isHostOption(word string) bool {
	switch word {
	case "-h", "-H", "nslookup", "ping", "dig":
		return true
	}
	return strings.HasPrefix(word, "-") && isHostKey(word)
}

// hostSuffixes end the names of variables that hold an address, in whatever case.
var hostSuffixes = []string{
	"host", "hosts", "hostname", "hostnames", "addr", "addrs", "address", "addresses", "url", "urls", "uri", "uris",
	"server", "servers", "service", "services", "endpoint", "endpoints", "dsn", "node", "nodes", "broker", "brokers",
	"target", "targets", "upstream", "upstreams", "peer", "peers", "seeds", "replicaof", "slaveof",
	"zookeeper_connect", "zookeeper.connect", "issuer",
}

// hostSuffix is the suffix that says that a variable of this name holds an address, empty where none does.
func hostSuffix(key string) string {
	for _, suffix := range hostSuffixes {
		if hasSuffixFold(key, suffix) {
			return suffix
		}
	}
	return ""
}

func isHostKey(key string) bool { return hostSuffix(key) != "" }

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// portNearby is the port that the rest of the line names in its own words, as host=db port=5432 and -h db -p 5432 do; 0
// where it names none.
func (h *host) portNearby() int32 {
	rest := h.text[h.end:min(len(h.text), h.end+lookBack)]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	for i := 0; i < len(rest); i++ {
		after := 0
		switch {
		case hasPrefixFold(rest[i:], "port"):
			after = i + len("port")
		case hasPrefixFold(rest[i:], " -p"):
			after = i + len(" -p")
		default:
			continue
		}
		for after < len(rest) && strings.IndexByte(" \t\"'=:", rest[after]) >= 0 {
			after++
		}
		if number, _ := leadingNumber(rest, after, after); number != 0 {
			return number
		}
	}
	return 0
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
