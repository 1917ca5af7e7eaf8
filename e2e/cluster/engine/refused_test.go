//go:build cluster

package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/fn/internal/reachability"
)

// manifests are policies, of namespace default, with what the API server says where it refuses them; empty where it takes them.
// The last ones are near misses of those before.
var manifests = []struct {
	name, policy, refused string
	// lenient is true where reachability takes the policy all the same: it reads no more of the metadata than it needs,
	// and what servers before 1.36 take.
	lenient bool
}{
	{name: "port 70000", policy: spec(`ingress: [{ports: [{port: 70000}]}]`), refused: "must be between 1 and 65535"},
	{name: "port 0", policy: spec(`ingress: [{ports: [{port: 0}]}]`), refused: "must be between 1 and 65535"},
	{name: "except outside of the cidr", policy: spec(`egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]`), refused: "must be a strict subset of"},
	{name: "except as large as the cidr", policy: spec(`egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]`), refused: "must be a strict subset of"},
	{name: "except of the other family", policy: spec(`egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: ["fd00::/8"]}}]}]`), refused: "must be a strict subset of"},
	{name: "endPort with a named port", policy: spec(`ingress: [{ports: [{port: web, endPort: 90}]}]`), refused: "may not be specified when `port` is non-numeric"},
	{name: "endPort below port", policy: spec(`ingress: [{ports: [{port: 80, endPort: 79}]}]`), refused: "must be greater than or equal to `port`"},
	{name: "endPort without port", policy: spec(`ingress: [{ports: [{endPort: 79}]}]`), refused: "may not be specified when `port` is not specified"},
	{name: "endPort 70000", policy: spec(`ingress: [{ports: [{port: 80, endPort: 70000}]}]`), refused: "must be between 1 and 65535"},
	{name: "unknown field", policy: spec(`ingres: [{}]`), refused: `unknown field "spec.ingres"`},
	{name: "policyTypes in small letters", policy: `{metadata: {name: p}, spec: {podSelector: {}, policyTypes: [ingress]}}`, refused: "spec.policyTypes[0]"},
	{name: "three policyTypes", policy: `{metadata: {name: p}, spec: {podSelector: {}, policyTypes: [Ingress, Egress, Egress]}}`, refused: "may not specify more than two policyTypes", lenient: true},
	{name: "no name", policy: `{metadata: {}, spec: {podSelector: {}}}`, refused: "name or generateName is required", lenient: true},
	{name: "bad name", policy: `{metadata: {name: Deny_All}, spec: {podSelector: {}}}`, refused: "RFC 1123 subdomain", lenient: true},
	{name: "missing namespace", policy: `{metadata: {name: p, namespace: nowhere}, spec: {podSelector: {}}}`, refused: `namespaces "nowhere" not found`, lenient: true},
	{name: "label value with a space", policy: spec(`ingress: [{from: [{podSelector: {matchLabels: {app: a b}}}]}]`), refused: "a valid label must be"},
	{name: "label value of 64 letters", policy: spec(`ingress: [{from: [{podSelector: {matchLabels: {app: ` + strings.Repeat("a", 64) + `}}}]}]`), refused: "must be no more than 63"},
	{name: "label key with a space", policy: `{metadata: {name: p}, spec: {podSelector: {matchLabels: {a b: c}}}}`, refused: "name part must consist of"},
	{name: "ipBlock beside a selector", policy: spec(`ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]`), refused: "may not specify both ipBlock and another peer"},
	{name: "a peer of nothing", policy: spec(`ingress: [{from: [{}]}]`), refused: "must specify a peer"},
	{name: "a peer of null", policy: spec(`ingress: [{from: [{podSelector: null}]}]`), refused: "must specify a peer"},
	{name: "protocol ICMP", policy: spec(`ingress: [{ports: [{protocol: ICMP}]}]`), refused: "Unsupported value"},
	{name: "protocol in small letters", policy: spec(`ingress: [{ports: [{protocol: tcp}]}]`), refused: "Unsupported value"},
	{name: "a port's name of 16 letters", policy: spec(`ingress: [{ports: [{port: ` + strings.Repeat("a", 16) + `}]}]`), refused: "must be no more than 15 characters"},
	{name: "a port's name without a letter", policy: spec(`ingress: [{ports: [{port: "80"}]}]`), refused: "must contain at least one letter"},
	{name: "an address for a cidr", policy: spec(`egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]`), refused: "must be a valid CIDR value"},
	{name: "a cidr with a leading zero", policy: spec(`egress: [{to: [{ipBlock: {cidr: 010.0.0.0/8}}]}]`), refused: "must not have leading 0s"},
	{name: "an IPv4 address as IPv6", policy: spec(`egress: [{to: [{ipBlock: {cidr: "::ffff:10.0.0.0/104"}}]}]`), refused: "must not have an IPv4-mapped IPv6 address"},
	{name: "bits of the host", policy: spec(`egress: [{to: [{ipBlock: {cidr: 10.0.0.1/8}}]}]`), refused: "must not have bits set beyond the prefix length", lenient: true},
	{name: "In without values", policy: spec(`ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: In}]}}]}]`), refused: "must be specified when `operator` is 'In' or 'NotIn'"},
	{name: "Exists with values", policy: spec(`ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists, values: [a]}]}}]}]`), refused: "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"},
	{name: "an operator of node selectors", policy: spec(`ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Gt, values: ["1"]}]}}]}]`), refused: "not a valid selector operator"},
	{name: "a list for an object", policy: spec(`ingress: [[]]`), refused: "cannot unmarshal array"},

	{name: "port 65535", policy: spec(`ingress: [{ports: [{port: 65535}]}]`)},
	{name: "except within", policy: spec(`egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9]}}]}]`)},
	{name: "endPort equal to port", policy: spec(`ingress: [{ports: [{port: 80, endPort: 80}]}]`)},
	{name: "no policyTypes", policy: spec(`ingress: []`)},
	{name: "Ingress twice", policy: `{metadata: {name: p}, spec: {podSelector: {}, policyTypes: [Ingress, Ingress]}}`},
	{name: "label value of 63 letters", policy: spec(`ingress: [{from: [{podSelector: {matchLabels: {app: ` + strings.Repeat("a", 63) + `}}}]}]`)},
	{name: "empty label value", policy: spec(`ingress: [{from: [{podSelector: {matchLabels: {app: ""}}}]}]`)},
	{name: "empty selectors", policy: spec(`ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]`)},
	{name: "SCTP without a number", policy: spec(`ingress: [{ports: [{protocol: SCTP}]}]`)},
	{name: "a rule of nothing", policy: spec(`ingress: [{}]`)},
	{name: "an item of null", policy: spec(`ingress: [null]`)},
	{name: "a port's name of 15 letters", policy: spec(`ingress: [{ports: [{port: ` + strings.Repeat("a", 15) + `}]}]`)},
	{name: "all of IPv6", policy: spec(`egress: [{to: [{ipBlock: {cidr: "::/0", except: ["fc00::/7"]}}]}]`)},
	{name: "a name of 253 letters", policy: `{metadata: {name: ` + strings.Repeat("a", 253) + `}, spec: {podSelector: {}}}`},
}

