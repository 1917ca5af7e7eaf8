package assertion

import (
	"slices"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Connection is what is open from one end to another.
type Connection struct {
	// From and To are each a workload or a peer, at most one of them a peer.
	From, To tier.Endpoint
	// Ports are open for certain, Unknown may be. One of them is not empty.
	Ports, Unknown tier.PortSet
	// Unmeant are the ports that are open, or may be, and no flow means.
	Unmeant tier.PortSet
}

// Connections is everything that is open between workloads, and between workloads and the peers that flows and invariants
// name, in the order of the workloads and peers. That a pod reaches itself is left out. Of a peer that is many addresses a
// port is open if it is for all of them, or if it is for one and no flow means that.
func (p *Proof) Connections() []Connection {
	var all []end
	byClass := map[int]end{}
	for c, members := range p.byClass {
		byClass[c] = end{number: members[0], class: c}
		all = append(all, byClass[c])
	}
	roles := p.peerRoles()
	known := map[alike]Connection{}
	var out []Connection
	for i, w := range p.workloads {
		var mine []Connection
		for _, to := range p.candidates(end{number: i, class: p.class(i)}, all, byClass) {
			open := p.Matrix.OpenBetween(p.class(i), to.class)
			if len(open) == 0 {
				continue
			}
			for _, j := range p.byClass[to.class] {
				key := alike{p.class(i), to.class, p.meant.roleOf[i], p.meant.roleOf[j]}
				c, has := known[key]
				if !has {
					c = p.connection(tier.Endpoint{}, tier.Endpoint{}, open, p.meant.ofRoles(key.fromRole, key.toRole, reachability.Ingress))
					known[key] = c
				}
				c.From, c.To = tier.Endpoint{Workload: w}, tier.Endpoint{Workload: p.workloads[j]}
				mine = append(mine, c)
			}
		}
		slices.SortFunc(mine, func(a, b Connection) int { return p.number[a.To.Workload] - p.number[b.To.Workload] })
		out = append(out, mine...)
		out = append(out, p.peerConnections(i, w, roles)...)
	}
	return out
}

// alike is equal for pairs of workloads between which the same is open and meant: they share their sets of ports.
type alike struct{ fromClass, toClass, fromRole, toRole int }

// peerConnections are what is open between a workload and the peers, those to the workload first. What every source may
// reach is not said again of each peer: a peer is shown in the roles that flows and invariants give it, or where something
// is open that nobody means.
func (p *Proof) peerConnections(i int, w *workload.Workload, roles map[peerAndDirection]bool) []Connection {
	var out []Connection
	for _, d := range []reachability.Direction{reachability.Ingress, reachability.Egress} {
		for _, peer := range p.peers() {
			from, to := tier.Endpoint{Peer: peer}, tier.Endpoint{Workload: w}
			if d == reachability.Egress {
				from, to = to, from
			}
			c := p.peerConnection(i, peer, d)
			c.From, c.To = from, to
			if len(c.Ports)+len(c.Unknown) > 0 && (len(c.Unmeant) > 0 || roles[peerAndDirection{peer, d}]) {
				out = append(out, c)
			}
		}
	}
	return out
}

// peerConnection is what is open for all of a peer, and what is open for a part of it without being meant.
func (p *Proof) peerConnection(i int, peer *tier.Peer, d reachability.Direction) Connection {
	var c Connection
	for n, probe := range p.probesOf(peer, d) {
		from, to := probe.endpoint, p.endpoint(i)
		if d == reachability.Egress {
			from, to = to, from
		}
		one := p.connection(tier.Endpoint{}, tier.Endpoint{}, p.Matrix.Open(from, to), p.meant.ofProbe(p.meant.roleOf[i], probe, d))
		c.Unmeant = c.Unmeant.Union(one.Unmeant)
		if n == 0 {
			c.Ports, c.Unknown = one.Ports, one.Unknown
			continue
		}
		c.Ports, c.Unknown = c.Ports.Intersect(one.Ports), c.Unknown.Union(one.Unknown)
	}
	c.Ports = c.Ports.Union(c.Unmeant.Minus(c.Unknown))
	c.Unknown = c.Unknown.Minus(c.Ports)
	return c
}

// peerRoles are the peers that a flow or an invariant has as a source (ingress) or as a destination.
func (p *Proof) peerRoles() map[peerAndDirection]bool {
	out := map[peerAndDirection]bool{}
	for _, g := range p.groups() {
		for d, ends := range map[reachability.Direction][]tier.Endpoint{reachability.Ingress: g.From, reachability.Egress: g.To} {
			for _, e := range ends {
				if e.Peer != nil {
					out[peerAndDirection{e.Peer, d}] = true
				}
			}
		}
	}
	return out
}

func (p *Proof) connection(from, to tier.Endpoint, open []reachability.PortRange, meant tier.PortSet) Connection {
	c := Connection{From: from, To: to, Ports: portsOf(open, reachability.Allowed)}
	c.Unknown = portsOf(open, reachability.Unknown).Minus(c.Ports)
	c.Unmeant = c.Ports.Union(c.Unknown).Minus(meant)
	return c
}
