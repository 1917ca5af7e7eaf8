package main

import (
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/tier"
)

// update is what becomes of the set's own policies that are in the input already: a function that runs twice, or a build
// over a rendered base.
type update struct {
	// replaced are the items whose policy is still meant, with their new text: updated in place, so that what kustomize
	// has added since stays.
	replaced map[*manifest.Item][]byte
	// stale are the items whose policy is no longer meant.
	stale map[*manifest.Item]bool
	// added are the policies that are not in the input.
	added []*networkingv1.NetworkPolicy
}

func updateOf(items []*manifest.Item, set *tier.Set, policies []*networkingv1.NetworkPolicy) (*update, error) {
	type id struct{ namespace, name string }
	meant := map[id]*networkingv1.NetworkPolicy{}
	for _, p := range policies {
		meant[id{p.Namespace, p.Name}] = p
	}
	u := &update{replaced: map[*manifest.Item][]byte{}, stale: map[*manifest.Item]bool{}}
	found := map[*networkingv1.NetworkPolicy]bool{}
	for _, it := range items {
		if it.Kind != "NetworkPolicy" {
			continue
		}
		o, err := it.Object()
		if err != nil {
			return nil, err
		}
		if !ownedBy(o, set) {
			continue
		}
		p := meant[id{o.Namespace, o.Name}]
		if p == nil {
			u.stale[it] = true
			continue
		}
		found[p] = true
		if u.replaced[it], err = manifest.UpdatePolicy(o, p); err != nil {
			return nil, err
		}
	}
	for _, p := range policies {
		if !found[p] {
			u.added = append(u.added, p)
		}
	}
	return u, nil
}

func ownedBy(o *manifest.Object, set *tier.Set) bool {
	return isPolicy(o) && o.At("metadata", "labels").StringMap()[policy.SetLabel] == set.Name
}

// texts are the documents of the added policies.
func (u *update) texts() [][]byte {
	var out [][]byte
	for _, p := range u.added {
		out = append(out, manifest.EncodePolicy(p))
	}
	return out
}

// entries are the items of a list as they came, but for the set's own policies.
func (u *update) entries(items []*manifest.Item) []manifest.Entry {
	var out []manifest.Entry
	for _, it := range items {
		out = append(out, manifest.Entry{Item: it, Text: u.replaced[it], Remove: u.stale[it]})
	}
	for _, text := range u.texts() {
		out = append(out, manifest.Entry{Text: text})
	}
	return out
}
