package tier

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// podsCases are workloads whose pods no manifest makes: the set declares them, and they have flows like any other.
var podsCases = []struct{ name, entry, flows, workloads, connections, want, findings string }{
	{name: "a store that an operator makes", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [9092]}`, flows: `[{from: a, to: b}]`, workloads: "x a 1", want: "x -> kafka 9092/TCP"},
	{name: "it is a source too", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [9092]}`, flows: `[{from: b, to: [a, b]}, {from: "*", to: dns}]`, workloads: "x a 1",
		want: "kafka -> x 1/TCP\nkafka -> kafka 9092/TCP\nkafka -> dns 53/TCP, 53/UDP\nx -> dns 53/TCP, 53/UDP"},
	{name: "its ports are those behind its Services", entry: `{name: kafka, tier: b, pods: {app: kafka}}`, flows: `[{from: a, to: b}]`, workloads: "x a 1",
		connections: "foreign kafka app=kafka,role=broker 9092>19092 81>http", want: "x -> kafka 19092/TCP"},
	{name: "a Service of other pods", entry: `{name: kafka, tier: b, pods: {app: kafka}}`, flows: `[{from: a, to: b}]`, workloads: "x a 1",
		connections: "foreign zoo app=zookeeper 2181>2181", findings: "warning port-unknown kafka"},
	{name: "an address of its Service", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [9092]}`, flows: `[{from: a, to: b, within: {reference: own}}]`, workloads: "x a 1\nw a 1",
		connections: "foreign kafka app=kafka 9092>9092\nrefer x kafka:9092", want: "x -> kafka 9092/TCP"},
	{name: "ports of two protocols", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [9092, 53/UDP]}`, flows: `[{from: a, to: b}]`, workloads: "x a 1", want: "x -> kafka 9092/TCP, 53/UDP"},
	{name: "its namespace is the only one", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [1]}`, flows: `[{from: a, to: b}]`, workloads: "n/x a 1", want: "n/x -> n/kafka 1/TCP"},
	{name: "its namespace among several", entry: `{name: kafka, namespace: m, tier: b, pods: {app: kafka}, ports: [1]}`, flows: `[{from: a, to: b}]`, workloads: "n/x a 1\nm/y a 1",
		want: "n/x -> m/kafka 1/TCP\nm/y -> m/kafka 1/TCP"},
	{name: "its namespace is not told", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [1]}`, flows: `[]`, workloads: "n/x a 1\nm/y a 1",
		findings: "error config-missing spec.workloads[0].namespace"},
	{name: "a namespace without workloads", entry: `{name: kafka, namespace: kafka, tier: b, pods: {app: kafka}, ports: [1]}`, flows: `[]`, workloads: "n/x a 1",
		findings: "warning override-unmatched spec.workloads[0].name"},
	{name: "by its name", entry: `{name: kafka, tier: b, pods: {app: kafka}, ports: [1]}`, flows: `[{from: a, to: b/kafka}]`, workloads: "x a 1\ny b 2", want: "x -> kafka 1/TCP"},
	{name: "within a label that it wears", entry: `{name: kafka, tier: b, pods: {app: kafka, team: one}, ports: [1]}`, flows: `[{from: a, to: b, within: {sameLabel: team}}]`,
		workloads: "x a 1 label:team=one\nw a 1 label:team=two", want: "x -> kafka 1/TCP"},
}

func TestDeclaredPods(t *testing.T) {
	for _, tc := range podsCases {
		t.Run(tc.name, func(t *testing.T) {
			s := set(t, bare+"workloads: ["+tc.entry+"]\nflows: "+tc.flows)
			inv := inventory(t, tc.workloads)
			tiers := map[string]string{}
			for _, w := range inv.Workloads {
				tiers[w.Name] = w.Tier
			}
			connect(t, inv, tc.connections)
			findings := s.declarePods(inv)
			findings = append(findings, s.declarePods(inv)...) // a test of the same inventory comes before
			for _, w := range inv.Workloads {
				if w.Operated {
					w.Tier = "b"
				}
			}
			m, fs := s.Model("", inv)
			diff(t, "flows", words(tc.want), lines(pairs(m.Groups)))
			var got report.Findings
			for _, f := range append(findings, fs...) {
				if f.Severity != report.Info && f.ID != serviceNoFlow {
					got = append(got, f)
				}
			}
			want := words(tc.findings)
			if len(want) == 1 && inv.Workloads[len(inv.Workloads)-1].Operated == false {
				want = append(want, want[0]) // declarePods says it each time
			}
			diff(t, "findings", want, brief(got))
		})
	}
}

func TestDeclaredPodsHaveTheirTier(t *testing.T) {
	s := set(t, bare+"workloads: [{name: kafka, tier: b, pods: {tier: a}, ports: [1]}, {name: x, tier: c}]")
	inv := inventory(t, "x -")
	findings := s.AssignTiers(inv)
	var got []string
	for _, w := range inv.Workloads {
		got = append(got, w.Name+" "+w.Tier)
	}
	diff(t, "tiers", []string{"kafka b", "x c"}, got)
	diff(t, "findings", nil, brief(findings))
}

func TestWithoutDeclared(t *testing.T) {
	s := set(t, bare+"workloads: [{name: kafka, tier: b, pods: {app: kafka}, ports: [1]}]")
	inv := inventory(t, "x a 1")
	connect(t, inv, "foreign kafka app=kafka 1>1\nforeign zoo app=zookeeper 1>1")
	s.AssignTiers(inv)
	about := func(name string) report.Finding {
		return report.Finding{ID: serviceSelectsNothing, Severity: report.Warning, Object: report.Object{Kind: "Service", Name: name}}
	}
	diff(t, "findings", []string{"warning service-selects-nothing zoo"}, brief(WithoutDeclared(report.Findings{about("kafka"), about("zoo")}, inv)))
}

// Operators make several Services that lead to one port, such as those of a database's primary and of its replicas: the
// workload still has it once.
func TestDeclaredPortOfSeveralServices(t *testing.T) {
	s := set(t, bare+"workloads: [{name: db, tier: b, pods: {app: db}}]")
	inv := inventory(t, "x a 1")
	connect(t, inv, "foreign db-rw app=db,role=primary 5432>5432\nforeign db-ro app=db 5432>5432\nforeign db-admin app=db 80>80")
	s.declarePods(inv)
	for _, w := range inv.Workloads {
		if !w.Operated {
			continue
		}
		want := []workload.Port{
			{Protocol: workload.TCP, Number: 80, Origin: workload.FromService, ServicePort: 80},
			{Protocol: workload.TCP, Number: 5432, Origin: workload.FromService, ServicePort: 5432},
		}
		if d := cmp.Diff(want, w.Ports); d != "" {
			t.Errorf("ports (-want +got):\n%s", d)
		}
		return
	}
	t.Fatal("no workload is declared")
}
