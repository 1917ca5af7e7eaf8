package tier

import (
	"strings"
	"testing"
)

// memberCases: want is PEER: WORKLOADS a line, and then the flows to DNS of workloads without a tier.
var memberCases = []struct{ name, spec, workloads, want string }{
	{"a peer is the pods of its namespace", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: a, to: p, ports: [1]}]",
		"n/x a 1\np/y -\np/z b 1\nq/y -", "p: p/y p/z"},
	{"that its selector selects", bare + "peers: [{name: p, namespace: p, podSelector: {matchLabels: {app: y}}}]\nflows: [{from: p, to: a}]",
		"n/x a 1\np/y - label:app=y\np/z -", "p: p/y"},
	{"none of those on the host's network, whom no policy binds", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: p, to: a}]", "n/x a 1\np/y - host", ""},
	{"none where no flow names the peer", bare + "peers: [{name: p, namespace: p}]", "n/x a 1\np/y -", ""},
	{"none where namespaces are not known", bare + "peers: [{name: p, namespace: default}]\nflows: [{from: p, to: a}]", "x a 1\ny -", ""},
	{"none of addresses", bare + "flows: [{from: internet, to: a}]", "n/x a 1\np/y -", ""},
	{"prometheus by its image", bare + "flows: [{from: prometheus, to: a}]",
		"n/x a 1\nmonitoring/p - image:quay.io/prometheus/prometheus:v3\nmonitoring/g - image:grafana/grafana:12\nmonitoring/n - image:quay.io/prometheus/node-exporter:v1",
		"prometheus: monitoring/p"},
	{"prometheus by its label", bare + "flows: [{from: prometheus, to: a}]",
		"n/x a 1\nmonitoring/p - label:app.kubernetes.io/name=prometheus\nmonitoring/g - label:app.kubernetes.io/name=grafana", "prometheus: monitoring/p"},
	{"prometheus by its selector, whatever it runs", bare + "peers: [{name: prometheus, namespace: m, podSelector: {matchLabels: {app: s}}}]\nflows: [{from: prometheus, to: a}]",
		"n/x a 1\nm/s - label:app=s\nm/p - image:prom/prometheus:v3", "prometheus: m/s"},
	{"a source has DNS where everyone has", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: p, to: a}, {from: \"*\", to: dns}]",
		"n/x a 1\np/y -\np/z b 1", "p: p/y p/z\np/y -> dns 53/TCP, 53/UDP"},
	{"also where a without leaves it to some", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: p, to: a}, {from: \"*\", to: dns}]\nenvironments: [{name: e, without: [{from: a, to: dns}]}]",
		"n/x a 1\np/y -\np/z b 1", "p: p/y p/z\np/y -> dns 53/TCP, 53/UDP"},
	{"not where nobody has", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: p, to: a}, {from: \"*\", to: dns}]\nenvironments: [{name: e, without: [{from: \"*\", to: dns}]}]",
		"n/x a 1\np/y -", "p: p/y"},
	{"a destination has none", bare + "peers: [{name: p, namespace: p}]\nflows: [{from: a, to: p, ports: [1]}, {from: \"*\", to: dns}]", "n/x a 1\np/y -", "p: p/y"},
}

func TestMembers(t *testing.T) {
	for _, tc := range memberCases {
		t.Run(tc.name, func(t *testing.T) {
			m, findings := set(t, tc.spec).Model("e", inventory(t, tc.workloads))
			if findings.Failed() {
				t.Fatal(findings)
			}
			var got []string
			for _, peer := range sortedKeys(m.Members) {
				line := peer + ":"
				for _, w := range m.Members[peer] {
					line += " " + short(Endpoint{Workload: w})
				}
				got = append(got, line)
			}
			for _, g := range m.Groups {
				if w := g.From[0].Workload; w != nil && w.Tier == "" {
					got = append(got, lines(pairs([]Group{g}))...)
				}
			}
			diffInOrder(t, "members", strings.Split(tc.want, "\n"), strings.Split(strings.Join(got, "\n"), "\n"))
		})
	}
}
