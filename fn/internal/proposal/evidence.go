package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// collect turns what the workloads say of each other into links. What contradicts the tiers, or what several share and
// does not fit them, becomes a question.
func (d *draft) collect() {
	for i, e := range d.environments {
		shared := holders(e.Inventory.References)
		named := d.namings(e.Inventory.References)
		ported := withPorts(e.Inventory.References)
		for j := range e.Inventory.References {
			r := &e.Inventory.References[j]
			if r.Port == 0 && ported[holding{r.From, r.To}] {
				continue // another of its addresses says which ports it means
			}
			d.reference(i, r, shared, named)
		}
		for _, r := range d.beforePrefix(e.Inventory) {
			d.reference(i, &r, shared, named)
		}
		d.memberships(i, e.Inventory.Memberships)
		d.handWritten(i)
	}
	d.addAnswered()
	d.askDoubts()
}

// beforePrefix are the references to Services by the names of their manifests, where an overlay puts a prefix or suffix to
// all names: kustomize leaves the addresses in variables as they are.
func (d *draft) beforePrefix(inv *workload.Inventory) []workload.Reference {
	var out []workload.Reference
	for _, x := range inv.Externals {
		if s := serviceBehind(inv, &x); s != nil {
			out = append(out, workload.Reference{From: x.From, To: s, Port: x.Port, Where: x.Where, Source: x.Source, Weak: x.Weak})
		}
	}
	return out
}

// serviceBehind is the Service that an address means by the name of its manifest; nil where there is none.
func serviceBehind(inv *workload.Inventory, x *workload.External) *workload.Service {
	if x.From == nil || x.From.Called() == x.From.Name {
		return nil
	}
	prefix, suffix, found := strings.Cut(x.From.Name, x.From.Called())
	if !found {
		return nil
	}
	name, _, _ := strings.Cut(x.Host, ".")
	for _, s := range inv.Services {
		if s.Namespace == x.From.Namespace && s.Name == prefix+name+suffix {
			return s
		}
	}
	return nil
}

// place is where an address stands.
type place struct {
	source workload.Source
	where  string
}

// holders are how many workloads hold the address at each place: what only one holds is its own.
func holders(refs []workload.Reference) map[place]int {
	seen := map[place]map[*workload.Workload]bool{}
	out := map[place]int{}
	for _, r := range refs {
		p := place{r.Source, r.Where}
		if seen[p] == nil {
			seen[p] = map[*workload.Workload]bool{}
		}
		if !seen[p][r.From] {
			seen[p][r.From] = true
			out[p]++
		}
	}
	return out
}

// holding is a workload and a Service whose address it holds.
type holding struct {
	from *workload.Workload
	to   *workload.Service
}

// withPorts are the workloads and Services of which an address names a port.
func withPorts(refs []workload.Reference) map[holding]bool {
	out := map[holding]bool{}
	for _, r := range refs {
		if r.Port != 0 {
			out[holding{r.From, r.To}] = true
		}
	}
	return out
}

// namings are the pairs of units of which one names the other.
func (d *draft) namings(refs []workload.Reference) map[pair]bool {
	out := map[pair]bool{}
	for _, r := range refs {
		if r.From == nil || r.To == nil {
			continue
		}
		for _, w := range r.To.Workloads {
			out[pair{d.unitOf[r.From], d.unitOf[w]}] = true
		}
	}
	return out
}

// reference adds the link that an address means, or the question about it.
func (d *draft) reference(environment int, r *workload.Reference, shared map[place]int, named map[pair]bool) {
	if r.From == nil || r.To == nil || d.unitOf[r.From] == nil {
		return
	}
	e := Evidence{Text: referenceText(r), Confidence: High, Source: r.Source}
	weak := r.Weak && (shared[place{r.Source, r.Where}] > 1 || r.Via == workload.ViaCredentials || r.Via == workload.ViaName)
	switch {
	case weak && r.Via == workload.ViaName:
		e.Text, e.Confidence = "the name of "+e.Text, Medium
	case weak && r.Via == workload.ViaCredentials:
		e.Text, e.Confidence = "the store's Secret in "+e.Text, Medium
	case weak:
		e.Text, e.Confidence = "shared "+e.Text, Medium
	}
	if len(r.To.Workloads) == 0 && d.unitOf[r.From].role.Tier != "" {
		d.foreign(r, e)
	}
	for _, w := range r.To.Workloads {
		p := pair{d.unitOf[r.From], d.unitOf[w]}
		ports := targetPorts(r.To, r.Port, w)
		switch {
		case p.from.role.Tier == "" || p.to.role.Tier == "":
			if text := fmt.Sprintf("%s (%s)", p.to.name, e.Text); !slices.Contains(d.needs[p.from], text) {
				d.needs[p.from] = append(d.needs[p.from], text)
			}
		case r.Via == workload.ViaScrape && len(w.Metrics) > 0: // see fromPrometheus
		case w.Client || w.HostNetwork || r.From.HostNetwork || p.from == p.to && w.Kind != "StatefulSet":
		case !sameKnowledge(r.From, w):
			d.ask(namespaceQuestion(p, e))
		case named[pair{p.to, p.from}] && against(p) && p.from != p.to:
			d.ask(againstQuestion(p, e))
		case weak && !fits(p):
			d.doubt(p, e)
		default:
			d.add(environment, p, ports, e)
		}
	}
}

