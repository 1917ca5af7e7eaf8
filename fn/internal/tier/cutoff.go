package tier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// What a default deny cuts off, by the signs that manifests give of connections between workloads: members of a store,
// scraped ports, Services, Jobs. Those that leave the application are in outside.go.

// members says which workloads of one store or mesh cannot reach each other.
func (v *evidence) members(list []workload.Membership) {
	for i := range list {
		m := &list[i]
		from, okFrom := v.from[m.Workload]
		to, okTo := v.to[m.Peer]
		if !okFrom || !okTo || m.Peer.Client {
			continue
		}
		c := v.cells[cellKey{from, to}]
		want := portSet(m.Ports)
		if len(want) == 0 && c == nil {
			want = v.servingPorts(m.Peer).ports
		}
		if c != nil {
			want = want.Minus(c.ports())
		}
		if len(want) == 0 || v.told[pair{m.Workload, m.Peer}] {
			continue
		}
		v.told[pair{m.Workload, m.Peer}] = true
		f := about(m.Workload, membersNoFlow, report.Warning, m.Where, fmt.Sprintf(
			"%s, but no flow lets it reach %s on %s; add flows: [%s]", m.Why, itself(m.Workload, m.Peer), want, v.adviseFlow(v.refOf(m.Workload, m.Peer), m.Peer, m.Workload.Namespace, want)))
		f.File, f.Index = m.Source.File, m.Source.Index
		v.once(f)
	}
}

func itself(w, peer *workload.Workload) string {
	if w == peer {
		return "its other pods"
	}
	return peer.String()
}

// refOf is a workload as the source of a flow to another.
func (v *evidence) refOf(from, to *workload.Workload) Ref {
	r := Ref{Name: from.Tier, Workload: from.Called()}
	if from.Namespace != to.Namespace {
		r.Namespace = from.Namespace
	}
	return r
}

// scrapes says which ports are to be scraped and nobody may.
func (v *evidence) scrapes(workloads []*workload.Workload) {
	for _, w := range workloads {
		j, ok := v.to[w]
		if !ok || w.Client || w.NoScrape || len(w.Metrics) == 0 {
			continue
		}
		closed := portSet(w.Metrics).Minus(v.scraped(j))
		if len(closed) == 0 {
			continue
		}
		severity, sign := report.Info, "has a metrics port"
		for _, p := range w.Metrics {
			if closed.contains(p) && (p.Origin == workload.FromAnnotation || p.Origin == workload.FromMonitor) {
				severity, sign = report.Warning, scrapeSign(p.Origin)
			}
		}
		v.told[pair{nil, w}] = true
		v.once(about(w, scrapeNoFlow, severity, "", fmt.Sprintf("%s, but no flow lets Prometheus in on %s; add flows: [%s], or take the sign away",
			sign, closed, v.adviseScrape(w))))
	}
}

func scrapeSign(o workload.PortOrigin) string {
	if o == workload.FromMonitor {
		return "is selected by a ServiceMonitor or PodMonitor"
	}
	return "asks to be scraped by the annotations prometheus.io/scrape or prometheus.io/port"
}

func (v *evidence) adviseScrape(w *workload.Workload) string {
	return fmt.Sprintf("{from: %s, to: %s, ports: [%s]}", Prometheus, Refs{{Name: w.Tier, Workload: w.Called()}}.yaml(), metrics)
}

// scraped is what may be scraped of a destination: by a peer, by a workload that scrapes, or by a flow that names the port.
// That a client of the same port may come in says nothing of Prometheus.
func (v *evidence) scraped(to int32) PortSet {
	var out PortSet
	for _, a := range v.arriving[to] {
		source := v.classes.from.classes[a.class]
		if source.peer != nil || slices.ContainsFunc(source.members, scrapes) {
			out = out.Union(a.cell.ports())
			continue
		}
		for _, p := range a.cell.parts {
			if len(v.statements[p.statement].Ports) > 0 {
				out = out.Union(p.ports)
			}
		}
	}
	return out
}

// services says which Services nobody may call. Those of which something else was said are left out.
func (v *evidence) services(inv *workload.Inventory) {
	said := map[*workload.Workload]bool{}
	for p := range v.told {
		said[p.to] = true
	}
	for _, s := range inv.Services {
		if w := v.uncalled(s, said); w != nil {
			severity := report.Warning
			if s.Headless { // a StatefulSet must have one, called or not
				severity = report.Info
			}
			v.once(report.Finding{
				ID: serviceNoFlow, Severity: severity, File: s.Source.File, Index: s.Source.Index,
				Object: report.Object{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name},
				Message: fmt.Sprintf("leads to %s, but no flow lets anyone in on its ports (%s); add the flow of who calls it, such as flows: [{from: FROM, to: %s}]",
					w, targetPorts(s, 0, w), Refs{{Name: w.Tier, Workload: w.Called()}}.yaml()),
			})
		}
	}
}

// uncalled is the first workload behind a Service that nobody may call, nil if somebody may call one of them, or flows cannot
// name them.
func (v *evidence) uncalled(s *workload.Service, said map[*workload.Workload]bool) *workload.Workload {
	var first *workload.Workload
	for _, w := range s.Workloads {
		j, ok := v.to[w]
		if !ok || w.Client || said[w] {
			return nil
		}
		ports := targetPorts(s, 0, w)
		for _, a := range v.arriving[j] {
			if len(a.cell.ports().Intersect(ports)) > 0 {
				return nil
			}
		}
		if first == nil && len(ports) > 0 {
			first = w
		}
	}
	return first
}

// jobs says which Jobs and CronJobs have no flow but to DNS: they never serve, so the default deny leaves them nothing to do
// but on their own.
func (v *evidence) jobs(workloads []*workload.Workload) {
	for _, w := range workloads {
		i, ok := v.from[w]
		if !ok || !w.Client || v.said[w] || slices.ContainsFunc(v.leaving[i], func(l link) bool {
			peer := v.classes.to.classes[l.class].peer
			return peer == nil || peer.Name != DNS
		}) {
			continue
		}
		severity, runs := report.Info, ""
		for _, image := range w.Images {
			if t := StoreImage(image); t != "" {
				severity, runs = report.Warning, fmt.Sprintf(" It runs %q, as a client of a %s.", image, t)
			}
		}
		v.once(about(w, jobNoFlow, severity, "", fmt.Sprintf("no flow leads from it anywhere but to DNS.%s If it calls anybody, add flows: [{from: %s, to: TO}]",
			runs, Refs{{Name: w.Tier, Workload: w.Called()}}.yaml())))
	}
}

// link is one end's half of a cell: the class at the other end, and the cell.
type link struct {
	class int32
	cell  *cell
}

// pair is a source and a destination of which something was said; no source stands for one outside.
type pair struct{ from, to *workload.Workload }

// links fill arriving and leaving, in the order of the cells.
func (v *evidence) links() {
	v.arriving, v.leaving = map[int32][]link{}, map[int32][]link{}
	for _, key := range v.cellKeys() {
		c := v.cells[key]
		v.arriving[key.to] = append(v.arriving[key.to], link{key.from, c})
		v.leaving[key.from] = append(v.leaving[key.from], link{key.to, c})
	}
}

// peerName is a name for a peer that stands for a host.
func peerName(host string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(host)), "-")
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-")
	}
	return cmp.Or(name, "outside")
}
