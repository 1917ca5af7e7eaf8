package tier

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func splitWords(text string) []string { return strings.Fields(text) }

// targets are targets, one a line: any; CIDR except A B; NAMESPACE KEY OPERATOR (VALUES).
func targets(list []Target) []string {
	var out []string
	for _, t := range list {
		switch {
		case t.Any:
			out = append(out, "any")
		case t.CIDR != "":
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s except %s", t.CIDR, strings.Join(t.Except, " "))))
		default:
			out = append(out, strings.TrimSpace(t.Namespace+" "+metav1.FormatLabelSelector(t.Pods)))
		}
	}
	return out
}

var peerCases = []struct{ name, spec, peer, from, to, ports string }{
	{
		"internet", ``, Internet, "any", `
		0.0.0.0/0 except 10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
		::/0 except fc00::/7 fe80::/10`, "no port",
	},
	{
		"internet with the cluster's own ranges", `profile: {podCIDRs: [10.1.0.0/16, 11.0.0.0/8, "2001:db8::/48"], serviceCIDRs: [192.0.0.0/8]}`, Internet, "any", `
		0.0.0.0/0 except 10.0.0.0/8 11.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.0.0.0/8
		::/0 except 2001:db8::/48 fc00::/7 fe80::/10`, "no port",
	},
	{"internet overridden", `peers: [{name: internet, cidrs: [203.0.113.0/24]}]`, Internet, "203.0.113.0/24 except", "203.0.113.0/24 except", "no port"},
	{"dns", ``, DNS, "kube-system k8s-app in (kube-dns)", "kube-system k8s-app in (kube-dns)", "53/TCP, 53/UDP"},
	{
		"dns of OpenShift", `profile: {dns: openshift}`, DNS, "openshift-dns dns.operator.openshift.io/daemonset-dns in (default)",
		"openshift-dns dns.operator.openshift.io/daemonset-dns in (default)", "5353/TCP, 5353/UDP",
	},
	{
		"node-local dns", `profile: {dns: nodelocal}`, DNS, "169.254.20.10/32 except\nkube-system k8s-app in (kube-dns)",
		"169.254.20.10/32 except\nkube-system k8s-app in (kube-dns)", "53/TCP, 53/UDP",
	},
	{"dns of GKE", `profile: {dns: gke-cloud-dns}`, DNS, "169.254.169.254/32 except", "169.254.169.254/32 except", "53/TCP, 53/UDP"},
	{"dns of GKE with its pods' ranges", `profile: {dns: gke-cloud-dns, podCIDRs: [10.4.0.0/14]}`, DNS, "169.254.169.254/32 except", "169.254.169.254/32 except", "53/TCP, 53/UDP"},
	{"prometheus", ``, Prometheus, "monitoring <none>", "monitoring <none>", "no port"},
	{
		"a selector becomes expressions, sorted by key", `
peers:
- name: prometheus
  namespace: observability
  podSelector:
    matchLabels: {app: prometheus, "a/b": c}
    matchExpressions: [{key: app, operator: Exists}, {key: Z, operator: In, values: [y, x]}]`, Prometheus,
		"observability Z in (x,y),a/b in (c),app,app in (prometheus)", "observability Z in (x,y),a/b in (c),app,app in (prometheus)", "no port",
	},
	{"an empty selector is no selector", `peers: [{name: p, namespace: n, podSelector: {}}]`, "p", "n <none>", "n <none>", "no port"},
	{
		"cidrs with exceptions, each where it belongs", `peers: [{name: p, cidrs: [203.0.113.0/24, "2001:db8::/32", 198.51.100.0/24], except: [203.0.113.128/25, "2001:db8:1::/48"], ports: [443, 80]}]`, "p",
		"198.51.100.0/24 except\n203.0.113.0/24 except 203.0.113.128/25\n2001:db8::/32 except 2001:db8:1::/48",
		"198.51.100.0/24 except\n203.0.113.0/24 except 203.0.113.128/25\n2001:db8::/32 except 2001:db8:1::/48", "80/TCP, 443/TCP",
	},
}

func TestPeers(t *testing.T) {
	for _, tc := range peerCases {
		t.Run(tc.name, func(t *testing.T) {
			p := set(t, tc.spec).peersIn("")[tc.peer]
			diffInOrder(t, "as a source", words(tc.from), targets(p.From))
			diffInOrder(t, "as a destination", words(tc.to), targets(p.To))
			if p.Ports.String() != tc.ports {
				t.Errorf("ports %s, want %s", p.Ports, tc.ports)
			}
			for _, target := range p.To {
				if target.Pods != nil && target.Pods.MatchLabels != nil {
					t.Errorf("matchLabels %v, which kustomize's label transformers rewrite", target.Pods.MatchLabels)
				}
			}
		})
	}
}

