package tier

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// badSpecs are specs of a NetworkPolicySet that are wrong in one way, with the one line that says so.
var badSpecs = []struct{ spec, want string }{
	// Unknown fields, at each level.
	{`flow: []`, `spec.flow: is no known field; known are preset, tierLabels, tiers, workloads, peers, flows, never, without, profile, labels, environments, environment, proof; did you mean "flows"? [config-unknown-field]`},
	{`tiers: [{name: search, value: [es]}]`, `spec.tiers[0].value: is no known field; known are name, values, ports; did you mean "values"? [config-unknown-field]`},
	{`workloads: [{name: a, tier: cache, labels: {}}]`, `spec.workloads[0].labels: is no known field; known are name, namespace, tier, pods, ports [config-unknown-field]`},
	{`peers: [{name: vpn, cidr: [], cidrs: [203.0.113.0/24]}]`, `spec.peers[0].cidr: is no known field; known are name, namespace, podSelector, cidrs, except, ports; did you mean "cidrs"? [config-unknown-field]`},
	{`peers: [{name: mon, namespace: mon, podSelector: {matchLabel: {}}}]`, `spec.peers[0].podSelector.matchLabel: is no known field; known are matchLabels, matchExpressions; did you mean "matchLabels"? [config-unknown-field]`},
	{`flows: [{from: backend, to: database, port: [1]}]`, `spec.flows[0].port: is no known field; known are from, to, ports, within; did you mean "ports"? [config-unknown-field]`},
	{`flows: [{from: backend, to: database, within: {sameLabels: x, sameLabel: x}}]`, `spec.flows[0].within.sameLabels: is no known field; known are sameLabel, sameName, reference; did you mean "sameLabel"? [config-unknown-field]`},
	{`profile: {cnis: calico}`, `spec.profile.cnis: is no known field; known are cni, dns, podCIDRs, serviceCIDRs; did you mean "cni"? [config-unknown-field]`},
	{`environments: [{name: prod, never: []}]`, `spec.environments[0].never: is no known field; known are name, peers, flows, without [config-unknown-field]`},

	// Wrong types.
	{`preset: 3`, `spec.preset: must be a string; got the number 3 [config-wrong-type]`},
	{`tierLabels: tier`, `spec.tierLabels: must be a list; got the string "tier" [config-wrong-type]`},
	{`tierLabels: [null]`, `spec.tierLabels[0]: must be a string; got null [config-wrong-type]`},
	{`tiers: {frontend: [web]}`, `spec.tiers: must be a list; got a mapping [config-wrong-type]`},
	{`tiers: [frontend]`, `spec.tiers[0]: must be a mapping; got the string "frontend" [config-wrong-type]`},
	{`flows: [null]`, `spec.flows[0]: must be a mapping; got null [config-wrong-type]`},
	{`flows: [{from: {tier: backend}, to: database}]`, `spec.flows[0].from: must be a string or a list of strings; got a mapping [config-wrong-type]`},
	{`flows: [{from: 1, to: database}]`, `spec.flows[0].from: must be a string; got the number 1 [config-wrong-type]`},
	{`flows: [{from: [backend, true], to: database}]`, `spec.flows[0].from[1]: must be a string; got the boolean true [config-wrong-type]`},
	{`flows: [{from: backend, to: database, ports: 5432}]`, `spec.flows[0].ports: must be a list; got the number 5432 [config-wrong-type]`},
	{`flows: [{from: backend, to: database, ports: [{port: 1}]}]`, `spec.flows[0].ports[0]: must be a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics; got a mapping [config-wrong-type]`},
	{`flows: [{from: backend, to: database, ports: [80.5]}]`, `spec.flows[0].ports[0]: must be a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics; got the number 80.5 [config-wrong-type]`},
	{`flows: [{from: backend, to: database, within: app}]`, `spec.flows[0].within: must be a mapping; got the string "app" [config-wrong-type]`},
	{`flows: [{from: backend, to: database, within: {sameName: -db}}]`, `spec.flows[0].within.sameName: must be a list; got the string "-db" [config-wrong-type]`},
	{`flows: [{from: backend, to: database, within: {reference: true}}]`, `spec.flows[0].within.reference: must be a string; got the boolean true [config-wrong-type]`},
	{`labels: [a]`, `spec.labels: must be a mapping; got a list [config-wrong-type]`},
	{`labels: {a: true}`, `spec.labels.a: must be a string; got the boolean true [config-wrong-type]`},
	{`proof: true`, `spec.proof: must be a string; got the boolean true [config-wrong-type]`},
	{`peers: [{name: mon, namespace: mon, podSelector: {matchLabels: {app: 1}}}]`, `spec.peers[0].podSelector.matchLabels.app: must be a string; got the number 1 [config-wrong-type]`},

	// Values that are not allowed.
	{`preset: two-tier`, `spec.preset: must be one of "three-tier", "none"; got "two-tier" [config-bad-value]`},
	{`profile: {cni: weave}`, `spec.profile.cni: must be one of "generic", "calico", "cilium", "aws-vpc-cni"; got "weave" [config-bad-value]`},
	{`profile: {dns: core-dns}`, `spec.profile.dns: must be one of "coredns", "openshift", "nodelocal", "gke-cloud-dns"; got "core-dns"; did you mean "coredns"? [config-bad-value]`},
	{`proof: always`, `spec.proof: must be one of "required"; got "always" [config-bad-value]`},
	{`tiers: [{name: Search}]`, `spec.tiers[0].name: "Search" is no DNS label: at most 63 lower case letters, digits and hyphens, a letter or digit at both ends [config-bad-value]`},
	{`tiers: [{name: search, values: [a b]}]`, `spec.tiers[0].values[0]: "a b" is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends [config-bad-value]`},
	{`tierLabels: [a/b/c]`, `spec.tierLabels[0]: "a/b/c" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`},
	{`labels: {"a b": c}`, `spec.labels.a b: "a b" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`},
	{`labels: {a: b c}`, `spec.labels.a: "b c" is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends [config-bad-value]`},
	{`labels: {tierwall.dev/set: mine}`, `spec.labels.tierwall.dev/set: labels of tierwall.dev are tierwall's own; use another key [config-bad-value]`},
	{`workloads: [{name: Deploymnet/web, tier: frontend}]`, `spec.workloads[0].name: the kind before the slash must be one of "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"; got "Deploymnet"; did you mean "Deployment"? [config-bad-value]`},
	{`workloads: [{name: Web, tier: frontend}]`, `spec.workloads[0].name: "Web" is no name of a workload; write NAME or KIND/NAME [config-bad-value]`},
	{`flows: [{from: backend/Orders, to: database}]`, `spec.flows[0].from: "backend/Orders" is no endpoint: "Orders" is no name of a workload; write a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-bad-value]`},
	{`flows: [{from: "a_b:backend", to: database}]`, `spec.flows[0].from: "a_b:backend" is no endpoint: "a_b" is no name of a namespace; write a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-bad-value]`},
	{`flows: [{from: "shop:*", to: database}]`, `spec.flows[0].from: "shop:*" is no endpoint; write a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-bad-value]`},
	{`flows: [{from: backend, to: internet/proxy}]`, `spec.flows[0].to: "internet/proxy": "internet" is a peer, which has no namespace and workload here; write "internet" [config-bad-value]`},
	{`flows: [{from: internet, to: [dns, frontend]}]`, `spec.flows[0]: goes from a peer to a peer (internet to dns, frontend); one end must be workloads [config-bad-value]`},
	{`flows: [{from: internet, to: frontend, within: {sameLabel: app}}]`, `spec.flows[0].within: needs workloads at both ends; leave out the peers, or within [config-bad-value]`},
	{`flows: [{from: backend, to: database, within: {sameLabel: a b}}]`, `spec.flows[0].within.sameLabel: "a b" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`},
	{`flows: [{from: backend, to: database, within: {sameName: [_DB]}}]`, `spec.flows[0].within.sameName[0]: "_DB" is no ending of a workload's name; write one such as -db [config-bad-value]`},
	{`flows: [{from: backend, to: database, within: {sameName: [-]}}]`, `spec.flows[0].within.sameName[0]: "-" is no ending of a workload's name; write one such as -db [config-bad-value]`},
	{`flows: [{from: backend, to: database, within: {reference: strong}}]`, `spec.flows[0].within.reference: must be one of "own", "shared"; got "strong" [config-bad-value]`},
	{`never: [{from: backend, to: database, within: {reference: own}}]`, `spec.never[0].within.reference: is for flows only; leave it out here [config-bad-value]`},
	{`without: [{from: backend, to: database, within: {sameName: [-db], reference: shared}}]`, `spec.without[0].within.reference: is for flows only; leave it out here [config-bad-value]`},
	{`environments: [{name: prod, without: [{from: backend, to: database, within: {reference: own}}]}]`, `spec.environments[0].without[0].within.reference: is for flows only; leave it out here [config-bad-value]`},
	{`flows: [{from: backend, to: internet, ports: [https]}]`, `spec.flows[0].ports[0]: "https" is a port's name, which a peer cannot resolve; give a number [config-bad-value]`},
	{`environments: [{name: Prod}]`, `spec.environments[0].name: "Prod" is no DNS label: at most 63 lower case letters, digits and hyphens, a letter or digit at both ends [config-bad-value]`},
	{`peers: [{name: mon, namespace: mon, podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}}]`, `spec.peers[0].podSelector.matchExpressions[0].operator: must be one of "In", "NotIn", "Exists", "DoesNotExist"; got "in"; did you mean "In"? [config-bad-value]`},
	{`peers: [{name: mon, namespace: mon, podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]`, `spec.peers[0].podSelector.matchExpressions[0].values: must be left out; operator Exists takes no values [config-bad-value]`},

	// Ports.
	{`flows: [{from: backend, to: database, ports: [0]}]`, `spec.flows[0].ports[0]: "0" is no port: a number is out of range; write a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [65536]}]`, `spec.flows[0].ports[0]: "65536" is no port: a number is out of range; write a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [-1]}]`, `spec.flows[0].ports[0]: "-1" is no port; write a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [53/udp]}]`, `spec.flows[0].ports[0]: "53/udp" is no port: the protocol must be one of TCP, UDP, SCTP; did you mean "UDP"? [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [53/]}]`, `spec.flows[0].ports[0]: "53/" is no port: the protocol must be one of TCP, UDP, SCTP [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [8010-8000]}]`, `spec.flows[0].ports[0]: "8010-8000" is no port: the range ends before it begins; write 8000-8010 [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [HTTP]}]`, `spec.flows[0].ports[0]: "HTTP" is no port; write a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics [config-bad-value]`},
	{`flows: [{from: backend, to: database, ports: [a-port-name-too-long]}]`, `spec.flows[0].ports[0]: "a-port-name-too-long" is no port; write a number from 1 to 65535, a range as 8000-8010, either with /TCP, /UDP or /SCTP, a port's name, or metrics [config-bad-value]`},
	{`tiers: [{name: backend, ports: [http]}]`, `spec.tiers[0].ports[0]: "http" is a port's name; give a number here [config-bad-value]`},
	{`peers: [{name: apiserver, cidrs: [192.0.2.1/32], ports: [https]}]`, `spec.peers[0].ports[0]: "https" is a port's name; give a number here [config-bad-value]`},

	// CIDRs.
	{`peers: [{name: vpn, cidrs: [203.0.113.0]}]`, `spec.peers[0].cidrs[0]: "203.0.113.0" is an address, no CIDR; write "203.0.113.0/32" [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.1/24]}]`, `spec.peers[0].cidrs[0]: "203.0.113.1/24" has bits set beyond its prefix length; write "203.0.113.0/24" [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/33]}]`, `spec.peers[0].cidrs[0]: "203.0.113.0/33" is no CIDR; write an address and a prefix length, such as 203.0.113.0/24 [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [010.0.0.0/8]}]`, `spec.peers[0].cidrs[0]: "010.0.0.0/8" is no CIDR; write an address and a prefix length, such as 203.0.113.0/24 [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: ["::ffff:10.0.0.0/104"]}]`, `spec.peers[0].cidrs[0]: "::ffff:10.0.0.0/104" is an IPv4 address written as IPv6, which API servers refuse; write "10.0.0.0/8" [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: ["2001:DB8::/32"]}]`, `spec.peers[0].cidrs[0]: "2001:DB8::/32" is not in canonical form; write "2001:db8::/32" [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: ["fe80::%eth0/64"]}]`, `spec.peers[0].cidrs[0]: "fe80::%eth0/64" is no CIDR; write an address and a prefix length, such as 203.0.113.0/24 [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/24], except: [198.51.100.0/25]}]`, `spec.peers[0].except[0]: "198.51.100.0/25" is outside the cidrs [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/24], except: [203.0.113.0/24]}]`, `spec.peers[0].except[0]: "203.0.113.0/24" equals one of the cidrs, so that nothing of it is left; leave both out [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/24], except: [203.0.112.0/23]}]`, `spec.peers[0].except[0]: "203.0.112.0/23" is outside the cidrs [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [10.0.0.0/8, 10.1.0.0/16], except: [10.0.0.0/15]}]`, `spec.peers[0].except[0]: "10.0.0.0/15" leaves nothing of "10.1.0.0/16", which is one of the cidrs; leave that one out, or narrow the exception [config-bad-value]`},
	{`peers: [{name: vpn, cidrs: [10.0.0.0/8, 10.1.0.0/16], except: [10.1.2.0/24]}]`, ``},
	{`profile: {podCIDRs: [10.0.0.0/7]}`, ``},
	{`profile: {podCIDRs: [0.0.0.0/0]}`, `spec.profile.podCIDRs[0]: "0.0.0.0/0" leaves nothing of the internet; write the cluster's own range [config-bad-value]`},
	{`profile: {serviceCIDRs: ["::/0"]}`, `spec.profile.serviceCIDRs[0]: "::/0" leaves nothing of the internet; write the cluster's own range [config-bad-value]`},
	{`profile: {podCIDRs: [10.1.0.0/8]}`, `spec.profile.podCIDRs[0]: "10.1.0.0/8" has bits set beyond its prefix length; write "10.0.0.0/8" [config-bad-value]`},
	{`profile: {serviceCIDRs: [any]}`, `spec.profile.serviceCIDRs[0]: "any" is no CIDR; write an address and a prefix length, such as 203.0.113.0/24 [config-bad-value]`},

	// Something is missing.
	{`tiers: [{values: [es]}]`, `spec.tiers[0].name: is missing; give the name of the tier [config-missing]`},
	{`tiers: [{name: search, values: []}]`, `spec.tiers[0].values: is empty; leave it out, or give a label value [config-missing]`},
	{`tierLabels: []`, `spec.tierLabels: is empty; leave it out, or give a label key [config-missing]`},
	{`workloads: [{tier: cache}]`, `spec.workloads[0].name: is missing; give the name of the workload, or KIND/NAME [config-missing]`},
	{`workloads: [{name: redis}]`, `spec.workloads[0].tier: is missing; give the name of the tier [config-missing]`},
	{`peers: [{cidrs: [203.0.113.0/24]}]`, `spec.peers[0].name: is missing; give the name of the peer [config-missing]`},
	{`peers: [{name: vpn}]`, `spec.peers[0]: must have cidrs, or namespace [config-missing]`},
	{`peers: [{name: vpn, cidrs: []}]`, `spec.peers[0].cidrs: is empty; leave it out, or give a CIDR [config-missing]`},
	{`peers: [{name: vpn, namespace: x, except: [10.0.0.0/8]}]`, `spec.peers[0].except: needs cidrs to be taken from [config-missing]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/24], podSelector: {}}]`, `spec.peers[0].podSelector: needs the namespace of the pods [config-missing]`},
	{`peers: [{name: mon, namespace: mon, podSelector: {matchExpressions: [{key: a, operator: In}]}}]`, `spec.peers[0].podSelector.matchExpressions[0].values: is missing; operator In needs values [config-missing]`},
	{`flows: [{to: database}]`, `spec.flows[0].from: is missing; give a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-missing]`},
	{`flows: [{from: backend, to: []}]`, `spec.flows[0].to: is empty; give a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-missing]`},
	{`flows: [{from: backend, to: ""}]`, `spec.flows[0].to: is empty; leave it out, or give a value [config-missing]`},
	{`flows: [{from: backend, to: database, ports: []}]`, `spec.flows[0].ports: is empty; leave it out, or give a port [config-missing]`},
	{`flows: [{from: backend, to: database, within: {}}]`, `spec.flows[0].within: is empty; give sameLabel, sameName or reference [config-missing]`},
	{`flows: [{from: backend, to: database, within: {sameName: []}}]`, `spec.flows[0].within.sameName: is empty; leave it out, or give an ending [config-missing]`},
	{`flows: [{from: backend, to: database, within: {sameLabel: ""}}]`, `spec.flows[0].within.sameLabel: is empty; leave it out, or give a value [config-missing]`},
	{`flows: [{from: backend, to: apiserver}]`, `spec.flows[0].to: peer "apiserver" has no address: pod labels cannot select the API server; give its cidrs under spec.peers [config-missing]`},
	{`environments: [{flows: []}]`, `spec.environments[0].name: is missing; give the name of the overlay's directory [config-missing]`},

	// Something is said twice.
	{"preset: none\npreset: none", `spec.preset: is given twice [config-duplicate]`},
	{`tierLabels: [tier, tier]`, `spec.tierLabels[1]: "tier" is given twice [config-duplicate]`},
	{`tiers: [{name: search}, {name: search}]`, `spec.tiers[1].name: tier "search" is given twice [config-duplicate]`},
	{`tiers: [{name: search, values: [es]}, {name: index, values: [es]}]`, `spec.tiers[1].values[0]: "es" is a value of tier "search" too; a value means one tier [config-duplicate]`},
	{`tiers: [{name: search}, {name: index, values: [search]}]`, `spec.tiers[1].values[0]: "search" is a value of tier "search" too; a value means one tier [config-duplicate]`},
	{`tiers: [{name: dns}]`, `spec.tiers[0].name: "dns" is the name of a built-in peer; give the tier another [config-duplicate]`},
	{`workloads: [{name: kafka, tier: queue, pods: {}}]`, `spec.workloads[0].pods: is empty; give the labels that the pods wear [config-missing]`},
	{`workloads: [{name: kafka, tier: queue, pods: kafka}]`, `spec.workloads[0].pods: must be a mapping; got the string "kafka" [config-wrong-type]`},
	{`workloads: [{name: kafka, tier: queue, pods: {"a b": c}}]`, `spec.workloads[0].pods.a b: "a b" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`},
	{`workloads: [{name: kafka, tier: queue, pods: {app: 1}}]`, `spec.workloads[0].pods.app: must be a string; got the number 1 [config-wrong-type]`},
	{`workloads: [{name: StatefulSet/kafka, tier: queue, pods: {app: kafka}}]`, `spec.workloads[0].name: "StatefulSet/kafka" names a kind, which pods that no manifest makes have not; write the name alone [config-bad-value]`},
	{`workloads: [{name: kafka, tier: queue, ports: [9092]}]`, `spec.workloads[0].ports: needs pods; the ports of a workload of the input are those of its manifest [config-missing]`},
	{`workloads: [{name: kafka, tier: queue, pods: {app: kafka}, ports: [clients]}]`, `spec.workloads[0].ports[0]: "clients" is a port's name; give a number here [config-bad-value]`},
	{`workloads: [{name: kafka, tier: queue, pods: {app: kafka}, ports: [9092-9094]}]`, `spec.workloads[0].ports[0]: "9092-9094" is a range; give the ports that the pods serve on one by one [config-bad-value]`},
	{`workloads: [{name: redis, tier: cache}, {name: redis, tier: queue}]`, `spec.workloads[1].name: workload "redis" is given twice [config-duplicate]`},
	{`flows: [{from: backend, to: database, within: {sameName: [-db, -db]}}]`, `spec.flows[0].within.sameName[1]: "-db" is given twice [config-duplicate]`},
	{`flows: [{from: backend, to: database, within: {sameName: [-db]}}, {from: backend, to: database, within: {sameName: [-db]}}]`, `spec.flows[1]: says the same as spec.flows[0]; remove one [config-duplicate]`},
	{`peers: [{name: vpn, namespace: a}, {name: vpn, namespace: b}]`, `spec.peers[1].name: peer "vpn" is given twice [config-duplicate]`},
	{`peers: [{name: backend, namespace: a}]`, `spec.peers[0].name: "backend" is the name of a tier; give the peer another [config-duplicate]`},
	{`peers: [{name: vpn, cidrs: [203.0.113.0/24, 203.0.113.0/24]}]`, `spec.peers[0].cidrs[1]: "203.0.113.0/24" is given twice [config-duplicate]`},
	{`environments: [{name: prod}, {name: prod}]`, `spec.environments[1].name: environment "prod" is given twice [config-duplicate]`},
	{`flows: [{from: [backend, backend], to: database}]`, `spec.flows[0].from[1]: "backend" is given twice [config-duplicate]`},
	{`flows: [{from: backend, to: database, ports: [80, 80/TCP]}]`, `spec.flows[0].ports[1]: "80" is given twice [config-duplicate]`},
	{`flows: [{from: [backend, worker], to: database}, {from: [worker, backend], to: database}]`, `spec.flows[1]: says the same as spec.flows[0]; remove one [config-duplicate]`},
	{"labels:\n  a: b\n  a: c", `spec.labels.a: is given twice [config-duplicate]`},

	// Names that are not known.
	{`flows: [{from: fronted, to: backend}]`, `spec.flows[0].from: "fronted" is no known tier or peer; known are frontend, backend, database, cache, queue, worker, internet, dns, prometheus; did you mean "frontend"? [config-unknown-name]`},
	{`flows: [{from: frontend, to: [backend, vpn]}]`, `spec.flows[0].to[1]: "vpn" is no known tier or peer; known are frontend, backend, database, cache, queue, worker, internet, dns, prometheus [config-unknown-name]`},
	{`never: [{from: frontend, to: databse}]`, `spec.never[0].to: "databse" is no known tier or peer; known are frontend, backend, database, cache, queue, worker, internet, dns, prometheus; did you mean "database"? [config-unknown-name]`},
	{`without: [{from: internet, to: "shop:web"}]`, `spec.without[0].to: "web" is no known tier or peer; known are frontend, backend, database, cache, queue, worker, internet, dns, prometheus [config-unknown-name]`},
	{`environments: [{name: prod, flows: [{from: internet, to: backnd}]}]`, `spec.environments[0].flows[0].to: "backnd" is no known tier or peer; known are frontend, backend, database, cache, queue, worker, internet, dns, prometheus; did you mean "backend"? [config-unknown-name]`},
	{"preset: none\nflows: [{from: frontend, to: internet}]", `spec.flows[0].from: "frontend" is no known tier or peer; known are internet, dns, prometheus [config-unknown-name]`},
	{`workloads: [{name: redis, tier: cahce}]`, `spec.workloads[0].tier: "cahce" is no known tier; known are frontend, backend, database, cache, queue, worker; did you mean "cache"? [config-unknown-name]`},
	{"environments: [{name: staging}]\nenvironment: stagin", `spec.environment: must be one of "staging"; got "stagin"; did you mean "staging"? [config-unknown-name]`},
}

