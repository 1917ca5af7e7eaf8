// Package placement decides which NetworkPolicy stands in which layer of a package and under which name.
package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Owner is what the emitted policies say of their set.
type Owner struct {
	Set    string
	Labels map[string]string
}

// Flat is the policies of a model that is one layer and one environment: a plain stream, kustomize's stream, or a folder
// without kustomizations. They are sorted by namespace, default-deny-all first and prometheus-network-policy last in each.
// A workload whose pods cannot be told apart from others is a finding of severity error.
func Flat(owner Owner, m *tier.Model) ([]*networkingv1.NetworkPolicy, report.Findings) {
	p := newFlatPlan(owner, m)
	var out []*networkingv1.NetworkPolicy
	for _, ns := range p.namespaces() {
		out = append(out, p.namespace(ns)...)
	}
	return out, p.findings
}

type flatPlan struct {
	owner    Owner
	universe *universe
	rules    map[int32]rules
	pods     *policy.Pods
	findings report.Findings
	// peers holds the peers of a set of endpoints as seen from a namespace: many subjects share them.
	peers map[peerKey][]networkingv1.NetworkPolicyPeer
}

type peerKey struct {
	set       *endpoints
	namespace string
	direction policy.Direction
}

func newFlatPlan(owner Owner, m *tier.Model) *flatPlan {
	declarations := make([]*declaration, len(m.Workloads))
	numbers := make(map[*workload.Workload]int32, len(m.Workloads))
	for i, w := range m.Workloads {
		declarations[i] = &declaration{workload: w}
		numbers[w] = int32(i)
	}
	u := newUniverse(declarations)
	p := &flatPlan{owner: owner, universe: u, pods: policy.NewPods(m.Workloads), peers: map[peerKey][]networkingv1.NetworkPolicyPeer{}}
	p.rules = rulesOf(u, m, func(e tier.Endpoint) (int32, bool) {
		if e.Peer != nil {
			return u.peer(e.Peer), true
		}
		n, ok := numbers[e.Workload]
		return n, ok
	})
	return p
}