func spec(rules string) string {
	return `{metadata: {name: p}, spec: {podSelector: {}, ` + rules + `}}`
}

// TestRefused gives the API server good and bad policies, so that it is known to validate. reachability refuses the
// same, for a policy that the server refuses isolates nobody.
func TestRefused(t *testing.T) {
	w := world(t)
	refused := 0
	for _, m := range manifests {
		t.Run(m.name, func(t *testing.T) {
			err := w.dryRun(t.Context(), m.policy)
			switch {
			case m.refused == "" && err != nil:
				t.Errorf("the API server refuses it: %v", err)
			case m.refused != "" && (err == nil || !strings.Contains(err.Error(), m.refused)):
				t.Errorf("the API server says %v, want %q", err, m.refused)
			case m.refused != "":
				refused++
			}
			if problem := proofRefuses(m.policy); (problem != "") != (m.refused != "" && !m.lenient) {
				t.Errorf("reachability says %q, the API server %v", problem, err)
			}
		})
	}
	summary.row("%d policies refused by the API server, %d taken\t\t\t\t\t", refused, len(manifests)-refused)
	if refused < 12 {
		t.Errorf("only %d policies are refused", refused)
	}
}

// dryRun asks the API server to create the policy, strictly, and to forget it.
func (w *World) dryRun(ctx context.Context, policy string) error {
	var object map[string]any
	if err := yaml.Unmarshal([]byte(policy), &object); err != nil {
		return err
	}
	object["apiVersion"], object["kind"] = "networking.k8s.io/v1", "NetworkPolicy"
	namespace, ok := object["metadata"].(map[string]any)["namespace"].(string)
	if !ok {
		namespace = "default"
	}
	body, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	return w.lab.Client.NetworkingV1().RESTClient().Post().Namespace(namespace).Resource("networkpolicies").
		Param("fieldValidation", metav1.FieldValidationStrict).Param("dryRun", metav1.DryRunAll).
		SetHeader("Content-Type", "application/yaml").Body(body).Do(ctx).Error()
}

// proofRefuses is why reachability refuses the policy, read strictly as everywhere; empty where it takes it.
func proofRefuses(policy string) string {
	p := &networkingv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(policy), p); err != nil {
		return err.Error()
	}
	p.Namespace = "x"
	m, err := reachability.Analyze(reachability.Cluster{Policies: []reachability.Policy{{NetworkPolicy: p}}})
	if err != nil {
		return err.Error()
	}
	if len(m.Problems) == 0 {
		return ""
	}
	return fmt.Sprint(m.Problems)
}