func TestBadSpecs(t *testing.T) {
	if n := len(badSpecs); n < 40 {
		t.Fatalf("%d bad specs, want at least 40", n)
	}
	for _, tc := range badSpecs {
		t.Run(tc.spec, func(t *testing.T) {
			s, findings := Decode(object(t, setDocument(tc.spec)))
			want := "set.yaml NetworkPolicySet shop: " + tc.want
			if tc.want == "" {
				want = ""
			}
			if d := cmp.Diff(want, joined(findings)); d != "" {
				t.Errorf("findings differ (-want +got):\n%s", d)
			}
			if (s == nil) != (tc.want != "") {
				t.Errorf("the set is there: %t, with findings %q", s != nil, joined(findings))
			}
		})
	}
}

func joined(findings report.Findings) string {
	var out []string
	for _, f := range findings {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// badDocuments are whole documents that are wrong in one way.
var badDocuments = []struct{ name, document, want string }{
	{
		"another kind", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySets\nmetadata: {name: a}",
		`set.yaml NetworkPolicySets a: kind: must be apiVersion tierwall.dev/v1alpha1, kind NetworkPolicySet; got apiVersion tierwall.dev/v1alpha1, kind NetworkPolicySets [config-kind]`,
	},
	{
		"another version", "apiVersion: tierwall.dev/v1\nkind: NetworkPolicySet\nmetadata: {name: a}",
		`set.yaml NetworkPolicySet a: apiVersion: must be apiVersion tierwall.dev/v1alpha1, kind NetworkPolicySet; got apiVersion tierwall.dev/v1, kind NetworkPolicySet [config-kind]`,
	},
	{
		"nothing", "{}",
		`set.yaml: kind: must be apiVersion tierwall.dev/v1alpha1, kind NetworkPolicySet; got apiVersion none, kind none [config-kind]`,
	},
	{
		"a list", "[a]",
		`set.yaml: kind: must be apiVersion tierwall.dev/v1alpha1, kind NetworkPolicySet; got apiVersion none, kind none [config-kind]`,
	},
	{
		"a field beside spec", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: a}\nspecs: {}",
		`set.yaml NetworkPolicySet a: specs: is no known field; known are apiVersion, kind, metadata, spec; did you mean "spec"? [config-unknown-field]`,
	},
	{
		"no name", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nspec: {}",
		`set.yaml NetworkPolicySet : metadata.name: is missing; give the name of the NetworkPolicySet [config-missing]`,
	},
	{
		"a name that is no label value", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: a/b}",
		`set.yaml NetworkPolicySet a/b: metadata.name: "a/b" is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends [config-bad-value]`,
	},
	{
		"a name that is too long", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: " + strings.Repeat("a", 64) + "}",
		`set.yaml NetworkPolicySet ` + strings.Repeat("a", 64) + `: metadata.name: "` + strings.Repeat("a", 64) + `" is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends [config-bad-value]`,
	},
	{
		"a spec that is a list", "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: a}\nspec: []",
		`set.yaml NetworkPolicySet a: spec: must be a mapping; got a list [config-wrong-type]`,
	},
	{
		"an unknown key of the ConfigMap form", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: function-input}\ndata: {tierLabels: tier}",
		`set.yaml ConfigMap function-input: data.tierLabels: is no known field; known are name, tierLabel, monitoringNamespace, cni, dns, environment; did you mean "tierLabel"? [config-unknown-field]`,
	},
	{
		"a bad value of the ConfigMap form", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: function-input}\ndata: {cni: cillium}",
		`set.yaml ConfigMap function-input: data.cni: must be one of "generic", "calico", "cilium", "aws-vpc-cni"; got "cillium"; did you mean "cilium"? [config-bad-value]`,
	},
	{
		"a bad label key of the ConfigMap form", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: function-input}\ndata: {tierLabel: a b}",
		`set.yaml ConfigMap function-input: data.tierLabel: "a b" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`,
	},
	{
		"a bad namespace of the ConfigMap form", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: function-input}\ndata: {monitoringNamespace: Mon}",
		`set.yaml ConfigMap function-input: data.monitoringNamespace: "Mon" is no DNS label: at most 63 lower case letters, digits and hyphens, a letter or digit at both ends [config-bad-value]`,
	},
}

