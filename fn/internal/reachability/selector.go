package reachability

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metadataName is the one label that every namespace is sure to have, with its name as the value.
const metadataName = "kubernetes.io/metadata.name"

// selector is a LabelSelector's requirements, all of which must hold. No requirement matches everything.
type selector struct {
	requirements []requirement
	// key is equal for equal selectors.
	key string
}

type requirement struct {
	key    string
	op     metav1.LabelSelectorOperator
	values []string
}

// newSelector compiles s, or says which field the API server refuses and why.
func newSelector(s *metav1.LabelSelector) (sel selector, field, problem string) {
	keys := make([]string, 0, len(s.MatchLabels))
	for k := range s.MatchLabels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		sel.requirements = append(sel.requirements, requirement{k, metav1.LabelSelectorOpIn, []string{s.MatchLabels[k]}})
	}
	for i, e := range s.MatchExpressions {
		if text := refusedExpression(e); text != "" {
			return selector{}, fmt.Sprintf(".matchExpressions[%d]", i), text
		}
		sel.requirements = append(sel.requirements, requirement{e.Key, e.Operator, e.Values})
	}
	for _, r := range sel.requirements {
		sel.key += fmt.Sprintf("%q %s %q;", r.key, r.op, r.values)
	}
	return sel, "", ""
}

func refusedExpression(e metav1.LabelSelectorRequirement) string {
	if e.Key == "" {
		return "the key is empty: name a label"
	}
	switch e.Operator {
	case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn:
		if len(e.Values) == 0 {
			return fmt.Sprintf("operator %s has no values: give at least one", e.Operator)
		}
	case metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
		if len(e.Values) > 0 {
			return fmt.Sprintf("operator %s has values %s: remove them", e.Operator, strings.Join(e.Values, ", "))
		}
	default:
		return fmt.Sprintf("operator %q is not one of In, NotIn, Exists, DoesNotExist", e.Operator)
	}
	return ""
}

// matches is Allowed, Denied, or Unknown where a label that is not known decides. complete is true if labels are all
// there are.
func (s selector) matches(labels map[string]string, complete bool) Value {
	out := Allowed
	for _, r := range s.requirements {
		value, has := labels[r.key]
		if !has && !complete {
			out = min(out, Unknown)
			continue
		}
		if !r.holds(value, has) {
			return Denied
		}
	}
	return out
}

func (r requirement) holds(value string, has bool) bool {
	switch r.op {
	case metav1.LabelSelectorOpIn:
		return has && slices.Contains(r.values, value)
	case metav1.LabelSelectorOpNotIn:
		// "NotIn" holds where the key is absent: labels.Requirement.Matches.
		return !has || !slices.Contains(r.values, value)
	case metav1.LabelSelectorOpExists:
		return has
	}
	return !has // DoesNotExist
}
