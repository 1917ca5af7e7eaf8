package placement

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

var (
	internet = &tier.Peer{Name: tier.Internet, From: []tier.Target{{Any: true}},
		To: []tier.Target{{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}}}}
	dns = &tier.Peer{Name: tier.DNS, To: []tier.Target{{Namespace: "kube-system", Pods: &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k8s-app", Operator: metav1.LabelSelectorOpIn, Values: []string{"kube-dns"}}}}}}}
	prometheus = &tier.Peer{Name: tier.Prometheus, From: []tier.Target{{Namespace: "monitoring"}}}
	peers      = map[string]*tier.Peer{"internet": internet, "dns": dns, "prometheus": prometheus}
)

// model reads workloads "NAMESPACE/NAME TIER" (labels app and tier, selector app) and flows "FROM > TO PORT/PROTOCOL".
func model(t *testing.T, workloads, flows string) *tier.Model {
	t.Helper()
	m := &tier.Model{}
	byName := map[string]*workload.Workload{}
	for line := range strings.SplitSeq(workloads, "\n") {
		f := strings.Fields(line)
		ns, name, _ := strings.Cut(f[0], "/")
		w := &workload.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name, Tier: f[1], TierLabel: "tier",
			PodLabels: map[string]string{"app": name, "tier": f[1]}, Selector: map[string]string{"app": name}}
		if len(f) > 2 { // the labels of another workload, so that the pods cannot be told apart
			w.PodLabels["app"], w.Selector["app"] = f[2], f[2]
		}
		byName[f[0]] = w
		m.Workloads = append(m.Workloads, w)
	}
	endpoint := func(s string) tier.Endpoint {
		if p := peers[s]; p != nil {
			return tier.Endpoint{Peer: p}
		}
		w := byName[s]
		if w == nil {
			t.Fatalf("no endpoint %q", s)
		}
		return tier.Endpoint{Workload: w}
	}
	for line := range strings.SplitSeq(flows, "\n") {
		f := strings.Fields(line)
		number, protocol, _ := strings.Cut(f[3], "/")
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		m.Groups = append(m.Groups, tier.Group{From: []tier.Endpoint{endpoint(f[0])}, To: []tier.Endpoint{endpoint(f[2])},
			Ports: tier.PortSet{{Protocol: workload.Protocol(protocol), First: int32(n), Last: int32(n)}}})
	}
	return m
}

// summary is a policy as lines: NAMESPACE/NAME selects …, then a line a rule.
func summary(policies []*networkingv1.NetworkPolicy) string {
	var b strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&b, "%s/%s selects %s %v\n", p.Namespace, p.Name, metav1.FormatLabelSelector(&p.Spec.PodSelector), p.Spec.PolicyTypes)
		for _, r := range p.Spec.Ingress {
			fmt.Fprintf(&b, "  in  %s from %s\n", portText(r.Ports), peerText(r.From))
		}
		for _, r := range p.Spec.Egress {
			fmt.Fprintf(&b, "  out %s to %s\n", portText(r.Ports), peerText(r.To))
		}
	}
	return b.String()
}

func portText(ports []networkingv1.NetworkPolicyPort) string {
	var out []string
	for _, p := range ports {
		out = append(out, fmt.Sprintf("%s/%s", p.Port, *p.Protocol))
	}
	return strings.Join(out, ",")
}

func peerText(peers []networkingv1.NetworkPolicyPeer) string {
	var out []string
	for _, p := range peers {
		var parts []string
		if p.NamespaceSelector != nil {
			parts = append(parts, "ns("+metav1.FormatLabelSelector(p.NamespaceSelector)+")")
		}
		if p.PodSelector != nil {
			parts = append(parts, metav1.FormatLabelSelector(p.PodSelector))
		}
		if p.IPBlock != nil {
			parts = append(parts, p.IPBlock.CIDR)
		}
		out = append(out, strings.Join(parts, " "))
	}
	if len(out) == 0 {
		return "everyone"
	}
	return strings.Join(out, " | ")
}

