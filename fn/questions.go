package main

import (
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/script"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// shellFormat is the map as a script that asks a cluster. It is no picture: it says what is closed, too.
const shellFormat = "shell"

// someAddress is what is asked for the internet: it answers on 443, and is reached without a name.
const someAddress = "1.1.1.1"

// elsewhereName is what the reader sees for pods of a namespace that nothing names.
const elsewhereName = "elsewhere"

// questions puts together the script of one environment.
type questions struct {
	drawn
	names func(tier.Endpoint) string
	out   script.Environment
	// askable are the workloads whose pods kubectl can find and policies bind.
	askable []*workload.Workload
}

// questions are what the environment's script asks: every serving and metrics port of every workload, from every other
// workload and from the peers inside of the cluster, and the peers that workloads open connections to.
func (p drawn) questions() script.Environment {
	q := &questions{drawn: p, out: script.Environment{Name: p.name}}
	q.names, q.out.Namespace = p.shortNames()
	for _, n := range p.nodes(nil, q.names) {
		i := slices.IndexFunc(p.model.Workloads, func(w *workload.Workload) bool { return q.name(w) == n.Name })
		if !n.Peer && i >= 0 {
			q.addWorkload(p.model.Workloads[i])
		}
	}
	for _, w := range q.askable {
		q.ask(q.name(w), slices.Concat(q.ofItself(w), q.ofWorkloads(w, p.WorkloadEnd(w)), q.ofPeers(w)))
	}
	for _, peer := range p.Peers() {
		q.fromPeer(peer)
	}
	if len(q.askable) > 0 {
		name := elsewhereName
		for slices.ContainsFunc(q.out.Pods, func(pods script.Pods) bool { return pods.Name == name }) {
			name += "#"
		}
		q.out.Pods = append(q.out.Pods, script.Pods{Name: name, Elsewhere: true})
		q.ask(name, q.ofWorkloads(nil, assertion.ElsewhereEnd()))
	}
	return q.out
}

// shortNames are the names of the ends, without the namespace where all workloads are in one.
func (p drawn) shortNames() (names func(tier.Endpoint) string, namespace string) {
	long := p.nodeNames()
	taken := map[string]bool{elsewhereName: true}
	for _, peer := range p.Peers() {
		taken[peer.Name] = true
	}
	for i, w := range p.model.Workloads {
		if i > 0 && w.Namespace != namespace || taken[w.Name] {
			return long, ""
		}
		namespace, taken[w.Name] = w.Namespace, true
	}
	return func(e tier.Endpoint) string {
		if e.Workload != nil {
			return e.Workload.Name
		}
		return long(e)
	}, namespace
}

func (q *questions) name(w *workload.Workload) string { return q.names(tier.Endpoint{Workload: w}) }

func (q *questions) ask(from string, asked []script.Question) {
	if len(asked) > 0 {
		q.out.Askers = append(q.out.Askers, script.Asker{Pods: from, Questions: asked})
	}
}

func (q *questions) unasked(text string) { q.out.Unasked = append(q.out.Unasked, text) }

func (q *questions) addWorkload(w *workload.Workload) {
	labels := labelSelector(w.PodLabels)
	switch {
	case w.HostNetwork:
		q.unasked(q.name(w) + ": no policy binds a pod on the host network")
		return
	case labels == "" || w.Namespace != "" && len(validation.IsDNS1123Label(w.Namespace)) > 0:
		q.unasked(q.name(w) + ": no label tells its pods from others")
		return
	}
	q.askable = append(q.askable, w)
	q.out.Pods = append(q.out.Pods, script.Pods{Name: q.name(w), Namespace: w.Namespace, Selector: labels})
	for _, port := range slices.Concat(w.Ports, w.Metrics) {
		if port.Protocol != workload.TCP {
			q.unasked("any -> " + q.name(w) + ":" + port.String() + ": without an answer nobody can tell that it arrived")
		}
	}
}

// labelSelector is what kubectl takes for pods with all of the labels. Empty where there are none, or one is no label.
func labelSelector(labels map[string]string) string {
	for k, v := range labels {
		if len(validation.IsQualifiedName(k))+len(validation.IsValidLabelValue(v)) > 0 {
			return ""
		}
	}
	return strings.ReplaceAll(metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}), "<none>", "")
}

