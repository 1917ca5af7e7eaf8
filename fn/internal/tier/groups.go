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
	merged := m.merged()
	slices.SortStableFunc(merged, func(a, b *mergedCells) int {
		return cmp.Or(
			cmp.Compare(e.classes.from.first(a.from), e.classes.from.first(b.from)),
			cmp.Compare(e.classes.to.first(a.to), e.classes.to.first(b.to)),
			slices.CompareFunc(flows[a.kind].ports, flows[b.kind].ports, comparePortRanges),
		)
	})
	out := make([]Group, len(merged))
	for i, g := range merged {
		f := flows[g.kind]
		out[i] = Group{
			From: e.classes.from.endpoints(g.from), To: e.classes.to.endpoints(g.to),
			Ports: f.ports, EgressPorts: f.egress, Declared: e.declared(f.statements),
		}
	}
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

// groupBuilder gathers an invariant's groups.
type groupBuilder struct {
	classes  *classes
	declared []string
	groups   []Group
}

// row adds the groups that have the same sources: for each set of ports its destinations.
func (b *groupBuilder) row(from []int32, ports []PortSet, to [][]int32) {
	for i, set := range ports {
		b.apart(b.classes.from.endpoints(from), b.classes.to.endpoints(to[i]), set)
	}
}

// apart adds a group of its own.
func (b *groupBuilder) apart(from, to []Endpoint, ports PortSet) {
	b.groups = append(b.groups, Group{From: from, To: to, Ports: ports, Declared: b.declared})
}

// sortEndpoints sorts by key.
func sortEndpoints(list []Endpoint) {
	slices.SortStableFunc(list, func(a, b Endpoint) int { return cmp.Compare(a.Key(), b.Key()) })
}
