package proposal

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

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
	if l.open = d.addressed(tier.APIServer, nil, "kubectl get endpoints kubernetes"); l.open {
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

// addressed adds a peer with the CIDRs that were answered; without an answer as a comment that says how to find them, and
// open is true.
func (d *draft) addressed(name string, ports []tier.PortSpec, how string) (open bool) {
	p := peerLine{PeerSpec: tier.PeerSpec{Name: name, Ports: ports}}
	answer := d.answers[peerKey(name)]
	p.open = answer == ""
	p.CIDRs = strings.FieldsFunc(answer, isSeparator)
	if p.open {
		p.CIDRs = []string{"CIDR"}
		p.evidence = []Evidence{{Text: how}}
	}
	d.peers = append(d.peers, p)
	return p.open
}

func isSeparator(r rune) bool { return r == ' ' || r == ',' }

// answeredAPIServer adds the API server's addresses as answered, once.
func (d *draft) answeredAPIServer() {
	if !slices.ContainsFunc(d.peers, func(p peerLine) bool { return p.Name == tier.APIServer }) {
		d.addressed(tier.APIServer, nil, "")
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