// tcpPortsOf are the ports that a script can ask.
func tcpPortsOf(w *workload.Workload) []workload.Port {
	return slices.DeleteFunc(slices.Concat(w.Ports, w.Metrics), func(p workload.Port) bool { return p.Protocol != workload.TCP })
}

func (q *questions) ofItself(w *workload.Workload) []script.Question {
	var out []script.Question
	for _, port := range tcpPortsOf(w) {
		out = append(out, script.Question{Open: true, Kind: script.Itself, Port: port.Number, To: withPort("itself", port)})
	}
	return out
}

// withPort is a destination as the map writes it: TCP goes unsaid.
func withPort(name string, port workload.Port) string {
	return name + ":" + strings.TrimSuffix(port.String(), "/TCP")
}

// ofWorkloads are the ports of all workloads but the asker's own. Open is asked as an application asks, by the Service's
// name. Closed is asked at a pod's address: there a name that does not resolve cannot pass for a closed port.
func (q *questions) ofWorkloads(asker *workload.Workload, from assertion.End) []script.Question {
	var out []script.Question
	byName := asker != nil && q.resolves(asker)
	for _, to := range q.askable {
		if to == asker {
			continue
		}
		for _, port := range tcpPortsOf(to) {
			open, decided := q.Open(from, q.WorkloadEnd(to), port.Protocol, port.Number)
			if !decided {
				continue
			}
			one := script.Question{Open: open, Kind: script.Address, Host: q.name(to), Port: port.Number, To: withPort(q.name(to), port)}
			if host, number := q.service(to, port); one.Open && byName && host != "" {
				one.Kind, one.Host, one.Port = script.Host, host, number
			}
			out = append(out, one)
		}
	}
	return out
}

// resolves is true if the workload surely reaches the cluster's DNS.
func (q *questions) resolves(w *workload.Workload) bool {
	for _, peer := range q.Peers() {
		if peer.Name == tier.DNS {
			open, decided := q.toPeer(w, peer, workload.Port{Protocol: workload.UDP, Number: dnsPort(peer)})
			return open && decided
		}
	}
	return false
}

// dnsPort is the port of the DNS pods, which need not be the port that is asked.
func dnsPort(peer *tier.Peer) int32 {
	for _, r := range peer.Ports {
		return r.First
	}
	return 53
}

// service is the name and port of a Service that leads to the port, and to no other workload; empty where none does.
func (q *questions) service(w *workload.Workload, port workload.Port) (host string, number int32) {
	for _, s := range q.inventory.Services {
		if s.Type == "ExternalName" || len(s.Workloads) != 1 || s.Workloads[0] != w || len(validation.IsDNS1035Label(s.Name)) > 0 {
			continue
		}
		for _, sp := range s.Ports {
			named := slices.ContainsFunc(w.NamedPorts, func(n workload.Port) bool { return n.Name == sp.TargetName && n.Number == port.Number })
			if sp.Protocol != port.Protocol || sp.TargetPort != port.Number && !(sp.TargetName != "" && named) {
				continue
			}
			host, number = s.Name, sp.Port
			if s.Namespace != "" {
				host += "." + s.Namespace
			}
			if s.Headless {
				number = port.Number // its name is the pods' addresses
			}
			return host, number
		}
	}
	return "", 0
}

// toPeer is what all ends that the peer stands for have in common; undecided where they differ.
func (q *questions) toPeer(w *workload.Workload, peer *tier.Peer, port workload.Port) (open, decided bool) {
	return common(q.PeerEnds(peer, false), func(e assertion.End) (open, decided bool) {
		return q.Open(q.WorkloadEnd(w), e, port.Protocol, port.Number)
	})
}

func common(ends []assertion.End, of func(assertion.End) (open, decided bool)) (open, decided bool) {
	for i, e := range ends {
		o, d := of(e)
		if !d || i > 0 && o != open {
			return false, false
		}
		open = o
	}
	return open, len(ends) > 0
}

// ofPeers are the peers that flows and invariants have as destinations, each on the ports that any workload reaches of it.
func (q *questions) ofPeers(w *workload.Workload) []script.Question {
	var out []script.Question
	for _, peer := range q.destinations() {
		for _, port := range q.peerPorts(peer) {
			open, decided := q.toPeer(w, peer, port)
			if !decided {
				continue
			}
			one := script.Question{Open: open, Kind: script.Variable, Peer: peer.Name, Host: hostOf(peer), Port: port.Number, To: withPort(peer.Name, port)}
			switch {
			case peer.Name == tier.DNS && port.Protocol == workload.UDP:
				one.Kind, one.Host = script.DNSByUDP, ""
			case peer.Name == tier.DNS:
				one.Kind, one.Host = script.DNSByTCP, ""
			case port.Protocol != workload.TCP:
				continue
			case slices.ContainsFunc(q.out.Pods, func(p script.Pods) bool { return p.Name == peer.Name }):
				one.Kind, one.Host = script.Address, peer.Name
			}
			out = append(out, one)
		}
	}
	return out
}

