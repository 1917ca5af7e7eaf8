package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// maxShared bounds how many references one ConfigMap or Secret gives rise to, as workloads that take it whole times
// addresses in it. What everybody has in hand tells nothing about who calls whom.
const maxShared = 10_000

// maxRescanned bounds the length of an entry, in bytes, that is read anew for each variable made of it.
const maxRescanned = 1024

// findAddresses finds the addresses in the workloads: those of the input's Services and those outside, each sorted, once.
func (r *Reader) findAddresses() *finder {
	f := &finder{reader: r, book: newAddressBook(r.services)}
	f.book.own = r.ownHosts()
	if len(r.configs) > 0 {
		for _, c := range r.candidates {
			f.countUsers(c)
		}
	}
	for _, c := range r.candidates {
		f.start(c)
		for i := range c.containers {
			f.container(&c.containers[i])
		}
		f.eachMounted(c, f.mounted)
		f.references = append(f.references, f.sorted()...)
		f.externals = append(f.externals, f.sortedOutside()...)
	}
	f.addOthers()
	return f
}

// finder finds the addresses in one workload after another.
type finder struct {
	reader *Reader
	book   *addressBook

	references []workload.Reference
	externals  []workload.External
	selves     []selfReference
	apiSigns   []workload.APIAccess

	// byLabel are the configs that wear a label, found when first asked for; grafanas the workloads that run Grafana.
	byLabel  map[string][]*config
	grafanas map[string][]*candidate
	// others are the references of workloads that others hold the addresses for.
	others []workload.Reference

	from    *candidate
	scope   string
	found   []workload.Reference
	outside []workload.External
}

// selfReference is the address of a workload's own Service in its own hands.
type selfReference struct {
	from  *candidate
	to    *service
	port  int32
	where string
	// source is the file that holds the address.
	source workload.Source
}

func (f *finder) start(c *candidate) {
	f.from, f.scope, f.found, f.outside = c, scope(c.Namespace), f.found[:0], f.outside[:0]
}

// sorted is what was found for the workload, by Service, port and place, without repetitions.
func (f *finder) sorted() []workload.Reference {
	slices.SortFunc(f.found, func(a, b workload.Reference) int {
		return cmp.Or(
			cmp.Compare(a.To.Namespace, b.To.Namespace),
			cmp.Compare(a.To.Name, b.To.Name),
			cmp.Compare(a.Port, b.Port),
			compareSources(a.Source, b.Source),
			cmp.Compare(a.Where, b.Where),
			compareWeak(a.Weak, b.Weak),
			cmp.Compare(a.Via, b.Via),
		)
	})
	return slices.CompactFunc(f.found, func(a, b workload.Reference) bool {
		a.Weak, b.Weak = false, false
		a.Via, b.Via = "", ""
		return a == b
	})
}

