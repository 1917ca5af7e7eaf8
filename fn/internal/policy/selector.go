package policy

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/workload"
)

// View is one environment as the policies of one layer meet it.
type View struct {
	Pods *Pods
	// Namespace is where the policy ends up in the environment.
	Namespace string
	// Added are the labels that kustomize adds to the matchLabels of the layer's policies on the way to the environment
	// (commonLabels, labels with includeSelectors). They leave matchExpressions and an empty selector alone.
	Added map[string]string
}

// unstable are labels that a controller or a rollout changes: a selector that holds one stops matching.
var unstable = map[string]bool{
	"pod-template-hash":                        true,
	"pod-template-generation":                  true,
	"controller-revision-hash":                 true,
	"controller-uid":                           true,
	"job-name":                                 true,
	"batch.kubernetes.io/controller-uid":       true,
	"batch.kubernetes.io/job-name":             true,
	"batch.kubernetes.io/job-completion-index": true,
	"statefulset.kubernetes.io/pod-name":       true,
	"apps.kubernetes.io/pod-index":             true,
	"app.kubernetes.io/version":                true,
	"version":                                  true,
	"helm.sh/chart":                            true,
	"chart":                                    true,
}

// Select is a selector that matches exactly the pods of the wanted workloads in every view, and nothing else in the
// views' namespaces. want holds the workloads of each view, in the order of the inventory. Labels are written as
// matchLabels if that is right in every view, which kustomize's label transformers then rewrite as they rewrite the
// pods; otherwise as matchExpressions, which they leave alone. False means that there is no such selector.
func Select(views []View, want [][]*workload.Workload) (*metav1.LabelSelector, bool) {
	for _, candidate := range candidates(want) {
		written := without(candidate, views)
		if everyView(views, want, func(v View, w []*workload.Workload) bool {
			return v.Pods.exactly(w, v.Namespace, written, v.Added)
		}) {
			return &metav1.LabelSelector{MatchLabels: written}, true
		}
	}
	for _, candidate := range candidates(want) {
		if everyView(views, want, func(v View, w []*workload.Workload) bool {
			return v.Pods.exactly(w, v.Namespace, candidate)
		}) {
			return expressions(candidate), true
		}
	}
	return nil, false
}

// SelectElsewhere is Select for pods in another namespace than the policy's, one for each view: always matchExpressions,
// since a label transformer of the policy's layer need not touch those pods.
func SelectElsewhere(views []View, want [][]*workload.Workload, namespaces []string) (*metav1.LabelSelector, bool) {
	for _, candidate := range candidates(want) {
		ok := true
		for i, v := range views {
			ok = ok && v.Pods.exactly(want[i], namespaces[i], candidate)
		}
		if ok {
			return expressions(candidate), true
		}
	}
	return nil, false
}

func everyView(views []View, want [][]*workload.Workload, right func(View, []*workload.Workload) bool) bool {
	for i, v := range views {
		if !right(v, want[i]) {
			return false
		}
	}
	return len(views) > 0
}

// candidates are the label sets to try, the best first: for one workload its selector and tier label, then its stable
// template labels; for several the tier label that they share. Only labels that are the same in every view count.
func candidates(want [][]*workload.Workload) []map[string]string {
	var out []map[string]string
	for _, labelsOf := range []func([]*workload.Workload) map[string]string{ownSelector, stableLabels} {
		var common map[string]string
		for i, w := range want {
			labels := labelsOf(w)
			if i == 0 {
				common = labels
				continue
			}
			maps.DeleteFunc(common, func(k, v string) bool { return labels[k] != v })
		}
		if len(common) > 0 {
			out = append(out, common)
		}
	}
	return out
}

// ownSelector is what the workload's controller selects by, with the tier label where the pods wear it.
func ownSelector(ws []*workload.Workload) map[string]string {
	if len(ws) != 1 {
		return sharedTierLabel(ws)
	}
	w := ws[0]
	if w.Selector == nil {
		return stableLabels(ws)
	}
	out := map[string]string{}
	for k, v := range w.Selector {
		if !unstable[k] && w.PodLabels[k] == v {
			out[k] = v
		}
	}
	if v, worn := w.PodLabels[w.TierLabel]; worn && w.TierLabel != "" {
		out[w.TierLabel] = v
	}
	return out
}

func stableLabels(ws []*workload.Workload) map[string]string {
	if len(ws) != 1 {
		return nil
	}
	out := maps.Clone(ws[0].PodLabels)
	maps.DeleteFunc(out, func(k, _ string) bool { return unstable[k] })
	return out
}

func sharedTierLabel(ws []*workload.Workload) map[string]string {
	if len(ws) == 0 || ws[0].TierLabel == "" {
		return nil
	}
	key := ws[0].TierLabel
	value, worn := ws[0].PodLabels[key]
	if !worn {
		return nil
	}
	for _, w := range ws[1:] {
		if v, ok := w.PodLabels[key]; !ok || v != value {
			return nil
		}
	}
	return map[string]string{key: value}
}

// without leaves out the labels that kustomize adds in some view, unless nothing would be left.
func without(labels map[string]string, views []View) map[string]string {
	out := maps.Clone(labels)
	for _, v := range views {
		for k := range v.Added {
			delete(out, k)
		}
	}
	if len(out) == 0 {
		return labels
	}
	return out
}

// expressions writes labels as matchExpressions, sorted by key.
func expressions(labels map[string]string) *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: k, Operator: metav1.LabelSelectorOpIn, Values: []string{labels[k]},
		})
	}
	return s
}