func TestFlat(t *testing.T) {
	for _, test := range []struct{ name, workloads, flows, want string }{
		{
			name:      "three tiers: default deny, a policy a tier, one for Prometheus",
			workloads: "shop/web frontend\nshop/api backend\nshop/db database",
			flows: `internet > shop/web 8080/TCP
shop/web > shop/api 8080/TCP
shop/api > shop/db 5432/TCP
shop/web > dns 53/UDP
shop/web > internet 443/TCP
prometheus > shop/web 9090/TCP
prometheus > shop/api 9090/TCP
prometheus > shop/db 9090/TCP`,
			want: `shop/default-deny-all selects <none> [Ingress Egress]
shop/backend-network-policy selects app=api,tier=backend [Ingress Egress]
  in  8080/TCP from app=web,tier=frontend
  out 5432/TCP to app=db,tier=database
shop/database-network-policy selects app=db,tier=database [Ingress Egress]
  in  5432/TCP from app=api,tier=backend
shop/frontend-network-policy selects app=web,tier=frontend [Ingress Egress]
  in  8080/TCP from everyone
  out 8080/TCP to app=api,tier=backend
  out 53/UDP to ns(kubernetes.io/metadata.name in (kube-system)) k8s-app in (kube-dns)
  out 443/TCP to 0.0.0.0/0
shop/prometheus-network-policy selects <none> [Ingress]
  in  9090/TCP from ns(kubernetes.io/metadata.name in (monitoring))
`,
		},
		{
			name:      "workloads of a tier that share their rules share a policy and a peer",
			workloads: "shop/a backend\nshop/b backend\nshop/db database",
			flows:     "shop/a > shop/db 5432/TCP\nshop/b > shop/db 5432/TCP",
			want: `shop/default-deny-all selects <none> [Ingress Egress]
shop/backend-network-policy selects tier=backend [Ingress Egress]
  out 5432/TCP to app=db,tier=database
shop/database-network-policy selects app=db,tier=database [Ingress Egress]
  in  5432/TCP from tier=backend
`,
		},
		{
			name:      "workloads of a tier that differ have a policy each",
			workloads: "shop/a backend\nshop/b backend\nshop/db database",
			flows:     "shop/a > shop/db 5432/TCP\nshop/a > shop/b 8080/TCP",
			want: `shop/default-deny-all selects <none> [Ingress Egress]
shop/backend-a-network-policy selects app=a,tier=backend [Ingress Egress]
  out 5432/TCP to app=db,tier=database
  out 8080/TCP to app=b,tier=backend
shop/backend-b-network-policy selects app=b,tier=backend [Ingress Egress]
  in  8080/TCP from app=a,tier=backend
shop/database-network-policy selects app=db,tier=database [Ingress Egress]
  in  5432/TCP from app=a,tier=backend
`,
		},
		{
			name:      "one that is not scraped keeps Prometheus out of the namespace's other pods",
			workloads: "shop/a backend\nshop/b worker",
			flows:     "prometheus > shop/a 9090/TCP",
			want: `shop/default-deny-all selects <none> [Ingress Egress]
shop/backend-network-policy selects app=a,tier=backend [Ingress Egress]
  in  9090/TCP from ns(kubernetes.io/metadata.name in (monitoring))
`,
		},
		{
			name:      "across namespaces peers are matchExpressions",
			workloads: "app/api backend\ndata/db database",
			flows:     "app/api > data/db 5432/TCP",
			want: `app/default-deny-all selects <none> [Ingress Egress]
app/backend-network-policy selects app=api,tier=backend [Ingress Egress]
  out 5432/TCP to ns(kubernetes.io/metadata.name in (data)) app in (db),tier in (database)
data/default-deny-all selects <none> [Ingress Egress]
data/database-network-policy selects app=db,tier=database [Ingress Egress]
  in  5432/TCP from ns(kubernetes.io/metadata.name in (app)) app in (api),tier in (backend)
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			policies, findings := Flat(Owner{Set: "three-tier"}, model(t, test.workloads, test.flows))
			if len(findings) > 0 {
				t.Errorf("findings: %v", findings)
			}
			if diff := cmp.Diff(test.want, summary(policies)); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlatPodsThatCannotBeToldApart(t *testing.T) {
	_, findings := Flat(Owner{Set: "s"}, model(t, "shop/a backend\nshop/b backend a\nshop/db database", "shop/a > shop/db 5432/TCP"))
	want := "Deployment shop/a: spec.template.metadata.labels: no label tells its pods from those of Deployment shop/b, so no policy can select just them: " +
		"give the pod templates a label that differs, such as app.kubernetes.io/name: a [selector-ambiguous]"
	if diff := cmp.Diff(want, findings.Error()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
