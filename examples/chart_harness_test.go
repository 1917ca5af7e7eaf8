//go:build realtools

package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tierwall.dev/e2e/apirules"
)

// helms are the versions of helm that the chart is for.
var helms = []string{"helm3", "helm4"}

// helmTemplate is `helm template` of the chart, without its test hooks. values is the text of a values file, none if empty.
func helmTemplate(t *testing.T, helm, values string, flags ...string) result {
	t.Helper()
	args := []string{"template", "k8s-security", chart, "--skip-tests"}
	if values != "" {
		args = append(args, "--values", writeFile(t, "values.yaml", values))
	}
	return run(t, ".", nil, tool(t, helm), append(args, flags...)...)
}

// writeFile is the path of a new file.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// policiesOf are the NetworkPolicies of a stream, decoded strictly. Other kinds are left out.
func policiesOf(stream string) ([]*networkingv1.NetworkPolicy, error) {
	var out []*networkingv1.NetworkPolicy
	for doc := range strings.SplitSeq("\n"+stream, "\n---") {
		asJSON, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			return nil, err
		}
		var kind metav1.TypeMeta
		if err := json.Unmarshal(asJSON, &kind); err != nil {
			return nil, err
		}
		if kind.Kind != "NetworkPolicy" {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(asJSON))
		decoder.DisallowUnknownFields()
		p := &networkingv1.NetworkPolicy{}
		if err := decoder.Decode(p); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// checkPolicies are what is wrong with policies of the chart: rules of the API that they break, and rules that open more
// than any value can say. Only a source may be everyone, and only where a flow comes from the internet.
func checkPolicies(policies []*networkingv1.NetworkPolicy, fromInternet bool) []string {
	var wrong []string
	say := func(p *networkingv1.NetworkPolicy, format string, args ...any) {
		wrong = append(wrong, p.Name+": "+fmt.Sprintf(format, args...))
	}
	names := map[string]bool{}
	for _, p := range policies {
		for _, broken := range apirules.Broken(p) {
			say(p, "%s", broken)
		}
		if names[p.Namespace+"/"+p.Name] {
			say(p, "is emitted twice")
		}
		names[p.Namespace+"/"+p.Name] = true
		everyPod := len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) == 0
		scrape := strings.HasSuffix(p.Name, "prometheus-network-policy") && len(p.Spec.Egress) == 0
		if everyPod && !scrape && len(p.Spec.Ingress)+len(p.Spec.Egress) > 0 {
			say(p, "selects every pod and opens something")
		}
		for _, r := range p.Spec.Ingress {
			if len(r.Ports) == 0 || len(r.From) == 0 && (!fromInternet || everyPod) {
				say(p, "ingress opens all ports, or to everyone: %v", r)
			}
		}
		for _, r := range p.Spec.Egress {
			if len(r.Ports) == 0 || len(r.To) == 0 {
				say(p, "egress opens all ports, or to everyone: %v", r)
			}
		}
	}
	return wrong
}

// lines are what policies open and isolate, a line for each selector, direction, peer and port: two sets of policies with
// the same lines are the same, whatever their names and however their rules are grouped.
func lines(policies []*networkingv1.NetworkPolicy) []string {
	set := map[string]bool{}
	for _, p := range policies {
		subject := p.Namespace + " " + selectorText(&p.Spec.PodSelector)
		for _, t := range p.Spec.PolicyTypes {
			set[fmt.Sprintf("%s: isolated for %s", subject, t)] = true
		}
		for _, r := range p.Spec.Ingress {
			for _, peer := range peerTexts(r.From) {
				for _, port := range portTexts(r.Ports) {
					set[fmt.Sprintf("%s: in %s from %s", subject, port, peer)] = true
				}
			}
		}
		for _, r := range p.Spec.Egress {
			for _, peer := range peerTexts(r.To) {
				for _, port := range portTexts(r.Ports) {
					set[fmt.Sprintf("%s: out %s to %s", subject, port, peer)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func selectorText(s *metav1.LabelSelector) string {
	var parts []string
	for k, v := range s.MatchLabels {
		parts = append(parts, fmt.Sprintf("%s=%s", k, v))
	}
	for _, e := range s.MatchExpressions {
		if e.Operator == metav1.LabelSelectorOpIn && len(e.Values) == 1 {
			parts = append(parts, fmt.Sprintf("%s=%s", e.Key, e.Values[0]))
			continue
		}
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Key, e.Operator, strings.Join(e.Values, "|"))))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func peerTexts(peers []networkingv1.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{"everyone"}
	}
	var out []string
	for _, p := range peers {
		switch {
		case p.IPBlock != nil && len(p.IPBlock.Except) > 0:
			out = append(out, p.IPBlock.CIDR+" except "+strings.Join(p.IPBlock.Except, " "))
		case p.IPBlock != nil:
			out = append(out, p.IPBlock.CIDR)
		case p.NamespaceSelector != nil && p.PodSelector != nil:
			out = append(out, "namespace "+selectorText(p.NamespaceSelector)+" pods "+selectorText(p.PodSelector))
		case p.NamespaceSelector != nil:
			out = append(out, "namespace "+selectorText(p.NamespaceSelector))
		default:
			out = append(out, "pods "+selectorText(p.PodSelector))
		}
	}
	return out
}

func portTexts(ports []networkingv1.NetworkPolicyPort) []string {
	if len(ports) == 0 {
		return []string{"all ports"}
	}
	var out []string
	for _, p := range ports {
		text := p.Port.String()
		if p.EndPort != nil {
			text += fmt.Sprintf("-%d", *p.EndPort)
		}
		out = append(out, text+"/"+string(*p.Protocol))
	}
	return out
}
