package tier

import (
	"fmt"
	"strings"
	"testing"
)

// expectCases: want is VERDICT FROM -> TO PORTS a line, for every pair of every expectation.
var expectCases = []struct{ name, spec, test, workloads, want, findings string }{
	{"allowed, on the serving ports", bare, `expect: [{from: a, to: b, verdict: allowed}]`, "x a 1\ny b 2", "allowed x -> y 2/TCP", ""},
	{"allowed, on some ports", bare, `expect: [{from: a, to: b, ports: [80, http], verdict: allowed}]`, "x a 1\ny b http=81", "allowed x -> y 80/TCP, 81/TCP", ""},
	{"allowed, by the rule for namespaces", bare, `expect: [{from: a, to: b, verdict: allowed}]`, "n/x a 1\nn/y b 2\nm/y b 2", "allowed n/x -> n/y 2/TCP", ""},
	{"denied, on every port and in every namespace", bare, `expect: [{from: a, to: b, verdict: denied}]`, "n/x a 1\nn/y b 2\nm/y b 2",
		"denied n/x -> m/y all ports\ndenied n/x -> n/y all ports", ""},
	{"nobody but one tier", bare, `expect: [{from: "*", to: b, only: [a]}]`, "x a 1\ny b 2\nz c 3",
		"denied y -> y all ports but x\ndenied z -> y all ports but x", ""},
	{"nobody but one workload", bare, `expect: [{from: "*", to: b, only: [a/x]}]`, "x a 1\nx2 a 1\ny b 2", "denied x2 -> y all ports but x\ndenied y -> y all ports but x", ""},
	{"nobody outside but one peer", bare + "peers: [{name: p, namespace: p}, {name: q, namespace: q}]", `expect: [{from: [p, q, internet], to: b, only: [p]}]`, "y b 2",
		"denied internet -> y all ports but p\ndenied q -> y all ports but p", ""},
	{"the internet is public addresses", bare, `expect: [{from: a, to: internet, ports: [443], verdict: denied}]`, "x a 1", "denied x -> internet 443/TCP", ""},
	{"an expectation about nothing", bare, `expect: [{from: a, to: c, verdict: denied}]`, "x a 1", "", "warning expectation-matches-nothing pci spec.expect[0]"},
	{"a workload that is not there", bare, `expect: [{from: a/y, to: a, verdict: denied}]`, "x a 1", "", "error endpoint-unmatched pci spec.expect[0]"},
	{"a name that is not known", bare, `expect: [{from: front, to: a, verdict: denied}, {from: "*", to: a, only: bb}]`, "x a 1", "",
		"error config-unknown-name pci spec.expect[0]\nerror config-unknown-name pci spec.expect[1]"},
	{"from a peer to a peer", bare, `expect: [{from: internet, to: dns, verdict: denied}]`, "x a 1", "", "error config-bad-value pci spec.expect[0]"},
}

func TestExpect(t *testing.T) {
	for _, tc := range expectCases {
		t.Run(tc.name, func(t *testing.T) {
			test, findings := DecodeTest(object(t, testDocument(tc.test)))
			if findings.Failed() {
				t.Fatal(findings)
			}
			expected, findings := set(t, tc.spec).Expect("", inventory(t, tc.workloads), test)
			var got []string
			for _, x := range expected {
				var only []string
				for _, e := range x.Only {
					only = append(only, short(e))
				}
				but := ""
				if len(only) > 0 {
					but = " but " + strings.Join(only, ", ")
				}
				for _, line := range lines(pairs(x.Groups)) {
					got = append(got, fmt.Sprintf("%s %s%s", x.Verdict, line, but))
				}
			}
			diff(t, "expectations", words(tc.want), got)
			diff(t, "findings", words(tc.findings), brief(findings))
		})
	}
}

func TestForTest(t *testing.T) {
	s := Default()
	if s.ForTest(&Test{}) != s {
		t.Error("a test without labels sees another set")
	}
	inv := inventory(t, "x - label:layer=db label:tier=web")
	s.ForTest(&Test{TierLabels: []string{"layer"}}).AssignTiers(inv)
	if got := inv.Workloads[0].Tier; got != database {
		t.Errorf("by the test's own label the tier is %q, want %q", got, database)
	}
	s.AssignTiers(inv)
	if got := inv.Workloads[0].Tier; got != frontend {
		t.Errorf("by the set's labels the tier is %q, want %q", got, frontend)
	}
}

func TestCheckEnvironments(t *testing.T) {
	s := set(t, `environments: [{name: prod}, {name: stagin}, {name: team}]`)
	got := joined(s.CheckEnvironments([]string{"orders/prod", "staging", "team"}))
	want := `set.yaml NetworkPolicySet shop: spec.environments[1].name: "stagin" is no environment of the package; its environments are orders/prod, staging, team; did you mean "staging"? [config-unknown-name]`
	diffInOrder(t, "findings", []string{want}, []string{got})
}

