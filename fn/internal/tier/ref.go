package tier

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// everything is the endpoint that means every workload that has a tier.
const everything = "*"

// Ref is an endpoint as the configuration writes it: tier, tier/workload, namespace:tier[/workload], a peer, or "*".
type Ref struct {
	// Namespace is empty where any is meant, by the rule for flows across namespaces.
	Namespace string
	// Name is a tier, a peer or "*".
	Name string
	// Workload is the name of one workload of the tier. Empty means all.
	Workload string
}

// Refs are endpoints, written one as a string or several as a list.
type Refs []Ref

// String is the endpoint as the configuration writes it.
func (r Ref) String() string {
	s := r.Name
	if r.Namespace != "" {
		s = r.Namespace + ":" + s
	}
	if r.Workload != "" {
		s += "/" + r.Workload
	}
	return s
}

// String is the endpoints with ", " between them.
func (rs Refs) String() string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}

// yaml is the endpoints in YAML's flow style, as advice writes them.
func (rs Refs) yaml() string {
	quoted := make([]string, len(rs))
	for i, r := range rs {
		quoted[i] = r.String()
		if strings.ContainsAny(quoted[i], "*:") {
			quoted[i] = `"` + quoted[i] + `"`
		}
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

const refForms = `a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*"`

// parseRef reads an endpoint; it knows no tiers and peers.
func parseRef(s string) (Ref, error) {
	if s == everything {
		return Ref{Name: everything}, nil
	}
	var r Ref
	rest := s
	if before, after, found := strings.Cut(rest, ":"); found {
		r.Namespace, rest = before, after
		if len(validation.IsDNS1123Label(r.Namespace)) > 0 {
			return Ref{}, fmt.Errorf("%q is no endpoint: %q is no name of a namespace; write %s", s, r.Namespace, refForms)
		}
	}
	name, after, found := strings.Cut(rest, "/")
	r.Name, r.Workload = name, after
	if found && len(validation.IsDNS1123Subdomain(r.Workload)) > 0 {
		return Ref{}, fmt.Errorf("%q is no endpoint: %q is no name of a workload; write %s", s, r.Workload, refForms)
	}
	if len(validation.IsDNS1123Label(r.Name)) > 0 {
		return Ref{}, fmt.Errorf("%q is no endpoint; write %s", s, refForms)
	}
	return r, nil
}

// plain reports whether the endpoint is a name alone, as a peer's must be.
func (r Ref) plain() bool { return r.Namespace == "" && r.Workload == "" }

// overlaps reports whether one thing could be meant by both endpoints, whatever workloads there are.
func (r Ref) overlaps(o Ref, isPeer func(string) bool) bool {
	if isPeer(r.Name) || isPeer(o.Name) {
		return r.Name == o.Name
	}
	either := func(a, b, all string) bool { return a == b || a == all || b == all }
	return either(r.Name, o.Name, everything) && either(r.Namespace, o.Namespace, "") && either(r.Workload, o.Workload, "")
}

func (rs Refs) overlap(others Refs, isPeer func(string) bool) bool {
	return slices.ContainsFunc(rs, func(r Ref) bool {
		return slices.ContainsFunc(others, func(o Ref) bool { return r.overlaps(o, isPeer) })
	})
}