func TestBadDocuments(t *testing.T) {
	for _, tc := range badDocuments {
		t.Run(tc.name, func(t *testing.T) {
			_, findings := Decode(object(t, tc.document))
			if d := cmp.Diff(tc.want, joined(findings)); d != "" {
				t.Errorf("findings differ (-want +got):\n%s", d)
			}
		})
	}
}

// badTests are specs of a SegmentationTest that are wrong in one way.
var badTests = []struct{ spec, want string }{
	{`expects: []`, `spec.expects: is no known field; known are tierLabels, environments, expect, within; did you mean "expect"? [config-unknown-field]`},
	{`expect: [{from: a, to: b, verdict: allow}]`, `spec.expect[0].verdict: must be one of "allowed", "denied"; got "allow"; did you mean "allowed"? [config-bad-value]`},
	{`expect: [{from: a, to: b}]`, `spec.expect[0]: must have either verdict or only [config-missing]`},
	{`expect: [{from: a, to: b, verdict: denied, only: [a]}]`, `spec.expect[0]: must have either verdict or only [config-missing]`},
	{`expect: [{from: a, to: b, only: []}]`, `spec.expect[0].only: is empty; give a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-missing]`},
	{`expect: [{from: a, to: b, verdict: denied, port: 1}]`, `spec.expect[0].port: is no known field; known are from, to, ports, verdict, only; did you mean "ports"? [config-unknown-field]`},
	{`expect: [{from: A, to: b, verdict: denied}]`, `spec.expect[0].from: "A" is no endpoint; write a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer or "*" [config-bad-value]`},
	{`environments: prod`, `spec.environments: must be a list; got the string "prod" [config-wrong-type]`},
	{`environments: []`, `spec.environments: is empty; leave it out, or give the name of an environment [config-missing]`},
	{`tierLabels: [a b]`, `spec.tierLabels[0]: "a b" is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it [config-bad-value]`},
	{`tierLabels: [tier]`, `spec: holds neither expect nor within, so nothing would be checked; give one of them [config-missing]`},
	{`expect: []`, `spec.expect: is empty; leave it out, or give an expectation [config-missing]`},
	{`within: [staging]`, `spec.within: must be a string; got a list [config-wrong-type]`},
}

