package policy

import (
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// Pods answers which workloads' pods a set of labels selects in one environment. HostNetwork workloads are left out:
// policies do not bind them, and as peers they appear as node addresses.
type Pods struct {
	namespaces map[string]*namespacePods
}

type namespacePods struct {
	all []*workload.Workload
	// byLabel are the workloads that wear a label, in the order of all.
	byLabel map[label][]*workload.Workload
}

type label struct{ key, value string }

// NewPods indexes the pods of an environment's workloads.
func NewPods(workloads []*workload.Workload) *Pods {
	p := &Pods{namespaces: map[string]*namespacePods{}}
	for _, w := range workloads {
		if w.HostNetwork {
			continue
		}
		ns := p.namespaces[w.Namespace]
		if ns == nil {
			ns = &namespacePods{byLabel: map[label][]*workload.Workload{}}
			p.namespaces[w.Namespace] = ns
		}
		ns.all = append(ns.all, w)
		for k, v := range w.PodLabels {
			l := label{k, v}
			ns.byLabel[l] = append(ns.byLabel[l], w)
		}
	}
	return p
}

// In are the workloads of a namespace, in the order of the inventory.
func (p *Pods) In(namespace string) []*workload.Workload {
	ns := p.namespaces[namespace]
	if ns == nil {
		return nil
	}
	return ns.all
}

// Selected are the workloads of a namespace whose pods wear all the labels; all of them for no labels.
func (p *Pods) Selected(namespace string, labels ...map[string]string) []*workload.Workload {
	ns := p.namespaces[namespace]
	if ns == nil {
		return nil
	}
	shortest := ns.all
	for _, set := range labels {
		for k, v := range set {
			if worn := ns.byLabel[label{k, v}]; len(worn) < len(shortest) {
				shortest = worn
			}
		}
	}
	var out []*workload.Workload
	for _, w := range shortest {
		if wearsAll(w, labels) {
			out = append(out, w)
		}
	}
	return out
}

// exactly reports whether the labels select the wanted workloads' pods in the namespace and no others.
// The wanted workloads are in the order of the inventory.
func (p *Pods) exactly(want []*workload.Workload, namespace string, labels ...map[string]string) bool {
	return slices.Equal(p.Selected(namespace, labels...), want)
}

func wearsAll(w *workload.Workload, labels []map[string]string) bool {
	for _, set := range labels {
		for k, v := range set {
			if worn, ok := w.PodLabels[k]; !ok || worn != v {
				return false
			}
		}
	}
	return true
}
