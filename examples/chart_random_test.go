//go:build realtools

package examples

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// randomValues is how many random applications the chart is compared with the function on.
const randomValues = 24

// application is a random application, said in the words that the chart and a NetworkPolicySet share.
type application struct {
	tiers       []map[string]any
	peers       []any
	flows       []any
	profile     map[string]any
	environment map[string]any
}

func newApplication(seed uint64) *application {
	r := rand.New(rand.NewPCG(seed, 7))
	a := &application{profile: map[string]any{
		"dns": pick(r, "coredns", "openshift", "nodelocal", "gke-cloud-dns"),
		"cni": pick(r, "generic", "aws-vpc-cni"),
	}}
	if r.IntN(2) == 0 {
		a.profile["podCIDRs"] = []any{pick(r, "10.244.0.0/16", "203.0.112.0/20", "2001:db8:f::/48")}
	}
	names := []string{"web", "api", "db", "mq", "jobs"}[:2+r.IntN(4)]
	metrics := r.IntN(2) == 0
	for i, name := range names {
		tier := map[string]any{"name": name, "labels": map[string]any{"app": "app-" + name, "tier": name}, "ports": []any{8000 + i}}
		if r.IntN(3) == 0 {
			tier["ports"] = []any{8000 + i, "53/UDP"}
		}
		if r.IntN(3) == 0 {
			tier["labels"] = map[string]any{"tier": []any{name, name + "-2"}}
		}
		tier["servicePorts"] = []any{}
		if r.IntN(2) == 0 {
			tier["servicePorts"] = []any{map[string]any{"port": 80 + i, "targetPort": 8000 + i}}
		}
		tier["metricsPorts"] = []any{9090}
		if metrics {
			tier["metricsPorts"] = []any{9090 + r.IntN(2)}
		}
		a.tiers = append(a.tiers, tier)
	}
	a.peers = []any{
		map[string]any{"name": "office", "cidrs": []any{"203.0.113.0/24", "2001:db8::/32"}, "except": []any{"203.0.113.64/26"}, "ports": []any{22}},
		map[string]any{"name": "jenkins", "namespace": "ci", "podSelector": map[string]any{"matchLabels": map[string]any{"app": "jenkins"}}, "ports": []any{"50000-50010"}},
		map[string]any{"name": "vault", "namespace": "vault", "cidrs": []any{"192.0.2.0/28"}, "ports": []any{8200}},
	}
	a.flows = []any{
		map[string]any{"from": "*", "to": "dns"},
		map[string]any{"from": "prometheus", "to": "*", "ports": []any{"metrics"}},
	}
	for range 2 + r.IntN(6) {
		a.flows = append(a.flows, randomFlow(r, names))
	}
	a.environment = map[string]any{
		"name":  "prod",
		"flows": []any{map[string]any{"from": "mirror", "to": pick(r, names...), "ports": []any{873}}},
		"peers": []any{
			map[string]any{"name": "mirror", "cidrs": []any{"198.51.100.0/24"}},
			map[string]any{"name": "office", "cidrs": []any{"198.51.100.128/25"}, "ports": []any{2222}},
		},
	}
	if r.IntN(2) == 0 {
		a.environment["without"] = []any{a.flows[r.IntN(len(a.flows))]}
	}
	return a
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomFlow(r *rand.Rand, tiers []string) map[string]any {
	sources := slices.Concat(tiers, []string{"*", "internet", "office", "jenkins"})
	from, to := pick(r, sources...), pick(r, tiers...)
	if slices.Contains(tiers, from) && r.IntN(2) == 0 {
		to = pick(r, "internet", "office", "jenkins", "vault")
	}
	flow := map[string]any{"from": from, "to": to}
	switch {
	case to == "internet":
		flow["ports"] = []any{443}
	case slices.Contains(tiers, to) && r.IntN(3) == 0:
		flow["ports"] = []any{pick[any](r, "8000-8003", 8001, "53/UDP")}
	}
	if slices.Contains(tiers, from) && r.IntN(3) == 0 {
		flow["from"] = []any{from}
	}
	return flow
}

// values are the chart's.
func (a *application) values() string {
	return text(map[string]any{
		"namespace": "shop", "exclusiveNamespace": true,
		"tiers": a.tiers, "peers": a.peers, "flows": a.flows, "profile": a.profile, "environment": a.environment,
	})
}

// set is the NetworkPolicySet that says the same.
func (a *application) set() string {
	var tiers []any
	for _, t := range a.tiers {
		tiers = append(tiers, map[string]any{"name": t["name"], "values": tierValues(t)})
	}
	return text(map[string]any{
		"apiVersion": "tierwall.dev/v1alpha1", "kind": "NetworkPolicySet", "metadata": map[string]any{"name": "shop"},
		"spec": map[string]any{
			"preset": "none", "tierLabels": []any{"tier"}, "tiers": tiers, "peers": a.peers, "flows": a.flows, "profile": a.profile,
			"environments": []any{a.environment}, "environment": "prod",
		},
	})
}

func tierValues(tier map[string]any) []any {
	if values, several := tier["labels"].(map[string]any)["tier"].([]any); several {
		return values
	}
	return []any{tier["labels"].(map[string]any)["tier"]}
}

// manifests are the application's: for each value of a tier's label a Deployment, and a Service in front of it.
func (a *application) manifests() string {
	docs := []string{text(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop"}})}
	for _, t := range a.tiers {
		for _, value := range tierValues(t) {
			name := fmt.Sprint("app-", value)
			labels := map[string]any{"app": name, "tier": value}
			ports := []any{map[string]any{"name": "metrics", "containerPort": t["metricsPorts"].([]any)[0]}}
			for _, p := range t["ports"].([]any) {
				port := map[string]any{"containerPort": p}
				if p == "53/UDP" {
					port = map[string]any{"containerPort": 53, "protocol": "UDP"}
				}
				ports = append(ports, port)
			}
			docs = append(docs, text(map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "namespace": "shop"},
				"spec": map[string]any{
					"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
					"template": map[string]any{
						"metadata": map[string]any{"labels": labels},
						"spec":     map[string]any{"containers": []any{map[string]any{"name": "main", "image": "registry.example.com/" + name, "ports": ports}}},
					},
				},
			}))
			if services := t["servicePorts"].([]any); len(services) > 0 {
				if len(t["ports"].([]any)) > 1 { // a Service that leaves a port out says that it serves nobody
					services = append(slices.Clone(services), map[string]any{"name": "udp", "port": 53, "protocol": "UDP"})
				}
				docs = append(docs, text(map[string]any{
					"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": name, "namespace": "shop"},
					"spec": map[string]any{"selector": map[string]any{"app": name}, "ports": services},
				}))
			}
		}
	}
	return strings.Join(docs, "---\n")
}

