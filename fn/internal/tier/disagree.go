package tier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// evidence compares the flows that hold with what the manifests say of their own: what is exposed, and who calls whom.
type evidence struct {
	*expansion
	// from and to are the classes of the workloads that flows can name.
	from, to map[*workload.Workload]int32
	// entered is what peers other than Prometheus may enter of each destination class.
	entered map[int32]PortSet
	// arriving and leaving are the cells of each destination and source class.
	arriving, leaving map[int32][]link
	// told are the pairs of which something was said, said the sources, and one the findings of which one is enough.
	told map[pair]bool
	said map[*workload.Workload]bool
	one  map[idAndWorkload]bool
}

func (e *expansion) sayDisagreements(inv *workload.Inventory) {
	v := &evidence{expansion: e, from: indexMembers(&e.classes.from), to: indexMembers(&e.classes.to), entered: map[int32]PortSet{},
		told: map[pair]bool{}, said: map[*workload.Workload]bool{}, one: map[idAndWorkload]bool{}}
	v.links()
	for key, c := range e.cells {
		if p := e.classes.from.classes[key.from].peer; p != nil && p.Name != Prometheus {
			v.entered[key.to] = v.entered[key.to].Union(c.ports())
		}
	}
	for i := range inv.Exposures {
		v.exposure(&inv.Exposures[i])
	}
	v.unexposed(inv)
	v.references(inv.References)
	v.members(inv.Memberships)
	v.hosts(inv.Externals)
	v.callsAPI(inv.APIAccess)
	v.webhooks(inv.Webhooks)
	v.scrapes(inv.Workloads)
	v.services(inv)
	v.jobs(inv.Workloads)
	for _, s := range inv.Services {
		v.hiddenSources(s)
	}
}

// indexMembers are the class indices of the workloads that policies bind.
func indexMembers(s *side) map[*workload.Workload]int32 {
	out := map[*workload.Workload]int32{}
	for i, c := range s.classes {
		for _, w := range c.members {
			if !c.host {
				out[w] = int32(i)
			}
		}
	}
	return out
}

// targetPorts are the pods' ports behind a Service's port, or, for 0 or a port that the Service has not, behind all.
func targetPorts(s *workload.Service, port int32, w *workload.Workload) PortSet {
	var all, one PortSet
	for _, p := range s.Ports {
		set := PortSet{{p.Protocol, p.TargetPort, p.TargetPort}}
		if p.TargetPort == 0 {
			set = named(w, p.TargetName)
		}
		all = all.Union(set)
		if p.Port == port {
			one = one.Union(set)
		}
	}
	if len(one) > 0 {
		return one
	}
	return all
}

// exposure says which exposed ports nobody outside may enter.
func (v *evidence) exposure(x *workload.Exposure) {
	for _, w := range x.Workloads() {
		j, ok := v.to[w]
		if !ok || w.Client {
			continue
		}
		exposed := portSet(x.Ports)
		if len(exposed) == 0 && x.Service != nil {
			exposed = targetPorts(x.Service, 0, w)
		}
		if closed := exposed.Minus(v.entered[j]); len(closed) > 0 {
			v.told[pair{nil, w}] = true
			v.once(report.Finding{
				ID: exposureWithoutFlow, Severity: report.Warning, Object: exposureObject(x), File: x.Source.File, Index: x.Source.Index,
				Message: fmt.Sprintf("exposes %s on %s, but no flow lets anyone outside in; add flows: [%s], with a narrower peer if you can name one",
					w, closed, v.adviseFlow(Ref{Name: Internet}, w, "", closed)),
			})
		}
	}
}

func exposureObject(x *workload.Exposure) report.Object {
	o := report.Object{Kind: x.Kind, Namespace: x.Namespace, Name: x.Name}
	switch x.Kind {
	case "Ingress":
		o.APIVersion = "networking.k8s.io/v1"
	case "HTTPRoute", "GRPCRoute":
		o.APIVersion = "gateway.networking.k8s.io/v1"
	case "TLSRoute", "TCPRoute", "UDPRoute":
		o.APIVersion = "gateway.networking.k8s.io/v1alpha2"
	case "HostPort":
		o = report.Object{APIVersion: x.Workload.APIVersion, Kind: x.Workload.Kind, Namespace: x.Namespace, Name: x.Name}
	case "Route":
		o.APIVersion = "route.openshift.io/v1"
	case "LoadBalancer", "NodePort":
		o.APIVersion, o.Kind = "v1", "Service"
	}
	return o
}

// adviseFlow is the flow to write, with ports where they are not just what the workload serves.
func (v *evidence) adviseFlow(from Ref, to *workload.Workload, fromNamespace string, ports PortSet) string {
	dest := Ref{Name: to.Tier, Workload: to.Called()}
	if from.Name != Internet && fromNamespace != to.Namespace {
		dest.Namespace = to.Namespace
	}
	text := fmt.Sprintf("{from: %s, to: %s", Refs{from}.yaml(), Refs{dest}.yaml())
	if !slices.Equal(ports, v.servingPorts(to).ports) {
		var list []string
		for _, r := range ports {
			list = append(list, PortSpec{Range: r}.String())
		}
		text += ", ports: [" + strings.Join(list, ", ") + "]"
	}
	return text + "}"
}

