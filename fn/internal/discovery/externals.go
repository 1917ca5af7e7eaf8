package discovery

import (
	"cmp"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// maxAliases bounds how many ExternalName Services lead to one another.
const maxAliases = 4

// addAlias notes the address of an ExternalName Service: what it is another name of, a Service of the input or a host
// outside.
func (f *finder) addAlias(a address, e evidence) {
	for range maxAliases {
		in := scope(a.to.Namespace)
		target := strings.TrimSuffix(a.to.externalName, ".")
		s := f.book.lookup(f.book.scopes[in], target)
		switch {
		case s == nil:
			if isOutsideName(target) {
				f.addOutside(address{host: target, port: a.port}, e)
			}
			return
		case s.Type != "ExternalName":
			f.add(address{to: s, port: s.servicePort(a.port), scrape: a.scrape}, e)
			return
		}
		a.to = s
	}
}

// addOutside notes a host outside. The Kubernetes API's own Service is a sign of another kind.
func (f *finder) addOutside(a address, e evidence) {
	if isAPIServer(a.host) {
		f.apiSigns = append(f.apiSigns, workload.APIAccess{
			Workload: f.from.Workload, Why: "names the Service of the Kubernetes API", Where: e.where, Source: e.source,
		})
		return
	}
	x := workload.External{From: f.from.Workload, Via: e.via, Host: a.host, Port: a.port, Where: e.where, Source: e.source, Weak: e.weak}
	if x.Host == "" {
		x.Host, x.Hidden = hiddenHost(e.where), true
	}
	f.outside = append(f.outside, x)
}

// hiddenHost is what stands for a host that is not to be told: the key that leads to it.
func hiddenHost(where string) string {
	for _, field := range []string{"env[", "stringData[", "encryptedData[", "data["} {
		if i := strings.Index(where, field); i >= 0 {
			return "host-in-" + strings.TrimSuffix(where[i+len(field):], "]")
		}
	}
	if strings.Contains(where, "command[") {
		return "host-in-command"
	}
	return "host-in-args"
}

// sortedOutside is what was found outside for the workload, by host and port, each once, with the strongest evidence.
func (f *finder) sortedOutside() []workload.External {
	slices.SortFunc(f.outside, func(a, b workload.External) int {
		return cmp.Or(
			cmp.Compare(a.Host, b.Host),
			cmp.Compare(a.Port, b.Port),
			compareWeak(a.Weak, b.Weak),
			compareSources(a.Source, b.Source),
			cmp.Compare(a.Where, b.Where),
		)
	})
	return slices.CompactFunc(f.outside, func(a, b workload.External) bool {
		return a.Host == b.Host && a.Port == b.Port
	})
}

// ownHosts are the host names that the input's routes bear.
func (r *Reader) ownHosts() map[string]bool {
	own := map[string]bool{}
	for _, from := range r.routes {
		for _, host := range from.hosts {
			own[strings.ToLower(host)] = true
		}
	}
	return own
}