func (p *flatPlan) namespaces() []string {
	seen := map[string]bool{}
	for _, d := range p.universe.declarations {
		if !d.workload.HostNetwork {
			seen[d.workload.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func (p *flatPlan) meta(name, namespace, description string) policy.Meta {
	return policy.Meta{Set: p.owner.Set, Labels: p.owner.Labels, Name: name, Namespace: namespace, Description: description}
}

// namespace is the policies of one namespace.
func (p *flatPlan) namespace(ns string) []*networkingv1.NetworkPolicy {
	out := []*networkingv1.NetworkPolicy{policy.DefaultDeny(p.meta("default-deny-all", ns, "Every pod: nothing in, nothing out, unless another policy opens it."))}
	scrape := p.hoistScrape(ns)
	for _, g := range p.groups(ns) {
		if np := p.subjectPolicy(ns, g); np != nil {
			out = append(out, np)
		}
	}
	if scrape != nil {
		out = append(out, scrape)
	}
	return out
}

// group is the subjects of one policy.
type group struct {
	name     string
	subjects []*declaration
	rules    rules
}

// groups puts the namespace's subjects together by tier where all of the tier share one set of rules and one selector
// selects just them, and takes them one by one elsewhere.
func (p *flatPlan) groups(ns string) []group {
	byTier := map[string][]*declaration{}
	for _, d := range p.universe.declarations {
		w := d.workload
		if w.Namespace == ns && !w.HostNetwork && len(p.rules[d.number]) > 0 {
			byTier[w.Tier] = append(byTier[w.Tier], d)
		}
	}
	var out []group
	for _, t := range slices.Sorted(maps.Keys(byTier)) {
		members := byTier[t]
		if p.alike(t, ns, members) {
			out = append(out, group{name: t + "-network-policy", subjects: members, rules: p.rules[members[0].number]})
			continue
		}
		for i, d := range members {
			name := t + "-" + d.workload.Name
			if slices.ContainsFunc(members, func(o *declaration) bool { return o != d && o.workload.Name == d.workload.Name }) {
				name += "-" + strings.ToLower(members[i].workload.Kind)
			}
			out = append(out, group{name: name + "-network-policy", subjects: []*declaration{d}, rules: p.rules[d.number]})
		}
	}
	return out
}

// alike reports whether one policy can serve all workloads of a tier in the namespace.
func (p *flatPlan) alike(tierName, ns string, members []*declaration) bool {
	whole := 0
	for _, w := range p.pods.In(ns) {
		if w.Tier == tierName {
			whole++
		}
	}
	if whole != len(members) {
		return false
	}
	for _, d := range members[1:] {
		if !p.rules[d.number].equal(p.rules[members[0].number]) {
			return false
		}
	}
	_, ok := p.selectorFor(ns, members)
	return ok
}

func (p *flatPlan) selectorFor(ns string, members []*declaration) (*metav1.LabelSelector, bool) {
	return policy.Select([]policy.View{{Pods: p.pods, Namespace: ns}}, [][]*workload.Workload{workloadsOf(members)})
}

func workloadsOf(members []*declaration) []*workload.Workload {
	out := make([]*workload.Workload, len(members))
	for i, d := range members {
		out[i] = d.workload
	}
	return out
}

func (p *flatPlan) subjectPolicy(ns string, g group) *networkingv1.NetworkPolicy {
	selector, ok := p.selectorFor(ns, g.subjects)
	if !ok {
		p.ambiguous(g.subjects[0].workload)
		return nil
	}
	description := "Workload " + g.subjects[0].workload.Name + ": just the connections that are meant."
	if len(g.subjects) > 1 || strings.HasPrefix(g.name, g.subjects[0].workload.Tier+"-network") {
		description = "Tier " + g.subjects[0].workload.Tier + ": just the connections that are meant."
	}
	return policy.New(p.meta(g.name, ns, description), *selector, []policy.Direction{policy.Ingress, policy.Egress},
		p.write(ns, policy.Ingress, g.rules), p.write(ns, policy.Egress, g.rules))
}

func (p *flatPlan) ambiguous(w *workload.Workload) {
	var others []string
	for _, o := range p.pods.Selected(w.Namespace, w.Selector) {
		if o != w {
			others = append(others, o.String())
		}
	}
	if w.Selector == nil {
		others = nil
		for _, o := range p.pods.Selected(w.Namespace, w.PodLabels) {
			if o != w {
				others = append(others, o.String())
			}
		}
	}
	f := report.Finding{ID: SelectorAmbiguous, Severity: report.Error, File: w.Source.File, Index: w.Source.Index,
		Object: report.Object{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
		Field:  "spec.template.metadata.labels",
		Message: fmt.Sprintf("no label tells its pods from those of %s, so no policy can select just them: give the pod templates a label that differs, such as app.kubernetes.io/name: %s",
			strings.Join(others, ", "), w.Name)}
	if !slices.Contains(p.findings, f) {
		p.findings = append(p.findings, f)
	}
}

// write is the rules of one direction: the cells that lead to one set of ends are one rule.
func (p *flatPlan) write(ns string, direction policy.Direction, r rules) []policy.Rule {
	ports := map[*endpoints]tier.PortSet{}
	var order []*endpoints
	for _, c := range r.cells() {
		if c.direction != direction {
			continue
		}
		s := r[c]
		if ports[s] == nil {
			order = append(order, s)
		}
		ports[s] = append(ports[s], c.ports)
	}
	slices.SortStableFunc(order, func(a, b *endpoints) int { return cmp.Compare(p.rank(a), p.rank(b)) })
	var out []policy.Rule
	for _, s := range order {
		peers, everyone := p.peersOf(ns, direction, s)
		if len(peers) == 0 && !everyone {
			continue // the finding says why
		}
		out = append(out, policy.Rule{Peers: peers, Ports: ports[s].Union(nil)})
	}
	return out
}

// rank orders rules: workloads, then peers, dns and internet last.
func (p *flatPlan) rank(s *endpoints) int {
	first := s.members[0]
	n := int32(len(p.universe.declarations))
	if first < n {
		return 0
	}
	switch p.universe.peers[first-n].Name {
	case tier.DNS:
		return 2
	case tier.Internet:
		return 3
	}
	return 1
}

// peersOf writes a set of ends as peers; everyone is true where one of them is every source.
func (p *flatPlan) peersOf(ns string, direction policy.Direction, s *endpoints) (peers []networkingv1.NetworkPolicyPeer, everyone bool) {
	key := peerKey{s, ns, direction}
	if cached, ok := p.peers[key]; ok {
		return cached, cached != nil && len(cached) == 0
	}
	var members []*declaration
	n := int32(len(p.universe.declarations))
	for _, m := range s.members {
		if m < n {
			members = append(members, p.universe.declarations[m])
			continue
		}
		peer := p.universe.peers[m-n]
		targets := peer.To
		if direction == policy.Ingress {
			targets = peer.From
		}
		written, all := policy.TargetPeers(targets)
		if all {
			p.peers[key] = []networkingv1.NetworkPolicyPeer{}
			return nil, true
		}
		peers = append(peers, written...)
	}
	peers = append(p.podPeers(ns, members), peers...)
	p.peers[key] = peers
	return peers, false
}

// podPeers writes workloads as peers, a tier at a time where one selector selects just those, else one by one.
func (p *flatPlan) podPeers(ns string, members []*declaration) []networkingv1.NetworkPolicyPeer {
	type key struct{ namespace, tier string }
	groups := map[key][]*declaration{}
	for _, d := range members {
		k := key{d.workload.Namespace, d.workload.Tier}
		groups[k] = append(groups[k], d)
	}
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.tier, b.tier))
	})
	var out []networkingv1.NetworkPolicyPeer
	for _, k := range keys {
		if selector, ok := p.peerSelector(ns, k.namespace, groups[k]); ok {
			out = append(out, p.podPeer(ns, k.namespace, selector))
			continue
		}
		for _, d := range groups[k] {
			if selector, ok := p.peerSelector(ns, k.namespace, []*declaration{d}); ok {
				out = append(out, p.podPeer(ns, k.namespace, selector))
			} else {
				p.ambiguous(d.workload)
			}
		}
	}
	return out
}

func (p *flatPlan) peerSelector(own, namespace string, members []*declaration) (*metav1.LabelSelector, bool) {
	if namespace == own {
		return p.selectorFor(own, members)
	}
	views := []policy.View{{Pods: p.pods, Namespace: own}}
	return policy.SelectElsewhere(views, [][]*workload.Workload{workloadsOf(members)}, []string{namespace})
}

func (p *flatPlan) podPeer(own, namespace string, selector *metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	if namespace == own {
		return policy.PodPeer(selector)
	}
	return policy.NamespacePeer(namespace, selector)
}

// hoistScrape takes Prometheus' rule out of the namespace's subjects and gives the one policy that says it for all,
// where that is exact: every pod of the namespace is scraped on the same ports. Otherwise nil, and the rule stays with
// each workload's own policy.
func (p *flatPlan) hoistScrape(ns string) *networkingv1.NetworkPolicy {
	var shared rules
	var subjects []*declaration
	for _, d := range p.universe.declarations {
		if d.workload.Namespace != ns || d.workload.HostNetwork {
			continue
		}
		scrape := p.rules[d.number].where(p.universe, func(direction policy.Direction, m int32) bool {
			return direction == policy.Ingress && p.isPrometheus(m)
		})
		if len(scrape) == 0 || (shared != nil && !scrape.equal(shared)) {
			return nil
		}
		shared = scrape
		subjects = append(subjects, d)
	}
	if len(subjects) == 0 {
		return nil
	}
	for _, d := range subjects {
		p.rules[d.number] = p.rules[d.number].minus(p.universe, shared)
	}
	return policy.New(p.meta("prometheus-network-policy", ns, "Every pod: Prometheus may scrape the metrics port."),
		metav1.LabelSelector{}, []policy.Direction{policy.Ingress}, p.write(ns, policy.Ingress, shared), nil)
}

func (p *flatPlan) isPrometheus(m int32) bool {
	n := int32(len(p.universe.declarations))
	return m >= n && p.universe.peers[m-n].Name == tier.Prometheus
}
