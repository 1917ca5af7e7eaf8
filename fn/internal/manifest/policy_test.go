package manifest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	yaml2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	k8syaml "sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/workload"
)

func pointer[T any](v T) *T { return &v }

func TestEncodePolicy(t *testing.T) {
	p := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Name: "backend", Namespace: "shop",
			Labels:      map[string]string{"b": "true", "a": "1.0", "tierwall.dev/set": "three-tier"},
			Annotations: map[string]string{"note": "lets: frontend in", "empty": ""},
		},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "backend", "app": "orders"}},
			PolicyTypes: []networkingv1.PolicyType{"Ingress", "Egress"},
			Ingress: []networkingv1.NetworkPolicyIngressRule{
				{
					From: []networkingv1.NetworkPolicyPeer{
						{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "frontend"}}},
						{
							NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
								{Key: "kubernetes.io/metadata.name", Operator: "In", Values: []string{"monitoring", "on"}},
								{Key: "x", Operator: "Exists"},
							}},
							PodSelector: &metav1.LabelSelector{},
						},
					},
					Ports: []networkingv1.NetworkPolicyPort{
						{Protocol: pointer(corev1.ProtocolTCP), Port: pointer(intstr.FromInt32(8080)), EndPort: pointer(int32(8090))},
						{Port: pointer(intstr.FromString("8080"))},
						{Port: pointer(intstr.FromString("http"))},
						{},
					},
				},
				{},
			},
			Egress: []networkingv1.NetworkPolicyEgressRule{
				{To: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "fd00::/8"}}}, {IPBlock: &networkingv1.IPBlock{CIDR: "::/0"}}, {}}},
				{To: []networkingv1.NetworkPolicyPeer{}, Ports: []networkingv1.NetworkPolicyPort{}},
			},
		},
	}
	const want = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: backend
  namespace: shop
  labels:
    a: "1.0"
    b: "true"
    tierwall.dev/set: three-tier
  annotations:
    empty: ""
    note: "lets: frontend in"
spec:
  podSelector:
    matchLabels:
      app: orders
      tier: backend
  policyTypes:
  - Ingress
  - Egress
  ingress:
  - from:
    - podSelector:
        matchLabels:
          tier: frontend
    - namespaceSelector:
        matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
          - monitoring
          - "on"
        - key: x
          operator: Exists
      podSelector: {}
    ports:
    - protocol: TCP
      port: 8080
      endPort: 8090
    - port: "8080"
    - port: http
    - {}
  - {}
  egress:
  - to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
        - 10.0.0.0/8
        - fd00::/8
    - ipBlock:
        cidr: "::/0"
    - {}
  - to: []
    ports: []
`
	if diff := cmp.Diff(want, string(EncodePolicy(p))); diff != "" {
		t.Error(diff)
	}
	p = &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny"}, Spec: networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: []networkingv1.NetworkPolicyIngressRule{}}}
	const empty = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: deny\nspec:\n  podSelector: {}\n  policyTypes:\n  - Ingress\n  ingress: []\n"
	if diff := cmp.Diff(empty, string(EncodePolicy(p))); diff != "" {
		t.Error(diff)
	}
}

// oddStrings are what readers of YAML 1.1 or 1.2 take for something else, and what needs escapes.
var oddStrings = []string{
	"", "a", "true", "True", "yes", "NO", "on", "Off", "y", "N", "null", "Null", "~", "1", "1.0", "1.2.3", "-1", "+1", "0x1F", "0o17", "017", "0b1", "1_000",
	"1e3", "1E-3", ".5", "5.", ".inf", "-.INF", ".NaN", "12:30", "190:20:30", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00",
	"=", "<<", "-", "--", "---", "...", "- a", "-a", "?", "? a", ":", ": a", "a:", "a: b", "a:b", "a #b", "a#b", "#a", "!a", "&a", "*a", "|", ">", "%a", "@a", "`a",
	"[a]", "{a}", "a,b", "a]", "'", "\"", "'a'", "\"a\"", "it's", "say \"hi\"", "back\\slash", " a", "a ", "a\nb", "a\n", "\n", "a\tb", "\ta", "a\rb",
	"\x00", "\x7f", "\u0085", "\u00a0", "\u2028", "\ufeff", "\uffff", "grün", "日本", "😀", "é", "10.0.0.0/8", "::/0", "fd00::/8", "2001:db8::/32", "1a", "3scale", "0xyz", "e", "1.e", "_", "/", ".a", ".1a",
	"a: 'b' \"c\" #d", strings.Repeat("long ", 60),
}

