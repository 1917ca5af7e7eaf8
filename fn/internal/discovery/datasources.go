package discovery

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/workload"
)

// isDatasource reports whether a mapping is a data source of Grafana, which Grafana calls whoever brings it the file.
func isDatasource(n *yaml.Node) bool {
	access := text(child(n, "access"))
	return (access == "proxy" || access == "server") && text(child(n, "url")) != "" && text(child(n, "type")) != ""
}

// addDatasource notes the address of a data source for the one Grafana of the namespace, where the workload that holds the
// file is none, such as a Job that imports it; false where it is, or there is no such Grafana.
func (f *finder) addDatasource(a address, e evidence) bool {
	if f.grafanas == nil {
		f.grafanas = map[string][]*candidate{}
		for _, c := range f.reader.candidates {
			if c.runsGrafana() && !c.Client {
				f.grafanas[scope(c.Namespace)] = append(f.grafanas[scope(c.Namespace)], c)
			}
		}
	}
	list := f.grafanas[f.scope]
	if len(list) != 1 || f.from.runsGrafana() || slices.Contains(list[0].services, a.to) {
		return false
	}
	f.others = append(f.others, workload.Reference{
		From: list[0].Workload, To: a.to.Service, Via: e.via, Port: a.port, Where: e.where, Source: e.source, Weak: e.weak,
	})
	return true
}

func (c *candidate) runsGrafana() bool {
	return slices.ContainsFunc(c.containers, func(in container) bool {
		name := workload.ImageName(in.image)
		return name == "grafana" || name == "grafana-oss" || name == "grafana-enterprise"
	})
}

// addOthers puts the references that no address in the workload's own hands gave beside those that one did.
func (f *finder) addOthers() {
	if len(f.others) == 0 {
		return
	}
	slices.SortFunc(f.others, func(a, b workload.Reference) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Port, b.Port),
			compareSources(a.Source, b.Source), cmp.Compare(a.Where, b.Where), compareWeak(a.Weak, b.Weak))
	})
	f.references = append(f.references, f.others...)
	slices.SortStableFunc(f.references, func(a, b workload.Reference) int { return a.From.Compare(b.From) })
	f.references = slices.CompactFunc(f.references, func(a, b workload.Reference) bool { return a == b })
}
