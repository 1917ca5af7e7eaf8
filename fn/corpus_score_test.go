//go:build corpus

package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/workload"
)

// corpusCase is an application with its table of right answers.
type corpusCase struct {
	dir   string
	trees []tree

	Allow, Optional []answer
	MustNotAllow    []answer `yaml:"must_not_allow"`
	Exposed         []string
	Scraped         []string
}

// answer is connections by the names of workloads, on pod ports.
type answer struct {
	From, To string
	Ports    []int32
	// Level is tier for what must be shut in any case, service for what only flows between single workloads shut.
	Level string
}

// connection is one port of an answer, as FROM > TO:PORT.
func connection(from, to string, port int32) string { return fmt.Sprintf("%s > %s:%d", from, to, port) }

func readCase(t *testing.T, dir string) *corpusCase {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "expected.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := &corpusCase{dir: dir, trees: trees[filepath.Base(dir)]}
	if err := yaml.Unmarshal(content, c); err != nil {
		t.Fatal(err)
	}
	if len(c.trees) == 0 {
		c.trees = []tree{{folder: "input"}}
	}
	return c
}

// score is a case's answers compared with what the policies of one environment let through.
type score struct {
	what string
	// meant, open: of the connections that must work between workloads of the input.
	meant, open int
	// shut are the counts of must_not_allow by level: how many there are, and which of them are open.
	shut     map[string]int
	openShut map[string][]string
	// exposed and scraped count what the table names, and what of it can be reached.
	exposed, reached, scraped, reads int
	missing, excess, outside         []string
}

// score compares each environment of a rendered tree with the table, writes that down, and gives the worst of each.
func (c *corpusCase) score(t *testing.T, out *strings.Builder, what string, f *folder) *score {
	t.Helper()
	all := &score{what: what, shut: map[string]int{}, openShut: map[string][]string{}}
	if f == nil {
		return all
	}
	for _, e := range environments(t, f) {
		s := c.scoreOf(t, e)
		if e.name != "" {
			s.outside = nil // an environment of several holds a part
		}
		s.what = strings.TrimSuffix(what+", environment "+e.name, ", environment ")
		s.write(out)
		all.add(s)
	}
	return all
}

// add counts another environment's score in.
func (s *score) add(o *score) {
	s.meant, s.open = s.meant+o.meant, s.open+o.open
	s.exposed, s.reached = s.exposed+o.exposed, s.reached+o.reached
	s.scraped, s.reads = s.scraped+o.scraped, s.reads+o.reads
	s.missing = append(s.missing, o.missing...)
	s.excess = append(s.excess, o.excess...)
	for level, n := range o.shut {
		s.shut[level] += n
	}
	for level, open := range o.openShut {
		s.openShut[level] = append(s.openShut[level], open...)
	}
}

func (s *score) mustShutTiers(t *testing.T) {
	t.Helper()
	if open := s.openShut["tier"]; len(open) > 0 {
		t.Errorf("%s: open, and must not be: %s", s.what, strings.Join(open, ", "))
	}
}

func (s *score) mustOpenAll(t *testing.T) {
	t.Helper()
	if len(s.missing) > 0 {
		t.Errorf("%s: meant, and not open: %s", s.what, strings.Join(s.missing, ", "))
	}
}

// write writes the score down; nothing for an environment that the table does not speak of.
func (s *score) write(out *strings.Builder) {
	if s.meant+s.exposed+s.scraped+s.shut["tier"]+s.shut["service"]+len(s.excess) == 0 {
		return
	}
	fmt.Fprintf(out, "%s\n  open %d of %d that are meant, and %d more; shut %d of %d (tier), %d of %d (service); exposed %d of %d; scraped %d of %d\n",
		s.what, s.open, s.meant, len(s.excess),
		s.shut["tier"]-len(s.openShut["tier"]), s.shut["tier"], s.shut["service"]-len(s.openShut["service"]), s.shut["service"],
		s.reached, s.exposed, s.reads, s.scraped)
	for _, list := range []struct {
		word  string
		items []string
	}{
		{"not open", s.missing}, {"open, no tier may", s.openShut["tier"]}, {"open, service level", s.openShut["service"]},
		{"more", s.excess}, {"not in the input", s.outside},
	} {
		slices.Sort(list.items)
		for _, item := range slices.Compact(list.items) {
			fmt.Fprintf(out, "    %s: %s\n", list.word, item)
		}
	}
}

