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
	d.ask(Question{Kind: questionExposure, Text: fmt.Sprintf("Who calls %s on its node's port (%s)? It is shut to those who are not in flows. If anyone may: - {from: internet, to: %s, ports: [%s]}",
		u.name, portsText(x.ports), quoted(u.ref().String()), portsText(x.ports))})
}

func checkNamespace(answer string) string {
	if len(validation.IsDNS1123Label(answer)) > 0 {
		return fmt.Sprintf("%q is no name of a namespace", answer)
	}
	return ""
}

// fromPrometheus replaces the preset's scrape of every workload by one of those that say where their metrics are.
func (d *draft) fromPrometheus() {
	var scraped, silent []*unit
	for _, u := range d.units {
		w := u.first()
		switch {
		case w.Client || w.HostNetwork || u.role.Tier == "":
		case len(w.Metrics) > 0:
			scraped = append(scraped, u)
		case !w.NoScrape:
			silent = append(silent, u)
		}
	}
	own := d.ownScrapers()
	if len(scraped) > 0 && len(silent) == 0 && len(own) == 0 {
		return
	}
	d.without = append(d.without, tier.FlowSpec{From: named(tier.Prometheus), To: named("*")})
	if len(scraped) == 0 {
		d.ask(Question{Kind: questionScrape, Text: "Does Prometheus scrape the workloads? None has the annotation prometheus.io/port, a ServiceMonitor, a PodMonitor or a port named metrics, " +
			"so the preset's flow from prometheus is taken away. If it does: - {from: prometheus, to: \"*\", ports: [PORT]}"})
		return
	}
	evidence := []Evidence{{Text: "their metrics ports", Confidence: High}}
	from := named(tier.Prometheus)
	if len(own) == 0 {
		d.lines = append(d.lines, line{from: from, to: d.refs(scraped, false), ports: []tier.PortSpec{{Name: "metrics"}}, evidence: evidence})
		return
	}
	for i := range d.environments {
		for _, s := range own {
			for _, u := range scraped {
				from, to := s.in[i], u.in[i]
				if from == nil || to == nil || s == u || from.HostNetwork {
					continue
				}
				if !sameKnowledge(from, to) {
					d.ask(namespaceQuestion(pair{s, u}, Evidence{Text: "scrape"}))
					continue
				}
				d.add(i, pair{s, u}, portSet(to.Metrics), Evidence{Text: "scrapes its metrics port", Confidence: High})
			}
		}
	}
}

// ownScrapers are the workloads of the package that scrape, where they are not in the namespace that the preset means.
func (d *draft) ownScrapers() []*unit {
	var out []*unit
	for _, u := range d.units {
		w := u.first()
		if scrapes(w) && w.Namespace != "monitoring" && u.role.Tier == monitoring {
			out = append(out, u)
		}
	}
	return out
}

// apiServer proposes flows to the API server. Its addresses are in no manifest: until they are given, as comments.
func (d *draft) apiServer() {
	var callers []*unit
	var evidence []Evidence
	for _, u := range d.units {
		for _, w := range u.in {
			if w == nil || w.HostNetwork || u.role.Tier == "" || slices.Contains(callers, u) {
				continue
			}
			switch {
			case d.reachesAPI[w]:
				callers = append(callers, u)
				evidence = append(evidence, Evidence{Text: d.apiWhy[w], Confidence: High})
			case u.role.Tier == controller:
				callers = append(callers, u)
				evidence = append(evidence, Evidence{Text: "a controller by " + u.role.Evidence.Text, Confidence: Medium})
			}
		}
	}
	if len(callers) == 0 {
		return
	}
	l := line{from: d.refs(callers, true), to: named(tier.APIServer), evidence: evidence}
	if d.peers, l.open = d.addressed(d.peers, tier.APIServer, nil, "CIDR", "kubectl get endpoints kubernetes"); l.open {
		var names []string
		for _, u := range callers {
			names = append(names, u.name)
		}
		d.ask(Question{Kind: questionAPI, Key: peerKey(tier.APIServer), Check: checkCIDRs,
			Text: fmt.Sprintf("Where is the API server, which %s needs? It is shut until its addresses are in peers: kubectl get endpoints kubernetes -n default; "+
				"then take the # from the lines with apiserver.", andText(names))})
	}
	d.lines = append(d.lines, l)
}

// andText is a list of names as the subject of a verb.
func andText(names []string) string {
	if len(names) > 1 {
		return "each of " + strings.Join(names, ", ")
	}
	return strings.Join(names, "")
}

func peerKey(name string) string { return "peer " + name }

// addressed adds a peer with the CIDRs that were answered; without an answer as a comment.
func (d *draft) addressed(peers []peerLine, name string, ports []tier.PortSpec, placeholder, how string) ([]peerLine, bool) {
	p := peerLine{PeerSpec: tier.PeerSpec{Name: name, Ports: ports}}
	answer := d.answers[peerKey(name)]
	p.open = answer == ""
	p.CIDRs = strings.FieldsFunc(answer, isSeparator)
	if p.open {
		p.CIDRs = []string{placeholder}
		p.evidence = []Evidence{{Text: how}}
	}
	return append(peers, p), p.open
}

func isSeparator(r rune) bool { return r == ' ' || r == ',' }

// answeredAPIServer adds the API server's addresses as answered, once.
func (d *draft) answeredAPIServer() {
	if !slices.ContainsFunc(d.peers, func(p peerLine) bool { return p.Name == tier.APIServer }) {
		d.peers, _ = d.addressed(d.peers, tier.APIServer, nil, "", "")
	}
}

// webhooks opens what the API server calls. It calls from an address that is in no manifest, so any source is let in
// unless the API server's addresses were given.
func (d *draft) webhooks() {
	var known []*unit
	for _, e := range d.environments {
		for _, h := range e.Inventory.Webhooks {
			if h.Service == nil {
				continue
			}
			for _, w := range h.Service.Workloads {
				u := d.unitOf[w]
				ports := targetPorts(h.Service, h.Port, w)
				if slices.Contains(known, u) || w.HostNetwork || u.role.Tier == "" || len(ports) == 0 {
					continue
				}
				known = append(known, u)
				from := tier.Internet
				if d.answers[peerKey(tier.APIServer)] != "" {
					from = tier.APIServer
					d.answeredAPIServer()
				} else {
					d.ask(Question{Kind: questionAPI, Key: peerKey(tier.APIServer), Check: checkCIDRs,
						Text: fmt.Sprintf("Where is the API server, which calls %s (%s %s)? Until that is known everyone may reach %s on its webhook's port: kubectl get endpoints kubernetes -n default; "+
							"then add peers: - {name: apiserver, cidrs: [CIDR]}, and write apiserver for internet.", u.name, h.Kind, h.Name, u.name)})
				}
				d.lines = append(d.lines, line{from: named(from), to: one(u.ref()), ports: portSpecs(ports),
					evidence: []Evidence{{Text: h.Kind + " " + h.Name + ": the API server calls it", Confidence: High, Source: h.Source}}})
			}
		}
	}
}
