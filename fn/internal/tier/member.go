package tier

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tierwall.dev/fn/internal/workload"
)

// members are, for each peer of the groups, the workloads of the environment that it stands for, in the inventory's order:
// Prometheus itself, where the package holds it. Those on the host's network are left out, since no policy binds them.
func members(groups []Group, inv *workload.Inventory) map[string][]*workload.Workload {
	byNamespace := map[string][]*workload.Workload{}
	for _, w := range inv.Workloads {
		if !w.HostNetwork && w.Namespace != "" {
			byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
		}
	}
	out := map[string][]*workload.Workload{}
	known := map[*Peer]bool{}
	for _, g := range groups {
		for _, end := range slices.Concat(g.From, g.To) {
			if end.Peer == nil || known[end.Peer] {
				continue
			}
			known[end.Peer] = true
			if found := end.Peer.among(byNamespace); len(found) > 0 {
				out[end.Peer.Name] = found
			}
		}
	}
	return out
}

// among are the workloads that the peer stands for. From and To differ for internet alone, which stands for none. A
// prometheus without a podSelector is its namespace, since its pods' labels are not known; but what else runs there, such
// as dashboards and log collectors, scrapes nobody.
func (p *Peer) among(byNamespace map[string][]*workload.Workload) []*workload.Workload {
	var out []*workload.Workload
	for _, t := range p.To {
		for _, w := range byNamespace[t.Namespace] {
			if p.Name == Prometheus && t.Pods == nil && !scrapes(w) {
				continue
			}
			if selected(t.Pods, w) && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// scrapers are the names of what scrapes in Prometheus' place, as images and labels have them.
var scrapers = []string{"prometheus", "vmagent", "victoria-metrics", "grafana-agent", "alloy", "otelcol", "opentelemetry-collector", "opentelemetry-collector-contrib"}

// scrapes reports whether the workload is Prometheus or the like, by an image or by a label that names it.
func scrapes(w *workload.Workload) bool {
	names := []string{w.PodLabels["app.kubernetes.io/name"], w.PodLabels["app"]}
	for _, image := range w.Images {
		names = append(names, workload.ImageName(image))
	}
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(scrapers, name) })
}

// selected reports whether a selector selects the workload's pods. Nil selects all, one that is none selects nothing.
func selected(selector *metav1.LabelSelector, w *workload.Workload) bool {
	if selector == nil {
		return true
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(w.PodLabels))
}

// resolvers are the flows to DNS of the members that have no tier and are a source: "*" does not mean them, and without
// DNS they would not find whom they may reach. They have it where "*" has it.
func (e *expansion) resolvers(m *Model) []Group {
	ports, declared := e.everyonesDNS()
	if len(ports) == 0 {
		return nil
	}
	var from []Endpoint
	seen := map[*workload.Workload]bool{}
	for _, g := range m.Groups {
		for _, end := range g.From {
			if end.Peer == nil {
				continue
			}
			for _, w := range m.Members[end.Peer.Name] {
				if w.Tier == "" && !seen[w] {
					seen[w] = true
					from = append(from, Endpoint{Workload: w})
				}
			}
		}
	}
	if len(from) == 0 {
		return nil
	}
	sortEndpoints(from)
	return []Group{{From: from, To: []Endpoint{{Peer: e.peers[DNS]}}, Ports: ports, Declared: declared}}
}

// everyonesDNS is what a flow from "*" to dns opens, as far as no without takes it away; empty where there is none.
func (e *expansion) everyonesDNS() (ports PortSet, declared []string) {
	dns, known := e.classes.to.byPeer[DNS]
	if !known {
		return nil, nil
	}
	for key, c := range e.cells {
		if int(key.to) != dns {
			continue
		}
		for _, p := range c.parts {
			f := e.statements[p.statement]
			if slices.Contains(f.From, Ref{Name: everything}) {
				ports = ports.Union(p.ports)
				declared = append(declared, f.Field)
			}
		}
	}
	slices.Sort(declared)
	return ports, slices.Compact(declared)
}

// insert puts a group into its place among sorted ones.
func insert(groups []Group, g Group) []Group {
	at, _ := slices.BinarySearchFunc(groups, g, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.From[0].Key(), b.From[0].Key()), cmp.Compare(a.To[0].Key(), b.To[0].Key()))
	})
	return slices.Insert(groups, at, g)
}