func TestQuote(t *testing.T) {
	for _, s := range oddStrings {
		q := quote(s)
		for reader, unmarshal := range map[string]func([]byte, any) error{
			"YAML 1.2":   yaml.Unmarshal,
			"YAML 1.1":   yaml2.Unmarshal,
			"Kubernetes": func(in []byte, v any) error { return k8syaml.Unmarshal(in, v) },
		} {
			for shape, text := range map[string]string{"value": "a: " + q + "\n", "element": "a:\n- " + q + "\n", "key": q + ": a\n"} {
				if shape == "key" && len(q) > maxKey/2 {
					continue
				}
				var got any
				if err := unmarshal([]byte(text), &got); err != nil {
					t.Errorf("%s, %s: %s: %v", reader, shape, q, err)
					continue
				}
				want := map[string]string{"value": "map[a:%s]", "element": "map[a:[%s]]", "key": "map[%s:a]"}[shape]
				if typed := fmt.Sprintf("%#v", got); !strings.Contains(typed, "\""+strings.Trim(fmt.Sprintf("%q", s), "\"")+"\"") || fmt.Sprint(got) != fmt.Sprintf(want, s) {
					t.Errorf("%s, %s: %s is read as %s", reader, shape, q, typed)
				}
			}
		}
	}
}

// TestQuotePlain: quotes only where they are needed.
func TestQuotePlain(t *testing.T) {
	for _, s := range []string{"web", "kubernetes.io/metadata.name", "k8s-app", "10.0.0.0/8", "2001:db8::/32", "3scale", "a:b", "a#b", "it's 100% odd", "-v", "--port", ".hidden", "grün", "TCP", "http://x/y", "nil", "none", "only if (a, b)"} {
		if q := quote(s); q != s {
			t.Errorf("%s is written %s", s, q)
		}
	}
}

// TestPolicyRoundTrip: random policies come back the same from the strict reader that kubectl uses, from ours, and from
// both after one another.
func TestPolicyRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		g := policyGenerator{rng}
		p := g.policy()
		text := EncodePolicy(p)
		var strict networkingv1.NetworkPolicy
		if err := k8syaml.UnmarshalStrict(text, &strict); err != nil {
			t.Fatalf("policy %d: %v\n%s", i, err, text)
		}
		if diff := cmp.Diff(p, &strict, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("policy %d (-encoded +strictly read):\n%s\n%s", i, diff, text)
		}
		if back := EncodePolicy(&strict); string(back) != string(text) {
			t.Fatalf("policy %d, written again:\n%s", i, cmp.Diff(string(text), string(back)))
		}
		decoded, err := DecodePolicy(objectOf(t, string(text)))
		if err != nil {
			t.Fatalf("policy %d: %v\n%s", i, err, text)
		}
		// What decides, nil lists and empty ones included.
		if diff := cmp.Diff(strict.Spec, decoded.Spec); diff != "" {
			t.Fatalf("policy %d (-strictly read +decoded):\n%s\n%s", i, diff, text)
		}
		if diff := cmp.Diff(strict.ObjectMeta, decoded.ObjectMeta); diff != "" {
			t.Fatalf("policy %d (-strictly read +decoded):\n%s\n%s", i, diff, text)
		}
	}
}

func objectOf(t *testing.T, text string) *Object {
	t.Helper()
	objects, err := ReadFile("f.yaml", []byte(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects: %v\n%s", len(objects), err, text)
	}
	return objects[0]
}

type policyGenerator struct{ *rand.Rand }

func (g policyGenerator) text() string { return oddStrings[g.IntN(len(oddStrings))] }

func (g policyGenerator) stringMap() map[string]string {
	if g.IntN(3) == 0 {
		return nil
	}
	m := map[string]string{}
	for range 1 + g.IntN(3) {
		key := g.text()
		if len(key) > 100 {
			key = "k"
		}
		m[key] = g.text()
	}
	return m
}

func some[T any](g policyGenerator, one func() T) []T {
	n := g.IntN(4)
	if n == 3 {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = one()
	}
	return out
}

func maybe[T any](g policyGenerator, one func() T) *T {
	if g.IntN(2) == 0 {
		return nil
	}
	v := one()
	return &v
}

func (g policyGenerator) policy() *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{}
	p.APIVersion, p.Kind = "networking.k8s.io/v1", "NetworkPolicy"
	p.Name, p.Labels, p.Annotations = g.text(), g.stringMap(), g.stringMap()
	if g.IntN(2) == 0 {
		p.Namespace = g.text()
	}
	p.Spec.PodSelector = g.selector()
	p.Spec.PolicyTypes = some(g, func() networkingv1.PolicyType { return networkingv1.PolicyType(g.text()) })
	p.Spec.Ingress = some(g, func() networkingv1.NetworkPolicyIngressRule {
		return networkingv1.NetworkPolicyIngressRule{From: some(g, g.peer), Ports: some(g, g.port)}
	})
	p.Spec.Egress = some(g, func() networkingv1.NetworkPolicyEgressRule {
		return networkingv1.NetworkPolicyEgressRule{To: some(g, g.peer), Ports: some(g, g.port)}
	})
	return p
}