// sameKnowledge reports whether the namespaces of both are known, or of neither: a rule must name the other's.
func sameKnowledge(a, b *workload.Workload) bool { return (a.Namespace == "") == (b.Namespace == "") }

// order is how near to the users a tier is; tiers beside the chain have none.
var order = map[string]int{client: 1, frontend: 2, backend: 3, worker: 3, database: 4, cache: 4, queue: 4}

// against reports whether a connection does not go one step down the chain.
func against(p pair) bool {
	from, to := order[p.from.role.Tier], order[p.to.role.Tier]
	return from != 0 && to != 0 && from != to && to != from+1
}

// fits reports whether a connection is one that the tiers lead one to expect: a step down the chain, or telemetry.
func fits(p pair) bool {
	from, to := p.from.role.Tier, p.to.role.Tier
	return to == monitoring || order[from] != 0 && order[to] == order[from]+1 || from == client && order[to] != 0
}

var bracketed = regexp.MustCompile(`^(?:.*\.)?(initContainers|containers|ephemeralContainers)\[\d+\]\.(env|args|command)\[([^\]]*)\]$`)

// referenceText is an address's place in a few words: env DB_HOST, args, ConfigMap key.
func referenceText(r *workload.Reference) string {
	if m := bracketed.FindStringSubmatch(r.Where); m != nil {
		text := m[2]
		if m[2] == "env" {
			text += " " + m[3]
		}
		if m[1] == "initContainers" {
			text += " of an init container"
		}
		return text
	}
	if key, found := strings.CutPrefix(r.Where, "data["); found {
		return "config " + strings.TrimSuffix(key, "]")
	}
	return r.Where
}

// memberships adds the links of members that call each other.
func (d *draft) memberships(environment int, all []workload.Membership) {
	for _, m := range all {
		if m.Workload == nil || m.Peer == nil || m.Workload.HostNetwork || m.Peer.HostNetwork || m.Peer.Client ||
			d.unitOf[m.Workload].role.Tier == "" || d.unitOf[m.Peer].role.Tier == "" {
			continue
		}
		ports := portSet(m.Ports)
		if len(ports) == 0 {
			ports = portSet(m.Peer.Ports)
		}
		d.add(environment, pair{d.unitOf[m.Workload], d.unitOf[m.Peer]}, ports, Evidence{Text: m.Why, Confidence: High, Source: m.Source})
	}
}

// storeWords are words of names that say what a store is, not whose it is.
var storeWords = []string{"db", "database", "mysql", "mariadb", "postgres", "postgresql", "pg", "mongo", "mongodb", "sql", "redis",
	"valkey", "cache", "memcached", "store", "rabbitmq", "queue", "mq", "dynamodb", "elasticsearch", "primary", "replica", "master"}

// roleWords are words of names that say what a workload does, not of which part it is.
var roleWords = []string{"service", "svc", "api", "server", "backend", "app", "worker", "deployment", "appserver"}

// stem is a name without its first and last words of the list; empty where nothing is left.
func stem(name string, words []string) string {
	parts := strings.Split(name, "-")
	for len(parts) > 1 && slices.Contains(words, parts[0]) {
		parts = parts[1:]
	}
	for len(parts) > 0 && slices.Contains(words, parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	if len(parts) > 0 {
		last := parts[len(parts)-1]
		for _, w := range words {
			if rest, found := strings.CutSuffix(last, w); found && len(rest) >= minStem {
				parts[len(parts)-1] = rest
				break
			}
		}
	}
	return strings.Join(parts, "-")
}

// minStem is how many letters a name keeps when a word written together with it is cut off: userservice is user.
const minStem = 4

// ownersByName are the callers whose name a store bears: orders-db is that of orders or orders-service. A name that most
// workloads of the store's namespace bear is the application's, and says nothing.
func (d *draft) ownersByName(environment int, store *workload.Workload) []*workload.Workload {
	s := stem(store.Called(), storeWords)
	if s == "" || s == store.Called() {
		return nil
	}
	var owners []*workload.Workload
	bearers, all := 0, 0
	for _, w := range d.environments[environment].Inventory.Workloads {
		t := d.unitOf[w].role.Tier
		if (t == backend || t == worker) && stem(w.Called(), roleWords) == s {
			owners = append(owners, w)
		}
		if w.Namespace != store.Namespace {
			continue
		}
		all++
		if w.Called() == s || strings.HasPrefix(w.Called(), s+"-") {
			bearers++
		}
	}
	if bearers*2 > all && len(owners) < bearers-1 {
		return nil
	}
	return owners
}

func nameEvidence(store *workload.Workload) Evidence {
	return Evidence{Text: "name: " + store.Called(), Confidence: Medium}
}