func text(object any) string {
	out, err := yaml.Marshal(object)
	if err != nil {
		panic(err) // maps of plain values
	}
	return string(out)
}

// TestRealToolsChartOpensWhatTheFunctionOpens: the same words mean the same connections, whether the chart or the function
// reads them.
func TestRealToolsChartOpensWhatTheFunctionOpens(t *testing.T) {
	compared := 0
	for seed := range uint64(randomValues) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			a := newApplication(seed)
			r := helmTemplate(t, pick(rand.New(rand.NewPCG(seed, 8)), helms...), a.values())
			if r.code != 0 {
				if !strings.Contains(r.stderr, "says the same as") && !strings.Contains(r.stderr, "no tier has such ports") {
					t.Errorf("the chart refuses:\n%s\n%s", r.stderr, a.values())
				}
				return
			}
			policies, err := policiesOf(r.stdout)
			if err != nil {
				t.Fatal(err)
			}
			if wrong := checkPolicies(policies, true); len(wrong) > 0 {
				t.Errorf("%s\n%s", strings.Join(wrong, "\n"), a.values())
			}
			manifests := writeFile(t, "manifests.yaml", a.manifests())
			byFunction := mustRun(t, ".", nil, "bash", "-euc", `"$0" --config "$1" < "$2"`, tierwall, writeFile(t, "set.yaml", a.set()), manifests)
			d := run(t, ".", nil, tierwall, "diff", writeFile(t, "function.yaml", byFunction.stdout),
				writeFile(t, "chart.yaml", a.manifests()+"---\n"+r.stdout))
			if d.code != 0 {
				t.Errorf("from the function's policies to the chart's (exit code %d):\n%s%s\n%s", d.code, d.stdout, d.stderr, a.values())
			}
			compared++
		})
	}
	if 3*compared < 2*randomValues {
		t.Errorf("%d of %d random applications were compared, want two thirds", compared, randomValues)
	}
}

// hostile are scalars and shapes that no value of the chart is meant to have.
var hostile = []any{
	nil, "", " ", "*", "a\n- b: c", "{{ .Release }}", "'", `"`, "0", "-1", "0x50", "1e3", -1, 0, 1.5, 99999999999, true, false,
	[]any{}, []any{nil}, []any{[]any{}}, map[string]any{}, map[string]any{"": ""}, map[string]any{"a": nil},
	"0.0.0.0/0", "::/0", "999.0.0.0/8", "metrics", "internet", "/", "a/b/c", strings.Repeat("a", 300),
}

// TestRealToolsChartIsNeverWiderThanItsValues: with any value replaced by a hostile one, and the schema switched off, the chart
// either fails or emits policies that the API takes and that open no more than a value can say.
func TestRealToolsChartIsNeverWiderThanItsValues(t *testing.T) {
	const mutations = 80
	failed := 0
	for seed := range uint64(mutations) {
		r := rand.New(rand.NewPCG(seed, 9))
		a := newApplication(seed % randomValues)
		var values map[string]any
		if err := yaml.Unmarshal([]byte(a.values()), &values); err != nil {
			t.Fatal(err)
		}
		with := pick(r, hostile...)
		where := replaceOne(r, values, with)
		out := helmTemplate(t, pick(r, helms...), text(values), "--skip-schema-validation")
		if out.code != 0 {
			failed++
			continue
		}
		policies, err := policiesOf(out.stdout)
		if err != nil {
			t.Errorf("%s = %#v: %v\n%s", where, with, err, out.stdout)
			continue
		}
		if wrong := checkPolicies(policies, strings.Contains(text(values), "internet")); len(wrong) > 0 {
			t.Errorf("%s = %#v:\n%s", where, with, strings.Join(wrong, "\n"))
		}
	}
	if failed < mutations/3 {
		t.Errorf("%d of %d hostile values were refused, want a third", failed, mutations)
	}
}

// replaceOne replaces one value somewhere below the root, and says where.
func replaceOne(r *rand.Rand, root map[string]any, with any) string {
	var places []string
	var replace []func()
	var walk func(at string, value any)
	walk = func(at string, value any) {
		switch v := value.(type) {
		case map[string]any:
			keys := []string{}
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				places, replace = append(places, at+"."+k), append(replace, func() { v[k] = with })
				walk(at+"."+k, v[k])
			}
		case []any:
			for i := range v {
				places, replace = append(places, fmt.Sprintf("%s[%d]", at, i)), append(replace, func() { v[i] = with })
				walk(fmt.Sprintf("%s[%d]", at, i), v[i])
			}
		}
	}
	walk("", root)
	i := r.IntN(len(places))
	replace[i]()
	return places[i]
}