// minusCases are address blocks without others: "CIDR except A B" each.
var minusCases = []struct{ block, cut, want string }{
	{"0.0.0.0/0 except 10.0.0.0/8", "203.0.113.0/24", "0.0.0.0/0 except 10.0.0.0/8 203.0.113.0/24"},
	{"0.0.0.0/0 except 10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0 except 10.0.0.0/8"},
	{"0.0.0.0/0 except 10.0.0.0/8", "10.0.0.0/8", "0.0.0.0/0 except 10.0.0.0/8"},
	{"0.0.0.0/0 except 10.0.0.0/8", "10.0.0.0/7", "0.0.0.0/0 except 10.0.0.0/7"},
	{"0.0.0.0/0", "2001:db8::/32", "0.0.0.0/0 except"},
	{"203.0.113.0/24", "0.0.0.0/0", ""},
	{"203.0.113.0/24", "203.0.113.0/24", ""},
	{"203.0.113.0/24", "0.0.0.0/0 except 203.0.113.0/24", "203.0.113.0/24 except"},
	{"203.0.113.0/24", "0.0.0.0/0 except 203.0.112.0/23", "203.0.113.0/24 except"},
	{"203.0.113.0/24", "0.0.0.0/0 except 203.0.113.0/25", "203.0.113.0/25 except"},
	{"0.0.0.0/0", "203.0.113.0/24 except 203.0.113.0/25", "0.0.0.0/0 except 203.0.113.0/24\n203.0.113.0/25 except"},
	{"0.0.0.0/0 except 203.0.113.0/26", "203.0.113.0/24 except 203.0.113.0/25", "0.0.0.0/0 except 203.0.113.0/24\n203.0.113.0/25 except 203.0.113.0/26"},
	{"0.0.0.0/0 except 203.0.113.0/25", "203.0.113.0/24 except 203.0.113.0/26", "0.0.0.0/0 except 203.0.113.0/24"},
	{"0.0.0.0/0", "198.51.100.0/24 203.0.113.0/24", "0.0.0.0/0 except 198.51.100.0/24 203.0.113.0/24"},
}

func block(text string) []Target {
	cidrs, except, _ := strings.Cut(text, " except")
	var out []Target
	for _, c := range splitWords(cidrs) {
		out = append(out, Target{CIDR: c, Except: splitWords(except)})
	}
	return out
}

func TestMinusAddresses(t *testing.T) {
	for _, tc := range minusCases {
		t.Run(tc.block+" minus "+tc.cut, func(t *testing.T) {
			got := minusAddresses(&Peer{To: block(tc.block)}, &Peer{To: block(tc.cut)})
			diffInOrder(t, "addresses", words(tc.want), targets(got.To))
		})
	}
}

// TestSuspendedAddresses: a preset's never to the internet holds but for the addresses that the user's flow opens.
func TestSuspendedAddresses(t *testing.T) {
	s := set(t, "peers: [{name: backup, cidrs: [203.0.113.0/24]}]\nflows: [{from: database, to: backup, ports: [443]}]")
	m, _ := s.Model("", inventory(t, "db database 5432"))
	var got []string
	for _, f := range pairs(m.NeverGroups) {
		for _, line := range targets(f.To.Peer.To) {
			got = append(got, f.Ports.String()+" to "+line)
		}
	}
	diff(t, "invariants", words(`
		1-65535/SCTP, 1-442/TCP, 444-65535/TCP, 1-65535/UDP to 0.0.0.0/0 except 10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
		1-65535/SCTP, 1-442/TCP, 444-65535/TCP, 1-65535/UDP to ::/0 except fc00::/7 fe80::/10
		443/TCP to 0.0.0.0/0 except 10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 203.0.113.0/24
		443/TCP to ::/0 except fc00::/7 fe80::/10`), got)
}

// TestNeverFromInternet: as a source of an invariant the internet is public addresses, not everyone.
func TestNeverFromInternet(t *testing.T) {
	m, _ := set(t, bare+"never: [{from: internet, to: a}]").Model("", inventory(t, "x a 1"))
	diffInOrder(t, "the source", words(`
		0.0.0.0/0 except 10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
		::/0 except fc00::/7 fe80::/10`), targets(pairs(m.NeverGroups)[0].From.Peer.From))
}
