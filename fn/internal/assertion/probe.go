package assertion

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/tier"
)

// probe is an end that is no workload of the environment: a range of addresses that no policy and no flow cuts, or a pod
// that stands for those of its namespace with its labels.
type probe struct {
	endpoint reachability.Endpoint
	text     string
}

func (p *probe) String() string { return p.text }

// elsewhere stands for the namespaces that neither the input nor a policy or flow names.
const elsewhere = "tierwall-elsewhere"

const metadataName = "kubernetes.io/metadata.name"

// anyValue stands for the label values that no selector names.
const anyValue = "tierwall-any-value"

func rangeProbe(e reachability.Endpoint) *probe {
	return &probe{e, "addresses " + rangeText(e.First, e.Last)}
}

// rangeText is the range as a CIDR where it is one.
func rangeText(first, last netip.Addr) string {
	for bits := 0; bits <= first.BitLen(); bits++ {
		p, err := first.Prefix(bits)
		if err == nil && p.Addr() == first && lastOf(p) == last {
			return p.String()
		}
	}
	return first.String() + "-" + last.String()
}

func lastOf(p netip.Prefix) netip.Addr {
	e := reachability.ExternalEndpoint(p)
	return e.Last
}

func podProbe(namespace string, labels map[string]string) *probe {
	where := "namespace " + namespace
	if namespace == elsewhere {
		where = "any other namespace"
	}
	what := "a pod"
	if len(labels) > 0 {
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(labels)) {
			pairs = append(pairs, k+"="+strings.Replace(labels[k], anyValue, "...", 1))
		}
		what = "a pod with " + strings.Join(pairs, ", ")
	}
	return &probe{reachability.Endpoint{Namespace: namespace, PodLabels: labels}, what + " of " + where}
}

// is reports whether the peer stands for the probe, as the source (ingress) or destination of a workload's policy.
func (p *probe) is(peer *tier.Peer, d reachability.Direction) bool {
	targets := peer.To
	if d == reachability.Ingress {
		targets = peer.From
	}
	return slices.ContainsFunc(targets, func(t tier.Target) bool { return p.matches(t) })
}

func (p *probe) matches(t tier.Target) bool {
	switch {
	case t.Any:
		return true
	case t.CIDR != "":
		return p.endpoint.First.IsValid() && within(p.endpoint, t.CIDR) &&
			!slices.ContainsFunc(t.Except, func(e string) bool { return within(p.endpoint, e) })
	}
	return !p.endpoint.First.IsValid() && p.endpoint.Namespace == t.Namespace && selects(t.Pods, p.endpoint.PodLabels)
}

// within reports whether a range lies within a CIDR.
func within(e reachability.Endpoint, cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Contains(e.First) && p.Contains(e.Last)
}

// selects reports whether a selector matches the labels. Nil matches all, one that is none matches nothing.
func selects(s *metav1.LabelSelector, labels map[string]string) bool {
	if s == nil {
		return true
	}
	for k, v := range s.MatchLabels {
		if got, has := labels[k]; !has || got != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		got, has := labels[e.Key]
		holds := false
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			holds = has && slices.Contains(e.Values, got)
		case metav1.LabelSelectorOpNotIn:
			holds = !has || !slices.Contains(e.Values, got)
		case metav1.LabelSelectorOpExists:
			holds = has
		case metav1.LabelSelectorOpDoesNotExist:
			holds = !has
		}
		if !holds {
			return false
		}
	}
	return true
}

// maxVariations bounds how many pods stand for one selector.
const maxVariations = 16

