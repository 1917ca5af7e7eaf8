package discovery

import (
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// holding is a workload that takes a Secret, and where it says so.
type holding struct {
	by    *candidate
	where string
}

// maxHoldings bounds how many workloads a Secret may be taken by to say who is whose client.
const maxHoldings = 32

// addCredentials adds the references of workloads that take the Secret of one store, whether or not the input holds it: who
// has the password in hand is a client. They are weak: the Secret may be everybody's, and does not say that it is used. A
// workload that names the store's address anyway needs none.
func (f *finder) addCredentials() {
	holdings := map[configName][]holding{}
	for _, c := range f.reader.candidates {
		eachSecret(c, func(name, where string) {
			key := configName{scope(c.Namespace), name, true}
			if list := holdings[key]; len(list) == 0 || list[len(list)-1].by != c {
				holdings[key] = append(list, holding{c, where})
			}
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
	for _, list := range holdings {
		if store := onlyStore(list); store != nil && len(list) <= maxHoldings {
			for _, h := range list {
				names := func(s *service) bool { return known[call{h.by.Workload, s.Service}] }
				if h.by != store && !slices.ContainsFunc(store.services, names) {
					f.others = append(f.others, h.reference(store))
				}
			}
		}
	}
}

// onlyStore is the one well-known store among those who take a Secret; nil where there is none, or several, of which each
// other may be the client of just one.
func onlyStore(list []holding) *candidate {
	var store *candidate
	for _, h := range list {
		if _, p, ok := productOf(h.by); !ok || len(p.client) == 0 || h.by.Client || len(h.by.services) == 0 {
			continue
		}
		if store != nil {
			return nil
		}
		store = h.by
	}
	return store
}

// reference is the reference of one who takes the store's Secret to the store's Service.
func (h holding) reference(store *candidate) workload.Reference {
	to := store.clientService()
	return workload.Reference{
		From: h.by.Workload, To: to.Service, Via: workload.ViaCredentials, Port: to.usualPort(), Where: h.where, Source: h.by.Source, Weak: true,
	}
}

// eachSecret calls visit for each Secret that a workload takes, with the place.
func eachSecret(c *candidate, visit func(name, where string)) {
	for i := range c.containers {
		in := &c.containers[i]
		for _, v := range in.env {
			if v.secret && v.config != "" {
				visit(v.config, in.path(c.kind, "env["+v.name+"]"))
			}
		}
		for _, from := range in.envFrom {
			if from.secret && from.config != "" {
				visit(from.config, in.path(c.kind, "envFrom["+from.config+"]"))
			}
		}
	}
	for _, at := range c.mounted {
		if at.secret && at.config != "" {
			visit(at.config, c.kind.path("spec.volumes["+at.config+"]"))
		}
	}
}