func testDocument(spec string) string {
	return "apiVersion: tierwall.dev/v1alpha1\nkind: SegmentationTest\nmetadata: {name: pci}\nspec:\n" + indent(spec)
}

func TestBadTests(t *testing.T) {
	for _, tc := range badTests {
		t.Run(tc.spec, func(t *testing.T) {
			_, findings := DecodeTest(object(t, testDocument(tc.spec)))
			if d := cmp.Diff("set.yaml SegmentationTest pci: "+tc.want, joined(findings)); d != "" {
				t.Errorf("findings differ (-want +got):\n%s", d)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, findings := Decode(object(t, setDocument(`
preset: two
peers: [{name: vpn, cidrs: [1.2.3.4/8]}]
flows:
- {from: fronted, to: backend}
- {from: frontend, to: backend, ports: [0]}
environments:
- {name: prod, without: [{from: x, to: y}]}`)))
	want := []string{
		"error config-bad-value spec.flows[1].ports[0]",
		"error config-bad-value spec.peers[0].cidrs[0]",
		"error config-bad-value spec.preset",
		"error config-unknown-name spec.environments[0].without[0].from",
		"error config-unknown-name spec.environments[0].without[0].to",
		"error config-unknown-name spec.flows[0].from",
	}
	diff(t, "findings", want, brief(findings))
}

// FuzzDecode: no document makes the decoder panic, and a set without errors makes a model.
func FuzzDecode(f *testing.F) {
	for _, tc := range badSpecs {
		f.Add(setDocument(tc.spec))
		f.Add(testDocument(tc.spec))
	}
	for _, tc := range badDocuments {
		f.Add(tc.document)
	}
	f.Add(setDocument(everyField))
	f.Add(testDocument(everyTestField))
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil {
			return
		}
		o := manifest.NewObject(&n, workload.Source{})
		s, findings := Decode(o)
		if (s == nil) != findings.Failed() {
			t.Fatalf("a set: %t, failed: %t", s != nil, findings.Failed())
		}
		if s != nil {
			inv := inventory(t, shop)
			s.AssignTiers(inv)
			s.Model("prod", inv)
		}
		if test, findings := DecodeTest(o); (test == nil) != findings.Failed() {
			t.Fatalf("a test: %t, failed: %t", test != nil, findings.Failed())
		}
	})
}
