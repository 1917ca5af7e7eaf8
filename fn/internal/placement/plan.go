// Package placement decides which NetworkPolicy stands in which layer of a package and under which name.
package placement

import (
	"cmp"
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

// Placed is a policy with the layer that it belongs to.
type Placed struct {
	// Layer is the directory of the layer, "." for the package's root.
	Layer  string
	Policy *networkingv1.NetworkPolicy
}

type plan struct {
	owner    Owner
	universe *universe
	placed   []Placed
	findings report.Findings
	written  map[siteKey]writtenPeers
	// confused are the pairs that leftover has found.
	confused map[confusion]bool
}

type siteKey struct {
	site       *site
	set        *endpoints
	namespaces string
	direction  policy.Direction
}

type writtenPeers struct {
	peers    []networkingv1.NetworkPolicyPeer
	everyone bool
	missing  []int32
}

func (p *plan) peers(s *site, namespaces []string, direction policy.Direction, set *endpoints) writtenPeers {
	key := siteKey{s, set, strings.Join(namespaces, "\x00"), direction}
	w, ok := p.written[key]
	if !ok {
		w.peers, w.everyone, w.missing = s.peers(p.universe, namespaces, direction, set)
		p.written[key] = w
	}
	return w
}

// partition is declarations that are in the same namespace in every scene of a site.
type partition struct {
	declared   string
	namespaces []string
	members    []*declaration
}

// partitions puts declarations together by the namespace of each scene and, where a layer shared by several scenes needs
// it, by the declared one.
func (s *site) partitions(members []*declaration, byDeclared bool) []partition {
	byKey := map[string]*partition{}
	for _, d := range members {
		namespaces, ok := s.namespacesOf(d)
		if !ok {
			continue
		}
		declared := d.namespace
		if !byDeclared && declared != namespaces[0] {
			declared = ""
		}
		key := strings.Join(namespaces, "\x00")
		if byDeclared {
			key += "\x00" + declared
		}
		if byKey[key] == nil {
			byKey[key] = &partition{declared: declared, namespaces: namespaces}
		}
		byKey[key].members = append(byKey[key].members, d)
	}
	var out []partition
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		out = append(out, *byKey[k])
	}
	return out
}

// common are the rules that a declaration has in every scene of the site and that the site can say exactly.
func (p *plan) common(s *site, namespaces []string, d *declaration) rules {
	r := s.scenes[0].rules[d.number]
	for _, sc := range s.scenes[1:] {
		r = r.common(p.universe, sc.rules[d.number])
	}
	missing := map[policy.Direction]map[int32]bool{policy.Ingress: {}, policy.Egress: {}}
	for c, set := range r {
		for _, m := range p.peers(s, namespaces, c.direction, set).missing {
			missing[c.direction][m] = true
		}
	}
	return r.where(p.universe, func(direction policy.Direction, m int32) bool { return !missing[direction][m] })
}

// give takes what a policy opens off what is still to be given.
func (p *plan) give(s *site, subjects []*declaration, r rules) {
	for _, sc := range s.scenes {
		for _, d := range subjects {
			sc.rules[d.number] = sc.rules[d.number].minus(p.universe, r)
		}
	}
}

// group is the subjects of one policy.
type group struct {
	name        string
	description string
	subjects    []*declaration
	rules       rules
	selector    *metav1.LabelSelector
}

// subjectPolicies writes the policies of a partition's subjects in a site.
func (p *plan) subjectPolicies(s *site, part partition) {
	written, ok := s.namespaceToWrite(part.declared, part.namespaces)
	if !ok {
		return
	}
	for _, g := range p.groups(s, part) {
		types := []policy.Direction{policy.Ingress, policy.Egress}
		if s.suffix != "" {
			types = g.rules.directions()
		}
		np := policy.New(p.meta(s.policyName(g.name), written, g.description), *g.selector, types,
			p.write(s, part.namespaces, policy.Ingress, g.rules), p.write(s, part.namespaces, policy.Egress, g.rules))
		p.placed = append(p.placed, Placed{Layer: s.dir, Policy: np})
		p.give(s, g.subjects, g.rules)
	}
}

// groups puts the partition's subjects together by tier where all of the tier share one set of rules and one selector
// selects just them, and takes them one by one elsewhere. A subject without an exact selector is left out.
func (p *plan) groups(s *site, part partition) []group {
	byTier := map[string][]*declaration{}
	own := map[int32]rules{}
	for _, d := range part.members {
		byTier[d.tier] = append(byTier[d.tier], d)
		own[d.number] = p.common(s, part.namespaces, d)
	}
	var out []group
	for _, t := range slices.Sorted(maps.Keys(byTier)) {
		members := byTier[t]
		first := own[members[0].number]
		alike := !slices.ContainsFunc(members, func(d *declaration) bool { return !own[d.number].equal(first) })
		if alike && len(first) == 0 {
			continue
		}
		if alike && t != "" {
			if selector, _, ok := s.selector(part.namespaces, members); ok {
				out = append(out, group{t + "-network-policy", "Opens the connections that are meant for tier " + t + ".", members, first, selector})
				continue
			}
		}
		for _, d := range members {
			selector, _, ok := s.selector(part.namespaces, []*declaration{d})
			if !ok || len(own[d.number]) == 0 {
				continue
			}
			out = append(out, group{p.workloadName(d, members) + "-network-policy", "Opens the connections that are meant for workload " + d.name + ".",
				[]*declaration{d}, own[d.number], selector})
		}
	}
	return out
}

