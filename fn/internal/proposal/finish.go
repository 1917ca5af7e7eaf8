package proposal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// form is how flows are written, the shortest that means what is meant.
type form struct {
	// scoped writes flows within a label, explicit every end with its namespace.
	scoped, explicit bool
}

// finish makes the proposal of what was found.
func (d *draft) finish() *Proposal {
	p := &Proposal{Roles: d.roles(), peers: d.peers, workloads: len(d.units)}
	for _, f := range []form{{scoped: true}, {}, {explicit: true}} {
		d.form = f
		p.flows = d.allLines()
		p.Set = d.set(p)
		if p.exact = d.opens(p.Set); p.exact {
			break
		}
	}
	if !p.exact {
		d.ask(Question{Kind: questionLarge, Text: "Does the map show what is meant? Not every connection could be written so that just it is open: look at tierwall map after tierwall render."})
	}
	p.kept = d.kept(p.Set.Without)
	p.confirmed = slices.Concat(d.confirmed, d.confirmedLinks())
	p.connections = len(d.links) + len(d.chained)
	slices.SortStableFunc(d.questions, func(a, b Question) int { return cmp.Compare(a.Kind, b.Kind) })
	p.Questions = d.questions
	return p
}

func (d *draft) roles() []Role {
	var out []Role
	for _, u := range d.units {
		out = append(out, u.role)
	}
	slices.SortStableFunc(out, func(a, b Role) int { return compareTiers(a.Tier, b.Tier) })
	return out
}

