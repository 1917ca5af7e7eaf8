package proposal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// line is a flow as the file writes it, with its evidence.
type line struct {
	from, to tier.Refs
	ports    []tier.PortSpec
	within   string
	evidence []Evidence
	// environments are the names of those that have it; nil means all.
	environments []string
	// open is true for a line that is written as a comment, since something of it is not known yet.
	open bool
}

// peerLine is a peer as the file writes it.
type peerLine struct {
	tier.PeerSpec
	evidence []Evidence
	open     bool
	// service is the Service whose pods the peer is, if it is one.
	service *workload.Service
}

// spec is the flow of the line.
func (l line) spec() tier.FlowSpec {
	f := tier.FlowSpec{From: l.from, To: l.to, Ports: l.ports}
	if l.within != "" {
		f.Within = &tier.Within{SameLabel: l.within}
	}
	return f
}

// text is the flow in YAML's flow style.
func (l line) text() string {
	text := fmt.Sprintf("{from: %s, to: %s", refsText(l.from), refsText(l.to))
	if len(l.ports) > 0 {
		text += ", ports: [" + specsText(l.ports) + "]"
	}
	if l.within != "" {
		text += ", within: {sameLabel: " + quoted(l.within) + "}"
	}
	return text + "}"
}

func refsText(refs tier.Refs) string {
	words := make([]string, len(refs))
	for i, r := range refs {
		words[i] = quoted(r.String())
	}
	if len(words) == 1 {
		return words[0]
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// quoted is a word as YAML's flow style needs it: plain where it is read back as the same text.
func quoted(word string) string {
	if !strings.ContainsAny(word, `*:{}[],#&!|>'"%@`) {
		var read any
		if err := yaml.Unmarshal([]byte(word), &read); err == nil && read == word {
			return word
		}
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(word)) + `"`
}

func portSpecs(ports tier.PortSet) []tier.PortSpec {
	var out []tier.PortSpec
	for _, r := range ports {
		out = append(out, tier.PortSpec{Range: r})
	}
	return out
}

// flow is a link as it is to be written: one pair of units, with what may be merged.
type flow struct {
	pair
	ports        string
	specs        []tier.PortSpec
	environments string
	confidence   Confidence
	evidence     []Evidence
}

// written is how a link is written: its ports are left out where they are just what the destination serves.
func (d *draft) written(l *link) flow {
	f := flow{pair: l.pair, confidence: l.confidence(), evidence: l.evidence}
	serving, scraped := true, true
	var names []string
	for i, p := range l.ports {
		from, to := l.from.in[i], l.to.in[i]
		if len(p) == 0 {
			continue
		}
		names = append(names, d.environments[i].Name)
		serving = serving && from != nil && to != nil && slices.Equal(p, portSet(to.Ports))
		scraped = scraped && to != nil && slices.Equal(p, portSet(to.Metrics))
	}
	if !d.inAll(l) {
		f.environments = strings.Join(names, "\n")
	}
	switch {
	case serving:
	case scraped:
		f.specs = []tier.PortSpec{{Name: "metrics"}}
	default:
		f.specs = portSpecs(l.everywhere())
	}
	for _, p := range f.specs {
		f.ports += p.String() + ","
	}
	return f
}

// inAll reports whether the link is meant in all environments that have its ends, so that it can be written once for all.
func (d *draft) inAll(l *link) bool {
	for i := range d.environments {
		if (l.from.in[i] == nil || l.to.in[i] == nil) != (len(l.ports[i]) == 0) {
			return false
		}
	}
	return true
}

// merge makes lines of flows: first those of one source together, then those with the same destinations; or the other way
// round, where that gives fewer lines.
func (d *draft) merge(flows []flow) []line {
	bySource := rectangles(flows, func(f flow) *unit { return f.from }, func(f flow) *unit { return f.to })
	byTarget := rectangles(flows, func(f flow) *unit { return f.to }, func(f flow) *unit { return f.from })
	chosen, turned := bySource, false
	if len(byTarget) < len(bySource) {
		chosen, turned = byTarget, true
	}
	var out []line
	for _, r := range chosen {
		from, to := r.ones, r.others
		if turned {
			from, to = to, from
		}
		l := line{from: d.refs(from, true), to: d.refs(to, false), ports: r.specs, evidence: r.evidence}
		if r.environments != "" {
			l.environments = strings.Split(r.environments, "\n")
		}
		out = append(out, l)
	}
	return out
}

// rectangle is flows from each of ones to each of others, or the other way round.
type rectangle struct {
	ones, others []*unit
	flow
}

func rectangles(flows []flow, one, other func(flow) *unit) []rectangle {
	type half struct {
		one          *unit
		ports        string
		environments string
		confidence   Confidence
	}
	groups := map[half][]flow{}
	for _, f := range flows {
		h := half{one(f), f.ports, f.environments, f.confidence}
		groups[h] = append(groups[h], f)
	}
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b half) int {
		return cmp.Or(compareUnits(a.one, b.one), cmp.Compare(a.confidence, b.confidence), cmp.Compare(a.ports, b.ports), cmp.Compare(a.environments, b.environments))
	})
	byOthers := map[string]int{}
	var out []rectangle
	for _, h := range keys {
		group := groups[h]
		slices.SortFunc(group, func(a, b flow) int { return compareUnits(other(a), other(b)) })
		id := fmt.Sprintf("%s|%s|%d", h.ports, h.environments, h.confidence)
		var others []*unit
		var evidence []Evidence
		for _, f := range group {
			others = append(others, other(f))
			evidence = append(evidence, f.evidence...)
			id += "|" + other(f).id()
		}
		at, known := byOthers[id]
		if !known {
			at = len(out)
			byOthers[id] = at
			f := group[0]
			f.evidence = nil
			out = append(out, rectangle{others: others, flow: f})
		}
		out[at].ones = append(out[at].ones, h.one)
		out[at].evidence = append(out[at].evidence, evidence...)
	}
	return out
}

