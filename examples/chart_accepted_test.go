//go:build realtools

package examples

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// preset is two tiers, what most cases need.
const preset = `
tiers:
- {name: web, labels: {app: web}, ports: [8080]}
- {name: db, labels: {app: db}, ports: [5432], metricsPorts: [9187]}
flows: []
`

// isolated are the lines of preset without any flow.
const isolated = `
default {}: isolated for Egress
default {}: isolated for Ingress
default {app=db}: isolated for Egress
default {app=db}: isolated for Ingress
default {app=web}: isolated for Egress
default {app=web}: isolated for Ingress
`

// accepted are values that the chart takes, on top of preset, and what they open: a line for each selector, direction, port
// and peer.
var accepted = []struct{ name, values, want string }{
	{"no flows", ``, ``},
	{"both ends", `flows: [{from: web, to: db}]`, `
default {app=db}: in 5432/TCP from pods {app=web}
default {app=web}: out 5432/TCP to pods {app=db}`},
	{"a flow's own ports", `flows: [{from: web, to: db, ports: [5433, 53/UDP, 8000-8010/SCTP, "6000-6001"]}]`, `
default {app=db}: in 5433/TCP from pods {app=web}
default {app=db}: in 53/UDP from pods {app=web}
default {app=db}: in 6000-6001/TCP from pods {app=web}
default {app=db}: in 8000-8010/SCTP from pods {app=web}
default {app=web}: out 5433/TCP to pods {app=db}
default {app=web}: out 53/UDP to pods {app=db}
default {app=web}: out 6000-6001/TCP to pods {app=db}
default {app=web}: out 8000-8010/SCTP to pods {app=db}`},
	{"a tier that talks to itself", `flows: [{from: web, to: web}]`, `
default {app=web}: in 8080/TCP from pods {app=web}
default {app=web}: out 8080/TCP to pods {app=web}`},
	{"everyone comes from the internet", `flows: [{from: internet, to: web}]`, `
default {app=web}: in 8080/TCP from everyone`},
	{"the internet is no private address", `{profile: {podCIDRs: [10.1.0.0/16, 203.0.113.0/24], serviceCIDRs: ["fd00:1::/108", "2001:db8:1::/48"]}, flows: [{from: web, to: internet, ports: [443]}]}`, `
default {app=web}: out 443/TCP to 0.0.0.0/0 except 10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 203.0.113.0/24
default {app=web}: out 443/TCP to ::/0 except 2001:db8:1::/48 fc00::/7 fe80::/10`},
	{"coredns", `flows: [{from: web, to: dns}]`, `
default {app=web}: out 53/TCP to namespace {kubernetes.io/metadata.name=kube-system} pods {k8s-app=kube-dns}
default {app=web}: out 53/UDP to namespace {kubernetes.io/metadata.name=kube-system} pods {k8s-app=kube-dns}`},
	{"openshift", `{profile: {dns: openshift}, flows: [{from: web, to: dns}]}`, `
default {app=web}: out 5353/TCP to namespace {kubernetes.io/metadata.name=openshift-dns} pods {dns.operator.openshift.io/daemonset-dns=default}
default {app=web}: out 5353/UDP to namespace {kubernetes.io/metadata.name=openshift-dns} pods {dns.operator.openshift.io/daemonset-dns=default}`},
	{"nodelocal", `{profile: {dns: nodelocal}, flows: [{from: web, to: dns}]}`, `
default {app=web}: out 53/TCP to 169.254.20.10/32
default {app=web}: out 53/TCP to namespace {kubernetes.io/metadata.name=kube-system} pods {k8s-app=kube-dns}
default {app=web}: out 53/UDP to 169.254.20.10/32
default {app=web}: out 53/UDP to namespace {kubernetes.io/metadata.name=kube-system} pods {k8s-app=kube-dns}`},
	{"gke-cloud-dns", `{profile: {dns: gke-cloud-dns}, flows: [{from: "*", to: dns}]}`, `
default {app=db}: out 53/TCP to 169.254.169.254/32
default {app=db}: out 53/UDP to 169.254.169.254/32
default {app=web}: out 53/TCP to 169.254.169.254/32
default {app=web}: out 53/UDP to 169.254.169.254/32`},
	{"metrics of the tiers that have some", `flows: [{from: prometheus, to: "*", ports: [metrics]}]`, `
default {app=db}: in 9187/TCP from namespace {kubernetes.io/metadata.name=monitoring}`},
	{"an exclusive namespace with a tier that is not scraped", `{exclusiveNamespace: true, flows: [{from: prometheus, to: "*", ports: [metrics]}]}`, `
default {app=db}: in 9187/TCP from namespace {kubernetes.io/metadata.name=monitoring}`},
	{"an exclusive namespace whose tiers are all scraped alike", `{exclusiveNamespace: true, flows: [{from: prometheus, to: "*", ports: [9100]}]}`, `
default {}: in 9100/TCP from namespace {kubernetes.io/metadata.name=monitoring}`},
	{"Prometheus elsewhere", `{peers: [{name: prometheus, namespace: obs, podSelector: {matchLabels: {app: prometheus}, matchExpressions: [{key: shard, operator: NotIn, values: [b, a]}, {key: leader, operator: Exists}]}}], flows: [{from: prometheus, to: db, ports: [metrics]}]}`, `
default {app=db}: in 9187/TCP from namespace {kubernetes.io/metadata.name=obs} pods {app=prometheus, leader Exists, shard NotIn a|b}`},
	{"all pods of a namespace", `{peers: [{name: jobs, namespace: jobs, podSelector: {}}], flows: [{from: jobs, to: db}]}`, `
default {app=db}: in 5432/TCP from namespace {kubernetes.io/metadata.name=jobs}`},
	{"addresses with exceptions", `{peers: [{name: office, cidrs: [10.0.0.0/8, 203.0.113.0/24, "2001:db8::/32"], except: [10.2.0.0/16, 10.2.3.0/24, 203.0.113.128/25, "2001:db8:0:0:1::/80"], ports: [22]}], flows: [{from: office, to: web}, {from: web, to: office}]}`, `
default {app=web}: in 8080/TCP from 10.0.0.0/8 except 10.2.0.0/16
default {app=web}: in 8080/TCP from 2001:db8::/32 except 2001:db8:0:0:1::/80
default {app=web}: in 8080/TCP from 203.0.113.0/24 except 203.0.113.128/25
default {app=web}: out 22/TCP to 10.0.0.0/8 except 10.2.0.0/16
default {app=web}: out 22/TCP to 2001:db8::/32 except 2001:db8:0:0:1::/80
default {app=web}: out 22/TCP to 203.0.113.0/24 except 203.0.113.128/25`},
	{"addresses and a namespace", `{peers: [{name: vault, cidrs: [192.0.2.7/32], namespace: vault, ports: [8200]}], flows: [{from: web, to: vault}]}`, `
default {app=web}: out 8200/TCP to 192.0.2.7/32
default {app=web}: out 8200/TCP to namespace {kubernetes.io/metadata.name=vault}`},
	{"the API server", `{peers: [{name: apiserver, cidrs: [192.0.2.1/32]}], flows: [{from: web, to: apiserver}]}`, `
default {app=web}: out 443/TCP to 192.0.2.1/32
default {app=web}: out 6443/TCP to 192.0.2.1/32`},
	{"DNS elsewhere on the profile's ports", `{peers: [{name: dns, cidrs: ["fd00::a/128"]}], flows: [{from: web, to: dns}]}`, `
default {app=web}: out 53/TCP to fd00::a/128
default {app=web}: out 53/UDP to fd00::a/128`},
	{"an environment adds and takes away and overrides", `
peers: [{name: vpn, cidrs: [203.0.113.0/24]}]
flows: [{from: vpn, to: [web, db]}, {from: web, to: db, ports: [5000-5010]}]
environment:
  name: prod
  peers: [{name: vpn, cidrs: [198.51.100.0/24]}]
  without: [{from: vpn, to: db}, {from: web, to: db, ports: [5003, 5010]}]
  flows: [{from: vpn, to: web, ports: [22]}]`, `
default {app=db}: in 5000-5002/TCP from pods {app=web}
default {app=db}: in 5004-5009/TCP from pods {app=web}
default {app=web}: in 22/TCP from 198.51.100.0/24
default {app=web}: in 8080/TCP from 198.51.100.0/24
default {app=web}: out 5000-5002/TCP to pods {app=db}
default {app=web}: out 5004-5009/TCP to pods {app=db}`},
	{"a without of everything between any two", `
flows: [{from: "*", to: "*", ports: [80]}]
environment: {without: [{from: "*", to: web}, {from: db, to: "*", ports: [1-65535]}]}`, `
default {app=db}: in 80/TCP from pods {app=web}
default {app=web}: out 80/TCP to pods {app=db}`},
	{"the Services' ports for aws-vpc-cni", `
profile: {cni: aws-vpc-cni}
tiers:
- {name: web, labels: {app: web}, servicePorts: []}
- {name: db, labels: {app: db}, ports: [5432, 5433], servicePorts: [{port: 80, targetPort: 5432}, {port: 81, targetPort: 5433}, {port: 82, targetPort: 5432, protocol: UDP}]}
flows: [{from: web, to: db, ports: [5432]}]`, `
default {app=db}: in 5432/TCP from pods {app=web}
default {app=web}: out 5432/TCP to pods {app=db}
default {app=web}: out 80/TCP to pods {app=db}`},
}

func TestRealToolsChartAccepts(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			file := writeFile(t, "case.yaml", c.values)
			for _, helm := range helms {
				r := helmTemplate(t, helm, preset, "--values", file)
				if r.code != 0 {
					t.Fatalf("%s: exit code %d\n%s", helm, r.code, r.stderr)
				}
				policies, err := policiesOf(r.stdout)
				if err != nil {
					t.Fatal(err)
				}
				want := nonEmptyLines(isolated + c.want)
				slices.Sort(want)
				if diff := cmp.Diff(want, lines(policies)); diff != "" {
					t.Errorf("%s: what is open (-want +got):\n%s", helm, diff)
				}
				if wrong := checkPolicies(policies, strings.Contains(c.values, "internet")); len(wrong) > 0 {
					t.Errorf("%s:\n%s", helm, strings.Join(wrong, "\n"))
				}
			}
		})
	}
}

func nonEmptyLines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return l == "" })
}
