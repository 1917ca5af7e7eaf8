package proposal

import (
	"slices"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// fromPrometheus replaces the preset's scrape of every workload by one of those that say where their metrics are.
func (d *draft) fromPrometheus() {
	var scraped, silent []*unit
	for _, u := range d.units {
		w := u.first()
		switch {
		case w.Client || w.HostNetwork || u.role.Tier == "":
		case len(w.Metrics) > 0:
			scraped = append(scraped, u)
		case !w.NoScrape:
			silent = append(silent, u)
		}
	}
	own := d.ownScrapers()
	if len(scraped) > 0 && len(silent) == 0 && len(own) == 0 {
		return
	}
	d.without = append(d.without, tier.FlowSpec{From: named(tier.Prometheus), To: named("*")})
	if len(scraped) == 0 {
		d.ask(Question{Kind: questionScrape, Text: "Does Prometheus scrape the workloads? None has the annotation prometheus.io/port, a ServiceMonitor, a PodMonitor or a port named metrics, " +
			"so the preset's flow from prometheus is taken away. If it does: - {from: prometheus, to: \"*\", ports: [PORT]}"})
		return
	}
	evidence := []Evidence{{Text: "their metrics ports", Confidence: High}}
	from := named(tier.Prometheus)
	if len(own) == 0 {
		d.lines = append(d.lines, line{from: from, to: d.refs(scraped, false), ports: []tier.PortSpec{{Name: "metrics"}}, evidence: evidence})
		return
	}
	for i := range d.environments {
		for _, s := range own {
			for _, u := range scraped {
				from, to := s.in[i], u.in[i]
				if from == nil || to == nil || s == u || from.HostNetwork {
					continue
				}
				if !sameKnowledge(from, to) {
					d.ask(namespaceQuestion(pair{s, u}, Evidence{Text: "scrape"}))
					continue
				}
				d.add(i, pair{s, u}, portSet(to.Metrics), Evidence{Text: "scrapes its metrics port", Confidence: High})
			}
		}
	}
}

// ownScrapers are the workloads of the package that scrape, where they are not in the namespace that the preset means.
func (d *draft) ownScrapers() []*unit {
	var out []*unit
	for _, u := range d.units {
		w := u.first()
		if scrapes(w) && w.Namespace != "monitoring" && u.role.Tier == monitoring {
			out = append(out, u)
		}
	}
	return out
}

// scrapers are the images that read metrics.
var scrapers = []string{"prometheus", "vmagent", "grafana-agent"}

func scrapes(w *workload.Workload) bool {
	return len(w.Images) > 0 && slices.ContainsFunc(w.Images, func(i string) bool { return slices.Contains(scrapers, workload.ImageName(i)) })
}
