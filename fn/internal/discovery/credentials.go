package discovery

import (
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// maxHolders bounds how many workloads a Secret may be taken by to say who is whose client.
const maxHolders = 32

// addCredentials adds the references of workloads that take the Secret of one store, whether or not the input holds it: who
// has the password in hand is a client. They are weak: the Secret may be everybody's, and does not say that it is used. A
// workload that names the store's address anyway needs none.
func (f *finder) addCredentials() {
	if len(f.stores()) == 0 {
		return
	}
	holders := map[configName][]*candidate{}
	for _, c := range f.reader.candidates {
		eachSecret(c, func(name string, _ func() string) {
			key := configName{scope(c.Namespace), name, true}
			holders[key] = withUser(holders[key], c)
		})
	}
	type call struct {
		from *workload.Workload
		to   *workload.Service
	}
	known := make(map[call]bool, len(f.references))
	for _, r := range f.references {
		known[call{r.From, r.To}] = true
	}
	for key, list := range holders {
		if store := onlyStore(list); store != nil && len(list) <= maxHolders {
			for _, c := range list {
				names := func(s *service) bool { return known[call{c.Workload, s.Service}] }
				if c != store && !slices.ContainsFunc(store.services, names) {
					f.others = append(f.others, c.clientOf(store, key.name))
				}
			}
		}
	}
}

// onlyStore is the one well-known store among those who take a Secret; nil where there is none, or several, of which each
// other may be the client of just one.
func onlyStore(list []*candidate) *candidate {
	var store *candidate
	for _, c := range list {
		if _, p, ok := productOf(c); !ok || len(p.client) == 0 || c.Client || len(c.services) == 0 {
			continue
		}
		if store != nil {
			return nil
		}
		store = c
	}
	return store
}

// clientOf is the reference of one who takes the store's Secret to the store's Service.
func (c *candidate) clientOf(store *candidate, secret string) workload.Reference {
	to := store.clientService()
	where := ""
	eachSecret(c, func(name string, place func() string) {
		if name == secret && where == "" {
			where = place()
		}
	})
	return workload.Reference{
		From: c.Workload, To: to.Service, Via: workload.ViaCredentials, Port: to.usualPort(), Where: where, Source: c.Source, Weak: true,
	}
}

// eachSecret calls visit for each Secret that a workload takes, with what tells the place.
func eachSecret(c *candidate, visit func(name string, place func() string)) {
	for i := range c.containers {
		in := &c.containers[i]
		for _, v := range in.env {
			if v.secret && v.config != "" {
				visit(v.config, func() string { return in.path(c.kind, "env["+v.name+"]") })
			}
		}
		for _, from := range in.envFrom {
			if from.secret && from.config != "" {
				visit(from.config, func() string { return in.path(c.kind, "envFrom["+from.config+"]") })
			}
		}
	}
	for _, at := range c.mounted {
		if at.secret && at.config != "" {
			visit(at.config, func() string { return c.kind.path("spec.volumes[" + at.config + "]") })
		}
	}
}
