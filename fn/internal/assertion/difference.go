package assertion

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Difference is what differs between two environments from one end to another.
type Difference struct {
	// From and To are names of workloads, names of peers, or what stands in words for addresses and pods that no peer is.
	From, To string
	// FromPeer and ToPeer are true for an end that is no workload.
	FromPeer, ToPeer bool
	Ports            []PortDifference
}

// PortDifference is ports that change alike.
type PortDifference struct {
	Ports         tier.PortSet
	Before, After reachability.Value
	// Meant is true if a flow of the new environment means the ports.
	Meant bool
	// Rest is true if Ports and what is open in both environments are all ports.
	Rest bool
}

// Side is one of two environments, with the names that its workloads are compared by.
type Side struct {
	*Proof
	Name func(*workload.Workload) string
}

// Compare says which connections differ: between workloads, and between workloads and everything else, addresses and pods
// of other namespaces, each told apart where a policy or a flow of either side does. A workload that one side does not have
// has no connections there.
func Compare(old, now Side) []Difference {
	c := &comparison{sides: [2]Side{old, now}}
	all := append(c.betweenWorkloads(), c.withOutside()...)
	slices.SortStableFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	var out []Difference
	for _, one := range all {
		if n := len(out); n > 0 && out[n-1].From == one.From && out[n-1].To == one.To {
			out[n-1].Ports = slices.Concat(out[n-1].Ports, one.Ports)
			continue
		}
		out = append(out, one)
	}
	return out
}

type comparison struct {
	sides [2]Side
	// probes are the ends outside that either side tells apart.
	probes []*probe
}

// opening is what is open: for certain, and perhaps.
type opening struct{ allowed, unknown tier.PortSet }

func openingOf(ranges []reachability.PortRange) opening {
	allowed := portsOf(ranges, reachability.Allowed)
	return opening{allowed, portsOf(ranges, reachability.Unknown).Minus(allowed)}
}

func (o opening) of(v reachability.Value) tier.PortSet {
	switch v {
	case reachability.Allowed:
		return o.allowed
	case reachability.Unknown:
		return o.unknown
	}
	return tier.AllPorts().Minus(o.allowed).Minus(o.unknown)
}

// changes are the ports that differ, by what they were and are.
func changes(before, after opening, meant tier.PortSet) []PortDifference {
	var out []PortDifference
	same := before.allowed.Intersect(after.allowed)
	values := []reachability.Value{reachability.Denied, reachability.Unknown, reachability.Allowed}
	for _, b := range values {
		for _, a := range values {
			if a == b {
				continue
			}
			changed := before.of(b).Intersect(after.of(a))
			for _, isMeant := range []bool{true, false} {
				part := changed.Intersect(meant)
				if !isMeant {
					part = changed.Minus(meant)
				}
				if len(part) > 0 {
					out = append(out, PortDifference{part, b, a, isMeant, !part.All() && part.Union(same).All()})
				}
			}
		}
	}
	return out
}

// betweenWorkloads compares what is open between workloads.
func (c *comparison) betweenWorkloads() []Difference {
	type pair struct{ from, to string }
	type state struct {
		open  [2]opening
		meant tier.PortSet
	}
	all := map[pair]*state{}
	for side, s := range c.sides {
		for _, one := range s.Connections() {
			if one.From.Workload == nil || one.To.Workload == nil {
				continue
			}
			key := pair{s.Name(one.From.Workload), s.Name(one.To.Workload)}
			if all[key] == nil {
				all[key] = &state{}
			}
			all[key].open[side] = opening{one.Ports, one.Unknown}
			if side == 1 {
				all[key].meant = one.Ports.Union(one.Unknown).Minus(one.Unmeant)
			}
		}
	}
	var out []Difference
	for key, s := range all {
		if ports := changes(s.open[0], s.open[1], s.meant); len(ports) > 0 {
			out = append(out, Difference{From: key.from, To: key.to, Ports: ports})
		}
	}
	return out
}

// withOutside compares what is open between workloads and everything else.
func (c *comparison) withOutside() []Difference {
	c.probes = c.bothProbes()
	numbers := map[string][2]int{} // of the workload on each side, -1 where there is none
	for side, s := range c.sides {
		for i, w := range s.workloads {
			n, known := numbers[s.Name(w)]
			if !known {
				n = [2]int{-1, -1}
			}
			n[side] = i
			numbers[s.Name(w)] = n
		}
	}
	var out []Difference
	alike := map[string][]Difference{}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		n := numbers[name]
		key := c.alike(n)
		found, known := alike[key]
		if !known {
			for _, d := range []reachability.Direction{reachability.Ingress, reachability.Egress} {
				found = append(found, c.outside(n, d)...)
			}
			alike[key] = found
		}
		for _, one := range found {
			if one.FromPeer {
				one.To = name
			} else {
				one.From = name
			}
			out = append(out, one)
		}
	}
	return out
}

// alike is equal for workloads of which the same is open and meant.
func (c *comparison) alike(numbers [2]int) string {
	key := ""
	for side, i := range numbers {
		if i < 0 {
			key += "none "
			continue
		}
		s := c.sides[side]
		key += fmt.Sprint(s.class(i), " ", s.meant.roleOf[i], " ")
	}
	return key
}

