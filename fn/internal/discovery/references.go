package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// maxShared bounds how many references one ConfigMap gives rise to, as workloads that take it whole times addresses in
// it. What everybody has in hand tells nothing about who calls whom.
const maxShared = 10_000

// maxRescanned bounds the length of a ConfigMap's entry, in bytes, that is read anew for each variable made of it.
const maxRescanned = 1024

// references are the addresses of the input's Services in its workloads, sorted, each once.
func (r *Reader) references() []workload.Reference {
	if len(r.services) == 0 {
		return nil
	}
	f := &finder{reader: r, book: newAddressBook(r.services), users: map[*configMap]*candidate{}}
	if len(r.configMaps) > 0 {
		for _, c := range r.candidates {
			f.countUsers(c)
		}
	}
	var out []workload.Reference
	for _, c := range r.candidates {
		f.start(c)
		for i := range c.containers {
			f.container(&c.containers[i])
		}
		f.eachMounted(c, func(m *configMap) { f.whole(m, true) })
		out = append(out, f.sorted()...)
	}
	return out
}

// finder finds the references of one workload after another.
type finder struct {
	reader *Reader
	book   addressBook
	// users are the workloads that were last counted as a user of a ConfigMap.
	users map[*configMap]*candidate

	from  *candidate
	scope string
	found []workload.Reference
}