// refs are endpoints for units: the tier, where they are all of its workloads and in one namespace.
func (d *draft) refs(list []*unit, source bool) tier.Refs {
	byTier := map[string][]*unit{}
	for _, u := range list {
		byTier[u.role.Tier] = append(byTier[u.role.Tier], u)
	}
	var out tier.Refs
	for _, t := range slices.SortedFunc(maps.Keys(byTier), compareTiers) {
		if !d.form.explicit && d.isWholeTier(byTier[t], t, source) {
			out = append(out, tier.Ref{Name: t})
			continue
		}
		seen := map[tier.Ref]bool{}
		for _, u := range byTier[t] {
			r := u.ref()
			if d.form.explicit {
				r.Namespace = u.onlyNamespace()
			}
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}

// onlyNamespace is the unit's namespace in all environments, empty where they differ.
func (u *unit) onlyNamespace() string {
	namespace := u.first().Namespace
	for _, w := range u.in {
		if w != nil && w.Namespace != namespace {
			return ""
		}
	}
	return namespace
}

// isWholeTier reports whether the units are all of a tier that can be an end, in one namespace of each environment.
func (d *draft) isWholeTier(list []*unit, t string, source bool) bool {
	namespaces := make([]string, len(d.environments))
	seen := make([]bool, len(d.environments))
	members := 0
	for _, u := range d.units {
		if u.role.Tier != t || u.first().HostNetwork || !source && u.first().Client {
			continue
		}
		members++
		for i, w := range u.in {
			if w == nil {
				continue
			}
			if seen[i] && namespaces[i] != w.Namespace {
				return false
			}
			seen[i], namespaces[i] = true, w.Namespace
		}
	}
	return members == len(list)
}

// compareTiers orders tiers as the chain has them, those beside it last.
func compareTiers(a, b string) int {
	rank := func(t string) int {
		if i := slices.Index(presetTiers, t); i >= 0 {
			return i
		}
		return len(presetTiers)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
