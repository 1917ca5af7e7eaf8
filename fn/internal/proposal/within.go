package proposal

import (
	"cmp"
	"maps"
	"slices"
)

// Where many teams share tiers, the flows between two tiers may be just those between workloads that wear the same value of
// a label: one line says what else takes one for each team.

// leastPairs is how many connections a line within a label must replace: fewer are clearer one by one.
const leastPairs = 3

// knownScopes are label keys that tell to whom a workload belongs, the likeliest first.
var knownScopes = []string{"team", "app.kubernetes.io/part-of", "app.kubernetes.io/instance", "part-of", "instance", "release", "app", "tenant"}

// scoped takes the flows out that one line within a label replaces.
func (d *draft) scoped(flows []flow) (lines []line, rest []flow) {
	groups := map[tierPair][]flow{}
	for _, f := range flows {
		t := tierPair{f.from.role.Tier, f.to.role.Tier}
		if f.ports == "" && f.environments == "" && t.from != t.to {
			groups[t] = append(groups[t], f)
			continue
		}
		rest = append(rest, f)
	}
	for _, t := range slices.SortedFunc(maps.Keys(groups), compareTierPairs) {
		group := groups[t]
		key := d.scope(t, group)
		if key == "" {
			rest = append(rest, group...)
			continue
		}
		l := line{from: tierRefs([]string{t.from}), to: tierRefs([]string{t.to}), within: key}
		for _, f := range group {
			l.evidence = append(l.evidence, f.evidence...)
		}
		lines = append(lines, l)
	}
	return lines, rest
}

func compareTierPairs(a, b tierPair) int {
	return cmp.Or(compareTiers(a.from, b.from), compareTiers(a.to, b.to))
}

// scope is the label whose equal values are just the pairs of the flows; empty where there is none.
func (d *draft) scope(t tierPair, flows []flow) string {
	if len(flows) < leastPairs {
		return ""
	}
	pairs := map[pair]bool{}
	for _, f := range flows {
		pairs[f.pair] = true
	}
	for _, key := range d.scopeKeys(flows[0].from) {
		if d.separates(key, t, pairs) {
			return key
		}
	}
	return ""
}

// scopeKeys are the labels of a unit's pods, those first that are known to tell to whom it belongs.
func (d *draft) scopeKeys(u *unit) []string {
	rank := func(key string) int {
		if i := slices.Index(knownScopes, key); i >= 0 {
			return i
		}
		return len(knownScopes)
	}
	return slices.SortedFunc(maps.Keys(u.first().PodLabels), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// separates reports whether the pairs between two tiers are just those whose pods wear the same value of a label, of which
// there are several.
func (d *draft) separates(key string, t tierPair, pairs map[pair]bool) bool {
	values := map[string]bool{}
	matched := 0
	for _, from := range d.units {
		if from.role.Tier != t.from || from.first().HostNetwork {
			continue
		}
		for _, to := range d.units {
			if to.role.Tier != t.to || to.first().HostNetwork || to.first().Client {
				continue
			}
			same, value := d.sameLabel(key, from, to)
			if same != pairs[pair{from, to}] {
				return false
			}
			if same {
				matched++
				values[value] = true
			}
		}
	}
	return matched == len(pairs) && len(values) > 1
}

// sameLabel reports whether two units' pods wear the same value of a label, wherever both are.
func (d *draft) sameLabel(key string, a, b *unit) (same bool, value string) {
	for i := range d.environments {
		if a.in[i] == nil || b.in[i] == nil {
			continue
		}
		v, worn := a.in[i].PodLabels[key]
		if w, also := b.in[i].PodLabels[key]; !worn || !also || v != w {
			return false, ""
		}
		same, value = true, v
	}
	return same, value
}