// examples are labels that the selector matches: one for each value that it names, and one with a value that it does not
// name where it allows others.
func examples(s *metav1.LabelSelector) []map[string]string {
	if s == nil {
		return []map[string]string{{}}
	}
	first := map[string]string{}
	others := map[string][]string{}
	for k, v := range s.MatchLabels {
		first[k] = v
	}
	for _, e := range s.MatchExpressions {
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			if _, has := first[e.Key]; !has && len(e.Values) > 0 {
				first[e.Key] = e.Values[0]
				others[e.Key] = append(others[e.Key], e.Values[1:]...)
			}
		case metav1.LabelSelectorOpExists:
			if _, has := first[e.Key]; !has {
				first[e.Key] = anyValue
			}
		case metav1.LabelSelectorOpNotIn:
			others[e.Key] = append(others[e.Key], anyValue)
		}
	}
	out := []map[string]string{first}
	for _, k := range slices.Sorted(maps.Keys(others)) {
		for _, v := range others[k] {
			if len(out) == maxVariations {
				return out
			}
			labels := maps.Clone(first)
			labels[k] = v
			out = append(out, labels)
		}
	}
	return slices.DeleteFunc(out, func(labels map[string]string) bool { return !selects(s, labels) })
}

// probes are the ends outside the environment that policies or flows could tell apart.
type probes struct {
	ranges []*probe
	pods   []*probe
	known  map[string]bool
}

func (p *Proof) newProbes() *probes {
	out := &probes{known: map[string]bool{}}
	for _, e := range p.Matrix.Externals() {
		out.ranges = append(out.ranges, rangeProbe(e))
	}
	names := p.namedNamespaces()
	out.add(elsewhere, nil)
	for _, n := range names {
		out.add(n, nil)
	}
	for _, peer := range p.peers() {
		for _, t := range slices.Concat(peer.From, peer.To) {
			// Workloads of the environment that are the peer stand for it themselves.
			if t.Namespace != "" && (len(p.meant.members[peer]) == 0 || p.unknownScraper(peer)) {
				out.add(t.Namespace, t.Pods)
			}
		}
	}
	for _, policy := range p.policies {
		for _, peer := range foreignPeers(policy.NetworkPolicy) {
			for _, n := range append(slices.Clone(names), elsewhere) {
				if mayName(peer.NamespaceSelector, n) {
					out.add(n, peer.PodSelector)
				}
			}
		}
	}
	return out
}

func (ps *probes) add(namespace string, selector *metav1.LabelSelector) {
	for _, labels := range examples(selector) {
		key := fmt.Sprintf("%q %q", namespace, labels)
		if !ps.known[key] {
			ps.known[key] = true
			ps.pods = append(ps.pods, podProbe(namespace, labels))
		}
	}
}

// mayName is false where the selector's requirement on the namespace's name rules the namespace out.
func mayName(s *metav1.LabelSelector, name string) bool {
	only := &metav1.LabelSelector{}
	if v, has := s.MatchLabels[metadataName]; has {
		only.MatchLabels = map[string]string{metadataName: v}
	}
	for _, e := range s.MatchExpressions {
		if e.Key == metadataName {
			only.MatchExpressions = append(only.MatchExpressions, e)
		}
	}
	return selects(only, map[string]string{metadataName: name})
}

// namedNamespaces are the namespaces without workloads here that flows or policies name, or whose labels are known.
func (p *Proof) namedNamespaces() []string {
	names := map[string]bool{}
	for _, n := range p.in.Inventory.Namespaces {
		names[n.Name] = true
	}
	for _, peer := range p.peers() {
		for _, t := range slices.Concat(peer.From, peer.To) {
			names[t.Namespace] = true
		}
	}
	for _, policy := range p.policies {
		for _, peer := range foreignPeers(policy.NetworkPolicy) {
			for _, labels := range examples(peer.NamespaceSelector) {
				names[labels[metadataName]] = true
			}
		}
	}
	for _, w := range p.workloads {
		delete(names, namespaceOf(w.Namespace))
	}
	delete(names, "")
	delete(names, anyValue)
	return slices.Sorted(maps.Keys(names))
}

// peers are the peers that the groups name, in their order.
func (p *Proof) peers() []*tier.Peer {
	var out []*tier.Peer
	seen := map[*tier.Peer]bool{}
	for _, g := range p.groups() {
		for _, e := range slices.Concat(g.From, g.To) {
			if e.Peer != nil && !seen[e.Peer] {
				seen[e.Peer] = true
				out = append(out, e.Peer)
			}
		}
	}
	return out
}
