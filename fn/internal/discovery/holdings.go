package discovery

import (
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// maxRescanned bounds the length of an entry, in bytes, that is read anew for each variable made of it.
const maxRescanned = 1024

// maxShared bounds how many references one ConfigMap or Secret gives rise to, as workloads that take it whole times
// addresses in it. What everybody has in hand tells nothing about who calls whom.
const maxShared = 10_000

// entry finds what a variable holds that is made of one entry of a ConfigMap or Secret; false where the input lacks it.
func (f *finder) entry(m *config, c *container, env *environment, v variable) bool {
	i, ok := m.position(v.key)
	if !ok || m.entries[i].unknown {
		return false
	}
	e := evidence{via: c.via(workload.ViaConfig), where: m.where(i), source: m.origin.source}
	if value := m.entries[i].text; len(value) <= maxRescanned {
		key := v.name
		if !isHostKey(key) {
			key = v.key
		}
		f.value(env, v.name, key, value, m.secret, e)
		return true
	}
	for _, a := range f.scanned(m) {
		if a.entry == i {
			f.add(a.address, e)
		}
	}
	return true
}

// whole finds what a ConfigMap or Secret holds that the workload takes as it is.
func (f *finder) whole(m *config, via workload.Evidence) {
	addresses := f.scanned(m)
	for i := range m.entries {
		f.discoverySign(m, i)
		if m.entries[i].unknown && len(m.entries)*len(m.users) <= maxShared {
			f.guess(m.entries[i].key, evidence{where: m.where(i), source: m.origin.source})
		}
	}
	if len(addresses)*len(m.users) > maxShared {
		return
	}
	for i := range addresses {
		a := &addresses[i]
		f.add(a.address, evidence{via: via, where: m.where(a.entry), source: m.origin.source, weak: m.isShared(a)})
	}
}

// discoverySign notes that an entry has the workload find others by the Kubernetes API.
func (f *finder) discoverySign(m *config, entry int) {
	if m.entries[entry].discovers {
		f.apiSigns = append(f.apiSigns, workload.APIAccess{
			Workload: f.from.Workload, Why: "finds its targets by the Kubernetes API", Where: m.where(entry), Source: m.origin.source,
		})
	}
}

// mounted finds what the files of a ConfigMap or Secret hold that the workload's containers see.
func (f *finder) mounted(m *config, at mount) {
	via := workload.ViaMounted
	if at.init {
		via = workload.ViaInit
	}
	if at.keys == nil {
		f.whole(m, via)
		return
	}
	addresses := f.scanned(m)
	for _, key := range at.keys {
		if i, ok := m.position(key); ok {
			f.discoverySign(m, i)
		}
	}
	for i := range addresses {
		a := &addresses[i]
		if e := m.entries[a.entry]; slices.Contains(at.keys, e.key) && len(e.users)+len(m.users) <= maxShared {
			f.add(a.address, evidence{via: via, where: m.where(a.entry), source: m.origin.source, weak: m.isShared(a)})
		}
	}
}

// isShared reports whether several workloads have the address in hand, other than those that it leads to, so that it does
// not tell which of them calls. A ConfigMap that is named for the one Service that it tells of is taken by those that call
// it.
func (m *config) isShared(a *configAddress) bool {
	if !a.judged {
		a.judged, a.shared = true, m.judgeShared(a)
	}
	return a.shared
}

func (m *config) judgeShared(a *configAddress) bool {
	own := 0
	if a.to != nil {
		own = len(a.to.selected)
	}
	entry := m.entries[a.entry]
	if len(m.users)+len(entry.users) > 1+own {
		return !m.isNamedFor(a.to)
	}
	holders := map[*candidate]bool{}
	for _, users := range [][]*candidate{m.users, entry.users} {
		for _, c := range users {
			if a.to == nil || !slices.Contains(c.services, a.to) {
				holders[c] = true
			}
		}
	}
	return len(holders) > 1 && !m.isNamedFor(a.to)
}

// isNamedFor reports whether the config bears the Service's name, whole or among other words, and tells of no other.
func (m *config) isNamedFor(s *service) bool {
	if s == nil || !strings.Contains("-"+m.origin.ref.Name+"-", "-"+s.Name+"-") {
		return false
	}
	return !slices.ContainsFunc(m.addresses, func(a configAddress) bool { return a.to != s })
}

// scanned are the addresses in a ConfigMap or Secret, as its own namespace reads them, or the workload's where a sidecar
// brings it from another.
func (f *finder) scanned(m *config) []configAddress {
	if f.scope != scope(m.origin.ref.Namespace) {
		return f.scan(m)
	}
	if m.scanned {
		return m.addresses
	}
	m.scanned = true
	m.addresses = f.scan(m)
	if len(m.addresses)*len(m.users) > maxShared {
		f.reader.report(m.origin, idTooShared, report.Info, "data",
			"%d workloads take the %d addresses of this %s whole, which does not tell who calls whom: give each workload the entries that it needs",
			len(m.users), len(m.addresses), m.origin.ref.Kind)
	}
	return m.addresses
}

// scan finds the addresses in a config's entries, each once in an entry.
func (f *finder) scan(m *config) []configAddress {
	var out []configAddress
	for i, e := range m.entries {
		if isExclusion(e.key) {
			continue
		}
		seen := map[address]bool{}
		in := file{book: f.book, scope: f.scope, secret: m.secret, found: func(a address) {
			a.offset = 0
			if !seen[a] {
				seen[a] = true
				out = append(out, configAddress{entry: i, address: a})
			}
		}}
		in.read(e.key, e.text, m.value)
		m.entries[i].discovers = in.discovers
	}
	return out
}

// countUsers counts the workload as a user of each ConfigMap and Secret that it takes whole, and of each entry that it
// mounts.
func (f *finder) countUsers(c *candidate) {
	f.start(c)
	for i := range c.containers {
		env := &environment{configs: f.reader.configs, scope: f.scope}
		for _, from := range c.containers[i].envFrom {
			if m := env.source(from); m != nil {
				m.users = withUser(m.users, c)
			}
		}
	}
	f.eachMounted(c, func(m *config, at mount) {
		if at.keys == nil {
			m.users = withUser(m.users, c)
		}
		for _, key := range at.keys {
			if i, ok := m.position(key); ok {
				m.entries[i].users = withUser(m.entries[i].users, c)
			}
		}
	})
}

// eachMounted calls visit for each ConfigMap and Secret of the input that is one of the workload's volumes, or part of one,
// or that a sidecar puts there.
func (f *finder) eachMounted(c *candidate, visit func(*config, mount)) {
	if len(f.reader.configs) == 0 {
		return
	}
	for _, at := range c.mounted {
		if m := f.reader.configs[configName{f.scope, at.config, at.secret}]; m != nil {
			visit(m, at)
		}
	}
	for _, m := range f.watched(c) {
		visit(m, mount{})
	}
}