// builtEnvironment is what one environment of a folder would apply.
type builtEnvironment struct {
	name      string
	inventory *workload.Inventory
	matrix    *reachability.Matrix
	byName    map[string][]*workload.Workload
}

// environments are the environments of a rendered folder, each as kustomize builds it; a plain folder is one.
func environments(t *testing.T, f *folder) []*builtEnvironment {
	t.Helper()
	layers, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		t.Fatal(findings)
	}
	if len(layers.Layers) == 0 {
		var objects []*manifest.Object
		for _, name := range sortedNames(f.files) {
			read, err := f.read(name)
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, read...)
		}
		return []*builtEnvironment{analyse(t, "", objects)}
	}
	var out []*builtEnvironment
	for _, name := range slices.Sorted(maps.Keys(layers.Roots)) {
		built, err := placement.Build(f.fsys, f.root, layers.Roots[name].Dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, analyse(t, name, built.Objects))
	}
	return out
}

// analyse works out what an environment's policies let through.
func analyse(t *testing.T, name string, objects []*manifest.Object) *builtEnvironment {
	t.Helper()
	e := &builtEnvironment{name: name, byName: map[string][]*workload.Workload{}}
	e.inventory, _ = discovery.Read(objects)
	cluster := reachability.Cluster{CNI: reachability.Calico, PodCIDRs: podCIDRs}
	for _, n := range e.inventory.Namespaces {
		cluster.Namespaces = append(cluster.Namespaces, reachability.Namespace{Name: n.Name, Labels: n.Labels, Known: true})
	}
	for _, w := range e.inventory.Workloads {
		pod := reachability.Pod{ID: w.ID(), Namespace: cmp.Or(w.Namespace, "default"), Name: w.Name, Labels: w.PodLabels, HostNetwork: w.HostNetwork}
		for _, p := range w.NamedPorts {
			pod.NamedPorts = append(pod.NamedPorts, reachability.NamedPort{Name: p.Name, Protocol: p.Protocol, Number: p.Number})
		}
		cluster.Pods = append(cluster.Pods, pod)
		e.byName[w.Name] = append(e.byName[w.Name], w)
	}
	for _, o := range objects {
		if o.APIVersion != "networking.k8s.io/v1" || o.Kind != "NetworkPolicy" {
			continue
		}
		p, err := manifest.DecodePolicy(o)
		if err != nil {
			t.Fatal(err)
		}
		p.Namespace = cmp.Or(p.Namespace, "default") // as kubectl apply does
		cluster.Policies = append(cluster.Policies, reachability.Policy{NetworkPolicy: p, Source: o.Source.String()})
	}
	var err error
	if e.matrix, err = reachability.Analyze(cluster); err != nil {
		t.Fatal(err)
	}
	for _, problem := range e.matrix.Problems {
		t.Errorf("%s: the API server refuses %s", name, problem)
	}
	return e
}

// outside are pods that the tables name and no input holds, by what stands behind their names: other tools make them, in
// the namespace that monitoring has in all cases. Only the other end of their connections is looked at.
var outside = regexp.MustCompile(`^(.*)\((?:operator pods|helm)\)$`)

// foreignLabels are the labels of pods that no input holds: those by which a Service of the input selects them.
func (e *builtEnvironment) foreignLabels(name string) map[string]string {
	const key = "app.kubernetes.io/name"
	for _, s := range e.inventory.Services {
		if len(s.Workloads) == 0 && s.Selector[key] == name {
			return s.Selector
		}
	}
	return map[string]string{key: name}
}

