package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// leftover says why rules are left in a scene for which no policy could be written: nothing that is meant may be dropped
// without a word. sites are the layers that the scene's own policies may go to.
func (p *plan) leftover(sc *scene, sites []*site) {
	for _, n := range slices.Sorted(maps.Keys(sc.rules)) {
		if len(sc.rules[n]) == 0 {
			continue
		}
		found := p.toldApart(sc, sites, n)
		for _, c := range sc.rules[n].cells() {
			for _, m := range sc.rules[n][c].members {
				if int(m) < len(sc.built) && sc.built[m] != nil {
					found = p.toldApart(sc, sites, m) || found
				}
			}
		}
		if !found {
			p.notPlaced(sc.built[n], severityOf(sc.built[n]), fmt.Sprintf("no policy of %s ends up in its namespace as kustomize builds it: %s stays closed", dirs(sites), sc.rules[n]))
		}
	}
}

// toldApart reports whether a finding says that the pods of a workload cannot be selected.
func (p *plan) toldApart(sc *scene, sites []*site, n int32) bool {
	d, w := p.universe.declarations[n], sc.built[n]
	for _, s := range sites {
		if _, _, ok := s.selector([]string{w.Namespace}, []*declaration{d}); ok {
			return false
		}
	}
	p.ambiguous(sc, w)
	return true
}

// confusion is a workload, and one whose pods its labels select too.
type confusion struct{ of, with *workload.Workload }

// ambiguous says that no label tells a workload's pods from those of others.
func (p *plan) ambiguous(sc *scene, w *workload.Workload) {
	f := about(w, SelectorAmbiguous)
	f.Severity = severityOf(w)
	f.Field = "spec.template.metadata.labels"
	labels := w.Selector
	if labels == nil {
		labels = w.PodLabels
	}
	var others []string
	var sameCause bool
	for _, o := range sc.pods.Selected(w.Namespace, labels) {
		if o != w {
			others = append(others, o.String())
			p.confused[confusion{w, o}] = true
			sameCause = sameCause || p.confused[confusion{o, w}]
		}
	}
	if sameCause {
		return // said of the other one
	}
	f.Message = fmt.Sprintf("no label tells its pods from those of %s, so no policy can select just them: give the pod templates a label that differs, such as app.kubernetes.io/name: %s",
		strings.Join(others, ", "), w.Name)
	if len(others) == 0 {
		f.Message = "its pods wear no label that lasts, so no policy can select them: give the pod template one, such as app.kubernetes.io/name: " + w.Name
	}
	p.say(f)
}

// notIsolated says of every namespace with workloads that has no default deny.
func (p *plan) notIsolated(sc *scene, declarations []*declaration, covered func(namespace string) bool) {
	for _, d := range bound(declarations, sc) {
		if w := sc.built[d.number]; !covered(w.Namespace) {
			p.notPlaced(w, report.Error, "no layer can hold a default deny that ends up in its namespace as kustomize builds it")
		}
	}
}

func (p *plan) notPlaced(w *workload.Workload, severity report.Severity, message string) {
	f := about(w, PolicyNotPlaced)
	f.Severity = severity
	f.Message = message + "; set the namespace in the kustomization of the overlay, or in the manifest"
	p.say(f)
}

// severityOf is a warning for a workload without a tier, which is what a peer stands for: it stays isolated.
func severityOf(w *workload.Workload) report.Severity {
	if w.Tier == "" {
		return report.Warning
	}
	return report.Error
}

func about(w *workload.Workload, id report.ID) report.Finding {
	return report.Finding{ID: id, Severity: report.Error, File: w.Source.File, Index: w.Source.Index,
		Object: report.Object{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}}
}

func (p *plan) say(f report.Finding) {
	if !slices.Contains(p.findings, f) {
		p.findings = append(p.findings, f)
	}
}

func dirs(sites []*site) string {
	var out []string
	for _, s := range sites {
		out = append(out, s.dir)
	}
	return strings.Join(out, ", ")
}

// String is the ports by direction, for a message.
func (r rules) String() string {
	var out []string
	for _, c := range r.cells() {
		out = append(out, strings.ToLower(string(c.direction))+" "+c.ports.String())
	}
	return strings.Join(out, ", ")
}
