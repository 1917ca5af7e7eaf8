package discovery

import "tierwall.dev/fn/internal/report"

// settleNamespaces puts what names no namespace into "default" where a workload of the input names that: kubectl apply
// without -n puts them together, and with -n it refuses the one that names "default". So one namespace is meant, and one
// is to be written: two policies of one name, with it and without, would overwrite each other.
func (r *Reader) settleNamespaces() {
	var named, bare *candidate
	for _, c := range r.candidates {
		switch {
		case c.Namespace == "default" && (named == nil || compareSources(c.Source, named.Source) < 0):
			named = c
		case c.Namespace == "" && (bare == nil || compareSources(c.Source, bare.Source) < 0):
			bare = c
		}
	}
	if named == nil || bare == nil {
		return
	}
	r.report(bare.origin, idNamespaceAssumed, report.Info, "metadata.namespace",
		"names no namespace, and %s names \"default\", so all that name none are taken to be there; give them their namespace, or none to any", named.Workload)
	for _, c := range r.candidates {
		c.Namespace = scope(c.Namespace)
	}
	for _, s := range r.services {
		s.Namespace = scope(s.Namespace)
	}
	for i := range r.policies {
		r.policies[i].Namespace = scope(r.policies[i].Namespace)
	}
}