// compareWeak puts strong evidence first.
func compareWeak(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// evidence is where an address was found.
type evidence struct {
	via    workload.Evidence
	where  string
	source workload.Source
	weak   bool
}

// add notes an address. A workload that holds the address of its own Service gives it to others, or to its own members.
func (f *finder) add(a address, e evidence) {
	if a.scrape {
		e.via = workload.ViaScrape
	}
	e.weak = e.weak || a.unplaced
	switch {
	case a.to == nil:
		f.addOutside(a, e)
	case a.to.Type == "ExternalName":
		f.addAlias(a, e)
	case f.addEndpoints(a, e), a.datasource && f.addDatasource(a, e):
	case slices.Contains(f.from.services, a.to):
		f.selves = append(f.selves, selfReference{f.from, a.to, a.port, e.where, e.source})
	default:
		f.found = append(f.found, workload.Reference{
			From: f.from.Workload, To: a.to.Service, Via: e.via, Port: a.port, Where: e.where, Source: e.source, Weak: e.weak,
		})
	}
}

// container finds what the variables and the command line of a container hold.
func (f *finder) container(c *container) {
	env := &environment{configs: f.reader.configs, scope: f.scope, pod: f.from.podName(), container: c}
	first := len(f.found)
	for _, from := range c.envFrom {
		if m := env.source(from); m != nil {
			f.whole(m, c.via(workload.ViaConfig))
		}
	}
	for _, v := range c.env {
		f.variable(c, env, v)
	}
	f.commandLine(c, env)
	f.dropParts(c, first)
}

// podName is the name of one of the workload's pods, where it is known. That a StatefulSet has it is enough, as another
// member's differs in the ordinal alone.
func (c *candidate) podName() string {
	switch c.Kind {
	case "StatefulSet":
		return c.Name + "-0"
	case "Pod":
		return c.Name
	}
	return ""
}

// via is the kind of evidence that something in the container is.
func (c *container) via(usual workload.Evidence) workload.Evidence {
	if c.listens() {
		return usual
	}
	return workload.ViaInit
}

func (f *finder) variable(c *container, env *environment, v variable) {
	if isExclusion(v.name) {
		return
	}
	if v.config != "" {
		if m := f.reader.configs[configName{f.scope, v.config, v.secret}]; m != nil {
			f.entry(m, c, env, v)
		}
		return
	}
	value, secret := env.expandSecret(v.value)
	// The place is put together once there is something there: most variables hold no address.
	f.value(env, v.name, v.name, value, secret, evidence{via: c.via(workload.ViaEnv), source: f.from.Source})
}

// value finds the addresses in the value of a variable, whose name or another key says whether it is a host's. Evidence
// without a place is that of the variable itself.
func (f *finder) value(env *environment, name, key, value string, secret bool, e evidence) {
	f.book.scan(passage{scope: f.scope, key: key, text: value, outside: outsideValue}, func(a address) {
		if e.where == "" {
			e.where = env.container.path(f.from.kind, "env["+name+"]")
		}
		others := env.otherPorts(a, name)
		a = withSibling(a, name, env.lookup)
		if secret {
			a.host = ""
		} else if a.to == nil && a.port == 0 && !strings.Contains(a.host, ".") {
			return // one word, and nothing else says that it is a host
		}
		if a.to != nil && a.port == 0 && len(others) == 0 {
			a.port = a.to.usualPort()
		}
		if a.port != 0 || len(others) == 0 {
			f.add(a, e)
		}
		for _, port := range others {
			if port != a.port {
				f.add(address{to: a.to, port: port}, e)
			}
		}
	})
}

// entry finds what a variable holds that is made of one entry of a ConfigMap or Secret.
func (f *finder) entry(m *config, c *container, env *environment, v variable) {
	i, ok := m.position(v.key)
	if !ok {
		return
	}
	e := evidence{via: c.via(workload.ViaConfig), where: m.where(i), source: m.origin.source}
	if value := m.entries[i].text; len(value) <= maxRescanned {
		key := v.name
		if !isHostKey(key) {
			key = v.key
		}
		f.value(env, v.name, key, value, m.secret, e)
		return
	}
	for _, a := range f.scanned(m) {
		if a.entry == i {
			f.add(a.address, e)
		}
	}
}

// whole finds what a ConfigMap or Secret holds that the workload takes as it is.
func (f *finder) whole(m *config, via workload.Evidence) {
	addresses := f.scanned(m)
	for i := range m.entries {
		f.discoverySign(m, i)
	}
	if len(addresses)*len(m.users) > maxShared {
		return
	}
	for _, a := range addresses {
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
	for _, a := range addresses {
		if e := m.entries[a.entry]; slices.Contains(at.keys, e.key) && len(e.users)+len(m.users) <= maxShared {
			f.add(a.address, evidence{via: via, where: m.where(a.entry), source: m.origin.source, weak: m.isShared(a)})
		}
	}
}

// isShared reports whether several workloads have the address in hand, other than those that it leads to, so that it does
// not tell which of them calls. A ConfigMap that is named for the one Service that it tells of is taken by those that call
// it.
func (m *config) isShared(a configAddress) bool {
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

func (f *finder) scan(m *config) []configAddress {
	var out []configAddress
	for i, e := range m.entries {
		if isExclusion(e.key) {
			continue
		}
		in := file{book: f.book, scope: f.scope, secret: m.secret, found: func(a address) { out = append(out, configAddress{i, a}) }}
		in.read(e.key, e.text, m.value)
		m.entries[i].discovers = in.discovers
	}
	return out
}

// commandLine finds what a container's command and arguments hold, read as one line.
func (f *finder) commandLine(c *container, env *environment) {
	var words []string
	secret := false
	for _, list := range [][]string{c.command, c.args} {
		for _, word := range list {
			word, reveals := env.expandSecret(word)
			secret = secret || reveals
			if strings.Contains(word, "\n") {
				word = withoutComments(word, []string{"#"})
			}
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return
	}
	f.book.scan(passage{scope: f.scope, text: strings.Join(words, " "), outside: outsideValue}, func(a address) {
		i, end := 0, len(words[0])
		for a.offset >= end && i+1 < len(words) {
			i++
			end += 1 + len(words[i])
		}
		if secret {
			a.host = ""
		}
		f.add(a, evidence{via: c.via(workload.ViaArgs), where: c.path(f.from.kind, c.wordField(i)), source: f.from.Source})
	})
}

// word is the i-th word of the container's command line.
func (c *container) word(i int) string {
	if i < len(c.command) {
		return c.command[i]
	}
	return c.args[i-len(c.command)]
}

// wordField is the field of the i-th word of the container's command line.
func (c *container) wordField(i int) string {
	if i < len(c.command) {
		return fmt.Sprintf("command[%d]", i)
	}
	return fmt.Sprintf("args[%d]", i-len(c.command))
}

// dropParts takes away the hosts that a container's variables hold for others alone, which name the port: HOST, where URL
// is http://$(HOST):8080.
func (f *finder) dropParts(c *container, first int) {
	found := f.found[first:]
	if !slices.ContainsFunc(found, func(r workload.Reference) bool { return r.Port == 0 }) {
		return
	}
	parts := map[string]bool{}
	for _, v := range c.env {
		if v.name != "" && f.isPart(c, v.name) {
			parts[c.path(f.from.kind, "env["+v.name+"]")] = true
		}
	}
	if len(parts) == 0 {
		return
	}
	ported := map[*workload.Service]bool{}
	for _, r := range found {
		if r.Port != 0 {
			ported[r.To] = true
		}
	}
	kept := slices.DeleteFunc(found, func(r workload.Reference) bool { return r.Port == 0 && parts[r.Where] && ported[r.To] })
	f.found = f.found[:first+len(kept)]
}

// isPart reports whether the container's other variables or its command line are made of a variable.
func (f *finder) isPart(c *container, name string) bool {
	reference := "$(" + name + ")"
	return slices.ContainsFunc(c.env, func(v variable) bool { return strings.Contains(v.value, reference) }) ||
		slices.ContainsFunc(c.command, func(word string) bool { return strings.Contains(word, reference) }) ||
		slices.ContainsFunc(c.args, func(word string) bool { return strings.Contains(word, reference) })
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

// isExclusion reports whether a variable lists hosts that are not called through a proxy, or from which browsers may call,
// which says nothing about whether they are called.
func isExclusion(name string) bool {
	return hasSuffixFold(name, "no_proxy") || hasSuffixFold(name, "origins") || hasSuffixFold(name, "allowed_hosts")
}
