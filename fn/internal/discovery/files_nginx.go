package discovery

import (
	"slices"
	"strings"
)

// nginxNotCalled are the directives of nginx whose hosts it does not call.
var nginxNotCalled = []string{
	"server_name", "proxy_set_header", "add_header", "return", "rewrite", "listen", "proxy_redirect", "error_page", "log_format", "sub_filter",
	"valid_referers", "proxy_cookie_domain", "proxy_ssl_name", "resolver", "if", "allow", "deny", "set_real_ip_from", "more_set_headers", "location",
	"include", "root", "alias", "try_files", "index", "access_log", "error_log", "ssl_certificate", "ssl_certificate_key", "proxy_hide_header",
	"grpc_set_header", "fastcgi_param", "uwsgi_param", "limit_except", "types", "default_type", "user",
}

// nginxCalled are those whose first argument it calls.
var nginxCalled = []string{
	"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass", "redis_pass", "mirror", "set", "js_fetch_proxy",
}

// nginx reads a configuration of nginx, statement by statement.
func (f *file) nginx(text string) {
	text = withoutComments(text, []string{"#"})
	f.shadows = map[string]bool{}
	eachStatement(text, func(_ string, words []string) {
		if words[0] == "upstream" && len(words) > 1 {
			f.shadows[words[1]] = true
		}
	})
	upstream := f.shadows
	eachStatement(text, func(block string, words []string) {
		rule := outsideNever
		key := ""
		f.shadows = upstream
		switch {
		case words[0] == "upstream", slices.Contains(nginxNotCalled, words[0]):
			return
		case words[0] == "server":
			if len(words) < 2 {
				return
			}
			// Within an upstream, the name is a host's.
			key, rule, f.shadows = "server", outsideValue, nil
			words = words[:2]
		case slices.Contains(nginxCalled, words[0]):
			rule = outsideValue
		case block == "map" && len(words) > 1:
			rule = outsideValue
		}
		f.statement(key, strings.Join(words[1:], " "), rule)
	})
}

// statement finds the addresses of a statement's arguments. One that names no port means the scheme's, or 80.
func (f *file) statement(key, arguments string, rule outsideRule) {
	f.book.scan(passage{scope: f.scope, key: key, text: arguments, outside: rule}, func(a address) {
		if a.port == 0 {
			a.port = a.meant(80)
		}
		f.tell(a)
	})
}

// eachStatement calls visit for each statement of an nginx configuration, by its words, with the first word of the block
// that it is in. A block's own words are one too.
func eachStatement(text string, visit func(block string, words []string)) {
	var blocks []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', ';', '}':
			// ${name} is a variable.
			if c == '{' && i > 0 && text[i-1] == '$' {
				if end := strings.IndexByte(text[i:], '}'); end > 0 {
					i += end
				}
				continue
			}
			words := strings.Fields(text[start:i])
			start = i + 1
			block := ""
			if len(blocks) > 0 {
				block = blocks[len(blocks)-1]
			}
			if len(words) > 0 {
				visit(block, words)
			}
			switch {
			case c == '{' && len(words) > 0 && len(blocks) < maxFileDepth:
				blocks = append(blocks, words[0])
			case c == '}' && len(blocks) > 0:
				blocks = blocks[:len(blocks)-1]
			}
		}
	}
}