func (f *finder) start(c *candidate) {
	f.from, f.scope, f.found = c, scope(c.Namespace), f.found[:0]
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
		)
	})
	return slices.CompactFunc(f.found, func(a, b workload.Reference) bool {
		a.Weak, b.Weak = false, false
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

// add notes an address. A workload that holds the address of its own Service gives it to others.
func (f *finder) add(a address, where string, source workload.Source, weak bool) {
	if slices.Contains(f.from.services, a.to) {
		return
	}
	f.found = append(f.found, workload.Reference{
		From: f.from.Workload, To: a.to.Service, Port: a.port, Where: where, Source: source, Weak: weak,
	})
}

// container finds what the variables and the command line of a container hold.
func (f *finder) container(c *container) {
	env := &environment{configMaps: f.reader.configMaps, scope: f.scope, container: c}
	for _, from := range c.envFrom {
		if m := env.source(from); m != nil {
			f.whole(m, m.users > 1)
		}
	}
	for _, v := range c.env {
		f.variable(c, env, v)
	}
	f.commandLine(c, env)
}

func (f *finder) variable(c *container, env *environment, v variable) {
	if isExclusion(v.name) {
		return
	}
	if v.configMap != "" {
		if m := f.reader.configMaps[objectName{f.scope, v.configMap}]; m != nil {
			f.entry(m, env, v)
		}
		return
	}
	f.book.scan(f.scope, v.name, env.expand(v.value), func(a address) {
		f.add(withSibling(a, v.name, env.lookup), c.path(f.from.kind, "env["+v.name+"]"), f.from.Source, false)
	})
}

// entry finds what a variable holds that is made of one entry of a ConfigMap.
func (f *finder) entry(m *configMap, env *environment, v variable) {
	value := m.values()[v.key]
	if len(value) > maxRescanned {
		for _, a := range f.scanned(m) {
			if a.key == v.key {
				f.add(a.address, m.where(a.key), m.origin.source, false)
			}
		}
		return
	}
	name := v.name
	if !isHostKey(name) {
		name = v.key
	}
	f.book.scan(f.scope, name, value, func(a address) {
		f.add(withSibling(a, v.name, env.lookup), m.where(v.key), m.origin.source, false)
	})
}

// where is the place of an entry, for Reference.Where.
func (m *configMap) where(key string) string { return "data[" + key + "]" }

// whole finds what a ConfigMap holds that the workload takes as it is.
func (f *finder) whole(m *configMap, weak bool) {
	addresses := f.scanned(m)
	if len(addresses)*m.users > maxShared {
		return
	}
	for _, a := range addresses {
		f.add(a.address, m.where(a.key), m.origin.source, weak)
	}
}

// scanned are the addresses in a ConfigMap.
func (f *finder) scanned(m *configMap) []configAddress {
	if m.scanned {
		return m.addresses
	}
	m.scanned = true
	data := m.values()
	for _, e := range m.entries {
		if isExclusion(e.key) {
			continue
		}
		f.book.scan(f.scope, e.key, e.text, func(a address) {
			a = withSibling(a, e.key, func(name string) (string, bool) { v, ok := data[name]; return v, ok })
			m.addresses = append(m.addresses, configAddress{e.key, a})
		})
	}
	if len(m.addresses)*m.users > maxShared {
		f.reader.report(m.origin, idTooShared, report.Info, "data",
			"%d workloads take the %d addresses of this ConfigMap whole, which does not tell who calls whom: give each workload the entries that it needs",
			m.users, len(m.addresses))
	}
	return m.addresses
}

// commandLine finds what a container's command and arguments hold, read as one line.
func (f *finder) commandLine(c *container, env *environment) {
	var words []string
	for _, list := range [][]string{c.command, c.args} {
		for _, word := range list {
			words = append(words, env.expand(word))
		}
	}
	if len(words) == 0 {
		return
	}
	f.book.scan(f.scope, "", strings.Join(words, " "), func(a address) {
		i, end := 0, len(words[0])
		for a.offset >= end && i+1 < len(words) {
			i++
			end += 1 + len(words[i])
		}
		f.add(a, c.path(f.from.kind, c.wordField(i)), f.from.Source, false)
	})
}

// wordField is the field of the i-th word of the container's command line.
func (c *container) wordField(i int) string {
	if i < len(c.command) {
		return fmt.Sprintf("command[%d]", i)
	}
	return fmt.Sprintf("args[%d]", i-len(c.command))
}

// countUsers counts the workload as a user of each ConfigMap that it takes whole.
func (f *finder) countUsers(c *candidate) {
	f.start(c)
	count := func(m *configMap) {
		if f.users[m] != c {
			f.users[m] = c
			m.users++
		}
	}
	for i := range c.containers {
		env := &environment{configMaps: f.reader.configMaps, scope: f.scope}
		for _, from := range c.containers[i].envFrom {
			if m := env.source(from); m != nil {
				count(m)
			}
		}
	}
	f.eachMounted(c, count)
}

// eachMounted calls visit for each ConfigMap of the input that is one of the workload's volumes, or part of one.
func (f *finder) eachMounted(c *candidate, visit func(*configMap)) {
	if len(f.reader.configMaps) == 0 {
		return
	}
	for _, name := range c.mounted {
		if m := f.reader.configMaps[objectName{f.scope, name}]; m != nil {
			visit(m)
		}
	}
}

// configMapVolumes are the names of the ConfigMaps in a pod's volumes, or in parts of them, in their order.
func (r *Reader) configMapVolumes(volumes *yaml.Node) []string {
	var names []string
	for _, volume := range items(volumes) {
		for key, source := range fields(volume) {
			switch key {
			case "configMap":
				names = append(names, r.text(child(source, "name")))
			case "projected":
				for _, part := range items(child(source, "sources")) {
					names = append(names, r.text(child(part, "configMap", "name")))
				}
			}
		}
	}
	return names
}

// isExclusion reports whether a variable lists hosts that are not called through a proxy, which says nothing about
// whether they are called.
func isExclusion(name string) bool { return hasSuffixFold(name, "no_proxy") }

// withSibling is the address with the port that another variable holds, where it names none itself.
func withSibling(a address, name string, lookup func(string) (string, bool)) address {
	if a.port != 0 {
		return a
	}
	if sibling := siblingPort(name); sibling != "" {
		if value, ok := lookup(sibling); ok {
			number, _ := leadingNumber(value, 0, 0)
			a.port = a.to.servicePort(number)
		}
	}
	return a
}