func (g policyGenerator) selector() metav1.LabelSelector {
	return metav1.LabelSelector{
		MatchLabels: g.stringMap(),
		MatchExpressions: some(g, func() metav1.LabelSelectorRequirement {
			return metav1.LabelSelectorRequirement{Key: g.text(), Operator: metav1.LabelSelectorOperator(g.text()), Values: some(g, g.text)}
		}),
	}
}

func (g policyGenerator) peer() networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{
		NamespaceSelector: maybe(g, g.selector),
		PodSelector:       maybe(g, g.selector),
		IPBlock: maybe(g, func() networkingv1.IPBlock {
			return networkingv1.IPBlock{CIDR: g.text(), Except: some(g, g.text)}
		}),
	}
}

func (g policyGenerator) port() networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{
		Protocol: maybe(g, func() corev1.Protocol { return corev1.Protocol(g.text()) }),
		Port: maybe(g, func() intstr.IntOrString {
			if g.IntN(2) == 0 {
				return intstr.FromString(g.text())
			}
			return intstr.FromInt32(g.Int32())
		}),
		EndPort: maybe(g, g.Int32),
	}
}

// TestDecodePolicyNilOrEmpty: what is written empty is not what is missing.
func TestDecodePolicyNilOrEmpty(t *testing.T) {
	for _, c := range []struct {
		spec string
		want networkingv1.NetworkPolicySpec
	}{
		{"", networkingv1.NetworkPolicySpec{}},
		{"  ingress:\n", networkingv1.NetworkPolicySpec{}},
		{"  ingress: null\n", networkingv1.NetworkPolicySpec{}},
		{"  ingress: []\n", networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{}}},
		{"  ingress: [{}]\n", networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}},
		{"  ingress: [null]\n", networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}},
		{"  ingress: [{from: []}]\n", networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{}}}}},
		{"  egress: [{to: [{}], ports: null}]\n", networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{}}}}}},
		{"  egress: [{to: [{podSelector: {}}]}]\n", networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}}}},
		{"  egress: [{to: [{podSelector: null}]}]\n", networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{}}}}}},
		{"  podSelector: {matchLabels: {}, matchExpressions: []}\n", networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{}, MatchExpressions: []metav1.LabelSelectorRequirement{}}}},
		{"  podSelector: {matchLabels: {a: null}}\n", networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": ""}}}},
		{"  podSelector: &s {matchLabels: {a: b}}\n  ingress: [{from: [{podSelector: *s}]}]\n", networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}}}}}},
	} {
		text := "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: x\nspec:\n" + c.spec
		p, err := DecodePolicy(objectOf(t, text))
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
		}
		if diff := cmp.Diff(c.want, p.Spec); diff != "" {
			t.Errorf("%s:\n%s", c.spec, diff)
		}
		var strict networkingv1.NetworkPolicy
		if err := k8syaml.UnmarshalStrict([]byte(text), &strict); err != nil {
			t.Errorf("%s: refused by the API's reader: %v", c.spec, err)
		}
		if diff := cmp.Diff(strict.Spec, p.Spec); diff != "" {
			t.Errorf("%s (-API +ours):\n%s", c.spec, diff)
		}
	}
}