// ends are the pods of a name.
func (e *builtEnvironment) ends(name string) (ends []reachability.Endpoint, foreign bool) {
	if m := outside.FindStringSubmatch(name); m != nil {
		return []reachability.Endpoint{{Namespace: "monitoring", PodLabels: e.foreignLabels(m[1])}}, true
	}
	for _, w := range e.byName[name] {
		ends = append(ends, reachability.PodEndpoint(w.ID()))
	}
	return ends, false
}

// values are the verdicts for every pod of the one name and every pod of the other, least and greatest; known is false
// where the input does not say. Of an end that is not in the input only the other is looked at.
func (e *builtEnvironment) values(from, to string, port int32) (least, greatest reachability.Value, known bool) {
	sources, foreignSource := e.ends(from)
	destinations, foreignDestination := e.ends(to)
	if len(sources) == 0 || len(destinations) == 0 || foreignSource && foreignDestination {
		return reachability.Denied, reachability.Denied, false
	}
	least = reachability.Allowed
	for _, a := range sources {
		for _, b := range destinations {
			v := e.matrix.Explain(a, b, workload.TCP, port)
			value := v.Value
			switch {
			case foreignSource:
				value = v.Ingress
			case foreignDestination:
				value = v.Egress
			}
			least, greatest = min(least, value), max(greatest, value)
		}
	}
	return least, greatest, true
}

func (c *corpusCase) scoreOf(t *testing.T, e *builtEnvironment) *score {
	t.Helper()
	s := &score{shut: map[string]int{}, openShut: map[string][]string{}}
	named := map[string]bool{}
	for _, a := range slices.Concat(c.Allow, c.Optional) {
		for _, port := range a.Ports {
			named[connection(a.From, a.To, port)] = true
		}
	}
	for _, a := range c.Allow {
		for _, port := range a.Ports {
			least, _, known := e.values(a.From, a.To, port)
			switch {
			case !known:
				s.outside = append(s.outside, connection(a.From, a.To, port))
				continue
			case least == reachability.Allowed:
				s.open++
			default:
				s.missing = append(s.missing, connection(a.From, a.To, port))
			}
			s.meant++
		}
	}
	for _, a := range c.MustNotAllow {
		for _, port := range a.Ports {
			_, greatest, known := e.values(a.From, a.To, port)
			if !known {
				continue
			}
			s.shut[a.Level]++
			if greatest != reachability.Denied { // what is not decided is not shut
				s.openShut[a.Level] = append(s.openShut[a.Level], connection(a.From, a.To, port))
			}
		}
	}
	c.scoreExposed(e, s)
	c.scoreScraped(e, s, named)
	scoreExcess(e, s, named)
	return s
}

// scoreExcess counts the connections on declared ports between two workloads that the table does not name.
func scoreExcess(e *builtEnvironment, s *score, named map[string]bool) {
	for _, a := range e.inventory.Workloads {
		for _, b := range e.inventory.Workloads {
			if a == b || a.HostNetwork || b.HostNetwork {
				continue
			}
			ports := map[int32]bool{}
			for _, p := range slices.Concat(b.Ports, b.Metrics, b.NamedPorts) {
				if p.Protocol == workload.TCP {
					ports[p.Number] = true
				}
			}
			for _, port := range slices.Sorted(maps.Keys(ports)) {
				v := e.matrix.Verdict(reachability.PodEndpoint(a.ID()), reachability.PodEndpoint(b.ID()), workload.TCP, port)
				if at := connection(a.Name, b.Name, port); v != reachability.Denied && !named[at] {
					s.excess = append(s.excess, at)
				}
			}
		}
	}
}

