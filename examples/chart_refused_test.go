//go:build realtools

package examples

import (
	"cmp"
	"strings"
	"testing"
)

// refused are values that the chart does not take, each with what the message says: from the schema, and from the templates
// where the schema is switched off. An empty schema text means that only the templates can say it.
var refused = []struct{ name, values, schema, templates string }{
	// the root
	{"unknown value", "flow: []", "flow", `values: "flow" is no field; known are namespace, nameOverride, `},
	{"no tiers", "tiers: []", "/tiers", "tiers: is empty; give at least one tier"},
	{"tiers taken away", "tiers: null", "tiers", "tiers: is empty"},
	{"tiers no list", "tiers: {frontend: {}}", "/tiers", "tiers: must be a list"},
	{"bad namespace", "namespace: Shop_1", "Shop_1", `namespace: "Shop_1" is no name of a namespace`},
	{"set is no label value", "set: a b", "", `set: "a b" is no label value`},
	{"full name is no name", "fullnameOverride: Foo_Bar", "", `fullnameOverride, nameOverride: "Foo_Bar" is no name for objects`},
	{"a label of the chart's own", "labels: {tierwall.dev/set: other}", "", `labels: "tierwall.dev/set" is set by the chart`},
	{"a label value with a space", `labels: {team: "a b"}`, "", `labels[team]: "a b" is no label value`},
	{"a label value that is no string", "labels: {team: 7}", "/labels/team", "labels[team]: must be a string; got 7"},
	{"a bad label key", "labels: {-team: a}", "", `labels: "-team" is no label key`},
	{"an annotation of the chart's own", "annotations: {tierwall.dev/controls: none}", "", `annotations: "tierwall.dev/controls" is set by the chart`},
	{"a switch that is text", `defaultDeny: "false"`, "/defaultDeny", `defaultDeny: must be true or false; got "false"`},
	{"a switch that is taken away", "exclusiveNamespace: null", "", "exclusiveNamespace: must be true or false; got null"},

	{"no image for the test", "test: {image: {repository: null}}", "repository", "test.image.repository: null is no image"},
	{"no test", "test: null", "", "test: must be a mapping with image, imagePullSecrets; got null"},

	// profile
	{"unknown cni", "profile: {cni: flannel}", "generic", `profile.cni: must be one of generic, calico, cilium, aws-vpc-cni; got "flannel"`},
	{"unknown dns", "profile: {dns: kubedns}", "openshift", `profile.dns: must be one of coredns, openshift, nodelocal, gke-cloud-dns; got "kubedns"`},
	{"unknown field of the profile", "profile: {podCidrs: [10.1.0.0/16]}", "podCidrs", `profile: "podCidrs" is no field`},
	{"pods everywhere", "profile: {podCIDRs: [0.0.0.0/0]}", "", `profile.podCIDRs[0]: "0.0.0.0/0" leaves nothing of the internet`},
	{"bad pod range", "profile: {podCIDRs: [10.1.0.0]}", "", `profile.podCIDRs[0]: "10.1.0.0" is no CIDR; write an address and a prefix length`},

	// tiers
	{"a tier without name", "tiers: [{labels: {app: a}}]", "name", "tiers[0].name: null is no name of a tier"},
	{"a tier without labels", "tiers: [{name: a}]", "labels", "tiers[0].labels: must be the labels that the tier's pods wear, at least one; got null"},
	{"a tier that selects every pod", "tiers: [{name: a, labels: {}}]", "/tiers/0/labels", "tiers[0].labels: must be the labels that the tier's pods wear"},
	{"a label without values", "tiers: [{name: a, labels: {app: []}}]", "/tiers/0/labels/app", "tiers[0].labels[app]: is empty"},
	{"a label that is null", "tiers: [{name: a, labels: {app: null}}]", "/tiers/0/labels/app", "tiers[0].labels[app]: null is no label value"},
	{"a label that is a number", "tiers: [{name: a, labels: {app: 1}}]", "/tiers/0/labels/app", "in quotes where YAML takes it for something else"},
	{"a label of a label", "tiers: [{name: a, labels: {app: {b: c}}}]", "/tiers/0/labels/app", "tiers[0].labels[app]:"},
	{"two tiers of one name", "tiers: [{name: a, labels: {app: a}}, {name: a, labels: {app: b}}]", "", `tiers[1].name: tier "a" is given twice`},
	{"a tier called as a peer", "tiers: [{name: dns, labels: {app: a}}]", "", `tiers[0].name: "dns" is a built-in peer`},
	{"two tiers of the same pods", "tiers: [{name: a, labels: {app: x}}, {name: b, labels: {app: x}}]", "", `the pods of tier "b" and of tier "a" cannot be told apart`},
	{"a tier within another", "tiers: [{name: a, labels: {app: x}}, {name: b, labels: {app: x, tier: t}}]", "", "cannot be told apart"},
	{"tiers that share a value", "tiers: [{name: a, labels: {app: [u, v]}}, {name: b, labels: {app: [v, w]}}]", "", "cannot be told apart"},
	{"a port of zero", "tiers: [{name: a, labels: {app: a}, ports: [0]}]", "/tiers/0/ports/0", "tiers[0].ports[0]: 0 is no port; write a number from 1 to 65535"},
	{"a port out of range", "tiers: [{name: a, labels: {app: a}, ports: [65536]}]", "/tiers/0/ports/0", "tiers[0].ports[0]: 65536 is no port"},
	{"a port with a fraction", "tiers: [{name: a, labels: {app: a}, ports: [80.5]}]", "/tiers/0/ports/0", "tiers[0].ports[0]: 80.5 is no port"},
	{"a port's name", "tiers: [{name: a, labels: {app: a}, ports: [http]}]", "", `tiers[0].ports[0]: "http" is no port`},
	{"a range that ends before it begins", `tiers: [{name: a, labels: {app: a}, ports: [90-80]}]`, "", `tiers[0].ports[0]: "90-80" is no range of ports: it ends before it begins`},
	{"an unknown protocol", `tiers: [{name: a, labels: {app: a}, ports: [53/ICMP]}]`, "", `"53/ICMP" is no port; write a number from 1 to 65535, or a range as 8000-8010, either with /TCP, /UDP or /SCTP behind it`},
	{"a port twice", `tiers: [{name: a, labels: {app: a}, ports: [80, "80/TCP"]}]`, "", `tiers[0].ports[1]: "80/TCP" is given twice`},
	{"a Service without target", "tiers: [{name: a, labels: {app: a}, servicePorts: [{port: 80}]}]", "targetPort", "tiers[0].servicePorts[0].targetPort: \"\" is no port's number"},
	{"aws without the Services' ports", "profile: {cni: aws-vpc-cni}", "", "flows[1]: profile.cni aws-vpc-cni needs the servicePorts of tier backend, such as [{port: 80, targetPort: 8080}]"},

	// peers
	{"a peer of nothing", "peers: [{name: vpn}]", "", `peers[0]: peer "vpn" must have cidrs, or a namespace`},
	{"a peer without cidrs", "peers: [{name: vpn, cidrs: []}]", "/peers/0/cidrs", "peers[0].cidrs: is empty"},
	{"a peer of null cidrs", "peers: [{name: vpn, cidrs: null}]", "/peers/0/cidrs", "must have cidrs, or a namespace"},
	{"pods of no namespace", "peers: [{name: vpn, cidrs: [10.0.0.0/8], podSelector: {}}]", "", "peers[0].podSelector: needs the namespace of the pods"},
	{"an unknown field of a peer", "peers: [{name: vpn, cidrs: [10.0.0.0/8], excpet: [10.1.0.0/16]}]", "excpet", `peers[0]: "excpet" is no field; known are name, namespace, podSelector, cidrs, except, ports`},
	{"an address", "peers: [{name: vpn, cidrs: [203.0.113.7]}]", "", `peers[0].cidrs[0]: "203.0.113.7" is no CIDR`},
	{"an octet of 256", "peers: [{name: vpn, cidrs: [203.0.256.0/24]}]", "", "is no CIDR"},
	{"an octet with a zero before it", "peers: [{name: vpn, cidrs: [203.0.013.0/24]}]", "", "is no CIDR"},
	{"a prefix length of 33", "peers: [{name: vpn, cidrs: [203.0.113.0/33]}]", "", "is no CIDR"},
	{"bits beyond the prefix", "peers: [{name: vpn, cidrs: [203.0.113.7/24]}]", "", `peers[0].cidrs[0]: "203.0.113.7/24" has bits set beyond its prefix length`},
	{"a host's name", "peers: [{name: vpn, cidrs: [vpn.example.com]}]", "", "is no CIDR"},
	{"IPv6 not in canonical form", `peers: [{name: vpn, cidrs: ["2001:DB8::/32"]}]`, "", "is no CIDR"},
	{"IPv6 with the wrong zeros left out", `peers: [{name: vpn, cidrs: ["2001:db8::1:0:0:0/80"]}]`, "", "the address in canonical form is 2001:db8:0:0:1::"},
	{"IPv6 with zeros written out", `peers: [{name: vpn, cidrs: ["2001:db8:0:0:0:0:0:0/32"]}]`, "", "the address in canonical form is 2001:db8::"},
	{"IPv6 of nine groups", `peers: [{name: vpn, cidrs: ["1:2:3:4:5:6:7:8:9/64"]}]`, "", "is no CIDR"},
	{"IPv6 of seven groups", `peers: [{name: vpn, cidrs: ["1:2:3:4:5:6:7/64"]}]`, "", "is no CIDR"},
	{"IPv6 with a zone", `peers: [{name: vpn, cidrs: ["fe80::1%eth0/64"]}]`, "", "is no CIDR"},
	{"IPv4 written as IPv6", `peers: [{name: vpn, cidrs: ["::ffff:cb00:7100/120"]}]`, "", "is an IPv4 address written as IPv6"},
	{"an exception outside", "peers: [{name: vpn, cidrs: [203.0.113.0/24], except: [198.51.100.0/25]}]", "", `peers[0].except[0]: "198.51.100.0/25" is outside the cidrs`},
	{"an exception of all", "peers: [{name: vpn, cidrs: [203.0.113.0/24], except: [203.0.113.0/24]}]", "", `leaves nothing of "203.0.113.0/24"`},
	{"an exception wider than one of the blocks", "peers: [{name: vpn, cidrs: [10.0.0.0/8, 10.1.0.0/16], except: [10.0.0.0/15]}]", "", `leaves nothing of "10.1.0.0/16"`},
	{"a peer twice", "peers: [{name: vpn, cidrs: [203.0.113.0/24]}, {name: vpn, namespace: vpn}]", "", `peers[1].name: peer "vpn" is given twice`},
	{"a peer called as a tier", "peers: [{name: backend, cidrs: [203.0.113.0/24]}]", "", `peers[0].name: "backend" is a tier`},
	{"an empty matchLabels", "peers: [{name: vpn, namespace: vpn, podSelector: {matchLabels: {}}}]", "/peers/0/podSelector/matchLabels", "peers[0].podSelector.matchLabels: is empty; leave it out"},
	{"an operator without values", "peers: [{name: vpn, namespace: vpn, podSelector: {matchExpressions: [{key: app, operator: In}]}}]", "", "matchExpressions[0].values: is missing; operator In needs values"},
	{"an operator with values", "peers: [{name: vpn, namespace: vpn, podSelector: {matchExpressions: [{key: app, operator: Exists, values: [a]}]}}]", "", "operator Exists takes no values"},
	{"an unknown operator", "peers: [{name: vpn, namespace: vpn, podSelector: {matchExpressions: [{key: app, operator: Equals, values: [a]}]}}]", "DoesNotExist", "must be one of In, NotIn, Exists, DoesNotExist"},

	// flows
	{"an unknown tier", "environment: {flows: [{from: frontend, to: databse}]}", "", `environment.flows[0].to: "databse" is no known tier or peer; known are frontend, backend, database, cache, dns, internet, prometheus, and "*" for every tier`},
	{"an unknown peer", "flows: [{from: vpn, to: backend}]", "", `flows[0].from: "vpn" is no known tier or peer`},
	{"a workload of a tier", "flows: [{from: frontend, to: backend/orders}]", "", `"backend/orders" is no known tier or peer`},
	{"a flow to nowhere", "flows: [{from: frontend}]", "to", "flows[0].to: must be a tier, a peer or"},
	{"a flow from an empty list", "flows: [{from: [], to: backend}]", "/flows/0/from", `flows[0].from: must be a tier, a peer or "*", or a list of these; got []`},
	{"a flow from null", "flows: [{from: null, to: backend}]", "/flows/0/from", "flows[0].from: must be"},
	{"a flow from the empty string", `flows: [{from: "", to: backend}]`, "/flows/0/from", `flows[0].from: "" is no known tier or peer`},
	{"an end twice", "flows: [{from: [frontend, frontend], to: backend}]", "/flows/0/from", `"frontend" is given twice`},
	{"from a peer to a peer", "flows: [{from: internet, to: dns}]", "", "goes from a peer to a peer (internet to dns); one end must be a tier"},
	{"no ports", "flows: [{from: frontend, to: backend, ports: []}]", "/flows/0/ports", "flows[0].ports: is empty; leave it out, or give a port"},
	{"ports that are no list", "flows: [{from: frontend, to: backend, ports: 8080}]", "/flows/0/ports", "flows[0].ports: must be a list; got 8080"},
	{"a port of null", "flows: [{from: frontend, to: backend, ports: [null]}]", "/flows/0/ports/0", "flows[0].ports[0]: null is no port"},
	{"a named port", "flows: [{from: frontend, to: backend, ports: [http]}]", "", `flows[0].ports[0]: "http" is a port's name, which a chart cannot resolve`},
	{"all ports of a peer", "flows: [{from: frontend, to: prometheus}]", "", "flows[0]: peer prometheus has no ports; give them there or in the flow"},
	{"a tier without ports", "tiers: [{name: a, labels: {app: a}}, {name: b, labels: {app: b}}]\nflows: [{from: a, to: b}]", "", "flows[0]: tier b has no ports"},
	{"metrics of a tier that has none", "tiers: [{name: a, labels: {app: a}}]\nflows: [{from: prometheus, to: a, ports: [metrics]}]", "", "flows[0].ports[0]: tier a has no metricsPorts"},
	{"metrics of no tier", `{tiers: [{name: a, labels: {app: a}}], flows: [{from: prometheus, to: "*", ports: [metrics]}]}`, "", "flows[0]: opens nothing"},
	{"metrics of a peer", "flows: [{from: frontend, to: internet, ports: [metrics]}]", "", "metrics are ports of tiers, and internet is a peer"},
	{"the API server without addresses", "flows: [{from: backend, to: apiserver}]", "", "peer apiserver has no address"},
	{"a flow twice", "flows: [{from: frontend, to: [database, backend]}, {from: [frontend], to: [backend, database]}]", "", "flows[1]: says the same as flows[0]; remove one"},
	{"an unknown field of a flow", "flows: [{from: frontend, to: backend, port: 8080}]", "port", `flows[0]: "port" is no field; known are from, to, ports`},

	// environment
	{"a without that takes nothing away", "environment: {without: [{from: frontend, to: database}]}", "", "environment.without[0]: takes nothing away: no flow goes frontend to database"},
	{"a without on another port", "environment: {without: [{from: frontend, to: backend, ports: [9999]}]}", "", "takes nothing away: no flow goes frontend to backend on 9999"},
	{"an unknown field of the environment", "environment: {overlays: []}", "overlays", `environment: "overlays" is no field; known are name, peers, flows, without`},
	{"environments of a set", "environments: [{name: prod}]", "environments", `values: "environments" is no field`},
}

func TestRealToolsChartRefuses(t *testing.T) {
	for i, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			helm := helms[i%len(helms)] // they share the library for schemas and the engine
			want := cmp.Or(c.schema, c.templates)
			if r := helmTemplate(t, helm, c.values); r.code == 0 || !strings.Contains(r.stderr, want) {
				t.Errorf("%s: exit code %d, want a message with %q\n%s%s", helm, r.code, want, r.stderr, r.stdout)
			}
			if r := helmTemplate(t, helm, c.values, "--skip-schema-validation"); r.code == 0 || !strings.Contains(r.stderr, c.templates) {
				t.Errorf("%s, without schema: exit code %d, want a message with %q\n%s%s", helm, r.code, c.templates, r.stderr, r.stdout)
			}
		})
	}
}
