package tier

import (
	"fmt"
	"maps"
	"slices"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// declarePods adds the workloads that the set declares, whose pods no manifest of the input makes: an operator does. It
// adds each once, however often it is called.
func (s *Set) declarePods(inv *workload.Inventory) report.Findings {
	var out report.Findings
	before := len(inv.Workloads)
	for i := range s.Workloads {
		o := &s.Workloads[i]
		if len(o.Pods) == 0 || slices.ContainsFunc(inv.Workloads, func(w *workload.Workload) bool { return o.declares(w) }) {
			continue
		}
		namespace, ok := o.namespaceIn(inv.Workloads)
		switch {
		case !ok && o.Namespace == "":
			out = append(out, s.document().finding(configMissing, report.Error, fmt.Sprintf("spec.workloads[%d].namespace", i),
				"is missing, and the workloads of the input are not in one namespace; give that of the pods"))
			continue
		case !ok:
			out = append(out, s.document().finding(overrideUnmatched, report.Warning, fmt.Sprintf("spec.workloads[%d].name", i), fmt.Sprintf(
				"namespace %q holds no workload of the input, and gets no default deny for the sake of these pods; correct it, or write a peer for them instead", o.Namespace)))
			continue
		}
		w := &workload.Workload{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: o.Name, PodLabels: maps.Clone(o.Pods), Operated: true}
		for _, p := range o.Ports {
			w.Ports = append(w.Ports, workload.Port{Protocol: p.Range.Protocol, Number: p.Range.First, Origin: workload.FromContainer})
		}
		serve(w, inv.Services)
		w.Ports = workload.MergePorts(w.Ports)
		inv.Workloads = append(inv.Workloads, w)
	}
	if len(inv.Workloads) > before {
		slices.SortStableFunc(inv.Workloads, (*workload.Workload).Compare)
	}
	return out
}

// declares reports whether the workload is the one that the entry declares.
func (o *Override) declares(w *workload.Workload) bool {
	return w.Operated && w.Name == o.Name && (o.Namespace == "" || o.Namespace == w.Namespace) && maps.Equal(w.PodLabels, o.Pods)
}

// namespaceIn is the namespace of the pods: the entry's or, where it names none, that of all workloads of the input. False
// where it holds none of them: it would get a default deny that closes what else is there.
func (o *Override) namespaceIn(workloads []*workload.Workload) (string, bool) {
	holds := o.Namespace == ""
	for _, w := range workloads {
		if o.Namespace == "" && w.Namespace != workloads[0].Namespace {
			return "", false
		}
		holds = holds || w.Namespace == o.Namespace
	}
	if o.Namespace == "" && len(workloads) > 0 {
		return workloads[0].Namespace, true
	}
	return o.Namespace, holds
}

// serve gives the workload the Services that may select its pods, and, where it has no ports, the pods' ports behind them.
func serve(w *workload.Workload, services []*workload.Service) {
	declared := len(w.Ports) > 0
	for _, s := range services {
		if s.Namespace != w.Namespace || !alike(s.Selector, w.PodLabels) {
			continue
		}
		s.Workloads = append(s.Workloads, w)
		for _, p := range s.Ports {
			if !declared && p.TargetPort != 0 {
				w.Ports = append(w.Ports, workload.Port{Protocol: p.Protocol, Number: p.TargetPort, Origin: workload.FromService, ServicePort: p.Port})
			}
		}
	}
}

// alike reports whether pods with the one set of labels may wear the other: they share a label, and none differs.
func alike(selector, labels map[string]string) bool {
	shared := false
	for k, v := range selector {
		if other, worn := labels[k]; worn {
			if other != v {
				return false
			}
			shared = true
		}
	}
	return shared
}

// WithoutDeclared leaves out what was said of Services whose pods the set declares: read is what was said of the input.
func WithoutDeclared(read report.Findings, inv *workload.Inventory) report.Findings {
	served := map[[2]string]bool{}
	for _, s := range inv.Services {
		if slices.ContainsFunc(s.Workloads, func(w *workload.Workload) bool { return w.Operated }) {
			served[[2]string{s.Namespace, s.Name}] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(read), func(f report.Finding) bool {
		return f.ID == serviceSelectsNothing && served[[2]string{f.Object.Namespace, f.Object.Name}]
	})
}
