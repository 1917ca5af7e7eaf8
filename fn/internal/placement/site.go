package placement

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// scene is one environment as it is planned.
type scene struct {
	name string
	pods *policy.Pods
	// built is what each declaration is built to, by its number; nil where the environment does not include it.
	built []*workload.Workload
	// place is a workload's place in the inventory's order.
	place map[*workload.Workload]int
	// rules is what each declaration is still to be given, by its number.
	rules map[int32]rules
	// overlaySets is true where the environment's own overlay sets namespaces.
	overlaySets bool
	// numbers are the declarations' numbers.
	numbers map[*workload.Workload]int32
}

// site is where a policy is written: one layer, as it is met by the environments that include it.
type site struct {
	// dir is the layer's directory.
	dir    string
	scenes []*scene
	// transformed is what kustomize does to the layer's policies on the way to each scene.
	transformed []Transformed
	// suffix tells an environment's additional policies from the base's, such as "-prod". Empty for a layer's own.
	suffix string
}

// policyName is a policy's name in the site. Where it would be longer than a name can be once kustomize has put its
// prefixes and suffixes around it, it is cut, and a hash tells it from others.
func (s *site) policyName(base string) string {
	name := base + s.suffix
	room := validation.DNS1123SubdomainMaxLength
	for _, t := range s.transformed {
		room = min(room, validation.DNS1123SubdomainMaxLength-len(t.Prefix)-len(t.Suffix))
	}
	if len(name) <= room {
		return name
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	tail := fmt.Sprintf("-%08x", hash.Sum32())
	return strings.TrimRight(name[:max(1, room-len(tail))], "-.") + tail
}

// namespacesOf are the namespaces that a declaration has in the site's scenes; false where one does not include it.
func (s *site) namespacesOf(d *declaration) ([]string, bool) {
	out := make([]string, len(s.scenes))
	for i, sc := range s.scenes {
		w := sc.built[d.number]
		if w == nil {
			return nil, false
		}
		out[i] = w.Namespace
	}
	return out, true
}

// workloads are what the members are built to in each scene, in the order of the inventory; false where one is missing.
func (s *site) workloads(members []*declaration) ([][]*workload.Workload, bool) {
	out := make([][]*workload.Workload, len(s.scenes))
	for i, sc := range s.scenes {
		for _, d := range members {
			w := sc.built[d.number]
			if w == nil {
				return nil, false
			}
			out[i] = append(out[i], w)
		}
		slices.SortFunc(out[i], func(a, b *workload.Workload) int { return cmp.Compare(sc.place[a], sc.place[b]) })
	}
	return out, true
}

func (s *site) views(namespaces []string) []policy.View {
	out := make([]policy.View, len(s.scenes))
	for i, sc := range s.scenes {
		out[i] = policy.View{Pods: sc.pods, Namespace: namespaces[i], Added: s.transformed[i].Added}
	}
	return out
}

// selector selects exactly the members' pods, for a policy that ends up in the namespaces, one for each scene. remote is
// the members' own namespace where it is another one.
func (s *site) selector(namespaces []string, members []*declaration) (selector *metav1.LabelSelector, remote string, ok bool) {
	want, ok := s.workloads(members)
	if !ok {
		return nil, "", false
	}
	theirs, ok := s.namespacesOf(members[0])
	if !ok {
		return nil, "", false
	}
	if slices.Equal(theirs, namespaces) {
		selector, ok = policy.Select(s.views(namespaces), want)
		return selector, "", ok
	}
	for i, ns := range theirs {
		// Another namespace is written by its name, so it must be one and the same; and nothing rewrites it, so a layer
		// may only hold a name that no overlay decides.
		byOverlay := s.scenes[i].overlaySets && ns != members[0].namespace
		if ns != theirs[0] || ns == namespaces[i] || (s.suffix == "" && byOverlay) {
			return nil, "", false
		}
	}
	selector, ok = policy.SelectElsewhere(s.views(namespaces), want, theirs)
	return selector, theirs[0], ok
}

// namespaceToWrite is the namespace to write into a policy so that it ends up in the namespaces; false where none does.
func (s *site) namespaceToWrite(declared string, final []string) (string, bool) {
	for _, candidate := range []string{declared, "", final[0]} {
		right := true
		for i, t := range s.transformed {
			got := t.Namespace
			if candidate != "" && t.Kept {
				got = candidate
			}
			right = right && got == final[i]
		}
		if right {
			return candidate, true
		}
	}
	return "", false
}

// peers writes a set of ends; everyone is true where one of them is every source. missing are the ends that no selector
// in this site says exactly.
func (s *site) peers(u *universe, namespaces []string, direction policy.Direction, set *endpoints) (peers []networkingv1.NetworkPolicyPeer, everyone bool, missing []int32) {
	var members []*declaration
	n := int32(len(u.declarations))
	for _, m := range set.members {
		if m < n {
			members = append(members, u.declarations[m])
			continue
		}
		targets := u.peers[m-n].To
		if direction == policy.Ingress {
			targets = u.peers[m-n].From
		}
		written, all := policy.TargetPeers(targets)
		everyone = everyone || all
		peers = append(peers, written...)
	}
	pods, missing := s.podPeers(namespaces, members)
	if everyone {
		return nil, true, nil
	}
	return append(pods, peers...), false, missing
}

// podPeers writes workloads as peers, a tier at a time where one selector says just those, else one by one.
func (s *site) podPeers(namespaces []string, members []*declaration) (peers []networkingv1.NetworkPolicyPeer, missing []int32) {
	type key struct{ namespace, tier string }
	groups := map[key][]*declaration{}
	for _, d := range members {
		k := key{tier: d.tier}
		if theirs, ok := s.namespacesOf(d); ok {
			k.namespace = theirs[0]
		}
		groups[k] = append(groups[k], d)
	}
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.tier, b.tier))
	})
	write := func(members []*declaration) bool {
		selector, remote, ok := s.selector(namespaces, members)
		switch {
		case !ok:
			return false
		case remote != "":
			peers = append(peers, policy.NamespacePeer(remote, selector))
		default:
			peers = append(peers, policy.PodPeer(selector))
		}
		return true
	}
	for _, k := range keys {
		if write(groups[k]) {
			continue
		}
		for _, d := range groups[k] {
			if !write([]*declaration{d}) {
				missing = append(missing, d.number)
			}
		}
	}
	return peers, missing
}

// rank orders rules: workloads, then peers, dns and internet last.
func (u *universe) rank(s *endpoints) int {
	n := int32(len(u.declarations))
	first := s.members[0]
	if first < n {
		return 0
	}
	switch u.peers[first-n].Name {
	case tier.DNS:
		return 2
	case tier.Internet:
		return 3
	}
	return 1
}

func (u *universe) isPrometheus(m int32) bool {
	n := int32(len(u.declarations))
	return m >= n && u.peers[m-n].Name == tier.Prometheus
}
