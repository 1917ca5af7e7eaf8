package proposal

import (
	"slices"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// draft is a proposal in the making.
type draft struct {
	environments []Environment
	answers      Answers
	units        []*unit
	unitOf       map[*workload.Workload]*unit
	// tierOfValue is the preset's tier of each label value.
	tierOfValue map[string]string
	// exposed are the ways from outside to each workload.
	exposed map[*workload.Workload][]exposure
	// reachesAPI are the workloads that call the Kubernetes API, and apiWhy says why.
	reachesAPI map[*workload.Workload]bool
	apiWhy     map[*workload.Workload]string
	// usesStore is a store that the workload names, by its image or port.
	usesStore map[*workload.Workload]string

	// links are the connections between workloads that evidence asks for, by their ends.
	links map[pair]*link
	// cells are what the preset opens between workloads, chained those of them that stay though no evidence asks for them,
	// and replaced the tier pairs whose cells do not all stay.
	cells    map[pair]*link
	chained  map[pair]*link
	replaced map[tierPair]bool

	// doubts are the connections that only shared evidence asks for, against what the tiers lead one to expect, each with the
	// first evidence.
	doubts map[pair]Evidence
	// blind are the units whose pods no label tells from those of another, and needs what they call.
	blind map[*unit]*unit
	needs map[*unit][]string
	form  form
	// wearers are the units that wear each label, made when first needed.
	wearers map[wearer][]*unit
	// outer are the names of the frontends that are taken to be in front, where nothing says what is exposed.
	outer []string
	// confirmed are the connections from outside that the preset opens anyway, with their evidence.
	confirmed []string
	// owned are the stores that bear the name of who uses them.
	owned map[*unit]bool
	// lines are flows with an end outside the tiers.
	lines     []line
	peers     []peerLine
	without   []tier.FlowSpec
	questions []Question
}

// pair is the two ends of a connection.
type pair struct{ from, to *unit }

// tierPair is two tiers of the preset's chain.
type tierPair struct{ from, to string }

// link is a connection that evidence asks for.
type link struct {
	pair
	// ports are the destination's, in each environment: nil where the connection is not meant there.
	ports    []tier.PortSet
	evidence []Evidence
}

// confidence is that of the best evidence.
func (l *link) confidence() Confidence {
	best := Low
	for _, e := range l.evidence {
		best = min(best, e.Confidence)
	}
	return best
}

// everywhere is the ports of all environments together.
func (l *link) everywhere() tier.PortSet {
	var out tier.PortSet
	for _, p := range l.ports {
		out = out.Union(p)
	}
	return out
}

// scrapes reports whether the link goes to the destination's metrics ports alone.
func (l *link) scrapes() bool {
	metrics := portSet(l.to.first().Metrics)
	return len(metrics) > 0 && len(l.everywhere().Minus(metrics)) == 0
}

func newDraft(environments []Environment, answers Answers) *draft {
	d := &draft{
		environments: environments, answers: answers, tierOfValue: map[string]string{}, exposed: map[*workload.Workload][]exposure{},
		reachesAPI: map[*workload.Workload]bool{}, apiWhy: map[*workload.Workload]string{},
		usesStore: map[*workload.Workload]string{},
		links:     map[pair]*link{}, chained: map[pair]*link{}, replaced: map[tierPair]bool{}, doubts: map[pair]Evidence{}, owned: map[*unit]bool{}, blind: map[*unit]*unit{}, needs: map[*unit][]string{},
	}
	d.units, d.unitOf = units(environments)
	for _, t := range tier.Default().AllTiers() {
		for _, v := range t.Values {
			d.tierOfValue[v] = t.Name
		}
	}
	for _, e := range environments {
		d.readExposures(e.Inventory)
		for _, r := range e.Inventory.References {
			if r.From != nil && r.To != nil && d.usesStore[r.From] == "" && slices.ContainsFunc(r.To.Workloads, d.runsStore) {
				d.usesStore[r.From] = r.To.Name
			}
		}
		for _, a := range e.Inventory.APIAccess {
			if a.Workload == nil {
				continue
			}
			d.reachesAPI[a.Workload] = true
			if d.apiWhy[a.Workload] == "" {
				d.apiWhy[a.Workload] = a.Why
			}
		}
	}
	return d
}

// runsStore reports whether a workload is a store by its label, its image or its ports.
func (d *draft) runsStore(w *workload.Workload) bool {
	role, _ := portRole(w)
	return isStore(imageRole(w)) || isStore(role) || slices.ContainsFunc(stores, func(s string) bool { return d.labelOf(w, s) != "" })
}

// add notes that evidence asks for a connection in an environment.
func (d *draft) add(environment int, p pair, ports tier.PortSet, e Evidence) {
	if len(ports) == 0 {
		return
	}
	l := d.links[p]
	if l == nil {
		l = &link{pair: p, ports: make([]tier.PortSet, len(d.environments))}
		d.links[p] = l
	}
	l.ports[environment] = l.ports[environment].Union(ports)
	if !slices.Contains(l.evidence, e) {
		l.evidence = append(l.evidence, e)
	}
}

func portSet(ports []workload.Port) tier.PortSet {
	var out tier.PortSet
	for _, p := range ports {
		out = out.Union(tier.PortSet{{Protocol: p.Protocol, First: p.Number, Last: p.Number}})
	}
	return out
}

// targetPorts are the pods' ports behind a Service's port; behind all of its ports for 0 or a port that it has not.
func targetPorts(s *workload.Service, port int32, w *workload.Workload) tier.PortSet {
	var all, one tier.PortSet
	for _, p := range s.Ports {
		set := tier.PortSet{{Protocol: p.Protocol, First: p.TargetPort, Last: p.TargetPort}}
		if p.TargetPort == 0 {
			set = nil
			for _, n := range slices.Concat(w.NamedPorts, w.Ports, w.Metrics) {
				if n.Name == p.TargetName && n.Protocol == p.Protocol {
					set = portSet([]workload.Port{n})
					break
				}
			}
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