func TestTestCheckEnvironments(t *testing.T) {
	test, findings := DecodeTest(object(t, testDocument("environments: [prod, staging]\nwithin: stagin")))
	if findings.Failed() {
		t.Fatal(findings)
	}
	want := []string{
		`set.yaml SegmentationTest pci: spec.environments[0]: "prod" is no environment of the package; its environments are orders/staging, team [config-unknown-name]`,
		`set.yaml SegmentationTest pci: spec.within: "stagin" is no environment of the package; its environments are orders/staging, team [config-unknown-name]`,
	}
	diffInOrder(t, "findings", want, strings.Split(joined(test.CheckEnvironments([]string{"", "orders/staging", "team"})), "\n"))
	for name, in := range map[string]bool{"prod": true, "orders/staging": true, "team": false, "": false} {
		if got := test.In(name); got != in {
			t.Errorf("the test is for environment %q: %t, want %t", name, got, in)
		}
	}
	if !(&Test{}).In("") {
		t.Error("a test that names no environment is not for the only one")
	}
}

// modelMessages are the model's findings in full, since people act on them; %s in front is the place.
var modelMessages = []struct{ spec, workloads, want string }{
	{bare + `flows: [{from: a/orders1, to: b}]`, "orders a 1", `set.yaml NetworkPolicySet shop: spec.flows[0]: "a/orders1" matches no workload of tier a; did you mean "orders"? [endpoint-unmatched]`},
	{bare + `flows: [{from: a, to: b}]`, "n/x a 1\nd/y b 2\ne/y b 2\no/x a 1", `set.yaml NetworkPolicySet shop: spec.flows[0]: opens nothing for tier a in namespace "n" (and for 1 more): that namespace holds no b, and several others do (d, e); write the one that is meant, such as flows: [{from: "n:a", to: "d:b"}] [namespace-ambiguous]`},
	{bare + `flows: [{from: a, to: b}]`, "x a 1\nd/y b 2", `set.yaml NetworkPolicySet shop: spec.flows[0]: goes from tier a without a namespace to tier b in namespace "d", and a rule across namespaces must name both; give the manifests their namespace [namespace-unknown]`},
	{bare + `flows: [{from: a, to: b, ports: [http]}]`, "x a 1\ny b grpc=2", `y.yaml Deployment y: has no port named "http", which spec.flows[0] asks for (it has grpc); declare the port, or give its number there [port-unresolved]`},
	{bare + `flows: [{from: a, to: b}]`, "x a 1\ny b", `y.yaml Deployment y: declares no serving port, and tier b has none by default, so spec.flows[0] opens nothing; declare containerPort, or give ports in the flow or the tier [port-unknown]`},
	{bare + "without: [{from: a, to: b, ports: [1, http]}]", "x a 1\ny b http=2", `set.yaml NetworkPolicySet shop: spec.without[0]: takes nothing away: no flow before it goes from a to b on 1, http; remove it, or write what the flow says [without-matches-nothing]`},
	{bare + "flows: [{from: a, to: b}]\nnever: [{from: a, to: b}]", "x a 1\ny b 2", `set.yaml NetworkPolicySet shop: spec.never[0]: rules out a/x to b/y on 2/TCP, which spec.flows[0] opens; remove one of the two [never-against-flow]`},
	{"never: [{from: \"*\", to: dns}]", "db database 5432 noscrape\nq queue 1 noscrape\nq2 queue 1 noscrape", `set.yaml NetworkPolicySet shop: spec.never[0]: rules out database/db to dns on 53/TCP, 53/UDP, which preset flow 6 (* to dns) opens; take the flow away with without: [{from: "*", to: dns}] [never-against-flow]`},
	{"flows: [{from: database, to: internet, ports: [443]}]\nprofile: {podCIDRs: [10.0.0.0/8]}", "db database 5432 noscrape", `set.yaml NetworkPolicySet shop: spec.flows[0]: opens database/db to internet on 443/TCP, which preset never 2 (database, cache to internet) rules out: that invariant does not hold where this flow does [never-suspended]`},
	{bare + "flows: [{from: a, to: p, ports: [1]}]\nenvironments: [{name: x, peers: [{name: p, namespace: p}]}]", "x a 1", `set.yaml NetworkPolicySet shop: spec.flows[0]: peer "p" is defined in some environments only; add it to spec.peers, or name the environment [peer-undefined]`},
}

func TestModelMessages(t *testing.T) {
	for _, tc := range modelMessages {
		_, findings := set(t, tc.spec).Model("", inventory(t, tc.workloads))
		diffInOrder(t, "findings", []string{tc.want}, strings.Split(joined(findings), "\n"))
	}
}