func TestDecodePolicyRefuses(t *testing.T) {
	const at = "f.yaml NetworkPolicy shop/x: "
	for _, c := range []struct{ name, fields, want string }{
		{"spec is a list", "spec: []\n", at + "spec: want a mapping, got a list [policy-invalid]"},
		{"ingress is a mapping", "spec: {ingress: {}}\n", at + "spec.ingress: want a list, got a mapping [policy-invalid]"},
		{"rule is a string", "spec: {egress: [all]}\n", at + "spec.egress[0]: want a mapping, got a string [policy-invalid]"},
		{"label is a number", "spec: {podSelector: {matchLabels: {app.kubernetes.io/name: 1}}}\n", at + "spec.podSelector.matchLabels.app.kubernetes.io/name: want a string (in quotes), got a number [policy-invalid]"},
		{"label is a boolean", "spec: {podSelector: {matchLabels: {a: true}}}\n", at + "spec.podSelector.matchLabels.a: want a string (in quotes), got a boolean [policy-invalid]"},
		{"key is an octal number", "spec: {podSelector: {matchLabels: {010: a}}}\n", at + "spec.podSelector.matchLabels: the key 010 is a number or a word of YAML, which readers take for different names; write it in quotes [policy-invalid]"},
		{"key is a boolean of YAML 1.1", "spec: {podSelector: {matchLabels: {on: a}}}\n", at + "spec.podSelector.matchLabels: the key on is a number or a word of YAML, which readers take for different names; write it in quotes [policy-invalid]"},
		{"key is null", "spec: {podSelector: {matchLabels: {~: a}}}\n", at + "spec.podSelector.matchLabels: the key ~ is a number or a word of YAML, which readers take for different names; write it in quotes [policy-invalid]"},
		{"label is a boolean of YAML 1.1", "spec: {podSelector: {matchLabels: {a: yes}}}\n", at + "spec.podSelector.matchLabels.a: want a string (in quotes), got a boolean of YAML 1.1 [policy-invalid]"},
		{"label is a list", "spec: {podSelector: {matchLabels: {a: [b]}}}\n", at + "spec.podSelector.matchLabels.a: want a string (in quotes), got a list [policy-invalid]"},
		{"values is a string", "spec: {podSelector: {matchExpressions: [{key: a, operator: In, values: b}]}}\n", at + "spec.podSelector.matchExpressions[0].values: want a list, got a string [policy-invalid]"},
		{"port is a boolean", "spec: {ingress: [{ports: [{port: true}]}]}\n", at + "spec.ingress[0].ports[0].port: want a port number, or a port's name, got a boolean [policy-invalid]"},
		{"port is a fraction", "spec: {ingress: [{ports: [{port: 80.5}]}]}\n", at + "spec.ingress[0].ports[0].port: want a port number, or a port's name, got a number [policy-invalid]"},
		{"port is huge", "spec: {ingress: [{ports: [{port: 99999999999}]}]}\n", at + "spec.ingress[0].ports[0].port: want a number of 32 bits, got a number [policy-invalid]"},
		{"end port is a string", "spec: {ingress: [{ports: [{port: 1, endPort: '2'}]}]}\n", at + "spec.ingress[0].ports[0].endPort: want a number of 32 bits, got a string [policy-invalid]"},
		{"cidr is a list", "spec: {egress: [{to: [{ipBlock: {cidr: []}}]}]}\n", at + "spec.egress[0].to[0].ipBlock.cidr: want a string (in quotes), got a list [policy-invalid]"},
		{"from in egress", "spec: {egress: [{from: []}]}\n", at + "spec.egress[0].from: unknown field; the API has to, ports here [policy-unknown-field]"},
		{"typo", "spec: {ingres: []}\n", at + "spec.ingres: unknown field; the API has podSelector, policyTypes, ingress, egress here [policy-unknown-field]"},
		{"selector in wrong place", "spec: {ingress: [{from: [{matchLabels: {a: b}}]}]}\n", at + "spec.ingress[0].from[0].matchLabels: unknown field; the API has namespaceSelector, podSelector, ipBlock here [policy-unknown-field]"},
		{"top", "specs: {}\n", at + "specs: unknown field; the API has apiVersion, kind, metadata, spec, status here [policy-unknown-field]"},
		{"two", "spec: {ingress: {}, egress: {}}\n", at + "spec.egress: want a list, got a mapping [policy-invalid]\n" + at + "spec.ingress: want a list, got a mapping [policy-invalid]"},
	} {
		p, err := DecodePolicy(objectOf(t, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: x\n  namespace: shop\n"+c.fields))
		if err == nil {
			t.Errorf("%s: decoded, want a refusal", c.name)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
		if p == nil || p.Name != "x" {
			t.Errorf("%s: no policy beside the findings", c.name)
		}
	}
}

// FuzzDecodePolicy: whatever the object, no panic; and what the API's strict reader takes without our findings is
// decoded the same.
func FuzzDecodePolicy(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		f.Add(EncodePolicy(policyGenerator{rng}.policy()))
	}
	f.Add([]byte("spec: &s\n  ingress: [{from: [*s]}]\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		objects, _ := ReadFile("f.yaml", in)
		for _, o := range objects {
			p, err := DecodePolicy(o)
			if err != nil {
				continue
			}
			// A tag "!", which makes an empty value a string, is lost in the library's nodes.
			var strict networkingv1.NetworkPolicy
			if len(objects) == 1 && !strings.Contains(string(in), "!") && k8syaml.UnmarshalStrict(in, &strict) == nil {
				if diff := cmp.Diff(strict.Spec, p.Spec); diff != "" {
					t.Errorf("(-API +ours):\n%s", diff)
				}
			}
		}
	})
}

func TestDecodePolicyOfNothing(t *testing.T) {
	p, err := DecodePolicy(NewObject(nil, workload.Source{}))
	if err != nil || p.Name != "" || p.Spec.Ingress != nil {
		t.Errorf("got %v, %v", p, err)
	}
}