// outside compares one workload's connections with everything else.
func (c *comparison) outside(numbers [2]int, d reachability.Direction) []Difference {
	byChange := map[string][]int{}
	ports := map[string]PortDifference{}
	for i, probe := range c.probes {
		var open [2]opening
		for side, s := range c.sides {
			if n := numbers[side]; n >= 0 {
				open[side] = s.openTo(n, probe, d)
			}
		}
		var meant tier.PortSet
		if now := c.sides[1]; numbers[1] >= 0 {
			meant = now.meant.ofProbe(now.meant.roleOf[numbers[1]], probe, d)
		}
		for _, change := range changes(open[0], open[1], meant) {
			key := fmt.Sprint(change)
			byChange[key] = append(byChange[key], i)
			ports[key] = change
		}
	}
	var out []Difference
	for _, key := range slices.Sorted(maps.Keys(byChange)) {
		for _, name := range c.names(byChange[key], d) {
			one := Difference{To: name, ToPeer: true, Ports: []PortDifference{ports[key]}}
			if d == reachability.Ingress {
				one = Difference{From: name, FromPeer: true, Ports: []PortDifference{ports[key]}}
			}
			out = append(out, one)
		}
	}
	return out
}

func (p *Proof) openTo(number int, probe *probe, d reachability.Direction) opening {
	from, to := p.endpoint(number), probe.endpoint
	if d == reachability.Ingress {
		from, to = to, from
	}
	return openingOf(p.Matrix.Open(from, to))
}

// names are the peers that the probes make up, the greatest first, and what is left in words.
func (c *comparison) names(probes []int, d reachability.Direction) []string {
	left := map[int]bool{}
	for _, i := range probes {
		left[i] = true
	}
	all := maps.Clone(left)
	var out []string
	for _, peer := range c.peersBySize(d) {
		whole, news := true, false
		for i, probe := range c.probes {
			if probe.is(peer, d) {
				whole = whole && (all[i] || c.speculative(probe, peer, d))
				news = news || left[i]
			}
		}
		if !whole || !news {
			continue
		}
		out = append(out, peer.Name)
		for i, probe := range c.probes {
			if probe.is(peer, d) {
				delete(left, i)
			}
		}
	}
	out = append(out, c.words(slices.Sorted(maps.Keys(left)))...)
	slices.Sort(out)
	return slices.Compact(out)
}

// speculative: see Proof.speculative.
func (c *comparison) speculative(probe *probe, peer *tier.Peer, d reachability.Direction) bool {
	targets := peer.To
	if d == reachability.Ingress {
		targets = peer.From
	}
	return c.sides[0].speculative(probe, targets)
}

// peersBySize are the peers of both sides, those that are most first.
func (c *comparison) peersBySize(d reachability.Direction) []*tier.Peer {
	peers := slices.Concat(c.sides[0].peers(), c.sides[1].peers())
	size := map[*tier.Peer]int{}
	for _, peer := range peers {
		for _, probe := range c.probes {
			if probe.is(peer, d) {
				size[peer]++
			}
		}
	}
	peers = slices.DeleteFunc(peers, func(p *tier.Peer) bool { return size[p] == 0 })
	slices.SortStableFunc(peers, func(a, b *tier.Peer) int {
		return cmp.Or(cmp.Compare(size[b], size[a]), cmp.Compare(a.Name, b.Name))
	})
	return peers
}

// maxRanges is how many ranges of addresses are named.
const maxRanges = 4

// words are ranges of addresses as one text, and pods each as one.
func (c *comparison) words(probes []int) []string {
	var out []string
	var ranges [][2]netip.Addr
	for _, i := range probes {
		e := c.probes[i].endpoint
		switch n := len(ranges); {
		case !e.First.IsValid():
			out = append(out, c.probes[i].text)
		case n > 0 && ranges[n-1][1].Next() == e.First:
			ranges[n-1][1] = e.Last
		default:
			ranges = append(ranges, [2]netip.Addr{e.First, e.Last})
		}
	}
	var texts []string
	for _, r := range ranges {
		texts = append(texts, rangeText(r[0], r[1]))
	}
	if len(texts) > maxRanges {
		texts = append(texts[:maxRanges], fmt.Sprintf("%d more ranges", len(texts)-maxRanges))
	}
	if len(texts) > 0 {
		out = append(out, "addresses "+strings.Join(texts, ", "))
	}
	return out
}

// bothProbes are the ranges of addresses cut by both sides, and the pods that either side tells apart.
func (c *comparison) bothProbes() []*probe {
	var out []*probe
	theirs := c.sides[1].Matrix.Externals()
	for _, a := range c.sides[0].Matrix.Externals() {
		for _, b := range theirs {
			first, last := later(a.First, b.First), earlier(a.Last, b.Last)
			if a.First.BitLen() == b.First.BitLen() && first.Compare(last) <= 0 {
				out = append(out, rangeProbe(reachability.Endpoint{First: first, Last: last}))
			}
		}
	}
	known := map[string]bool{}
	for _, s := range c.sides {
		for _, probe := range s.rules.probes.pods {
			if !known[probe.text] {
				known[probe.text] = true
				out = append(out, probe)
			}
		}
	}
	return out
}

func later(a, b netip.Addr) netip.Addr {
	if a.Compare(b) > 0 {
		return a
	}
	return b
}

func earlier(a, b netip.Addr) netip.Addr {
	if a.Compare(b) < 0 {
		return a
	}
	return b
}