// allLines are the flows to write: from the internet, between workloads, and to the outside.
func (d *draft) allLines() []line {
	var in, out []line
	for _, l := range d.lines {
		if slices.Contains([]string{tier.Internet, tier.APIServer, ingressController}, l.from[0].Name) {
			in = append(in, l)
		} else {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(in, func(a, b line) int { return cmp.Compare(a.text(), b.text()) })
	var flows []flow
	for _, p := range sortedPairs(d.links) {
		if _, cell := d.cells[p]; !cell || d.replaced[tierPair{p.from.role.Tier, p.to.role.Tier}] {
			flows = append(flows, d.written(d.links[p]))
		}
	}
	for _, p := range sortedPairs(d.chained) {
		if d.replaced[tierPair{p.from.role.Tier, p.to.role.Tier}] {
			l := *d.chained[p]
			l.evidence = []Evidence{{Text: "the preset's, for want of an address", Confidence: Low}}
			flows = append(flows, d.written(&l))
		}
	}
	var between []line
	if d.form.scoped {
		between, flows = d.scoped(flows)
	}
	between = append(between, d.merge(flows)...)
	slices.SortStableFunc(between, func(a, b line) int {
		return cmp.Or(compareTiers(a.from[0].Name, b.from[0].Name), compareTiers(a.to[0].Name, b.to[0].Name), cmp.Compare(a.text(), b.text()))
	})
	return slices.Concat(d.mergeEntrances(in), between, mergeSame(out))
}

// mergeSame writes flows that differ in their sources and their evidence only as one.
func mergeSame(lines []line) []line {
	var out []line
	for _, l := range lines {
		i := slices.IndexFunc(out, func(o line) bool {
			return o.open == l.open && slices.Equal(o.to, l.to) && slices.Equal(o.ports, l.ports)
		})
		if i < 0 {
			l.from = slices.Clone(l.from)
			out = append(out, l)
			continue
		}
		for _, r := range l.from {
			if !slices.Contains(out[i].from, r) {
				out[i].from = append(out[i].from, r)
			}
		}
		out[i].evidence = slices.Concat(out[i].evidence, l.evidence)
	}
	return out
}

// mergeEntrances writes flows that differ in their destination only as one.
func (d *draft) mergeEntrances(in []line) []line {
	var out []line
	for _, l := range in {
		i := slices.IndexFunc(out, func(o line) bool {
			return slices.Equal(o.from, l.from) && slices.Equal(o.ports, l.ports) && slices.EqualFunc(o.evidence, l.evidence, func(a, b Evidence) bool { return a.Text == b.Text })
		})
		if i < 0 {
			l.to = slices.Clone(l.to)
			out = append(out, l)
			continue
		}
		out[i].to = append(out[i].to, l.to...)
	}
	return out
}

// tierNames are the tiers that the set has: the preset's and those that it adds.
func (d *draft) tierNames() []string {
	out := slices.Clone(presetTiers)
	for _, u := range d.units {
		if u.role.Tier != "" && !slices.Contains(out, u.role.Tier) {
			out = append(out, u.role.Tier)
		}
	}
	slices.SortStableFunc(out, compareTiers)
	return out
}

// set is the configuration of the proposal's lines.
func (d *draft) set(p *Proposal) *tier.Set {
	s := tier.Default()
	s.Name = d.name()
	s.Tiers = d.addedTiers()
	s.Workloads = d.overrides(s)
	for _, l := range p.peers {
		if !l.open {
			s.Peers = append(s.Peers, l.PeerSpec)
		}
	}
	s.Environments = nil
	for _, l := range p.flows {
		switch {
		case l.open:
		case l.environments == nil:
			s.Flows = append(s.Flows, l.spec())
		default:
			for _, name := range l.environments {
				d.in(s, name).Flows = append(d.in(s, name).Flows, l.spec())
			}
		}
	}
	s.Without = slices.Concat(d.without, d.replacing())
	return s
}

// addedTiers are the tiers that the preset has not.
func (d *draft) addedTiers() []tier.TierSpec {
	var out []tier.TierSpec
	for _, t := range d.tierNames() {
		if !slices.Contains(presetTiers, t) {
			out = append(out, tier.TierSpec{Name: t, Values: d.values(t)})
		}
	}
	return out
}

// in is what the set says of an environment.
func (d *draft) in(s *tier.Set, name string) *tier.EnvironmentSpec {
	for i := range s.Environments {
		if s.Environments[i].Name == name {
			return &s.Environments[i]
		}
	}
	s.Environments = append(s.Environments, tier.EnvironmentSpec{Name: name})
	return &s.Environments[len(s.Environments)-1]
}

// replacing takes away the parts of the preset's chain that flows replace.
func (d *draft) replacing() []tier.FlowSpec {
	to := map[string][]string{}
	for t := range d.replaced {
		to[t.from] = append(to[t.from], t.to)
	}
	from := map[string][]string{}
	targets := map[string][]string{}
	for f, list := range to {
		slices.SortFunc(list, compareTiers)
		key := fmt.Sprint(list)
		from[key] = append(from[key], f)
		targets[key] = list
	}
	var out []tier.FlowSpec
	for _, key := range slices.Sorted(maps.Keys(from)) {
		slices.SortFunc(from[key], compareTiers)
		out = append(out, tier.FlowSpec{From: tierRefs(from[key]), To: tierRefs(targets[key])})
	}
	slices.SortStableFunc(out, func(a, b tier.FlowSpec) int { return compareTiers(a.From[0].Name, b.From[0].Name) })
	return out
}

func tierRefs(names []string) tier.Refs {
	var out tier.Refs
	for _, n := range names {
		out = append(out, tier.Ref{Name: n})
	}
	return out
}

// values are the label values of the input that tell a tier which the preset has not.
func (d *draft) values(t string) []string {
	var out []string
	for _, u := range d.units {
		if key, value := unknownLabel(u.first()); key != "" && u.role.Tier == t && value != t && roleValues[value] == t && !slices.Contains(out, value) && d.tierOfValue[value] == "" {
			out = append(out, value)
		}
	}
	if len(out) == 0 {
		return nil
	}
	out = append(out, t)
	slices.Sort(out)
	return out
}

// overrides are the entries for workloads whose labels do not give them their tier.
func (d *draft) overrides(s *tier.Set) []tier.Override {
	wrong := map[*unit]bool{}
	for _, e := range d.environments {
		s.AssignTiers(e.Inventory)
		for _, w := range e.Inventory.Workloads {
			u := d.unitOf[w]
			if w.Tier != u.role.Tier && u.role.Tier != "" {
				wrong[u] = true
			}
		}
	}
	kinds := map[string]int{}
	for _, u := range d.units {
		kinds[u.name+"/"+u.namespace]++
	}
	var out []tier.Override
	for i := range d.units {
		u := d.units[i]
		u.role.Labelled = !wrong[u]
		if !wrong[u] {
			continue
		}
		o := tier.Override{Name: u.name, Namespace: u.namespace, Tier: u.role.Tier}
		if kinds[u.name+"/"+u.namespace] > 1 {
			o.Name = u.kind + "/" + u.name
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b tier.Override) int { return compareTiers(a.Tier, b.Tier) })
	return out
}

// opens reports whether the set opens exactly the connections between workloads that are meant.
func (d *draft) opens(s *tier.Set) bool {
	for i, e := range d.environments {
		s.AssignTiers(e.Inventory)
		model, findings := s.Model(e.Name, &workload.Inventory{Workloads: e.Inventory.Workloads})
		if findings.Failed() {
			return false
		}
		open := map[pair]tier.PortSet{}
		cells := 0
		for _, g := range model.Groups {
			if g.From[0].Workload == nil || g.To[0].Workload == nil {
				continue
			}
			if cells += len(g.From) * len(g.To); cells > 2*maxCells {
				return true
			}
			for _, from := range g.From {
				for _, to := range g.To {
					p := pair{d.unitOf[from.Workload], d.unitOf[to.Workload]}
					open[p] = open[p].Union(g.Ports)
				}
			}
		}
		meant := map[pair]tier.PortSet{}
		for _, m := range []map[pair]*link{d.links, d.chained} {
			for p, l := range m {
				if ports := meant[p].Union(l.ports[i]); len(ports) > 0 {
					meant[p] = ports
				}
			}
		}
		if !maps.EqualFunc(open, meant, func(a, b tier.PortSet) bool { return slices.Equal(a, b) }) {
			return false
		}
	}
	return true
}

// name is the set's name: the one namespace of all workloads, or else the default.
func (d *draft) name() string {
	name := ""
	for _, e := range d.environments {
		for _, w := range e.Inventory.Workloads {
			if w.Namespace == "" || name != "" && w.Namespace != name {
				return tier.Default().Name
			}
			name = w.Namespace
		}
	}
	if name == "" || name == "default" {
		return tier.Default().Name
	}
	return name
}
