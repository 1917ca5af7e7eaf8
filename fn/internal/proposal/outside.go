package proposal

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// exposure is a way from outside to a workload.
type exposure struct {
	text   string
	source workload.Source
	ports  tier.PortSet
	// routed is true for an Ingress or a route, which a controller in the cluster serves; node for a port of the node.
	routed, node bool
}

func (d *draft) readExposures(inv *workload.Inventory) {
	for _, x := range inv.Exposures {
		for _, w := range x.Workloads() {
			ports := portSet(x.Ports)
			if len(ports) == 0 && x.Service != nil {
				ports = targetPorts(x.Service, 0, w)
			}
			d.exposed[w] = append(d.exposed[w], exposure{x.Kind + " " + x.Name, x.Source, ports, x.Routed(), x.Kind == "HostPort"})
		}
	}
}

// outside proposes the flows with an end outside the tiers: from the internet, from Prometheus, to and from the API server,
// and to hosts that are not in the input.
func (d *draft) outside() {
	d.fromInternet()
	d.fromPrometheus()
	d.apiServer()
	d.webhooks()
	d.externals()
	d.askBlind()
}

func one(ref tier.Ref) tier.Refs { return tier.Refs{ref} }

func named(name string) tier.Refs { return one(tier.Ref{Name: name}) }

// entrance is a unit that users outside reach.
type entrance struct {
	unit     *unit
	ports    []tier.PortSpec
	evidence []Evidence
	// whole is true where all that the unit serves is exposed, routed where nothing but an Ingress or a route does.
	whole, routed bool
}

// fromInternet replaces the preset's flow from the internet to every frontend by flows to what the manifests expose. Where
// they expose nothing, it stays for the frontends that no other workload of the package calls.
func (d *draft) fromInternet() {
	entrances := d.entrances()
	frontends := 0
	for _, u := range d.units {
		if u.role.Tier == frontend && !u.first().Client {
			frontends++
		}
	}
	covered := 0
	for _, e := range entrances {
		if e.unit.role.Tier == frontend && e.whole {
			covered++
		}
	}
	keep := covered == frontends && d.answers[peerKey(ingressController)] == ""
	if namespace := d.answers[peerKey(ingressController)]; namespace != "" {
		d.peers = append(d.peers, peerLine{PeerSpec: tier.PeerSpec{Name: ingressController, Namespace: namespace}, evidence: []Evidence{{Text: "as answered"}}})
	}
	if !slices.ContainsFunc(entrances, func(e entrance) bool { return leadsUsers(e.unit.role.Tier) }) {
		keep = d.outermost()
	}
	if !keep && frontends > 0 {
		d.without = append(d.without, tier.FlowSpec{From: named(tier.Internet), To: named(frontend)})
	}
	for _, e := range entrances {
		if keep && e.unit.role.Tier == frontend {
			d.confirmed = append(d.confirmed, fmt.Sprintf("internet to %s (%s)", e.unit.name, evidenceWords(e.evidence)))
			continue
		}
		d.lines = append(d.lines, line{from: named(d.door(e)), to: one(e.unit.ref()), ports: e.ports, evidence: e.evidence})
	}
	d.askExposure(entrances)
}

// leadsUsers reports whether users come in by a workload of the tier. That Grafana is exposed tells nothing of the application.
func leadsUsers(t string) bool {
	return slices.Contains([]string{frontend, backend, worker, ingress}, t)
}

// ingressController is the peer that stands for the ingress controller once its namespace was answered.
const ingressController = "ingress-controller"

// door is whom an entrance lets in: the ingress controller, where its namespace is known and it alone leads there, else
// everyone.
func (d *draft) door(e entrance) string {
	if d.answers[peerKey(ingressController)] == "" || !e.routed {
		return tier.Internet
	}
	return ingressController
}

