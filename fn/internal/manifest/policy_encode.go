package manifest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// EncodePolicy is the policy as people write one: podSelector, policyTypes, ingress, egress; from or to before ports;
// maps sorted; two spaces, and dashes at the column of their key. The same policy gives the same bytes. Of the metadata
// only name, namespace, labels and annotations are written.
func EncodePolicy(p *networkingv1.NetworkPolicy) []byte {
	var w yamlWriter
	w.line(0, "apiVersion: networking.k8s.io/v1")
	w.line(0, "kind: NetworkPolicy")
	w.line(0, "metadata:")
	w.field(1, "name", p.Name)
	if p.Namespace != "" {
		w.field(1, "namespace", p.Namespace)
	}
	w.stringMap(1, "labels", p.Labels)
	w.stringMap(1, "annotations", p.Annotations)
	w.line(0, "spec:")
	w.selector(1, "podSelector", &p.Spec.PodSelector)
	if p.Spec.PolicyTypes != nil {
		w.list(1, "policyTypes", len(p.Spec.PolicyTypes))
		for _, t := range p.Spec.PolicyTypes {
			w.element(1, quote(string(t)))
		}
	}
	if p.Spec.Ingress != nil {
		w.list(1, "ingress", len(p.Spec.Ingress))
		for _, r := range p.Spec.Ingress {
			w.rule(1, "from", r.From, r.Ports)
		}
	}
	if p.Spec.Egress != nil {
		w.list(1, "egress", len(p.Spec.Egress))
		for _, r := range p.Spec.Egress {
			w.rule(1, "to", r.To, r.Ports)
		}
	}
	return []byte(w.String())
}

// yamlWriter writes block style YAML. Depth is counted in steps of two spaces; an element's own fields are one step
// below its list.
type yamlWriter struct {
	strings.Builder
	// dash is set where the next line is the first of an element.
	dash bool
}

func (w *yamlWriter) line(depth int, text string) {
	if w.dash {
		w.dash = false
		w.WriteString(strings.Repeat("  ", depth-1))
		w.WriteString("- ")
	} else {
		w.WriteString(strings.Repeat("  ", depth))
	}
	w.WriteString(text)
	w.WriteByte('\n')
}

func (w *yamlWriter) field(depth int, key, value string) { w.line(depth, key+": "+quote(value)) }

// list begins a list of n elements.
func (w *yamlWriter) list(depth int, key string, n int) {
	if n == 0 {
		w.line(depth, key+": []")
		return
	}
	w.line(depth, key+":")
}

// element is a scalar in the list whose key is at depth.
func (w *yamlWriter) element(depth int, text string) {
	w.line(depth, "- "+text)
}

func (w *yamlWriter) stringMap(depth int, key string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.line(depth, key+":")
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.line(depth+1, quote(k)+": "+quote(m[k]))
	}
}

func (w *yamlWriter) strings(depth int, key string, values []string) {
	w.list(depth, key, len(values))
	for _, v := range values {
		w.element(depth, quote(v))
	}
}

func (w *yamlWriter) selector(depth int, key string, s *metav1.LabelSelector) {
	if len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		w.line(depth, key+": {}")
		return
	}
	w.line(depth, key+":")
	w.stringMap(depth+1, "matchLabels", s.MatchLabels)
	if len(s.MatchExpressions) == 0 {
		return
	}
	w.list(depth+1, "matchExpressions", len(s.MatchExpressions))
	for _, e := range s.MatchExpressions {
		w.dash = true
		w.field(depth+2, "key", e.Key)
		w.field(depth+2, "operator", string(e.Operator))
		if len(e.Values) > 0 {
			w.strings(depth+2, "values", e.Values)
		}
	}
}

// rule is an element of the list at depth. A nil list of peers or ports is left out, an empty one is written: both mean
// all.
func (w *yamlWriter) rule(depth int, key string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	if peers == nil && ports == nil {
		w.element(depth, "{}")
		return
	}
	w.dash = true
	if peers != nil {
		w.list(depth+1, key, len(peers))
		for _, p := range peers {
			w.peer(depth+1, p)
		}
	}
	if ports != nil {
		w.list(depth+1, "ports", len(ports))
		for _, p := range ports {
			w.port(depth+1, p)
		}
	}
}

func (w *yamlWriter) peer(depth int, p networkingv1.NetworkPolicyPeer) {
	if p.NamespaceSelector == nil && p.PodSelector == nil && p.IPBlock == nil {
		w.element(depth, "{}")
		return
	}
	w.dash = true
	if p.NamespaceSelector != nil {
		w.selector(depth+1, "namespaceSelector", p.NamespaceSelector)
	}
	if p.PodSelector != nil {
		w.selector(depth+1, "podSelector", p.PodSelector)
	}
	if p.IPBlock != nil {
		w.line(depth+1, "ipBlock:")
		w.field(depth+2, "cidr", p.IPBlock.CIDR)
		if len(p.IPBlock.Except) > 0 {
			w.strings(depth+2, "except", p.IPBlock.Except)
		}
	}
}

func (w *yamlWriter) port(depth int, p networkingv1.NetworkPolicyPort) {
	if p.Protocol == nil && p.Port == nil && p.EndPort == nil {
		w.element(depth, "{}")
		return
	}
	w.dash = true
	if p.Protocol != nil {
		w.field(depth+1, "protocol", string(*p.Protocol))
	}
	if p.Port != nil {
		w.line(depth+1, "port: "+portValue(*p.Port))
	}
	if p.EndPort != nil {
		w.line(depth+1, "endPort: "+strconv.Itoa(int(*p.EndPort)))
	}
}

func portValue(p intstr.IntOrString) string {
	if p.Type == intstr.Int {
		return strconv.Itoa(int(p.IntVal))
	}
	return quote(p.StrVal)
}
