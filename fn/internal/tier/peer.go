package tier

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/workload"
)

// builtinPeers are the names of the built-in peers.
func builtinPeers() []string { return []string{Internet, DNS, Prometheus, APIServer} }

// privateRanges are what internet as a destination leaves out: private, shared (RFC 6598), link-local, where clouds serve
// machine metadata, and for IPv6 unique local and link-local addresses.
func privateRanges() []string {
	return []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"}
}

// peersIn are the peers that an environment knows, by name: the built-in ones, overridden by the set's own, overridden
// by the environment's. The built-in apiserver has no addresses, so it is there only where the user gives them.
func (s *Set) peersIn(environment string) map[string]*Peer {
	peers := map[string]*Peer{
		Internet: {
			Name: Internet, From: []Target{{Any: true}}, To: s.publicAddresses(),
		},
		DNS:        s.dnsPeer(),
		Prometheus: {Name: Prometheus, From: inNamespace("monitoring"), To: inNamespace("monitoring")},
	}
	for _, list := range [][]PeerSpec{s.Peers, s.environment(environment).Peers} {
		for _, p := range list {
			peers[p.Name] = s.peer(p)
		}
	}
	return peers
}

func inNamespace(name string) []Target { return []Target{{Namespace: name}} }

// peer is a peer as the user writes it.
func (s *Set) peer(spec PeerSpec) *Peer {
	p := &Peer{Name: spec.Name, Ports: numbers(spec.Ports)}
	if len(p.Ports) == 0 {
		p.Ports = s.usualPorts(spec.Name)
	}
	for _, c := range sortedCIDRs(spec.CIDRs) {
		p.To = append(p.To, Target{CIDR: c, Except: exceptsWithin(c, spec.Except)})
	}
	if spec.Namespace != "" {
		p.To = append(p.To, Target{Namespace: spec.Namespace, Pods: expressions(spec.PodSelector)})
	}
	p.From = p.To
	return p
}

// usualPorts are the ports of an overridden built-in peer that names none.
func (s *Set) usualPorts(name string) PortSet {
	switch name {
	case DNS:
		return s.dnsPeer().Ports
	case APIServer:
		return numbers(tcpPorts(443, 6443))
	}
	return nil
}

// dnsPeer is where the cluster's DNS answers, by UDP and, for long answers, by TCP.
func (s *Set) dnsPeer() *Peer {
	p := &Peer{Name: DNS, Ports: PortSet{{workload.TCP, 53, 53}, {workload.UDP, 53, 53}}}
	coreDNS := Target{Namespace: "kube-system", Pods: in("k8s-app", "kube-dns")}
	switch s.Profile.DNS {
	case DNSOpenShift:
		p.To = []Target{{Namespace: "openshift-dns", Pods: in("dns.operator.openshift.io/daemonset-dns", "default")}}
		p.Ports = PortSet{{workload.TCP, 5353, 5353}, {workload.UDP, 5353, 5353}}
	case DNSNodeLocal:
		p.To = []Target{{CIDR: "169.254.20.10/32"}, coreDNS}
	case DNSGKE:
		p.To = []Target{{CIDR: "169.254.169.254/32"}}
	default:
		p.To = []Target{coreDNS}
	}
	p.From = p.To
	return p
}

func in(key string, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
		Key: key, Operator: metav1.LabelSelectorOpIn, Values: values,
	}}}
}

// expressions is the selector with matchExpressions only, sorted by key: kustomize's label transformers leave those alone.
// Nil where the selector selects everything.
func expressions(selector *metav1.LabelSelector) *metav1.LabelSelector {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return nil
	}
	out := &metav1.LabelSelector{}
	for _, k := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		out.MatchExpressions = append(out.MatchExpressions, in(k, selector.MatchLabels[k]).MatchExpressions...)
	}
	for _, e := range selector.MatchExpressions {
		e.Values = slices.Sorted(slices.Values(e.Values))
		out.MatchExpressions = append(out.MatchExpressions, e)
	}
	slices.SortStableFunc(out.MatchExpressions, func(a, b metav1.LabelSelectorRequirement) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Operator, b.Operator), slices.Compare(a.Values, b.Values))
	})
	return out
}

// publicAddresses is internet as a destination.
func (s *Set) publicAddresses() []Target {
	excepts := slices.Concat(privateRanges(), s.Profile.PodCIDRs, s.Profile.ServiceCIDRs)
	return []Target{
		{CIDR: "0.0.0.0/0", Except: exceptsWithin("0.0.0.0/0", excepts)},
		{CIDR: "::/0", Except: exceptsWithin("::/0", excepts)},
	}
}

// exceptsWithin are the excepted ranges that lie within the CIDR, sorted, without those that another of them covers.
func exceptsWithin(cidr string, excepts []string) []string {
	var out []string
	for _, e := range sortedCIDRs(excepts) {
		if !covers(cidr, e) || slices.ContainsFunc(out, func(o string) bool { return covers(o, e) }) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// sortedCIDRs are the CIDRs by family, address and length, the wider first.
func sortedCIDRs(cidrs []string) []string {
	out := slices.Clone(cidrs)
	slices.SortFunc(out, func(a, b string) int {
		p, q := prefix(a), prefix(b)
		return cmp.Or(p.Addr().Compare(q.Addr()), cmp.Compare(p.Bits(), q.Bits()))
	})
	return slices.Compact(out)
}

// covers reports whether every address of the inner CIDR is in the outer one.
func covers(outer, inner string) bool {
	o, i := prefix(outer), prefix(inner)
	return o.IsValid() && i.IsValid() && o.Bits() <= i.Bits() && o.Contains(i.Addr())
}

// prefix is the CIDR; the zero Prefix, which covers nothing, where it is none.
func prefix(cidr string) netip.Prefix {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
