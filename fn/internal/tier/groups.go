package tier

import (
	"cmp"
	"slices"
	"strconv"
)

// groups are the cells put together: first the sources that have the same flow to a class, then the destinations that have
// the same flow from those sources.
func (e *expansion) groups() []Group {
	type flow struct {
		ports      PortSet
		egress     PortSet
		statements []int
	}
	var flows []flow
	kinds := map[string]int{}
	kindOf := func(c *cell, to *class) int {
		f := flow{ports: c.ports()}
		if to.peer == nil {
			f.egress = e.set.servicePorts(to.members[0], f.ports)
		}
		for _, p := range c.parts {
			f.statements = append(f.statements, p.statement)
		}
		key := flowKey(f.ports, f.egress, f.statements)
		k, ok := kinds[key]
		if !ok {
			k = len(flows)
			kinds[key] = k
			flows = append(flows, f)
		}
		return k
	}
	var m merger
	for _, key := range e.cellKeys() {
		m.add(kindOf(e.cells[key], e.classes.to.classes[key.to]), key)
	}
	rank := e.ranks()
	var out []Group
	for _, g := range m.merged() {
		f := flows[g.kind]
		out = append(out, Group{
			From: e.classes.from.endpoints(g.from, rank), To: e.classes.to.endpoints(g.to, rank),
			Ports: f.ports, EgressPorts: f.egress, Declared: e.declared(f.statements),
		})
	}
	sortGroups(out, rank)
	return out
}

func flowKey(ports, egress PortSet, statements []int) string {
	b := make([]byte, 0, 64)
	for _, set := range []PortSet{ports, egress} {
		for _, r := range set {
			b = append(b, r.Protocol...)
			b = strconv.AppendInt(b, int64(r.First), 10)
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(r.Last), 10)
			b = append(b, ',')
		}
		b = append(b, '|')
	}
	for _, s := range statements {
		b = strconv.AppendInt(b, int64(s), 10)
		b = append(b, ',')
	}
	return string(b)
}

// declared are the places of the statements, sorted.
func (e *expansion) declared(statements []int) []string {
	out := make([]string, len(statements))
	for i, s := range statements {
		out[i] = e.statements[s].Field
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// merger puts cells of the same kind together.
type merger struct {
	sources map[mergeKey][]int32
	order   []mergeKey
}

type mergeKey struct {
	kind int
	to   int32
}

type mergedCells struct {
	kind     int
	from, to []int32
}

func (m *merger) add(kind int, key cellKey) {
	if m.sources == nil {
		m.sources = map[mergeKey][]int32{}
	}
	k := mergeKey{kind, key.to}
	if m.sources[k] == nil {
		m.order = append(m.order, k)
	}
	m.sources[k] = append(m.sources[k], key.from)
}

func (m *merger) merged() []*mergedCells {
	var out []*mergedCells
	byKey := map[string]*mergedCells{}
	for _, k := range m.order {
		from := m.sources[k]
		b := strconv.AppendInt(nil, int64(k.kind), 10)
		for _, i := range from {
			b = append(b, ',')
			b = strconv.AppendInt(b, int64(i), 36)
		}
		g := byKey[string(b)]
		if g == nil {
			g = &mergedCells{kind: k.kind, from: from}
			byKey[string(b)] = g
			out = append(out, g)
		}
		g.to = append(g.to, k.to)
	}
	return out
}

// ranks are the places of all endpoints in the order of their keys.
func (e *expansion) ranks() map[Endpoint]int {
	type keyed struct {
		key      string
		endpoint Endpoint
	}
	var all []keyed
	seen := map[Endpoint]bool{}
	for _, s := range []side{e.classes.from, e.classes.to} {
		for _, c := range s.classes {
			for _, p := range c.endpoints() {
				if !seen[p] {
					seen[p] = true
					all = append(all, keyed{p.Key(), p})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	rank := make(map[Endpoint]int, len(all))
	for i, k := range all {
		rank[k.endpoint] = i
	}
	return rank
}

func (s *side) endpoints(indices []int32, rank map[Endpoint]int) []Endpoint {
	var out []Endpoint
	for _, i := range indices {
		out = append(out, s.classes[i].endpoints()...)
	}
	slices.SortFunc(out, func(a, b Endpoint) int { return cmp.Compare(rank[a], rank[b]) })
	return out
}

func sortGroups(groups []Group, rank map[Endpoint]int) {
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(
			cmp.Compare(rank[a.From[0]], rank[b.From[0]]),
			cmp.Compare(rank[a.To[0]], rank[b.To[0]]),
			slices.CompareFunc(a.Ports, b.Ports, comparePortRanges),
			slices.Compare(a.Declared, b.Declared),
		)
	})
}

// groupBuilder gathers an invariant's groups.
type groupBuilder struct {
	groups []Group
	// from are the sources of the current row, and byPorts its groups.
	from    []Endpoint
	byPorts map[string]int
}

// begin starts a row of groups that have the same sources.
func (b *groupBuilder) begin(from []Endpoint) {
	b.from, b.byPorts = from, map[string]int{}
}

// add adds destinations to the row's group of these ports.
func (b *groupBuilder) add(to []Endpoint, ports PortSet) {
	key := flowKey(ports, nil, nil)
	i, ok := b.byPorts[key]
	if !ok {
		i = len(b.groups)
		b.byPorts[key] = i
		b.apart(b.from, nil, ports)
	}
	b.groups[i].To = append(b.groups[i].To, to...)
}

// apart adds a group of its own.
func (b *groupBuilder) apart(from, to []Endpoint, ports PortSet) {
	b.groups = append(b.groups, Group{From: from, To: to, Ports: ports})
}

// sorted are the groups with their endpoints in order.
func (b *groupBuilder) sorted(declared string) []Group {
	for i := range b.groups {
		g := &b.groups[i]
		g.Declared = []string{declared}
		sortEndpoints(g.From)
		sortEndpoints(g.To)
	}
	return b.groups
}

func sortEndpoints(list []Endpoint) {
	keys := make(map[Endpoint]string, len(list))
	for _, p := range list {
		keys[p] = p.Key()
	}
	slices.SortStableFunc(list, func(a, b Endpoint) int { return cmp.Compare(keys[a], keys[b]) })
}
