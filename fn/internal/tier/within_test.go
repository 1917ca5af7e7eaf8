package tier

import (
	"testing"

	"tierwall.dev/fn/internal/report"
)

// referring is what the addresses in these tests are about.
const referring = `
	service y:ClusterIP y 80>2 81>3
	service z:ClusterIP z 80>2`

var withinCases = []struct{ name, within, ports, workloads, connections, flows, findings string }{
	// sameName.
	{name: "the source's name with an ending", within: `sameName: [-db]`, workloads: "carts a 1\nuser a 1\ncarts-db b 2\nuser-db b 2\nsession-db b 2",
		flows: "carts -> carts-db 2/TCP\nuser -> user-db 2/TCP"},
	{name: "two endings", within: `sameName: [-service, -db]`, workloads: "user-service a 1\ntrip-service a 1\nuser-db b 2\ntrip-db b 2",
		flows: "user-service -> user-db 2/TCP\ntrip-service -> trip-db 2/TCP"},
	{name: "an ending goes once", within: `sameName: [-db]`, workloads: "user a 1\nuser-db-db b 2\nuser-db b 2", flows: "user -> user-db 2/TCP"},
	{name: "the middle of a name is no ending", within: `sameName: [-db]`, workloads: "user a 1\nuser-db-0 b 2\nuse a 1\nuser-d b 2", findings: nothing("a", "b", "sameName: [-db]")},
	{name: "an ending that is the whole name leaves none", within: `sameName: [db, cache]`, workloads: "db a 1\ncache b 2", findings: nothing("a", "b", "sameName: [db, cache]")},
	{name: "the same name in two kinds", within: `sameName: [-x]`, workloads: "user a 1\nuser:StatefulSet b 2", flows: "user -> user 2/TCP"},
	{name: "names across the one other namespace", within: `sameName: [-db]`, workloads: "n/user a 1\nn/trip a 1\nm/user-db b 2\nm/trip-db b 2",
		flows: "n/user -> m/user-db 2/TCP\nn/trip -> m/trip-db 2/TCP"},
	{name: "a Job by its name", within: `sameName: [-migrate, -db]`, workloads: "user-migrate:Job a\nuser-db b 2", flows: "user-migrate -> user-db 2/TCP"},

	{name: "names of manifests, with the same around them", within: `sameName: [-db]`, workloads: "user-v2 a 1 declared:user\nuser-db-v2 b 2 declared:user-db\ntrip-db-v2 b 2 declared:trip-db",
		flows: "user-v2 -> user-db-v2 2/TCP"},
	{name: "names of manifests, with something else around each", within: `sameName: [-db]`, workloads: "red-user a 1 declared:user\nblue-user a 1 declared:user\nred-user-db b 2 declared:user-db\nblue-user-db b 2 declared:user-db",
		flows: "red-user -> red-user-db 2/TCP\nblue-user -> blue-user-db 2/TCP"},

	// sameLabel.
	{name: "a label that one side lacks", within: `sameLabel: team`, workloads: "x1 a 1 label:team=one\nx2 a 1 label:team=one\ny b 2", findings: `
		warning within-label-missing y spec.template.metadata.labels
		` + nothing("a", "b", "sameLabel: team")},
	{name: "a label on the object alone", within: `sameLabel: team`, workloads: "x a 1 object:team=one\ny b 2 label:team=one", findings: `
		warning within-label-missing x spec.template.metadata.labels
		` + nothing("a", "b", "sameLabel: team")},
	{name: "an empty value is a value", within: `sameLabel: team`, workloads: "x a 1 label:team=\ny b 2 label:team=\nz b 2 label:team=one", flows: "x -> y 2/TCP"},
	{name: "a team without a store", within: `sameLabel: team`, workloads: "x a 1 label:team=one\nz a 1 label:team=two\ny b 2 label:team=one", flows: "x -> y 2/TCP"},
	{name: "a Job of the team", within: `sameLabel: team`, workloads: "x:CronJob a label:team=one\nw:CronJob a label:team=two\ny b 2 label:team=one", flows: "x -> y 2/TCP"},
	{name: "a Job serves nobody, and needs no label for it", within: `sameLabel: team`, workloads: "x a 1 label:team=one\ny b 2 label:team=one\nj:Job b", flows: "x -> y 2/TCP\nj -> y 2/TCP // as a client of its tier"},
	{name: "a label across the one other namespace", within: `sameLabel: team`, workloads: "n/x a 1 label:team=one\nm/y b 2 label:team=one\nm/z b 2 label:team=two", flows: "n/x -> m/y 2/TCP"},
	{name: "a pod on the host network is not asked for its label", within: `sameLabel: team`, workloads: "x a 1 label:team=one\nh a 1 host\ny b 2 label:team=one", flows: "x -> y 2/TCP"},
	{name: "a label and a name", within: `sameLabel: team, sameName: [-db]`, workloads: "user a 1 label:team=one\nuser-db b 2 label:team=one\nn/user a 1 label:team=one\nn/user-db b 2 label:team=two",
		flows: "user -> user-db 2/TCP"},

	// reference.
	{name: "an address", within: `reference: own`, workloads: "x a 1\nw a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y\nrefer w z:80",
		flows: "x -> y 2/TCP, 3/TCP\nw -> z 2/TCP"},
	{name: "an address with a port", within: `reference: own`, workloads: "x a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y:81", flows: "x -> y 3/TCP"},
	{name: "beside an address with a port, one without says nothing", within: `reference: own`, workloads: "x a 1\nw a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y\nrefer x y:81\nrefer w y",
		flows: "x -> y 3/TCP\nw -> y 2/TCP, 3/TCP"},
	{name: "a shared address with a port says nothing of the workload's own", within: `reference: own`, workloads: "x a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y\nrefer x y:81 weak",
		flows: "x -> y 2/TCP, 3/TCP"},
	{name: "what is shared is not own", within: `reference: own`, workloads: "x a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y weak", findings: nothing("a", "b", "reference: own")},
	{name: "shared takes both", within: `reference: shared`, workloads: "x a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y:80 weak\nrefer x z", flows: "x -> y 2/TCP\nx -> z 2/TCP"},
	{name: "beside an own address with a port, a shared one without says nothing", within: `reference: shared`, workloads: "x a 1\ny b 2 3\nz b 2", connections: referring + "\nrefer x y weak\nrefer x y:81",
		flows: "x -> y 3/TCP"},
	{name: "the ports that the flow names, of those of the address", within: `reference: own`, ports: `, ports: [3]`, workloads: "x a 1\nw a 1\ny b 2 3\nz b 2",
		connections: referring + "\nrefer x y\nrefer w z", flows: "x -> y 3/TCP"},
	{name: "a workload that declares no port", within: `reference: own`, workloads: "x a 1\ny b\nz b 2", connections: referring + "\nrefer x y:80", flows: "x -> y 2/TCP"},
	{name: "an address tells the namespace", within: `reference: own`, workloads: "n/x a 1\nm/y b 2\nk/y b 2\nn/z b 2", connections: "service y:ClusterIP k/y 80>2\nrefer n/x y", flows: "n/x -> k/y 2/TCP"},
	{name: "an address of another tier's Service", within: `reference: own`, workloads: "x a 1\ny c 2 3\nz b 2", connections: referring + "\nrefer x y", findings: nothing("a", "b", "reference: own")},
	{name: "a Job that holds an address", within: `reference: own`, workloads: "j:Job a\ny b 2 3\nz b 2", connections: referring + "\nrefer j y:80", flows: "j -> y 2/TCP"},
	{name: "an address and a name", within: `reference: own, sameName: [-db]`, workloads: "user a 1\nuser-db b 2\ntrip-db b 2",
		connections: "service u:ClusterIP user-db 80>2\nservice t:ClusterIP trip-db 80>2\nrefer user u\nrefer user t", flows: "user -> user-db 2/TCP"},
}

func nothing(from, to, by string) string {
	return "warning within-matches-nothing spec.flows[0]: opens nothing: of " + from + " and " + to + " no two workloads belong together by {" + by + "}"
}

func TestWithin(t *testing.T) {
	for _, tc := range withinCases {
		t.Run(tc.name, func(t *testing.T) {
			inv := inventory(t, tc.workloads)
			connect(t, inv, tc.connections)
			m, findings := set(t, bare+"flows: [{from: a, to: b, within: {"+tc.within+"}"+tc.ports+"}]").Model("", inv)
			diff(t, "flows", words(tc.flows), lines(pairs(m.Groups)))
			var got []string
			for _, f := range findings {
				switch f.ID {
				case withinNothing:
					got = append(got, brief(report.Findings{f})[0]+": "+f.Message)
				case withinUnlabelled:
					got = append(got, brief(report.Findings{f})...)
				}
			}
			diff(t, "findings", words(tc.findings), got)
		})
	}
}
