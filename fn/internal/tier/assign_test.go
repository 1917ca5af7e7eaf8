package tier

import (
	"fmt"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/workload"
)

// assignCases: the workloads' tier in the notation is -, as AssignTiers is to find it. want is NAME TIER BY-LABEL a line.
var assignCases = []struct{ name, spec, workloads, want, findings string }{
	{"a pod label", ``, "x - label:tier=api", "x backend by tier", ""},
	{"every preset value", ``, "x - label:role=webapp\ny - label:component=sql\nz - label:app.kubernetes.io/component=kafka\nj:Job - label:tier=jobs",
		"x frontend by role\ny database by component\nz queue by app.kubernetes.io/component\nj worker by tier", ""},
	{"an object's label counts, but no policy can select it", ``, "x - object:tier=db", "x database by -", ""},
	{"pod label before object label", ``, "x - object:tier=db label:tier=cache", "x cache by tier", ""},
	{"an earlier key before a later one, wherever it is", ``, "x - object:tier=db label:role=cache", "x database by -", ""},
	{"the first known value wins", ``, "x - label:tier=gold label:component=controller label:role=api", "x backend by role", ""},
	{"values are compared exactly", ``, "x - label:tier=Frontend", "x none", "warning tier-unknown x spec.template.metadata.labels.tier"},
	{"the set's own label keys", `tierLabels: [layer]`, "x - label:layer=api label:tier=db", "x backend by layer", ""},
	{"the set's own tiers", `tiers: [{name: search, values: [elastic]}]`, "x - label:tier=elastic", "x search by tier", ""},
	{"a value that the user's tier takes", `tiers: [{name: edge, values: [gateway]}]`, "x - label:tier=gateway", "x edge by tier", ""},
	{"no label", ``, "x - label:app=x", "x none", "warning tier-missing x spec.template.metadata.labels.tier"},
	{"no label on a Pod and a CronJob", ``, "x:Pod -\ny:CronJob -", "x none\ny none",
		"warning tier-missing x metadata.labels.tier\nwarning tier-missing y spec.jobTemplate.spec.template.metadata.labels.tier"},
	{"an empty label is none", ``, "x - label:tier=", "x none", "warning tier-missing x spec.template.metadata.labels.tier"},
	{"an unknown value on the object", ``, "x - object:role=gold", "x none", "warning tier-unknown x metadata.labels.role"},
	{"values that name nodes and replicas", ``, "a - label:tier=node\nb - label:tier=control-plane\nc - label:role=master\nd - label:role=replica", "a none\nb none\nc none\nd none",
		"warning tier-unknown a spec.template.metadata.labels.tier\nwarning tier-unknown b spec.template.metadata.labels.tier\nwarning tier-unknown c spec.template.metadata.labels.role\nwarning tier-unknown d spec.template.metadata.labels.role"},

	{"an override", `workloads: [{name: x, tier: cache}]`, "x - label:tier=api", "x cache by -", ""},
	{"an override by kind", `workloads: [{name: StatefulSet/x, tier: cache}]`, "x - label:tier=api\nx:StatefulSet - label:tier=api", "x backend by tier\nx cache by -", ""},
	{"an override by namespace", `workloads: [{name: x, namespace: n, tier: cache}]`, "n/x - label:tier=api\nm/x - label:tier=api", "m/x backend by tier\nn/x cache by -", ""},
	{"the most specific override", `workloads: [{name: x, tier: cache}, {name: x, namespace: n, tier: queue}, {name: Deployment/x, tier: worker}, {name: Deployment/x, namespace: n, tier: database}]`,
		"n/x -\nm/x -\nm/x:Pod -\nn/x:Pod -", "m/x worker by -\nm/x cache by -\nn/x database by -\nn/x queue by -", ""},
	{"an override that matches nothing", `workloads: [{name: y, tier: cache}, {name: x, namespace: n, tier: cache}]`, "x - label:tier=api", "x backend by tier",
		"warning override-unmatched spec.workloads[0].name\nwarning override-unmatched spec.workloads[1].name"},
	{"an override by the name of the manifest", `workloads: [{name: x, tier: cache}]`, "prod-x - label:tier=api declared:x", "prod-x cache by -", ""},
	{"the built name before that of a manifest", `workloads: [{name: Deployment/x, tier: cache}, {name: prod-x, tier: queue}]`, "prod-x - declared:x", "prod-x queue by -", ""},
	{"an override silences the contradiction", `workloads: [{name: x, tier: backend}]`, "x - image:redis:7", "x backend by -", ""},

	{"a redis image labelled backend", ``, "x - label:tier=backend image:redis:7", "x backend by tier", "warning tier-contradicts x spec.template.metadata.labels.tier"},
	{"images with registry, port, tag and digest", ``,
		"a - label:tier=web image:docker.io/bitnami/redis:7.2@sha256:ab\nb - label:tier=api image:registry:5000/mirror/postgres\nc - label:tier=worker image:confluentinc/cp-kafka:7\nd - label:tier=api image:mongo",
		"a frontend by tier\nb backend by tier\nc worker by tier\nd backend by tier",
		"warning tier-contradicts a spec.template.metadata.labels.tier\nwarning tier-contradicts b spec.template.metadata.labels.tier\nwarning tier-contradicts c spec.template.metadata.labels.tier\nwarning tier-contradicts d spec.template.metadata.labels.tier"},
	{"a contradiction of the object's label", ``, "x - object:tier=backend image:redis", "x backend by -", "warning tier-contradicts x metadata.labels.tier"},
	{"an image that only begins alike", ``, "a - label:tier=backend image:mongo-express\nb - label:tier=backend image:redis-commander\nc - label:tier=backend image:shop/redis/api", "a backend by tier\nb backend by tier\nc backend by tier", ""},
	{"a store as another store is the user's business", ``, "x - label:tier=queue image:redis", "x queue by tier", ""},
	{"a client in the store's image", ``, "x:Job - label:tier=backend image:postgres:16", "x backend by tier", ""},
	{"a sidecar in a store's image", ``, "x - label:tier=backend image:shop/api image:redis", "x backend by tier", ""},
	{"the port tells where the image does not", ``, "x - label:tier=backend image:shop/store 6379", "x backend by tier", "warning tier-contradicts x spec.template.metadata.labels.tier"},
	{"a store's port among others tells nothing", ``, "x - label:tier=backend image:shop/api 6379 8080", "x backend by tier", ""},
	{"UDP tells nothing", ``, "x - label:tier=backend image:shop/api 5432/UDP", "x backend by tier", ""},
	{"the user's own tiers are not judged", `tiers: [{name: sessions}]`, "x - label:tier=sessions image:redis", "x sessions by tier", ""},
	{"a set without the tier has nothing to say", "preset: none\ntiers: [{name: backend}]", "x - label:tier=backend image:redis", "x backend by tier", ""},
}