// unexposed says which workloads the internet may enter though nothing exposes them.
func (v *evidence) unexposed(inv *workload.Inventory) {
	i, ok := v.classes.from.byPeer[Internet]
	if !ok {
		return
	}
	exposed := map[*workload.Workload]bool{}
	for _, x := range inv.Exposures {
		for _, w := range x.Workloads() {
			exposed[w] = true
		}
	}
	for w, j := range v.to {
		c := v.cells[cellKey{int32(i), j}]
		if c == nil || exposed[w] {
			continue
		}
		v.once(about(w, flowWithoutExposure, report.Info, "", fmt.Sprintf(
			"the internet may come in on %s (%s), but no Ingress, route, LoadBalancer or NodePort of the input exposes it; take the flow away with without, if it is not exposed elsewhere",
			c.ports(), v.declaredBy(c))))
	}
}

func (v *evidence) declaredBy(c *cell) string {
	var statements []int
	for _, p := range c.parts {
		statements = append(statements, p.statement)
	}
	return strings.Join(v.declared(statements), ", ")
}

// references says which addresses of Services no flow leads to.
func (v *evidence) references(refs []workload.Reference) {
	sorted := meaning(refs, true)
	slices.SortStableFunc(sorted, compareReferences)
	type call struct {
		from, to *workload.Workload
		ports    string
	}
	seen := map[call]bool{}
	for i := range sorted {
		r := &sorted[i]
		for _, w := range r.To.Workloads {
			closed, ok := v.closed(r, w)
			if c := (call{r.From, w, closed.String()}); ok && !seen[c] {
				seen[c] = true
				v.told[pair{r.From, w}], v.said[r.From] = true, true
				v.reference(r, w, closed)
			}
		}
	}
}

func compareReferences(a, b workload.Reference) int {
	return cmp.Or(cmp.Compare(weakness(a.Weak), weakness(b.Weak)), cmp.Compare(a.Source.File, b.Source.File),
		cmp.Compare(a.Source.Index, b.Source.Index), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Port, b.Port),
		a.To.Compare(b.To))
}

// closed are the ports that a reference means at a workload and no flow opens; false where there are none, or flows cannot
// name the two.
func (v *evidence) closed(r *workload.Reference, w *workload.Workload) (PortSet, bool) {
	i, okFrom := v.from[r.From]
	j, okTo := v.to[w]
	if !okFrom || !okTo || w.Client {
		return nil, false
	}
	want := targetPorts(r.To, r.Port, w)
	if c := v.cells[cellKey{i, j}]; c != nil {
		left := want.Minus(c.ports())
		if r.Port == 0 && len(left) < len(want) {
			return nil, false // of an address without a port any may be meant
		}
		want = left
	}
	return want, len(want) > 0
}

func (v *evidence) reference(r *workload.Reference, w *workload.Workload, closed PortSet) {
	f := about(r.From, referenceNoFlow, report.Warning, r.Where, "")
	f.File, f.Index = r.Source.File, r.Source.Index
	// A workload knows its own address for other reasons than to call its replicas, unless it is a StatefulSet.
	if r.Weak || (r.From == w && w.Kind != "StatefulSet") {
		f.Severity = report.Info
	}
	if never := v.forbids(v.from[r.From], v.to[w], closed); never != nil {
		f.ID = referenceForbidden
		f.Severity = report.Warning
		f.Message = fmt.Sprintf("names Service %s, which leads to %s on %s, but %s rules that out; remove the address, or the invariant", r.To.Name, w, closed, never.Field)
		v.once(f)
		return
	}
	f.Message = fmt.Sprintf("names Service %s, which leads to %s on %s, but no flow opens that; if it is meant, add flows: [%s]",
		r.To.Name, w, closed, v.adviseFlow(v.refOf(r.From, w), w, r.From.Namespace, closed))
	v.once(f)
}

// forbids is the first invariant that rules out some of the ports between two classes.
func (v *evidence) forbids(i, j int32, ports PortSet) *FlowSpec {
	for _, n := range v.invariants {
		if n.from[i] && n.to[j] && n.e.together(n.spec, v.classes.from.classes[i], v.classes.to.classes[j]) &&
			len(n.ports(int(j)).Intersect(ports)) > 0 {
			return n.spec
		}
	}
	return nil
}

// hiddenSources says which address ranges never come to a workload as themselves, since a load balancer hides them: "Cluster
// obscures the client source IP" (core/v1, Service externalTrafficPolicy).
func (v *evidence) hiddenSources(s *workload.Service) {
	if s.Type != "LoadBalancer" || s.LocalTraffic {
		return
	}
	for _, w := range s.Workloads {
		j, ok := v.to[w]
		if !ok {
			continue
		}
		for _, name := range sortedKeys(v.classes.from.byPeer) {
			i := v.classes.from.byPeer[name]
			c := v.cells[cellKey{int32(i), j}]
			if c == nil || !v.peers[name].fromCIDR() {
				continue
			}
			v.once(report.Finding{
				ID: sourceCIDRHidden, Severity: report.Warning, File: s.Source.File, Index: s.Source.Index,
				Object: report.Object{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name},
				Field:  "spec.externalTrafficPolicy",
				Message: fmt.Sprintf("is not Local, so %s sees a node's address for peer %s, whose address ranges %s lets in; set externalTrafficPolicy: Local",
					w, name, v.declaredBy(c)),
			})
		}
	}
}

// fromCIDR reports whether the peer as a source is known by addresses.
func (p *Peer) fromCIDR() bool {
	return slices.ContainsFunc(p.From, func(t Target) bool { return t.CIDR != "" })
}
