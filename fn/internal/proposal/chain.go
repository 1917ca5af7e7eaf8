package proposal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// maxCells bounds how many pairs of the preset's chain are looked at one by one. Beyond it the chain stays as it is.
const maxCells = 200_000

// chain decides which cells of the preset's chain stay. Where a workload says whom it calls in a tier, that is all that it
// calls there; where it says nothing, the chain stays for it.
func (d *draft) chain() {
	cells, complete := d.presetCells()
	d.cells = cells
	d.linkByName(cells)
	d.linkByLabel()
	if !complete {
		d.ask(Question{Kind: questionLarge, Text: fmt.Sprintf("Which of the preset's connections are meant? It opens more than %d between these workloads, too many to look at one by one, "+
			"so its chain of tiers stays. Give init a part of the input at a time: an application, a namespace.", maxCells)})
		return
	}
	k := d.knowledge()
	k.weigh(cells)
	for p, cell := range cells {
		stays := d.links[p]
		if stays == nil && k.keeps(p) {
			stays = withoutMetrics(cell)
			d.chained[p] = stays
		}
		if stays == nil || !equalPorts(stays.ports, cell.ports) {
			d.replaced[tierPair{p.from.role.Tier, p.to.role.Tier}] = true
		}
	}
	d.askSilent(k)
}

// withoutMetrics is a cell without the destination's metrics ports, where it has others: what the chain assumes is no scrape.
func withoutMetrics(cell *link) *link {
	out := &link{pair: cell.pair, ports: slices.Clone(cell.ports)}
	for i, w := range cell.to.in {
		if w == nil {
			continue
		}
		if rest := cell.ports[i].Minus(portSet(w.Metrics)); len(rest) > 0 {
			out.ports[i] = rest
		}
	}
	return out
}

func equalPorts(a, b []tier.PortSet) bool {
	return slices.EqualFunc(a, b, func(x, y tier.PortSet) bool { return slices.Equal(x, y) })
}

// presetCells are the connections between workloads that the preset opens with the tiers that are proposed; complete is
// false where they are too many to look at.
func (d *draft) presetCells() (cells map[pair]*link, complete bool) {
	cells = map[pair]*link{}
	for i, e := range d.environments {
		for _, w := range e.Inventory.Workloads {
			w.Tier, w.TierLabel = d.unitOf[w].role.Tier, ""
		}
		set := tier.Default()
		model, _ := set.Model(e.Name, &workload.Inventory{Workloads: e.Inventory.Workloads})
		for _, g := range model.Groups {
			if g.From[0].Workload == nil || g.To[0].Workload == nil {
				continue
			}
			if len(cells)+len(g.From)*len(g.To) > maxCells {
				return map[pair]*link{}, false
			}
			for _, from := range g.From {
				for _, to := range g.To {
					if from.Workload == nil || to.Workload == nil {
						continue
					}
					p := pair{d.unitOf[from.Workload], d.unitOf[to.Workload]}
					c := cells[p]
					if c == nil {
						c = &link{pair: p, ports: make([]tier.PortSet, len(d.environments))}
						cells[p] = c
					}
					c.ports[i] = c.ports[i].Union(g.Ports)
				}
			}
		}
	}
	return cells, true
}

// linkByName adds the links of stores that bear their owner's name, where the owner does not say that it uses another.
func (d *draft) linkByName(cells map[pair]*link) {
	said := d.knowledge()
	for i, e := range d.environments {
		for _, store := range e.Inventory.Workloads {
			to := d.unitOf[store]
			if !isStore(to.role.Tier) || store.Client || store.HostNetwork {
				continue
			}
			for _, owner := range d.ownersByName(i, store) {
				p := pair{d.unitOf[owner], to}
				cell := cells[p]
				if cell == nil || said.tiers[p.from][to.role.Tier] && d.links[p] == nil {
					continue
				}
				d.owned[to] = true
				if l := d.links[p]; l == nil || l.confidence() != High {
					d.add(i, p, cell.ports[i], nameEvidence(store))
				}
			}
		}
	}
}

// linkByLabel adds the links that a store's label means which calls it another tier: redis with tier: backend is what the
// frontends call, where there is no other backend. It goes for frontends that do not say whom they call.
func (d *draft) linkByLabel() {
	said := d.knowledge()
	backends := map[string]bool{}
	for _, u := range d.units {
		for _, w := range u.in {
			if w != nil && u.role.Tier == backend {
				backends[w.Namespace] = true
			}
		}
	}
	for i, e := range d.environments {
		for _, store := range e.Inventory.Workloads {
			u := d.unitOf[store]
			if !isStore(u.role.Tier) || store.Client || store.HostNetwork {
				continue
			}
			label := d.labelOf(store, backend)
			if label == "" || backends[store.Namespace] {
				continue
			}
			for _, w := range e.Inventory.Workloads {
				from := d.unitOf[w]
				if from.role.Tier == frontend && w.Namespace == store.Namespace && !w.HostNetwork && len(said.tiers[from]) == 0 {
					d.add(i, pair{from, u}, portSet(store.Ports), Evidence{Text: "label " + label + " of " + store.Name, Confidence: Low})
				}
			}
		}
	}
}

