package tier

import (
	"testing"
)

// shop is an application of the preset's shape.
const shop = `
	web frontend 8080 metrics=9090
	api backend 8080 metrics=9090
	db:StatefulSet database 5432 metrics=9090
	redis cache 6379 metrics=9090`

// shopFlows and shopNever are what the preset alone means for shop.
const (
	shopFlows = `
		internet -> web 8080/TCP
		web -> api 8080/TCP
		api -> db 5432/TCP
		api -> redis 6379/TCP
		api -> internet 443/TCP
		web -> internet 443/TCP
		prometheus -> api 9090/TCP
		prometheus -> db 9090/TCP
		prometheus -> redis 9090/TCP
		prometheus -> web 9090/TCP
		api -> dns 53/TCP, 53/UDP
		db -> dns 53/TCP, 53/UDP
		redis -> dns 53/TCP, 53/UDP
		web -> dns 53/TCP, 53/UDP`
	shopNever = `
		web -> db all ports
		web -> redis all ports
		db -> internet all ports
		redis -> internet all ports`
)

var modelCases = []struct {
	name        string
	spec        string
	environment string
	workloads   string
	connections string // see connect
	flows       string
	never       string // not compared where empty
	findings    string // info and exposure findings included, sorted; see brief
}{
	{
		name: "the preset", workloads: shop,
		flows: shopFlows, never: shopNever,
		findings: `
			info pod-cidrs-assumed
			info flow-without-exposure web`,
	},
	{name: "no preset, nothing meant", spec: `preset: none`, workloads: "web frontend 80"},
	{name: "a workload without a tier has no flows", spec: bare + `flows: [{from: "*", to: "*"}]`, workloads: "web a 80\nx - 80", flows: `web -> web 80/TCP`},

	// Endpoints.
	{
		name: "one workload of a tier", spec: bare + `flows: [{from: a/one, to: b/two}]`,
		workloads: "one a 1\ntwo a 1\none2 b 2\ntwo b 2",
		// The name two exists in both tiers.
		flows: `one -> two 2/TCP`,
	},
	{
		name: "lists", spec: bare + `flows: [{from: [a, b], to: [b, c]}]`, workloads: "x a 1\ny b 2\nz c 3",
		flows: `
			x -> y 2/TCP
			x -> z 3/TCP
			y -> y 2/TCP
			y -> z 3/TCP`,
	},
	{
		name: "a tier talks to itself where said, replicas of one workload too", spec: bare + `flows: [{from: a, to: a}]`,
		workloads: "x a 1\ny a 2",
		flows: `
			x -> x 1/TCP
			x -> y 2/TCP
			y -> x 1/TCP
			y -> y 2/TCP`,
	},
	{name: "one workload to another of its tier", spec: bare + `flows: [{from: a/x, to: a/y}]`, workloads: "x a 1\ny a 2", flows: `x -> y 2/TCP`},
	{
		name: "everything as a destination leaves out clients", spec: bare + `flows: [{from: a, to: "*"}]`,
		workloads: "x a 1\ny b 2\nj:Job b 3\nk:CronJob c 3",
		flows:     "x -> x 1/TCP\nx -> y 2/TCP\nj -> y 2/TCP // a client of tier b",
		findings:  "info job-without-flow k",
	},
	{
		name: "everything as a source holds clients", spec: bare + `flows: [{from: "*", to: dns}]`, workloads: "x a 1\nj:Job a",
		flows: "x -> dns 53/TCP, 53/UDP\nj -> dns 53/TCP, 53/UDP\nj -> x 1/TCP",
	},
	{
		name: "a tier that no workload wears emits nothing", spec: bare + "flows: [{from: a, to: c}]\nnever: [{from: c, to: a}]", workloads: "x a 1",
	},
	{
		name: "a workload that is not there", spec: bare + "flows: [{from: a/xx1, to: b}]\nnever: [{from: a, to: b/z}]", workloads: "xx2 a 1\ny b 2",
		findings: "warning endpoint-unmatched spec.flows[0]\nerror endpoint-unmatched spec.never[0]",
	},
	{name: "hostNetwork is not bound", spec: bare + `flows: [{from: [a, b], to: [a, b]}]`, workloads: "x a 1 host\ny b 2", flows: `y -> y 2/TCP`},

	// Clients.
	{
		name: "a client is a source only, and of its own tier's workloads too", spec: bare + `flows: [{from: a, to: b}, {from: b, to: c}]`,
		workloads: "x a 1\ny b 2\nmigrate:Job b 9\nz c 3",
		flows:     "x -> y 2/TCP\ny -> z 3/TCP\nmigrate -> z 3/TCP\nmigrate -> y 2/TCP",
	},
	{
		name: "a client in the preset", workloads: "db:StatefulSet database 5432 noscrape\nbackup:CronJob database",
		flows: "backup -> db 5432/TCP\nbackup -> dns 53/TCP, 53/UDP\ndb -> dns 53/TCP, 53/UDP",
		never: "backup -> internet all ports\ndb -> internet all ports",
	},
	{
		name: "the flow of clients can be taken away", spec: bare + `without: [{from: a, to: a}]`, workloads: "x a 1\nj:Job a",
		findings: "info job-without-flow j",
	},
	{
		name: "a client of a tier without serving ports has nothing to reach", spec: bare, workloads: "x a\nj:Job a",
		findings: "info job-without-flow j",
	},

	// Ports.
	{
		name: "forms of ports", spec: bare + `flows: [{from: a, to: b, ports: [8080, 53/UDP, 8000-8010, 9000-9001/SCTP, http]}]`, workloads: "x a 1\ny b http=81",
		flows: `x -> y 9000-9001/SCTP, 81/TCP, 8000-8010/TCP, 8080/TCP, 53/UDP`,
	},
	{
		name: "a name is resolved for each workload", spec: bare + `flows: [{from: a, to: b, ports: [http]}]`,
		workloads: "x a 1\ny b http=81\nz b http=82/UDP\nn b 83",
		flows:     "x -> y 81/TCP\nx -> z 82/UDP",
		findings:  `warning port-unresolved n`,
	},
	{
		name: "metrics", spec: bare + `flows: [{from: prometheus, to: "*", ports: [metrics]}]`,
		workloads: "x a 1 metrics=9100\ny b 2\nz b 3 noscrape\nw b 4 noscrape metrics=9101\nj:Job b 3",
		flows:     "prometheus -> x 9100/TCP\nprometheus -> y 9090/TCP\nprometheus -> w 9101/TCP\nj -> w 4/TCP\nj -> y 2/TCP\nj -> z 3/TCP",
		findings:  `info metrics-guessed y`,
	},
	{
		name: "serving ports are without metrics", spec: bare + `flows: [{from: a, to: b}]`, workloads: "x a 1\ny b 2 53/UDP metrics=9100", flows: `x -> y 2/TCP, 53/UDP`,
		findings: "info scrape-without-flow y",
	},
	{
		name: "usual ports of the preset's tiers are guesses", spec: `without: [{from: prometheus, to: "*"}, {from: "*", to: [dns, internet]}]`,
		workloads: "web frontend\napi backend\ndb database\nredis cache\nmq queue\nw worker",
		flows: `
			internet -> web 80/TCP, 443/TCP
			web -> api 8080/TCP
			api -> db 5432/TCP
			api -> redis 6379/TCP
			api -> mq 5672/TCP
			w -> db 5432/TCP
			w -> redis 6379/TCP
			w -> mq 5672/TCP`,
		findings: `
			warning port-guessed api
			warning port-guessed db
			warning port-guessed mq
			warning port-guessed redis
			warning port-guessed web
			info flow-without-exposure web`,
	},
	{
		name: "a tier's own ports", spec: "preset: none\ntiers: [{name: a}, {name: b, ports: [9200]}]\nflows: [{from: a, to: b}, {from: b, to: a}]", workloads: "x a\ny b",
		flows: `x -> y 9200/TCP`, findings: "warning port-guessed y\nwarning port-unknown x",
	},
	{
		name: "a peer's own ports, or all", spec: bare + `
peers: [{name: p, cidrs: [203.0.113.0/24], ports: [443]}, {name: q, namespace: q}]
flows: [{from: a, to: [p, q]}]`, workloads: "x a 1",
		flows: "x -> p 443/TCP\nx -> q all ports", findings: `warning flow-all-ports spec.flows[0]`,
	},
	{
		name: "dns of another profile", spec: bare + "flows: [{from: a, to: dns}]\nprofile: {dns: openshift}", workloads: "x a 1",
		flows: `x -> dns 5353/TCP, 5353/UDP`,
	},
	{
		name: "an overridden dns keeps the profile's ports", spec: bare + "peers: [{name: dns, namespace: d}]\nflows: [{from: a, to: dns}]", workloads: "x a 1",
		flows: `x -> dns 53/TCP, 53/UDP`,
	},
	{
		name: "the API server", spec: bare + "peers: [{name: apiserver, cidrs: [192.0.2.10/32]}]\nflows: [{from: a, to: apiserver}]", workloads: "x a 1",
		flows: `x -> apiserver 443/TCP, 6443/TCP`,
	},
	{
		name: "egress to a Service's port on AWS", spec: bare + "profile: {cni: aws-vpc-cni}\nflows: [{from: a, to: [b, c]}, {from: a, to: d, ports: [9]}]",
		workloads: "x a 1\ny b 8080<80\nz c 8080<8080\nv d 8<80 9<90",
		flows:     "x -> y 8080/TCP egress 80/TCP, 8080/TCP\nx -> z 8080/TCP\nx -> v 9/TCP egress 9/TCP, 90/TCP",
		findings:  "info egress-service-port y\ninfo egress-service-port v",
	},

	// Namespaces.
	{
		name: "a flow holds within a namespace", spec: bare + `flows: [{from: a, to: b}]`, workloads: "n/x a 1\nn/y b 2\nm/x a 1\nm/y b 2",
		flows: "n/x -> n/y 2/TCP\nm/x -> m/y 2/TCP",
	},
	{
		name: "the one other namespace that holds the tier", spec: bare + `flows: [{from: a, to: b}]`, workloads: "n/x a 1\nm/x a 1\nd/y b 2",
		flows: "n/x -> d/y 2/TCP\nm/x -> d/y 2/TCP",
	},
	{
		name: "several other namespaces", spec: bare + `flows: [{from: a, to: b}]`, workloads: "n/x a 1\nd/y b 2\ne/y b 2\ne/z a 1",
		flows: `e/z -> e/y 2/TCP`, findings: `warning namespace-ambiguous spec.flows[0]`,
	},
	{
		name: "the flow that settles it", spec: bare + `flows: [{from: "n:a", to: "d:b/y"}]`, workloads: "n/x a 1\nm/x a 1\nd/y b 2\nd/z b 2\ne/y b 2", flows: `n/x -> d/y 2/TCP`,
	},
	{
		name: "a client does not hold a tier", spec: bare + `flows: [{from: a, to: b}]`, workloads: "n/x a 1\nn/j:Job b\nd/y b 2",
		flows: "n/x -> d/y 2/TCP\nn/j -> d/y 2/TCP",
	},
	{
		name: "a hostNetwork workload holds a tier", spec: bare + `flows: [{from: a, to: b}]`, workloads: "n/x a 1\nn/h b 2 host\nd/y b 2",
	},
	{
		name: "a named workload is looked for where it is", spec: bare + `flows: [{from: a, to: b/y}]`, workloads: "n/x a 1\nn/z b 2\nd/y b 2", flows: `n/x -> d/y 2/TCP`,
	},
	{
		name: "a peer reaches all namespaces", spec: bare + `flows: [{from: internet, to: a/x}]`, workloads: "n/x a 1\nm/x a 1",
		flows: "internet -> n/x 1/TCP\ninternet -> m/x 1/TCP", findings: "info flow-without-exposure x\ninfo flow-without-exposure x",
	},
	{
		name: "a namespace that is not known", spec: bare + `flows: [{from: a, to: b}]`, workloads: "x a 1\nd/y b 2",
		findings: `error namespace-unknown spec.flows[0]`,
	},
	{
		name: "a namespace that holds nothing", spec: bare + `flows: [{from: a, to: "nn:b"}]`, workloads: "n/x a 1\nn/y b 2",
		findings: `warning endpoint-unmatched spec.flows[0]`,
	},

	// Names that kustomize has put something around.
	{
		name: "the name of the manifest", spec: bare + `flows: [{from: a/x, to: b/y}]`, workloads: "prod-x a 1 declared:x\nprod-w a 1 declared:w\nprod-y b 2 declared:y\nprod-z b 2 declared:z",
		flows: "prod-x -> prod-y 2/TCP",
	},
	{
		name: "the built name goes before that of a manifest", spec: bare + `flows: [{from: a/x, to: b/y}]`, workloads: "x a 1\nprod-x a 1 declared:x\ny b 2",
		flows: "x -> y 2/TCP",
	},
	{
		name: "without, by the name of the manifest", spec: bare + "flows: [{from: a, to: b}]\nenvironments: [{name: prod, without: [{from: a/x, to: b}]}]", environment: "prod",
		workloads: "prod-x a 1 declared:x\nprod-w a 1 declared:w\ny b 2", flows: "prod-w -> y 2/TCP",
	},

	// within.
	{
		name: "a flow within an address opens nothing that the preset rules out", spec: `flows: [{from: "*", to: "*", within: {reference: own}}]`, workloads: shop,
		connections: "service db:ClusterIP db 5432>5432\nservice web:ClusterIP web 80>8080\nrefer web db:5432\nrefer redis web",
		flows:       shopFlows + "\nredis -> web 8080/TCP", never: shopNever,
		findings: `
			info pod-cidrs-assumed
			warning reference-forbidden web env.db
			info flow-without-exposure web`,
	},
	{
		name: "within the same label", spec: bare + `flows: [{from: a, to: b, within: {sameLabel: app}}]`,
		workloads: "x1 a 1 label:app=one\nx2 a 1 label:app=two\nx3 a 1\ny1 b 2 label:app=one\ny2 b 2 label:app=two\ny3 b 2",
		flows:     "x1 -> y1 2/TCP\nx2 -> y2 2/TCP",
		findings:  "warning within-label-missing x3 spec.template.metadata.labels\nwarning within-label-missing y3 spec.template.metadata.labels",
	},
	{
		name: "within a label, of everyone", spec: bare + `flows: [{from: "*", to: b, within: {sameLabel: app}}]`,
		workloads: "x1 a 1 label:app=one\nx3 a 1\ny1 b 2 label:app=one", flows: "x1 -> y1 2/TCP\ny1 -> y1 2/TCP",
	},
	{
		name: "without and never within a name", spec: bare + "flows: [{from: a, to: b}]\nwithout: []\nnever: [{from: b, to: a, within: {sameName: [-db]}}]\nenvironments: [{name: prod, without: [{from: a, to: b, within: {sameName: [-db]}}]}]",
		environment: "prod", workloads: "x a 1\nz a 1\nx-db b 2\nz-db b 2",
		flows: "x -> z-db 2/TCP\nz -> x-db 2/TCP", never: "x-db -> x all ports\nz-db -> z all ports",
	},

	// without.
	{
		name: "without takes the preset's flows", spec: `without: [{from: internet, to: frontend}, {from: frontend, to: internet, ports: [443]}, {from: prometheus, to: "*"}]`,
		workloads: "web frontend 80", flows: `web -> dns 53/TCP, 53/UDP`,
	},
	{
		name: "without on a port leaves the others", spec: `without: [{from: "*", to: dns, ports: [53]}, {from: prometheus, to: [frontend], ports: [metrics]}, {from: internet, to: frontend}, {from: frontend, to: internet}]`,
		workloads: "web frontend 80", flows: `web -> dns 53/UDP`,
		findings: ``,
	},
	{
		name: "without at the top leaves the user's flows", spec: "without: [{from: internet, to: frontend}]\nflows: [{from: internet, to: frontend/web}]",
		workloads: "web frontend 80 noscrape\nshop frontend 81 noscrape",
		flows: `
			internet -> web 80/TCP
			shop -> dns 53/TCP, 53/UDP
			shop -> internet 443/TCP
			web -> dns 53/TCP, 53/UDP
			web -> internet 443/TCP`,
		findings: "info flow-without-exposure web\ninfo pod-cidrs-assumed",
	},
	{
		name: "without that takes nothing", spec: "without: [{from: frontend, to: database}, {from: frontend, to: internet, ports: [80]}, {from: queue, to: worker}]",
		workloads: "web frontend 80 noscrape\ndb database 5432 noscrape",
		flows: `
			internet -> web 80/TCP
			db -> dns 53/TCP, 53/UDP
			web -> dns 53/TCP, 53/UDP
			web -> internet 443/TCP`,
		findings: `
			error without-matches-nothing spec.without[0]
			error without-matches-nothing spec.without[1]
			error without-matches-nothing spec.without[2]
			info flow-without-exposure web
			info pod-cidrs-assumed`,
	},
	{
		name: "without for a tier that no workload wears takes nothing, and is right", spec: "without: [{from: worker, to: queue}]", workloads: "redis cache 6379 noscrape",
		flows: `redis -> dns 53/TCP, 53/UDP`,
	},
	{
		name: "without a workload that is not there", spec: "without: [{from: internet, to: frontend/wbe}]", workloads: "web frontend 80 noscrape",
		flows:    "internet -> web 80/TCP\nweb -> dns 53/TCP, 53/UDP\nweb -> internet 443/TCP",
		findings: "error endpoint-unmatched spec.without[0]\ninfo flow-without-exposure web\ninfo pod-cidrs-assumed",
	},

	// Environments.
	{
		name: "the environment takes before it adds", environment: "staging", workloads: "web frontend 80 noscrape",
		spec: `
peers: [{name: vpn, cidrs: [203.0.113.0/24]}]
without: [{from: frontend, to: internet}]
environments:
- name: staging
  without: [{from: internet, to: frontend}]
  flows: [{from: vpn, to: frontend}, {from: internet, to: frontend, ports: [8443]}]`,
		flows:    "internet -> web 8443/TCP\nvpn -> web 80/TCP\nweb -> dns 53/TCP, 53/UDP",
		findings: `info flow-without-exposure web`,
	},
	{
		name: "an environment that is not named has the shared flows", environment: "prod", workloads: "x a 1\ny b 2",
		spec: bare + `
flows: [{from: a, to: b}]
environments: [{name: staging, without: [{from: a, to: b}]}]`,
		flows: `x -> y 2/TCP`,
	},
	{
		name: "without takes the user's flows in an environment", environment: "staging", workloads: "x a 1\ny b 2",
		spec: bare + `
flows: [{from: a, to: b}]
environments: [{name: staging, without: [{from: a, to: b}]}]`,
	},
	{
		name: "a peer of the environment overrides", environment: "staging", workloads: "x a 1",
		spec: bare + `
peers: [{name: p, cidrs: [203.0.113.0/24], ports: [1]}]
flows: [{from: a, to: p}]
environments: [{name: staging, peers: [{name: p, cidrs: [198.51.100.0/24], ports: [2]}]}]`,
		flows: `x -> p 2/TCP`,
	},
	{
		name: "a shared flow to a peer that this environment does not define", environment: "prod", workloads: "x a 1",
		spec: bare + `
flows: [{from: a, to: p, ports: [1]}]
environments: [{name: staging, peers: [{name: p, namespace: p}]}]`,
		findings: `error peer-undefined spec.flows[0]`,
	},

	{
		name: "an environment that is named with its parent", environment: "orders/prod", workloads: "x a 1\ny b 2",
		spec: bare + `
flows: [{from: a, to: b}]
environments: [{name: prod, without: [{from: a, to: b}]}]`,
	},

	// never.
	{
		name: "a user's flow suspends what it opens of the preset's never", spec: `flows: [{from: frontend/admin, to: database, ports: [5432]}]`,
		workloads: "admin frontend 80 noscrape\nweb frontend 80 noscrape\ndb database 5432 noscrape",
		flows: `
			internet -> admin 80/TCP
			internet -> web 80/TCP
			admin -> db 5432/TCP
			admin -> dns 53/TCP, 53/UDP
			admin -> internet 443/TCP
			db -> dns 53/TCP, 53/UDP
			web -> dns 53/TCP, 53/UDP
			web -> internet 443/TCP`,
		never: `
			admin -> db 1-65535/SCTP, 1-5431/TCP, 5433-65535/TCP, 1-65535/UDP
			web -> db all ports
			db -> internet all ports`,
		findings: `
			info never-suspended spec.flows[0]
			info flow-without-exposure admin
			info flow-without-exposure web
			info pod-cidrs-assumed`,
	},
	{
		name: "a flow to addresses suspends these alone", spec: "peers: [{name: backup, cidrs: [203.0.113.0/24], except: [203.0.113.8/32]}]\nflows: [{from: database, to: backup, ports: [443]}]",
		workloads: "db database 5432 noscrape",
		flows:     "db -> backup 443/TCP\ndb -> dns 53/TCP, 53/UDP",
		never: `
			db -> internet 1-65535/SCTP, 1-442/TCP, 444-65535/TCP, 1-65535/UDP
			db -> internet 443/TCP // less the backup's addresses`,
		findings: `info never-suspended spec.flows[0]`,
	},
	{
		name: "a flow of an environment suspends there", environment: "staging", workloads: "web frontend 80 noscrape\nredis cache 6379 noscrape",
		spec: `
without: [{from: internet, to: frontend}, {from: frontend, to: internet}, {from: "*", to: dns}]
environments: [{name: staging, flows: [{from: frontend, to: cache}]}]`,
		flows: `web -> redis 6379/TCP`,
		never: `
			redis -> internet all ports
			web -> redis 1-65535/SCTP, 1-6378/TCP, 6380-65535/TCP, 1-65535/UDP`,
		findings: `info never-suspended spec.environments[0].flows[0]`,
	},
	{
		name: "a user's never against a user's flow", spec: bare + "flows: [{from: a, to: [b, c]}]\nnever: [{from: a, to: b}]", workloads: "x a 1\ny b 2\nz c 3",
		flows: "x -> y 2/TCP\nx -> z 3/TCP", findings: `error never-against-flow spec.never[0]`,
	},
	{
		name: "a user's never on other ports", spec: bare + "flows: [{from: a, to: b}]\nnever: [{from: a, to: b, ports: [22, 3-4]}]", workloads: "x a 1\ny b 2",
		flows: `x -> y 2/TCP`, never: `x -> y 3-4/TCP, 22/TCP`,
	},
	{
		name: "a user's never against a flow of the preset", spec: "never: [{from: frontend, to: internet}]", workloads: "web frontend 80 noscrape",
		flows:    "internet -> web 80/TCP\nweb -> dns 53/TCP, 53/UDP\nweb -> internet 443/TCP",
		findings: "error never-against-flow spec.never[0]\ninfo flow-without-exposure web\ninfo pod-cidrs-assumed",
	},
	{
		name: "a user's never against addresses inside the internet", spec: bare + `
peers: [{name: p, cidrs: [203.0.113.0/24]}, {name: lan, cidrs: [10.1.0.0/16]}]
flows: [{from: a, to: [p, lan], ports: [1]}]
never: [{from: a, to: internet}]`, workloads: "x a 1",
		flows: "x -> p 1/TCP\nx -> lan 1/TCP", findings: `error never-against-flow spec.never[0]`,
	},
	{
		name: "a never holds across namespaces", spec: bare + "flows: [{from: a, to: b}]\nnever: [{from: c, to: b}]", workloads: "n/x a 1\nn/y b 2\nm/z c 3\nm/y b 2\nm/j:Job c",
		flows: "n/x -> n/y 2/TCP\nm/j -> m/z 3/TCP",
		never: "m/j -> m/y all ports\nm/j -> n/y all ports\nm/z -> m/y all ports\nm/z -> n/y all ports",
	},
	{
		name: "a never within a label", spec: bare + "never: [{from: a, to: b, within: {sameLabel: app}}]", workloads: "x1 a 1 label:app=one\nx2 a 1 label:app=two\ny1 b 2 label:app=one",
		never: `x1 -> y1 all ports`,
	},
	{
		name: "a never from the internet means public addresses", spec: bare + `
peers: [{name: p, cidrs: [203.0.113.0/24]}]
flows: [{from: p, to: a}]
never: [{from: internet, to: b}]`, workloads: "x a 1\ny b 2",
		flows: `p -> x 1/TCP`, never: `internet -> y all ports`,
	},
	{
		name: "a never from the internet against addresses inside", spec: bare + `
peers: [{name: p, cidrs: [203.0.113.0/24]}]
flows: [{from: p, to: a}]
never: [{from: internet, to: a}]`, workloads: "x a 1",
		flows: `p -> x 1/TCP`, findings: `error never-against-flow spec.never[0]`,
	},
}

// bare is the head of a set that starts empty, with three tiers that have no ports by default.
const bare = "preset: none\ntiers: [{name: a}, {name: b}, {name: c}, {name: d}]\n"

func TestModel(t *testing.T) {
	for _, tc := range modelCases {
		t.Run(tc.name, func(t *testing.T) {
			s := set(t, tc.spec)
			inv := inventory(t, tc.workloads)
			connect(t, inv, tc.connections)
			m, findings := s.Model(tc.environment, inv)
			diff(t, "flows", words(tc.flows), lines(pairs(m.Groups)))
			if tc.never != "" {
				diff(t, "invariants", words(tc.never), lines(pairs(m.NeverGroups)))
			}
			diff(t, "findings", words(tc.findings), brief(findings))
			if t.Failed() {
				for _, f := range findings {
					t.Log(f)
				}
			}
		})
	}
}