func TestAssignTiers(t *testing.T) {
	for _, tc := range assignCases {
		t.Run(tc.name, func(t *testing.T) {
			inv := inventory(t, tc.workloads)
			findings := set(t, tc.spec).AssignTiers(inv)
			var got []string
			for _, w := range inv.Workloads {
				if w.Tier == "" {
					got = append(got, short(Endpoint{Workload: w})+" none")
					continue
				}
				label := w.TierLabel
				if label == "" {
					label = "-"
				}
				got = append(got, fmt.Sprintf("%s %s by %s", short(Endpoint{Workload: w}), w.Tier, label))
			}
			diff(t, "tiers", words(tc.want), got)
			diff(t, "findings", words(tc.findings), brief(findings))
		})
	}
}

// messageCases are findings in full, since people act on them.
var messageCases = []struct{ spec, workloads, want string }{
	{``, "shop/web - label:tier=fronted", `web.yaml Deployment shop/web: spec.template.metadata.labels.tier: "fronted" is no value of a known tier (frontend, backend, database, cache, queue, worker), so the workload falls under default deny, open only to the flows of a peer that stands for it (did you mean "frontend"?); set the label to a tier's value, or write spec.workloads: [{name: Deployment/web, namespace: shop, tier: TIER}] [tier-unknown]`},
	{``, "web - image:redis", `web.yaml Deployment web: spec.template.metadata.labels.tier: no tier: none of the labels tier, app.kubernetes.io/component, component, role is set, so the workload falls under default deny, open only to the flows of a peer that stands for it; set the label to a tier's value, or write spec.workloads: [{name: Deployment/web, tier: cache}] [tier-missing]`},
	{``, "redis-leader - label:tier=backend image:registry.k8s.io/redis@sha256:cb 6379", `redis-leader.yaml Deployment redis-leader: spec.template.metadata.labels.tier: "backend" means tier backend, but image "registry.k8s.io/redis@sha256:cb" is a cache; correct the label, or write spec.workloads: [{name: Deployment/redis-leader, tier: cache}] [tier-contradicts]`},
	{`workloads: [{name: redis, namespace: shop, tier: cache}]`, "web - label:tier=web", `set.yaml NetworkPolicySet shop: spec.workloads[0].name: no workload is "redis" in namespace "shop"; correct the name, or remove the entry [override-unmatched]`},
}

func TestAssignMessages(t *testing.T) {
	for _, tc := range messageCases {
		findings := set(t, tc.spec).AssignTiers(inventory(t, tc.workloads))
		diffInOrder(t, "findings", []string{tc.want}, strings.Split(joined(findings), "\n"))
	}
}

// TestAssignTwice: what an earlier assignment found does not stay.
func TestAssignTwice(t *testing.T) {
	inv := inventory(t, "x - label:tier=api")
	Default().AssignTiers(inv)
	set(t, `tierLabels: [layer]`).AssignTiers(inv)
	if w := inv.Workloads[0]; w.Tier != "" || w.TierLabel != "" {
		t.Errorf("tier %q by %q, want none", w.Tier, w.TierLabel)
	}
}

func TestTierOfNoImage(t *testing.T) {
	if tier, _ := tellTier(&workload.Workload{}); tier != "" {
		t.Errorf("a workload without images is %q", tier)
	}
}
