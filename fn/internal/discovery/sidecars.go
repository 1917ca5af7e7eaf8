package discovery

import (
	"cmp"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// sidecarImage is the image of the sidecar that puts the ConfigMaps and Secrets which wear a label into a folder of the
// pod, as the charts of Grafana and Prometheus have it (kiwigrid/k8s-sidecar).
const sidecarImage = "k8s-sidecar"

// watch is what such a sidecar looks for.
type watch struct {
	label, value string
	// namespaces are those that it looks into, none for its own, "ALL" for all.
	namespaces []string
	// configMaps and secrets say which of the two it takes: "one of configmap, secret, both", by default configmap.
	configMaps, secrets bool
}

// watchOf is what a container looks for; false where it is no such sidecar.
func (c *container) watchOf() (watch, bool) {
	if workload.ImageName(c.image) != sidecarImage {
		return watch{}, false
	}
	w := watch{configMaps: true}
	for _, v := range c.env {
		switch v.name {
		case "LABEL":
			w.label = v.value
		case "LABEL_VALUE":
			w.value = v.value
		case "NAMESPACE":
			if v.value != "" {
				w.namespaces = strings.Split(v.value, ",")
			}
		case "RESOURCE":
			w.configMaps, w.secrets = v.value != "secret", v.value != "configmap"
		}
	}
	return w, w.label != ""
}

// takes reports whether the sidecar of a workload in the scope takes the config.
func (w watch) takes(m *config, in string) bool {
	value, worn := m.labels[w.label]
	if !worn || w.value != "" && w.value != value || m.secret && !w.secrets || !m.secret && !w.configMaps {
		return false
	}
	of := scope(m.origin.ref.Namespace)
	if len(w.namespaces) == 0 {
		return of == in
	}
	return slices.Contains(w.namespaces, "ALL") || slices.Contains(w.namespaces, of)
}

// watched are the configs that the workload's sidecars take, by their sources.
func (f *finder) watched(c *candidate) []*config {
	var out []*config
	for i := range c.containers {
		w, ok := c.containers[i].watchOf()
		if !ok {
			continue
		}
		for _, m := range f.labelled(w.label) {
			if w.takes(m, f.scope) && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// labelled are the configs that wear a label, by their sources.
func (f *finder) labelled(label string) []*config {
	list, known := f.byLabel[label]
	if known {
		return list
	}
	for _, m := range f.reader.configs {
		if _, worn := m.labels[label]; worn {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *config) int {
		return cmp.Or(compareSources(a.origin.source, b.origin.source), cmp.Compare(a.origin.ref.Namespace, b.origin.ref.Namespace),
			cmp.Compare(a.origin.ref.Name, b.origin.ref.Name), cmp.Compare(a.origin.ref.Kind, b.origin.ref.Kind))
	})
	if f.byLabel == nil {
		f.byLabel = map[string][]*config{}
	}
	f.byLabel[label] = list
	return list
}
