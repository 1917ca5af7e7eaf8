package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// findAddresses finds the addresses in the workloads: those of the input's Services and those outside, each sorted, once.
func (r *Reader) findAddresses() *finder {
	r.keepPromises()
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
	f.addCredentials()
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
	// storesIn are the well-known stores by scope, found when first asked for.
	storesIn map[string][]*candidate
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
			a.To.Compare(b.To),
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
	case isAPIServer(a.to.Name + "." + scope(a.to.Namespace)):
		f.addOutside(address{host: apiServer}, e)
	case a.to.Type == "ExternalName":
		f.addAlias(a, e)
	case f.addEndpoints(a, e), a.datasource && f.addDatasource(a, e):
	case slices.Contains(f.from.services, a.to):
		f.selves = append(f.selves, selfReference{f.from, a.to, a.port, e.where, e.source})
	default:
		if a.port == 0 {
			a.port = a.to.usualPort()
		}
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
	f.commandLine(c, env, [][]string{c.command, c.args}, c.wordField)
	for _, h := range c.hooks {
		f.commandLine(c, env, [][]string{h.command}, func(i int) string { return fmt.Sprintf("%s[%d]", h.field, i) })
	}
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
		m := f.reader.configs[configName{f.scope, v.config, v.secret}]
		if (m == nil || !f.entry(m, c, env, v)) && isHostKey(v.name) {
			f.guess(v.name, evidence{where: c.path(f.from.kind, "env["+v.name+"]"), source: f.from.Source})
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

// commandLine finds what the words of a command hold, read as one line. field is the place of a word by its position.
func (f *finder) commandLine(c *container, env *environment, lists [][]string, field func(int) string) {
	var words []string
	secret := false
	for _, list := range lists {
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
		f.add(a, evidence{via: c.via(workload.ViaArgs), where: c.path(f.from.kind, field(i)), source: f.from.Source})
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
	if len(c.env) > maxSiblings || !slices.ContainsFunc(found, func(r workload.Reference) bool { return r.Port == 0 }) {
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

// isExclusion reports whether a variable lists hosts that are not called through a proxy, or from which browsers may call,
// which says nothing about whether they are called.
func isExclusion(name string) bool {
	return hasSuffixFold(name, "no_proxy") || hasSuffixFold(name, "origins") || hasSuffixFold(name, "allowed_hosts")
}
