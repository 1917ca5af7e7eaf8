package proposal

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// A policy selects pods by their labels: a workload whose pods wear no label that another's do not, such as a CronJob
// without labels, can have no policy of its own, and a flow from it would be an error. Unless its labels say its tier, it is
// left without one, and what it calls is asked about.

// changing are labels that a controller or a rollout changes, so that no policy selects by them.
var changing = []string{"pod-template-hash", "pod-template-generation", "controller-revision-hash", "controller-uid", "job-name",
	"batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "app.kubernetes.io/version", "version", "helm.sh/chart", "chart"}

// leaveOutBlind takes the tier from units whose pods no label tells apart, and from those that no configuration can name.
func (d *draft) leaveOutBlind() {
	for _, u := range d.units {
		if !u.nameable() {
			u.role.Tier, u.role.Labelled = "", true
			d.ask(Question{Kind: questionBlind, Text: fmt.Sprintf("What is %s %q called in namespace %q? The API server takes no such name, so it is left out: give its manifest one, or render the template that it is.",
				u.kind, u.name, u.first().Namespace)})
			continue
		}
		if u.role.Labelled || u.first().HostNetwork {
			continue
		}
		if other := d.alike(u); other != nil {
			u.role.Tier, u.role.Labelled = "", true
			d.blind[u] = other
		}
	}
}

// leaveOutHomeless takes the tier from units that name no namespace where the preset's chain would lead from them to those
// that do, or back: render refuses a flow of which one end's namespace is not known.
func (d *draft) leaveOutHomeless() {
	for _, e := range d.environments {
		for _, w := range e.Inventory.Workloads {
			w.Tier, w.TierLabel = d.unitOf[w].role.Tier, ""
		}
		set := tier.Default()
		set.Tiers = d.addedTiers()
		if _, findings := set.Model(e.Name, &workload.Inventory{Workloads: e.Inventory.Workloads}); !findings.Failed() {
			continue
		}
		for _, w := range e.Inventory.Workloads {
			u := d.unitOf[w]
			if w.Namespace != "" || order[u.role.Tier] == 0 {
				continue
			}
			advice := "it is left out"
			if u.role.Labelled {
				advice = "render refuses its flows"
			} else {
				u.role.Tier, u.role.Labelled = "", true
			}
			d.ask(Question{Kind: questionBlind, Text: fmt.Sprintf("In which namespace is %s %s? Its manifest names none, while others do, so %s: give it one, and run init again.", u.kind, u.name, advice)})
		}
	}
}

// nameable reports whether the API server takes the unit's name and namespace.
func (u *unit) nameable() bool {
	namespace := u.first().Namespace
	return len(validation.IsDNS1123Subdomain(u.name)) == 0 && (namespace == "" || len(validation.IsDNS1123Label(namespace)) == 0)
}

// alike is a unit whose pods every selector of the given one's labels selects too, the first of them; nil where there is none.
func (d *draft) alike(u *unit) *unit {
	for i, w := range u.in {
		if w == nil {
			continue
		}
		for _, o := range d.candidates(i, w) {
			if o != u && wears(o.in[i], w.PodLabels) {
				return o
			}
		}
	}
	return nil
}

// wearer is a label, or none, in a namespace of an environment.
type wearer struct {
	environment           int
	namespace, key, value string
}

// candidates are the units of a workload's namespace that wear the rarest of its labels, itself included, in their order.
func (d *draft) candidates(environment int, w *workload.Workload) []*unit {
	if d.wearers == nil {
		d.wearers = map[wearer][]*unit{}
		for _, u := range d.units {
			for i, v := range u.in {
				if v == nil {
					continue
				}
				all := wearer{i, v.Namespace, "", ""}
				d.wearers[all] = append(d.wearers[all], u)
				for key, value := range v.PodLabels {
					label := wearer{i, v.Namespace, key, value}
					d.wearers[label] = append(d.wearers[label], u)
				}
			}
		}
	}
	best := d.wearers[wearer{environment, w.Namespace, "", ""}]
	for key, value := range w.PodLabels {
		if found := d.wearers[wearer{environment, w.Namespace, key, value}]; !slices.Contains(changing, key) && len(found) < len(best) {
			best = found
		}
	}
	return best
}

// wears reports whether the workload's pods wear all of the labels that a policy can select by.
func wears(w *workload.Workload, labels map[string]string) bool {
	for k, v := range labels {
		if have, ok := w.PodLabels[k]; !slices.Contains(changing, k) && (!ok || have != v) {
			return false
		}
	}
	return true
}

// askBlind asks for a label for the pods of each unit that was left out.
func (d *draft) askBlind() {
	for _, u := range d.units {
		other := d.blind[u]
		if other == nil {
			continue
		}
		calls := ""
		if needs := d.needs[u]; len(needs) > 0 {
			calls = ", also from what it calls: " + strings.Join(needs, ", ")
		}
		d.ask(Question{Kind: questionBlind, Text: fmt.Sprintf("Which label tells the pods of %s %s from those of %s? They wear none that does, so no policy can select them, and they are shut off%s. "+
			"Give its pod template one, such as app.kubernetes.io/name: %s, and run init again.", u.kind, u.name, other.name, calls, u.name)})
	}
}
