package tier

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/workload"
)

// everyField sets each field of a NetworkPolicySet's spec.
const everyField = `
preset: three-tier
tierLabels: [layer, tier]
tiers:
- {name: search, values: [search, elastic], ports: [9200, 9300-9305]}
workloads:
- {name: Deployment/redis-leader, namespace: shop, tier: cache}
- {name: kafka, namespace: shop, tier: queue, pods: {strimzi.io/cluster: shop}, ports: [9092]}
peers:
- name: prometheus
  namespace: observability
  podSelector:
    matchLabels: {app: prometheus}
    matchExpressions: [{key: role, operator: NotIn, values: [canary, a]}]
- {name: office-vpn, cidrs: [203.0.113.0/24], except: [203.0.113.128/25], ports: [443, 53/UDP]}
flows:
- {from: "shop:backend/orders", to: [search, database], ports: [9200, metrics], within: {sameLabel: app}}
- {from: backend, to: database, within: {sameName: [-service, -db], reference: own}}
never:
- {from: frontend, to: search}
without:
- {from: internet, to: frontend}
profile:
  cni: aws-vpc-cni
  dns: openshift
  podCIDRs: [10.0.0.0/16]
  serviceCIDRs: [172.20.0.0/16]
labels: {team: shop}
environments:
- name: prod
  peers: [{name: payments, cidrs: [198.51.100.0/24]}]
  flows: [{from: backend, to: payments, ports: [8443]}]
  without: [{from: frontend, to: internet}]
environment: prod
proof: required
`

// everyTestField sets each field of a SegmentationTest's spec.
const everyTestField = `
tierLabels: [tier]
environments: [prod]
within: staging
expect:
- {from: frontend, to: backend, ports: [8080], verdict: allowed}
- {from: "*", to: database, only: [backend]}
`

// TestEveryFieldIsRead: a field of the types that no decoder reads stays empty here.
func TestEveryFieldIsRead(t *testing.T) {
	test, findings := DecodeTest(object(t, testDocument(everyTestField)))
	if findings.Failed() {
		t.Fatal(findings)
	}
	for _, root := range []any{*set(t, everyField), *test} {
		var never []string
		filled := map[string]bool{}
		visitFields(reflect.ValueOf(root), filled)
		for place, full := range filled {
			if !full {
				never = append(never, place)
			}
		}
		diff(t, "fields that are not read", nil, never)
	}
}

// visitFields notes for each field of the configuration's types whether one of its values is not empty.
func visitFields(v reflect.Value, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visitFields(v.Elem(), filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visitFields(v.Index(i), filled)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			at := v.Type().Name() + "." + name
			filled[at] = filled[at] || !v.Field(i).IsZero()
			visitFields(v.Field(i), filled)
		}
	}
}

func TestDefaults(t *testing.T) {
	want := &Set{
		Name: "tierwall", Preset: PresetThreeTier, TierLabels: []string{"tier", "app.kubernetes.io/component", "component", "role"},
		Profile: Profile{CNI: CNIGeneric, DNS: DNSCoreDNS},
	}
	if d := cmp.Diff(want, Default(), cmp.AllowUnexported(FlowSpec{}), cmp.FilterPath(unexported, cmp.Ignore())); d != "" {
		t.Errorf("Default differs (-want +got):\n%s", d)
	}
	s, findings := Decode(nil)
	if d := cmp.Diff(want, s, cmp.FilterPath(unexported, cmp.Ignore())); d != "" || findings != nil {
		t.Errorf("Decode(nil) differs (-want +got):\n%s%v", d, findings)
	}
	for _, spec := range []string{"", "spec:", "spec: {}", "spec: {flows: null, tiers: }"} {
		s, findings := Decode(object(t, "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: tierwall}\n"+spec))
		if findings != nil {
			t.Fatal(findings)
		}
		s.Source = workload.Source{}
		if d := cmp.Diff(want, s, cmp.FilterPath(unexported, cmp.Ignore())); d != "" {
			t.Errorf("%q differs (-want +got):\n%s", spec, d)
		}
	}
}

// unexported leaves out the fields that are not the configuration's.
func unexported(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "object"
}

func TestConfigMapForm(t *testing.T) {
	s, findings := Decode(object(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: function-input}
data: {name: shop, tierLabel: layer, monitoringNamespace: observability, cni: calico, dns: nodelocal, environment: prod}`))
	if findings != nil {
		t.Fatal(findings)
	}
	want := &Set{
		Name: "shop", Source: workload.Source{File: "set.yaml"}, Preset: PresetThreeTier, TierLabels: []string{"layer"},
		Peers:   []PeerSpec{{Name: "prometheus", Namespace: "observability"}},
		Profile: Profile{CNI: CNICalico, DNS: DNSNodeLocal}, Environment: "prod",
	}
	if d := cmp.Diff(want, s, cmp.FilterPath(unexported, cmp.Ignore())); d != "" {
		t.Errorf("the set differs (-want +got):\n%s", d)
	}
}

// tierCases are what the user's tiers make of the preset's.
var tierCases = []struct{ name, spec, want string }{
	{"a new tier", `tiers: [{name: search, values: [elastic]}]`, `search: elastic`},
	{"a new tier means its own name", `tiers: [{name: search}]`, `search: search`},
	{"a value is taken from the preset", `tiers: [{name: gateway}]`, `backend: backend, back-end, api, app, application, server, service, middletier, api-gateway
		gateway: gateway`},
	{"values override", `tiers: [{name: queue, values: [kafka, nats]}]`, `queue: kafka, nats on 5672/TCP`},
	{"ports override, values stay", `tiers: [{name: worker, ports: [9000]}]`, `worker: worker, jobs, processing, consumer on 9000/TCP`},
	{"values move between tiers of the preset", `tiers: [{name: cache, values: [cache, kafka]}]`, `cache: cache, kafka on 6379/TCP
		queue: queue, messaging, message-queue, broker, rabbitmq on 5672/TCP`},
	{"no preset", "preset: none\ntiers: [{name: a}, {name: b, values: [c, d], ports: [1]}]", `a: a
		b: c, d on 1/TCP`},
}

func TestAllTiers(t *testing.T) {
	for _, tc := range tierCases {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, tier := range set(t, tc.spec).AllTiers() {
				line := tier.Name + ": " + strings.Join(tier.Values, ", ")
				if len(tier.Ports) > 0 {
					line += fmt.Sprintf(" on %s", numbers(tier.Ports))
				}
				got = append(got, line)
			}
			for _, want := range words(tc.want) {
				if !strings.Contains(strings.Join(got, "\n")+"\n", want) {
					t.Errorf("want %q; got\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}