// workloadName is what the policy of one workload is called after: its tier and name, its name alone where it has no tier;
// and its kind where another policy would be called the same.
func (p *plan) workloadName(d *declaration, members []*declaration) string {
	name, taken := d.name, false
	if d.tier != "" {
		name = d.tier + "-" + d.name
		taken = slices.ContainsFunc(members, func(o *declaration) bool { return o != d && o.name == d.name })
	} else {
		taken = slices.ContainsFunc(p.universe.declarations, func(o *declaration) bool {
			if o.tier == "" {
				return o != d && o.name == d.name && o.namespace == d.namespace
			}
			return name == o.tier || name == o.tier+"-"+o.name
		})
	}
	if taken {
		name += "-" + strings.ToLower(d.kind)
	}
	return name
}

func (p *plan) meta(name, namespace, description string) policy.Meta {
	return policy.Meta{Set: p.owner.Set, Labels: p.owner.Labels, Name: name, Namespace: namespace, Description: description}
}

// write is the rules of one direction: the cells that lead to one set of ends are one rule.
func (p *plan) write(s *site, namespaces []string, direction policy.Direction, r rules) []policy.Rule {
	ports := map[*endpoints]tier.PortSet{}
	var order []*endpoints
	for _, c := range r.cells() {
		if c.direction != direction {
			continue
		}
		set := r[c]
		if ports[set] == nil {
			order = append(order, set)
		}
		ports[set] = append(ports[set], c.ports)
	}
	slices.SortStableFunc(order, func(a, b *endpoints) int { return cmp.Compare(p.universe.rank(a), p.universe.rank(b)) })
	var out []policy.Rule
	for _, set := range order {
		w := p.peers(s, namespaces, direction, set)
		if len(w.peers) == 0 && !w.everyone {
			continue // a rule without peers would let everyone in
		}
		out = append(out, policy.Rule{Peers: w.peers, Ports: ports[set].Union(nil)})
	}
	return out
}

// defaultDeny writes default-deny-all for a partition; false where the site has no way to put it there.
func (p *plan) defaultDeny(s *site, part partition) bool {
	written, ok := s.namespaceToWrite(part.declared, part.namespaces)
	if ok {
		p.placed = append(p.placed, Placed{Layer: s.dir, Policy: policy.DefaultDeny(
			p.meta("default-deny-all", written, "Denies every pod of the namespace all that no other policy opens."))})
	}
	return ok
}

// scrape writes Prometheus' rule once for every pod of the namespace, where that is exact in every scene: all of its pods
// are scraped on the same ports. Otherwise the rule stays with each workload's own policy.
func (p *plan) scrape(s *site, part partition) {
	written, ok := s.namespaceToWrite(part.declared, part.namespaces)
	if !ok {
		return
	}
	var shared rules
	for i, sc := range s.scenes {
		for _, w := range sc.pods.In(part.namespaces[i]) {
			r := sc.rules[sc.numberOf(w)].where(p.universe, func(direction policy.Direction, m int32) bool {
				return direction == policy.Ingress && p.universe.isPrometheus(m)
			})
			if len(r) == 0 || (shared != nil && !r.equal(shared)) {
				return
			}
			shared = r
		}
	}
	if len(shared) == 0 {
		return
	}
	p.placed = append(p.placed, Placed{Layer: s.dir, Policy: policy.New(
		p.meta(s.policyName("prometheus-network-policy"), written, "Lets Prometheus scrape every pod of the namespace."),
		metav1.LabelSelector{}, []policy.Direction{policy.Ingress}, p.write(s, part.namespaces, policy.Ingress, shared), nil)})
	for i, sc := range s.scenes {
		for _, w := range sc.pods.In(part.namespaces[i]) {
			n := sc.numberOf(w)
			sc.rules[n] = sc.rules[n].minus(p.universe, shared)
		}
	}
}

// numberOf is the number of the declaration that a workload is built from.
func (sc *scene) numberOf(w *workload.Workload) int32 { return sc.numbers[w] }

func newPlan(owner Owner, declarations []*declaration) *plan {
	return &plan{owner: owner, universe: newUniverse(declarations), written: map[siteKey]writtenPeers{}, confused: map[confusion]bool{}}
}

// newScene is an environment of a plan. built is what each declaration is built to, by number.
func (p *plan) newScene(m *tier.Model, built []*workload.Workload) *scene {
	sc := &scene{name: m.Environment, pods: policy.NewPods(m.Workloads), built: built,
		place: make(map[*workload.Workload]int, len(m.Workloads)), numbers: make(map[*workload.Workload]int32, len(built))}
	for i, w := range m.Workloads {
		sc.place[w] = i
	}
	for n, w := range built {
		if w != nil {
			sc.numbers[w] = int32(n)
		}
	}
	sc.rules = rulesOf(p.universe, m, func(e tier.Endpoint) (int32, bool) {
		if e.Peer != nil {
			return p.universe.peer(e.Peer), true
		}
		n, ok := sc.numbers[e.Workload]
		return n, ok
	})
	return sc
}
