package tier

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// class is workloads that no statement of the configuration tells apart as one end of a flow, or one peer. Flows are made
// between classes, so that their number does not grow with that of the workloads.
type class struct {
	namespace, tier string
	// name is the workload's name where a statement names it, else empty; so is declared, the name of its manifest.
	name, declared string
	// client and host are those of workload.Workload.
	client, host bool
	// labels are the values of the labels that statements compare, in the order of classes.labels; absent where not worn.
	// They are the members' only where a statement compares this tier at this end.
	labels []string
	// members are the workloads, sorted by ID. As destinations they have the same ports.
	members []*workload.Workload
	// peer is set instead of all the others.
	peer *Peer
	// ends are the members, or the peer, and ranks their places among all endpoints by their keys.
	ends  []Endpoint
	ranks []int32
}

// absent is no label value: a label that is not worn.
const absent = "\x00"

// side is the classes of one end. As sources workloads need not have the same ports, so there are fewer classes.
type side struct {
	classes []*class
	// byTier are the indices of the classes of each tier, and byPeer the index of each peer.
	byTier map[string][]int
	byPeer map[string]int
	// known are the endpoints of several classes together, by the classes.
	known map[string][]Endpoint
}

// classes are the two ends of all flows of one environment.
type classes struct {
	from, to side
	labels   []string
	// compared are, for each end and label, the tiers whose workloads a statement compares by the label.
	comparedFrom, comparedTo map[string]map[string]bool
	// apartFrom and apartTo are, for each end, the tiers whose workloads a statement tells apart one by one.
	apartFrom, apartTo map[string]bool
}

// newClasses sorts the workloads that have a tier into classes, for the given statements.
func newClasses(workloads []*workload.Workload, peers map[string]*Peer, statements []FlowSpec) *classes {
	cs := &classes{comparedFrom: map[string]map[string]bool{}, comparedTo: map[string]map[string]bool{},
		apartFrom: map[string]bool{}, apartTo: map[string]bool{}}
	cs.compare(statements)
	named := namedWorkloads(statements)
	all := ranked(workloads, peers)
	cs.from = newSide(all, func(w *workload.Workload) string { return cs.key(w, named, cs.comparedFrom, cs.apartFrom) })
	cs.to = newSide(all, func(w *workload.Workload) string { return cs.key(w, named, cs.comparedTo, cs.apartTo) + portsKey(w) })
	for _, s := range []*side{&cs.from, &cs.to} {
		for _, c := range s.classes {
			if c.peer == nil {
				cs.describe(c, named)
			}
		}
	}
	return cs
}

// ranked are the peers and the workloads that have a tier, by their keys; of workloads with the same ID the one that was read
// first comes first.
func ranked(workloads []*workload.Workload, peers map[string]*Peer) []Endpoint {
	type keyed struct {
		key string
		end Endpoint
	}
	all := make([]keyed, 0, len(workloads)+len(peers))
	for _, w := range workloads {
		if w.Tier != "" {
			all = append(all, keyed{w.ID(), Endpoint{Workload: w}})
		}
	}
	for _, name := range sortedKeys(peers) {
		e := Endpoint{Peer: peers[name]}
		all = append(all, keyed{e.Key(), e})
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if c := cmp.Compare(a.key, b.key); c != 0 || a.end.Workload == nil || b.end.Workload == nil {
			return c
		}
		s, t := a.end.Workload.Source, b.end.Workload.Source
		return cmp.Or(cmp.Compare(s.File, t.File), cmp.Compare(s.Index, t.Index))
	})
	out := make([]Endpoint, len(all))
	for i, k := range all {
		out[i] = k.end
	}
	return out
}

func newSide(all []Endpoint, key func(*workload.Workload) string) side {
	s := side{byTier: map[string][]int{}, byPeer: map[string]int{}, known: map[string][]Endpoint{}}
	byKey := map[string]*class{}
	for rank, end := range all {
		c := s.classOf(end, key, byKey)
		c.ends = append(c.ends, end)
		c.ranks = append(c.ranks, int32(rank))
	}
	return s
}

// classOf is the endpoint's class, a new one if none has its key.
func (s *side) classOf(end Endpoint, key func(*workload.Workload) string, byKey map[string]*class) *class {
	w := end.Workload
	if w == nil {
		s.byPeer[end.Peer.Name] = len(s.classes)
		c := &class{peer: end.Peer}
		s.classes = append(s.classes, c)
		return c
	}
	k := key(w)
	c := byKey[k]
	if c == nil {
		c = &class{}
		byKey[k] = c
		s.byTier[w.Tier] = append(s.byTier[w.Tier], len(s.classes))
		s.classes = append(s.classes, c)
	}
	c.members = append(c.members, w)
	return c
}

// endpoints are those of several classes, sorted by their keys. Lists are shared between groups.
func (s *side) endpoints(indices []int32) []Endpoint {
	if len(indices) == 1 {
		return slices.Clip(s.classes[indices[0]].ends)
	}
	key := make([]byte, 0, 4*len(indices))
	for _, i := range indices {
		key = binary.LittleEndian.AppendUint32(key, uint32(i))
	}
	if known, ok := s.known[string(key)]; ok {
		return known
	}
	type rankedEnd struct {
		rank int32
		end  Endpoint
	}
	var all []rankedEnd
	for _, i := range indices {
		c := s.classes[i]
		for k, end := range c.ends {
			all = append(all, rankedEnd{c.ranks[k], end})
		}
	}
	slices.SortFunc(all, func(a, b rankedEnd) int { return cmp.Compare(a.rank, b.rank) })
	out := make([]Endpoint, len(all))
	for i, r := range all {
		out[i] = r.end
	}
	s.known[string(key)] = out
	return out
}

