package reachability

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
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
		if text := refusedLabel(k, s.MatchLabels[k]); text != "" {
			return selector{}, ".matchLabels", text
		}
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

// refusedLabel says what is wrong with a key or a value that no label can have.
func refusedLabel(key string, values ...string) string {
	if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
		return fmt.Sprintf("%q is not the key of a label: a key's %s", key, withoutExample(wrong[0]))
	}
	for _, v := range values {
		if wrong := validation.IsValidLabelValue(v); len(wrong) > 0 {
			return fmt.Sprintf("%q is not the value of a label: a value %s", v, strings.TrimPrefix(withoutExample(wrong[0]), "a valid label "))
		}
	}
	return ""
}

// withoutExample is apimachinery's text without its regular expression.
func withoutExample(text string) string {
	text, _, _ = strings.Cut(text, " (e.g.")
	return text
}

func refusedExpression(e metav1.LabelSelectorRequirement) string {
	if e.Key == "" {
		return "the key is empty: name a label"
	}
	if text := refusedLabel(e.Key, e.Values...); text != "" {
		return text
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