// destinations are the peers that may be reached, but for those whose pods are workloads of the environment; pods of a
// peer are made known when it is first seen.
func (q *questions) destinations() []*tier.Peer {
	var out []*tier.Peer
	for _, peer := range q.Peers() {
		again := slices.ContainsFunc(out, func(known *tier.Peer) bool { return known.Name == peer.Name }) // of an invariant
		if again || len(peer.To) == 0 || len(q.model.Members[peer.Name]) > 0 || peer.Name == tier.Prometheus {
			continue
		}
		if peer.Name != tier.DNS && peer.To[0].Namespace != "" {
			q.addPeer(peer, peer.To[0])
		}
		out = append(out, peer)
	}
	return out
}

func (q *questions) addPeer(peer *tier.Peer, target tier.Target) {
	if slices.ContainsFunc(q.out.Pods, func(p script.Pods) bool { return p.Name == peer.Name }) {
		return
	}
	selector := ""
	if target.Pods != nil {
		selector = metav1.FormatLabelSelector(target.Pods)
	}
	q.out.Pods = append(q.out.Pods, script.Pods{Name: peer.Name, Namespace: target.Namespace, Selector: selector})
}

// peerPorts are the single ports that a flow opens of the peer, 443 for the internet in any case.
func (q *questions) peerPorts(peer *tier.Peer) []workload.Port {
	var set tier.PortSet
	for _, g := range q.model.Groups {
		if slices.ContainsFunc(g.To, func(e tier.Endpoint) bool { return e.Peer == peer }) {
			set = set.Union(g.Ports)
		}
	}
	if peer.Name == tier.Internet {
		set = set.Union(tier.PortSet{{Protocol: workload.TCP, First: 443, Last: 443}})
	}
	out := numbers(set)
	if peer.Name == tier.Internet && len(out) == 0 {
		out = []workload.Port{{Protocol: workload.TCP, Number: 443}} // all ports, or runs of ports
	}
	return out
}

// hostOf is the host to ask of a peer outside of the cluster, where there is only one.
func hostOf(peer *tier.Peer) string {
	if peer.Name == tier.Internet {
		return someAddress
	}
	if len(peer.To) != 1 || peer.To[0].CIDR == "" {
		return ""
	}
	prefix, err := netip.ParsePrefix(peer.To[0].CIDR)
	if err != nil || !prefix.IsSingleIP() {
		return ""
	}
	return prefix.Addr().String()
}

// fromPeer is what pods of the peer ask, where it is one namespace of the cluster; of addresses outside it says that
// someone has to ask there.
func (q *questions) fromPeer(peer *tier.Peer) {
	var opened []string
	for _, g := range q.model.Groups {
		if !slices.ContainsFunc(g.From, func(e tier.Endpoint) bool { return e.Peer == peer }) {
			continue
		}
		for _, e := range g.To {
			if e.Workload != nil {
				for _, r := range g.Ports {
					opened = append(opened, q.name(e.Workload)+":"+strings.TrimSuffix(r.String(), "/TCP"))
				}
			}
		}
	}
	switch {
	case len(opened) == 0 || len(q.model.Members[peer.Name]) > 0:
	case len(peer.From) == 1 && peer.From[0].Namespace != "":
		q.addPeer(peer, peer.From[0])
		var asked []script.Question
		for _, to := range q.askable {
			for _, port := range tcpPortsOf(to) {
				open, decided := common(q.PeerEnds(peer, true), func(e assertion.End) (open, decided bool) {
					return q.Open(e, q.WorkloadEnd(to), port.Protocol, port.Number)
				})
				if decided {
					asked = append(asked, script.Question{Open: open, Kind: script.Address, Host: q.name(to), Port: port.Number, To: withPort(q.name(to), port)})
				}
			}
		}
		q.ask(peer.Name, asked)
	default:
		for _, to := range opened {
			q.unasked(peer.Name + " -> " + to + ": ask from there")
		}
	}
}