// first is the rank of the first endpoint of several classes.
func (s *side) first(indices []int32) int32 {
	first := s.classes[indices[0]].ranks[0]
	for _, i := range indices {
		first = min(first, s.classes[i].ranks[0])
	}
	return first
}

// describe copies what the members have in common.
func (cs *classes) describe(c *class, named map[string]bool) {
	w := c.members[0]
	c.namespace, c.tier, c.client, c.host = w.Namespace, w.Tier, w.Client, w.HostNetwork
	if named[w.Name] {
		c.name = w.Name
	}
	if named[w.Declared] {
		c.declared = w.Declared
	}
	for _, l := range cs.labels {
		c.labels = append(c.labels, labelValue(w, l))
	}
}

func labelValue(w *workload.Workload, key string) string {
	if v, ok := w.PodLabels[key]; ok {
		return v
	}
	return absent
}

// key tells classes apart by all but ports.
func (cs *classes) key(w *workload.Workload, named map[string]bool, compared map[string]map[string]bool, apart map[string]bool) string {
	var b strings.Builder
	b.WriteString(w.Namespace)
	b.WriteByte('/')
	b.WriteString(w.Tier)
	b.WriteByte('/')
	if named[w.Name] {
		b.WriteString(w.Name)
	}
	b.WriteByte('/')
	if named[w.Declared] {
		b.WriteString(w.Declared)
	}
	b.WriteByte('/')
	if w.Client {
		b.WriteByte('c')
	}
	if w.HostNetwork {
		b.WriteByte('h')
	}
	for _, l := range cs.labels {
		b.WriteByte('/')
		if tiers := compared[l]; tiers[w.Tier] || tiers[everything] {
			b.WriteString(labelValue(w, l))
		}
	}
	if apart[w.Tier] || apart[everything] {
		b.WriteString("/" + w.ID())
	}
	return b.String()
}

// portsKey tells workloads apart by everything that the resolving of ports looks at.
func portsKey(w *workload.Workload) string {
	b := make([]byte, 0, 64)
	for _, list := range [][]workload.Port{w.Ports, w.Metrics, w.NamedPorts} {
		b = append(b, '|')
		for _, p := range list {
			b = append(b, p.Name...)
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(p.Number), 10)
			b = append(b, p.Protocol...)
			b = strconv.AppendInt(b, int64(p.ServicePort), 10)
			b = append(b, ',')
		}
	}
	if w.NoScrape {
		b = append(b, '!')
	}
	return string(b)
}

// compare notes which labels statements compare, and of which tiers at which end, and which tiers statements look at workload
// by workload. Others need not be told apart.
func (cs *classes) compare(statements []FlowSpec) {
	for _, f := range statements {
		if f.Within == nil {
			continue
		}
		if f.Within.SameLabel != "" {
			note(cs.comparedFrom, f.Within.SameLabel, f.From)
			note(cs.comparedTo, f.Within.SameLabel, f.To)
		}
		if f.Within.apart() {
			noteTiers(cs.apartFrom, f.From)
			noteTiers(cs.apartTo, f.To)
		}
	}
	cs.labels = sortedKeys(cs.comparedFrom)
}

func note(compared map[string]map[string]bool, label string, refs Refs) {
	if compared[label] == nil {
		compared[label] = map[string]bool{}
	}
	noteTiers(compared[label], refs)
}

func noteTiers(tiers map[string]bool, refs Refs) {
	for _, r := range refs {
		tiers[r.Name] = true
	}
}

// namedWorkloads are the names of workloads that statements mention.
func namedWorkloads(statements []FlowSpec) map[string]bool {
	out := map[string]bool{}
	for _, f := range statements {
		for _, refs := range []Refs{f.From, f.To} {
			for _, r := range refs {
				if r.Workload != "" {
					out[r.Workload] = true
				}
			}
		}
	}
	return out
}

// matching are the indices of the classes that an endpoint means, in ascending order; hostNetwork ones are among them.
func (s *side) matching(r Ref) []int {
	if i, ok := s.byPeer[r.Name]; ok && r.plain() {
		return []int{i}
	}
	if r.Workload != "" {
		return s.matchingWorkload(r)
	}
	var out []int
	if r.Name == everything {
		for i, c := range s.classes {
			if c.peer == nil {
				out = append(out, i)
			}
		}
		return out
	}
	for _, i := range s.byTier[r.Name] {
		c := s.classes[i]
		if r.Namespace == "" || r.Namespace == c.namespace {
			out = append(out, i)
		}
	}
	return out
}

// matchingWorkload are the classes of workloads of a name: as kustomize builds it or, if none is called so, as manifests
// have it, so that one flow holds in environments with different prefixes.
func (s *side) matchingWorkload(r Ref) []int {
	var built, declared []int
	for _, i := range s.byTier[r.Name] {
		c := s.classes[i]
		switch {
		case r.Namespace != "" && r.Namespace != c.namespace:
		case c.name == r.Workload:
			built = append(built, i)
		case c.declared == r.Workload:
			declared = append(declared, i)
		}
	}
	if len(built) > 0 {
		return built
	}
	return declared
}

// matchingAny are the indices of the classes that one of the endpoints means, in ascending order.
func (s *side) matchingAny(refs Refs) []int {
	var out []int
	for _, r := range refs {
		out = append(out, s.matching(r)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
