package discovery

import (
	"slices"

	"tierwall.dev/fn/internal/manifest"
)

// everywhere is the scope of a selector that looks at every namespace. No namespace can have this name.
const everywhere = "*"

// labelPair is one label within a scope. The empty key stands for everything in the scope.
type labelPair struct{ scope, key, value string }

// labelIndex finds what labels may select without looking at everything: selectors first say which labels they ask for,
// then items are added under those labels alone. A selector looks through the shortest list of its labels, so that a
// label which everything wears costs nothing beside one that few wear.
type labelIndex[T any] map[labelPair][]T

// want notes that a selector with these matchLabels will look for items in the scope.
func (x labelIndex[T]) want(scope string, matchLabels map[string]string) {
	if len(matchLabels) == 0 {
		x[labelPair{scope: scope}] = nil
	}
	for key, value := range matchLabels {
		x[labelPair{scope, key, value}] = nil
	}
}

// add files an item under the labels that selectors of the scope ask for.
func (x labelIndex[T]) add(scope string, labels map[string]string, item T) {
	if len(x) == 0 {
		return
	}
	x.file(labelPair{scope: scope}, item)
	for key, value := range labels {
		x.file(labelPair{scope, key, value}, item)
	}
}

func (x labelIndex[T]) file(pair labelPair, item T) {
	if list, wanted := x[pair]; wanted {
		x[pair] = append(list, item)
	}
}

// candidates are the items of the scope that wear one of the labels, in the order they were added. The selector that
// asks has announced itself with want.
func (x labelIndex[T]) candidates(scope string, matchLabels map[string]string) []T {
	best := x[labelPair{scope: scope}]
	first := len(matchLabels) > 0
	for key, value := range matchLabels {
		if list := x[labelPair{scope, key, value}]; first || len(list) < len(best) {
			best, first = list, false
		}
	}
	return best
}

// wears reports whether labels hold every pair of matchLabels.
func wears(labels, matchLabels map[string]string) bool {
	for key, value := range matchLabels {
		if worn, ok := labels[key]; !ok || worn != value {
			return false
		}
	}
	return true
}

// selector is a LabelSelector. The zero value selects everything.
type selector struct {
	matchLabels map[string]string
	expressions []requirement
}

// requirement is one of a LabelSelector's matchExpressions.
type requirement struct {
	key, operator string
	values        []string
}

func readSelectorField(f manifest.Field) selector {
	s := selector{matchLabels: f.At("matchLabels").StringMap()}
	for _, e := range f.At("matchExpressions").Items() {
		var q requirement
		q.key, _ = e.At("key").Text()
		q.operator, _ = e.At("operator").Text()
		for _, v := range e.At("values").Items() {
			if value, ok := v.Text(); ok {
				q.values = append(q.values, value)
			}
		}
		s.expressions = append(s.expressions, q)
	}
	return s
}

// selects reports whether the labels satisfy the selector: "The requirements are ANDed." (meta/v1, LabelSelector)
func (s selector) selects(labels map[string]string) bool {
	if !wears(labels, s.matchLabels) {
		return false
	}
	return !slices.ContainsFunc(s.expressions, func(q requirement) bool { return !q.holds(labels) })
}

// holds reports whether the requirement holds. One with an unknown operator never does.
func (q requirement) holds(labels map[string]string) bool {
	value, worn := labels[q.key]
	switch q.operator {
	case "In":
		return worn && slices.Contains(q.values, value)
	case "NotIn":
		// A key that is absent satisfies NotIn (meta/v1, labels.Requirement.Matches).
		return !worn || !slices.Contains(q.values, value)
	case "Exists":
		return worn
	case "DoesNotExist":
		return !worn
	}
	return false
}
