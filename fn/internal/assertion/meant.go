package assertion

import (
	"slices"
	"strconv"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
)

// meant answers which ports are meant between two ends. Workloads of one namespace that are in the same groups of flows
// have one role: what is meant for one of them is meant for all.
type meant struct {
	p     *Proof
	roles []role
	// roleOf is the role of each workload.
	roleOf []int
	// between remembers what is meant between two roles.
	between map[pairOfRoles]tier.PortSet
	// outside remembers what is meant between a role and an end that is no workload.
	outside map[roleAndProbe]tier.PortSet
	// members are the workloads of the environment that each peer stands for.
	members map[*tier.Peer][]int
	// probes remembers the probes that stand for a peer.
	probes map[peerAndDirection][]*probe
}

type role struct {
	namespace string
	// from and to are the groups that the role is a source and a destination of, in ascending order. A workload that
	// a group's peer stands for is an end of the group too.
	from, to []int
	// fromAnyone are the ports that every source may reach.
	fromAnyone tier.PortSet
}

type pairOfRoles struct {
	from, to  int
	direction reachability.Direction
}

type roleAndProbe struct {
	role      int
	probe     *probe
	direction reachability.Direction
}

func newMeant(p *Proof) *meant {
	members := p.members()
	m := &meant{p: p, members: members, between: map[pairOfRoles]tier.PortSet{}, outside: map[roleAndProbe]tier.PortSet{}, probes: map[peerAndDirection][]*probe{}}
	from, to := make([][]int, len(p.workloads)), make([][]int, len(p.workloads))
	fromAnyone := make([]tier.PortSet, len(p.workloads))
	ends := func(list []tier.Endpoint) (numbers []int, anyone bool) {
		for _, e := range list {
			if e.Workload != nil {
				numbers = append(numbers, p.number[e.Workload])
				continue
			}
			numbers = append(numbers, members[e.Peer]...)
			anyone = anyone || slices.ContainsFunc(e.Peer.From, func(t tier.Target) bool { return t.Any })
		}
		return numbers, anyone
	}
	for g, group := range p.in.Model.Groups {
		sources, anyone := ends(group.From)
		destinations, _ := ends(group.To)
		for _, i := range sources {
			from[i] = appendOnce(from[i], g)
		}
		for _, i := range destinations {
			to[i] = appendOnce(to[i], g)
			if anyone {
				fromAnyone[i] = fromAnyone[i].Union(group.Ports)
			}
		}
	}
	known := map[string]int{}
	for i, w := range p.workloads {
		key := namespaceOf(w.Namespace) + numbersKey(from[i]) + numbersKey(to[i])
		n, ok := known[key]
		if !ok {
			n = len(m.roles)
			known[key] = n
			m.roles = append(m.roles, role{namespaceOf(w.Namespace), from[i], to[i], fromAnyone[i]})
		}
		m.roleOf = append(m.roleOf, n)
	}
	return m
}

// members are the workloads of the environment that each peer stands for.
func (p *Proof) members() map[*tier.Peer][]int {
	byNamespace := map[string][]int{}
	for i, w := range p.workloads {
		byNamespace[namespaceOf(w.Namespace)] = append(byNamespace[namespaceOf(w.Namespace)], i)
	}
	out := map[*tier.Peer][]int{}
	for _, peer := range p.peers() {
		for _, t := range slices.Concat(peer.From, peer.To) {
			for _, i := range byNamespace[t.Namespace] {
				if t.Namespace != "" && !slices.Contains(out[peer], i) && selects(t.Pods, p.workloads[i].PodLabels) {
					out[peer] = append(out[peer], i)
				}
			}
		}
	}
	return out
}

func appendOnce(list []int, n int) []int {
	if len(list) > 0 && list[len(list)-1] == n {
		return list
	}
	return append(list, n)
}

func numbersKey(numbers []int) string {
	b := []byte{'|'}
	for _, n := range numbers {
		b = append(strconv.AppendInt(b, int64(n), 36), ',')
	}
	return string(b)
}

// ports are those of a group that one end's policies may name: a source's egress may need the Service's ports too.
func ports(g *tier.Group, d reachability.Direction) tier.PortSet {
	if d == reachability.Egress && g.EgressPorts != nil {
		return g.EgressPorts.Union(g.Ports)
	}
	return g.Ports
}

// ofRoles are the ports that the policies of the source (egress) or of the destination (ingress) may open between two
// roles. What lets every source in counts for the sources of other namespaces.
func (m *meant) ofRoles(from, to int, d reachability.Direction) tier.PortSet {
	key := pairOfRoles{from, to, d}
	out, known := m.between[key]
	if known {
		return out
	}
	a, b := &m.roles[from], &m.roles[to]
	for i, j := 0, 0; i < len(a.from) && j < len(b.to); {
		switch {
		case a.from[i] < b.to[j]:
			i++
		case a.from[i] > b.to[j]:
			j++
		default:
			out = out.Union(ports(&m.p.in.Model.Groups[a.from[i]], d))
			i++
			j++
		}
	}
	if a.namespace != b.namespace {
		out = out.Union(b.fromAnyone)
	}
	m.between[key] = out
	return out
}

// ofProbe are the ports that the policies of a workload of the role may open to (egress) or for (ingress) the probe.
func (m *meant) ofProbe(r int, probe *probe, d reachability.Direction) tier.PortSet {
	key := roleAndProbe{r, probe, d}
	out, known := m.outside[key]
	if known {
		return out
	}
	groups := m.roles[r].from
	if d == reachability.Ingress {
		groups = m.roles[r].to
	}
	for _, n := range groups {
		g := &m.p.in.Model.Groups[n]
		ends := g.To
		if d == reachability.Ingress {
			ends = g.From
		}
		if slices.ContainsFunc(ends, func(e tier.Endpoint) bool { return e.Peer != nil && probe.is(e.Peer, d) }) {
			out = out.Union(ports(g, d))
		}
	}
	m.outside[key] = out
	return out
}