// knowledge is what the links say.
type knowledge struct {
	// tiers are the tiers that each unit says it calls.
	tiers map[*unit]map[string]bool
	// claimed are the units that another says it calls, other than to read its metrics; owned those that bear their owner's
	// name.
	claimed, owned map[*unit]bool
	// answered are the units of which a person has answered whom they call.
	answered map[*unit]bool
	// sought are the stores of the chain that a caller may use whose store is not known; free the callers and tiers of which
	// the chain has a destination that nobody claims.
	sought map[*unit]bool
	free   map[call]bool
	// spoken are the namespaces of which most callers say whom they call.
	spoken map[string]bool
}

func (d *draft) knowledge() *knowledge {
	k := &knowledge{tiers: map[*unit]map[string]bool{}, claimed: map[*unit]bool{}, owned: d.owned, answered: map[*unit]bool{}, spoken: map[string]bool{}}
	for p, l := range d.links {
		if p.from == p.to {
			continue
		}
		if k.tiers[p.from] == nil {
			k.tiers[p.from] = map[string]bool{}
		}
		k.tiers[p.from][p.to.role.Tier] = true
		if order[p.from.role.Tier] > order[client] || order[p.from.role.Tier] == 0 && !l.scrapes() {
			k.claimed[p.to] = true
		}
	}
	for _, u := range d.units {
		k.answered[u] = d.answers[callsKey(u)] != ""
	}
	d.outsideStores(k)
	d.countSpoken(k)
	return k
}

// outsideStores notes the units whose store is outside the input, by its port.
func (d *draft) outsideStores(k *knowledge) {
	for _, e := range d.environments {
		for _, x := range e.Inventory.Externals {
			u := d.unitOf[x.From]
			if t := tier.StorePort(x.Port); t != "" && u != nil && !x.Weak {
				if k.tiers[u] == nil {
					k.tiers[u] = map[string]bool{}
				}
				k.tiers[u][t] = true
			}
		}
	}
}

// countSpoken notes the namespaces of which most callers say whom they call.
func (d *draft) countSpoken(k *knowledge) {
	callers, speakers := map[string]int{}, map[string]int{}
	for _, u := range d.units {
		if order[u.role.Tier] == 0 || isStore(u.role.Tier) || u.first().Client {
			continue
		}
		namespace := u.first().Namespace
		callers[namespace]++
		if k.says(u) {
			speakers[namespace]++
		}
	}
	for namespace, n := range callers {
		k.spoken[namespace] = 2*speakers[namespace] > n
	}
}

// call is a unit and a tier that the chain lets it call.
type call struct {
	from *unit
	tier string
}

// knowsStore reports whether the unit says which store it uses.
func (k *knowledge) knowsStore(u *unit) bool {
	return slices.ContainsFunc(stores, func(s string) bool { return k.tiers[u][s] })
}

// says reports whether the unit says anything of whom it calls. One that holds addresses holds all of them, as a rule.
func (k *knowledge) says(u *unit) bool { return len(k.tiers[u]) > 0 }

// keeps reports whether a cell of the chain that no evidence asks for stays.
func (k *knowledge) keeps(p pair) bool {
	switch {
	case k.answered[p.from]:
		return false
	case k.tiers[p.from][p.to.role.Tier], k.owned[p.to]:
		return false
	case k.claimed[p.to]:
		return k.keepsClaimed(p)
	case !k.says(p.from):
		return true
	case !isStore(p.to.role.Tier) || !k.knowsStore(p.from):
		return true
	}
	// A store that nobody names is used by those whose store is not known; if there are none, by anyone.
	return !k.sought[p.to]
}

// weigh looks at the chain as a whole, once all links are known.
func (k *knowledge) weigh(cells map[pair]*link) {
	k.sought, k.free = map[*unit]bool{}, map[call]bool{}
	seekers := map[*unit]int{}
	for q := range cells {
		if isStore(q.to.role.Tier) && !k.knowsStore(q.from) {
			// A queue has two sides: one caller alone is not all of its users.
			seekers[q.to]++
			k.sought[q.to] = q.to.role.Tier != queue || seekers[q.to] > 1
		}
		if !k.claimed[q.to] {
			k.free[call{q.from, q.to.role.Tier}] = true
		}
	}
}

// keepsClaimed reports whether a cell stays whose destination others are known to call. It does for a workload that says
// nothing, if a label asks for the chain and most others say nothing either; and for a frontend that would be left with
// nothing to call.
func (k *knowledge) keepsClaimed(p pair) bool {
	if k.says(p.from) || k.spoken[p.from.first().Namespace] {
		return false
	}
	if p.from.role.Evidence.Confidence == High {
		return true
	}
	return p.from.role.Tier == frontend && !k.free[call{p.from, p.to.role.Tier}]
}

// labelOf is the label by which the workload wears a tier of the preset, as KEY: VALUE; empty if none does.
func (d *draft) labelOf(w *workload.Workload, t string) string {
	for _, key := range tier.Default().TierLabels {
		for _, labels := range []map[string]string{w.PodLabels, w.Labels} {
			if v := labels[key]; v != "" && d.tierOfValue[v] != "" {
				if d.tierOfValue[v] == t {
					return key + ": " + v
				}
				return ""
			}
		}
	}
	return ""
}

func sortedPairs[V any](m map[pair]V) []pair {
	return slices.SortedFunc(maps.Keys(m), comparePairs)
}

func comparePairs(a, b pair) int {
	return cmp.Or(compareUnits(a.from, b.from), compareUnits(a.to, b.to))
}
