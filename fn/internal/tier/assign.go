package tier

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// AssignTiers sets Tier and TierLabel of each workload: by the set's overrides, then by its labels. It says which workloads
// get none, and which labels contradict what the workload runs.
func (s *Set) AssignTiers(inv *workload.Inventory) report.Findings {
	a := assigner{set: s, tierOf: map[string]string{}, used: make([]bool, len(s.Workloads)), findings: s.declarePods(inv)}
	for _, t := range s.AllTiers() {
		for _, v := range t.Values {
			a.tierOf[v] = t.Name
			a.values = append(a.values, v)
		}
	}
	for _, w := range inv.Workloads {
		a.assign(w)
	}
	for i, o := range s.Workloads {
		if !a.used[i] && len(o.Pods) == 0 {
			a.findings = append(a.findings, s.document().finding(overrideUnmatched, report.Warning, fmt.Sprintf("spec.workloads[%d].name", i),
				fmt.Sprintf("no workload is %s; correct the name, or remove the entry", o)))
		}
	}
	return a.findings.Sorted()
}

// String is the workload that the override means.
func (o Override) String() string {
	if o.Namespace != "" {
		return fmt.Sprintf("%q in namespace %q", o.Name, o.Namespace)
	}
	return fmt.Sprintf("%q", o.Name)
}

type assigner struct {
	set *Set
	// tierOf is the tier that each label value means; values are the same values in the order of the tiers.
	tierOf map[string]string
	values []string
	// used says which overrides have matched.
	used     []bool
	findings report.Findings
}

func (a *assigner) assign(w *workload.Workload) {
	w.Tier, w.TierLabel = "", ""
	if i := a.override(w); i >= 0 {
		w.Tier = a.set.Workloads[i].Tier
		return
	}
	unknown := worn{}
	for _, key := range a.set.TierLabels {
		for _, at := range []worn{{key, w.PodLabels, true}, {key, w.Labels, false}} {
			value, ok := at.labels[key]
			if !ok || value == "" {
				continue
			}
			tier, known := a.tierOf[value]
			if !known {
				if unknown.key == "" {
					unknown = at
				}
				continue
			}
			w.Tier = tier
			if at.pod {
				w.TierLabel = key
			}
			a.contradiction(w, at)
			return
		}
	}
	a.without(w, unknown)
}

// worn is a label key in one of the two places where a workload wears labels.
type worn struct {
	key    string
	labels map[string]string
	pod    bool
}

func (l worn) field(w *workload.Workload) string {
	if !l.pod {
		return "metadata.labels." + l.key
	}
	return podLabels(w) + "." + l.key
}

// podLabels is the field that holds the labels of the workload's pods.
func podLabels(w *workload.Workload) string {
	switch w.Kind {
	case "Pod":
		return "metadata.labels"
	case "CronJob":
		return "spec.jobTemplate.spec.template.metadata.labels"
	}
	return "spec.template.metadata.labels"
}

// override is the index of the override that decides for the workload, -1 if none does: the most specific of those that
// match, and the first of equals. All that match count as used.
func (a *assigner) override(w *workload.Workload) int {
	best, rank := -1, -1
	for i, o := range a.set.Workloads {
		if len(o.Pods) > 0 {
			if o.declares(w) {
				return i
			}
			continue
		}
		kind, name, found := strings.Cut(o.Name, "/")
		if !found {
			kind, name = "", o.Name
		}
		if name != w.Name && name != w.Declared || (kind != "" && kind != w.Kind) || (o.Namespace != "" && o.Namespace != w.Namespace) {
			continue
		}
		a.used[i] = true
		r := 0
		if name == w.Name {
			r += 4
		}
		if kind != "" {
			r++
		}
		if o.Namespace != "" {
			r += 2
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// without says that the workload has no tier, and what gives it one.
func (a *assigner) without(w *workload.Workload, unknown worn) {
	advice := a.set.adviceFor(w)
	if unknown.key == "" {
		label := worn{key: a.set.TierLabels[0], pod: true}
		a.add(w, tierMissing, label.field(w), "no tier: none of the labels %s is set, so the workload falls under default deny, open only to the flows of a peer that stands for it; set the label to a tier's value, or write spec.workloads: [%s]",
			strings.Join(a.set.TierLabels, ", "), advice)
		return
	}
	value := unknown.labels[unknown.key]
	a.add(w, tierUnknown, unknown.field(w), "%q is no value of a known tier (%s), so the workload falls under default deny, open only to the flows of a peer that stands for it%s; set the label to a tier's value, or write spec.workloads: [%s]",
		value, strings.Join(a.set.TierNames(), ", "), a.suggestion(value), advice)
}

// noTiers are values that name a part within a workload, or a kind of node: near as one may be to a tier's value, it is none.
var noTiers = []string{"node", "control-plane", "controlplane", "master", "replica", "primary", "secondary", "leader", "follower", "slave"}

func (a *assigner) suggestion(value string) string {
	if slices.Contains(noTiers, value) {
		return ""
	}
	if n := near(value, a.values); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}

// adviceFor is the override to write for the workload, with the tier that its image or port tells.
func (s *Set) adviceFor(w *workload.Workload) string {
	tier := "TIER"
	if told, _ := tellTier(w); told != "" && slices.Contains(s.TierNames(), told) {
		tier = told
	}
	return overrideFor(w, tier)
}

func overrideFor(w *workload.Workload, tier string) string {
	namespace := ""
	if w.Namespace != "" {
		namespace = "namespace: " + w.Namespace + ", "
	}
	return fmt.Sprintf("{name: %s/%s, %stier: %s}", w.Kind, w.Called(), namespace, tier)
}

// contradiction says that the workload runs something else than its label says: a store with the label of a tier that
// calls stores. A tier that the user invented is not judged.
func (a *assigner) contradiction(w *workload.Workload, at worn) {
	if w.Tier != frontend && w.Tier != backend && w.Tier != worker {
		return
	}
	told, evidence := tellTier(w)
	if told == "" || told == w.Tier || !slices.Contains(a.set.TierNames(), told) {
		return
	}
	a.add(w, tierContradicts, at.field(w), "%q means tier %s, but %s is a %s; correct the label, or write spec.workloads: [%s]",
		at.labels[at.key], w.Tier, evidence, told, overrideFor(w, told))
}

func (a *assigner) add(w *workload.Workload, id report.ID, field, format string, args ...any) {
	a.findings = append(a.findings, about(w, id, report.Warning, field, fmt.Sprintf(format, args...)))
}

// about is a finding about a workload.
func about(w *workload.Workload, id report.ID, severity report.Severity, field, message string) report.Finding {
	return report.Finding{
		ID: id, Severity: severity,
		Object: report.Object{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
		File:   w.Source.File, Index: w.Source.Index, Field: field, Message: message,
	}
}