// The cluster as the reviewed configurations take it to be: someone is an address of the internet (TEST-NET-2), node that
// of a node, where the API server runs, and ingressControllers are pods as those usually run, by namespace and name; k3s
// brings Traefik in kube-system.
var (
	podCIDRs           = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}
	someone            = reachability.ExternalEndpoint(netip.MustParsePrefix("198.51.100.7/32"))
	node               = reachability.ExternalEndpoint(netip.MustParsePrefix("172.18.0.2/32"))
	ingressControllers = [][2]string{{"ingress-nginx", "ingress-nginx"}, {"traefik", "traefik"}, {"kube-system", "traefik"}}
)

var nameAndPort = regexp.MustCompile(`\b([a-z][a-z0-9-]*):(\d+)\b`)

// scoreExposed counts the workloads that someone outside, the API server or an ingress controller reaches.
func (c *corpusCase) scoreExposed(e *builtEnvironment, s *score) {
	for _, line := range c.Exposed {
		line, _, _ = strings.Cut(line, "(")
		for _, m := range nameAndPort.FindAllStringSubmatch(line, -1) {
			port, err := strconv.ParseInt(m[2], 10, 32)
			if err != nil {
				continue
			}
			for _, w := range e.byName[m[1]] {
				s.exposed++
				if e.exposed(w, int32(port)) {
					s.reached++
				} else {
					s.missing = append(s.missing, connection("outside", w.Name, int32(port)))
				}
			}
		}
	}
}

func (e *builtEnvironment) exposed(w *workload.Workload, port int32) bool {
	sources := []reachability.Endpoint{someone, node}
	for _, c := range ingressControllers {
		sources = append(sources, reachability.Endpoint{Namespace: c[0], PodLabels: map[string]string{"app.kubernetes.io/name": c[1]}})
	}
	return slices.ContainsFunc(sources, func(from reachability.Endpoint) bool {
		return e.matrix.Verdict(from, reachability.PodEndpoint(w.ID()), workload.TCP, port) == reachability.Allowed
	})
}

var namesAndPort = regexp.MustCompile(`((?:[a-z][a-z0-9-]*, )*[a-z][a-z0-9-]*): (\d+)|\b([a-z][a-z0-9-]*):(\d+)`)

// scoreScraped counts the workloads whose metrics Prometheus reads. Where Prometheus is not in the input, only what lets
// it in is looked at: it is some pod of namespace monitoring.
func (c *corpusCase) scoreScraped(e *builtEnvironment, s *score, named map[string]bool) {
	for _, line := range c.Scraped {
		for _, m := range namesAndPort.FindAllStringSubmatch(line, -1) {
			port, err := strconv.ParseInt(m[2]+m[4], 10, 32)
			if err != nil {
				continue
			}
			names := strings.Split(m[1]+m[3], ", ")
			if strings.HasPrefix(line, "all ") {
				names = sortedNames(e.byName)
			}
			for _, name := range names {
				for _, w := range e.byName[name] {
					s.scraped++
					if e.scraped(w, int32(port), named) {
						s.reads++
					} else {
						s.missing = append(s.missing, connection("prometheus (scrape)", w.Name, int32(port)))
					}
				}
			}
		}
	}
}

func (e *builtEnvironment) scraped(w *workload.Workload, port int32, named map[string]bool) bool {
	to := reachability.PodEndpoint(w.ID())
	for _, name := range []string{"prometheus", "prometheus-deployment"} {
		for _, p := range e.byName[name] {
			named[connection(p.Name, w.Name, port)] = true
			return w.HostNetwork || e.matrix.Verdict(reachability.PodEndpoint(p.ID()), to, workload.TCP, port) == reachability.Allowed
		}
	}
	from := reachability.Endpoint{Namespace: "monitoring", PodLabels: map[string]string{"app.kubernetes.io/name": "prometheus"}}
	return w.HostNetwork || e.matrix.Explain(from, to, workload.TCP, port).Ingress == reachability.Allowed
}