func (d *draft) entrances() []entrance {
	var out []entrance
	for _, u := range d.units {
		var ports tier.PortSet
		e := entrance{unit: u, whole: true, routed: true}
		for _, w := range u.in {
			if w == nil || w.HostNetwork || w.Client || u.role.Tier == "" {
				continue
			}
			var here tier.PortSet
			for _, x := range d.exposed[w] {
				if x.node && !leadsUsers(u.role.Tier) {
					d.askNodePort(u, x)
					continue
				}
				here = here.Union(x.ports)
				e.routed = e.routed && x.routed
				if v := (Evidence{Text: x.text, Confidence: High, Source: x.source}); !slices.ContainsFunc(e.evidence, func(o Evidence) bool { return o.Text == v.Text }) {
					e.evidence = append(e.evidence, v)
				}
			}
			ports = ports.Union(here)
			e.whole = e.whole && slices.Equal(here, portSet(w.Ports))
		}
		if len(e.evidence) == 0 || len(ports) == 0 {
			continue
		}
		if !e.whole {
			e.ports = portSpecs(ports)
		}
		out = append(out, e)
	}
	return out
}

// outermost takes the internet away from frontends that other workloads call, where nothing says what is exposed; it
// reports whether the preset's flow to all frontends can stay.
func (d *draft) outermost() bool {
	called := map[*unit]bool{}
	for p := range d.links {
		if p.from != p.to && p.from.role.Tier != client {
			called[p.to] = true
		}
	}
	var outer []*unit
	all := 0
	for _, u := range d.units {
		if u.role.Tier != frontend || u.first().Client {
			continue
		}
		all++
		if !called[u] {
			outer = append(outer, u)
		}
	}
	if len(outer) == all || len(outer) == 0 {
		return true
	}
	for _, u := range outer {
		d.outer = append(d.outer, u.name)
		d.lines = append(d.lines, line{from: named(tier.Internet), to: one(u.ref()), evidence: []Evidence{{Text: "a frontend that no other workload calls", Confidence: Low}}})
	}
	return false
}

func (d *draft) askExposure(entrances []entrance) {
	var shut, names []string
	for _, u := range d.units {
		if u.role.Tier != frontend || u.first().Client || u.first().HostNetwork {
			continue
		}
		names = append(names, u.name)
		if !slices.ContainsFunc(entrances, func(e entrance) bool { return e.unit == u }) {
			shut = append(shut, u.name)
		}
	}
	switch {
	case !slices.ContainsFunc(entrances, func(e entrance) bool { return leadsUsers(e.unit.role.Tier) }) && len(names) > 0:
		if len(d.outer) > 0 {
			names = d.outer
		}
		d.ask(Question{Kind: questionExposure, Text: fmt.Sprintf("What do users reach? No Ingress, route, LoadBalancer or NodePort is in the input, so the frontends that no other workload calls are open to everyone: %s. "+
			"What there is: kubectl get ingress,httproute,svc -A", strings.Join(names, ", "))})
	case len(shut) > 0:
		d.ask(Question{Kind: questionExposure, Text: fmt.Sprintf("Do users reach %s? Nothing in the input exposes it, while others are exposed. If so: - {from: internet, to: %s}",
			strings.Join(shut, ", "), frontend+"/"+shut[0])})
	}
	if slices.ContainsFunc(entrances, func(e entrance) bool { return e.routed }) {
		d.ask(Question{Kind: questionExposure, Key: peerKey(ingressController), Check: checkNamespace, Text: "In which namespace does the ingress controller run? From the internet means from everywhere, other pods included. " +
			"To narrow it: peers: - {name: ingress-controller, namespace: NAMESPACE}, and that instead of internet; kubectl get pods -A | grep -i ingress (a cloud load balancer runs in none)."})
	}
}

// askNodePort asks about an agent's port on its node, which is most often for the pods of that node.
func (d *draft) askNodePort(u *unit, x exposure) {
	ports := specsText(portSpecs(x.ports))
	d.ask(Question{Kind: questionExposure, Text: fmt.Sprintf("Who calls %s on its node's port (%s)? It is shut to those who are not in flows. If anyone may: - {from: internet, to: %s, ports: [%s]}",
		u.name, ports, quoted(u.ref().String()), ports)})
}

func checkNamespace(answer string) string {
	if len(validation.IsDNS1123Label(answer)) > 0 {
		return fmt.Sprintf("%q is no name of a namespace", answer)
	}
	return ""
}
