package manifest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/report"
)

// DecodePolicy is the typed policy of an object of kind NetworkPolicy. A list that is missing or null is nil, one that
// is written empty is empty and not nil; the same holds for selectors, which are pointers in peers.
//
// The error is report.Findings: a field of the wrong type (policy-invalid), as the API server would refuse it, or one
// that the API does not have (policy-unknown-field). The policy is what could be read, with or without an error.
func DecodePolicy(o *Object) (*networkingv1.NetworkPolicy, error) {
	d := &policyDecoder{object: o}
	p := &networkingv1.NetworkPolicy{}
	p.APIVersion, p.Kind = o.APIVersion, o.Kind
	top := Field{node: o.Root}
	d.known(top, "apiVersion", "kind", "metadata", "spec", "status")
	if metadata, ok := d.mapping(o.At("metadata")); ok {
		p.Name = d.text(metadata.At("name"))
		p.Namespace = d.text(metadata.At("namespace"))
		p.Labels = d.stringMap(metadata.At("labels"))
		p.Annotations = d.stringMap(metadata.At("annotations"))
	}
	if spec, ok := d.mapping(o.At("spec"), "podSelector", "policyTypes", "ingress", "egress"); ok {
		d.spec(spec, &p.Spec)
	}
	return p, asError(d.findings.Sorted())
}

type policyDecoder struct {
	object   *Object
	findings report.Findings
}

func (d *policyDecoder) report(id report.ID, f Field, format string, args ...any) {
	d.findings = append(d.findings, report.Finding{
		ID: id, Severity: report.Error, Object: d.object.Ref(), File: d.object.Source.File, Index: d.object.Source.Index,
		Field: f.Path, Message: fmt.Sprintf(format, args...),
	})
}

func (d *policyDecoder) want(f Field, what string) {
	d.report(PolicyInvalid, f, "want %s, got %s", what, kindName(f.Node()))
}

// known reports the keys of a mapping that the API does not have.
func (d *policyDecoder) known(f Field, keys ...string) {
	for _, k := range f.Keys() {
		if !slices.Contains(keys, k) {
			d.report(PolicyUnknownField, f.At(k), "unknown field; the API has %s here", strings.Join(keys, ", "))
		}
	}
}

// mapping is the field if it is a mapping, with only the known keys where some are given; false where it is missing or
// null, or no mapping, which is reported.
func (d *policyDecoder) mapping(f Field, keys ...string) (Field, bool) {
	if !f.Present() {
		return f, false
	}
	if f.Node().Kind != yaml.MappingNode {
		d.want(f, "a mapping")
		return f, false
	}
	if len(keys) > 0 {
		d.known(f, keys...)
	}
	return f, true
}

// list is the elements of a sequence; nil where it is missing or null, or no sequence, which is reported.
func (d *policyDecoder) list(f Field) []Field {
	if !f.Present() {
		return nil
	}
	if f.Node().Kind != yaml.SequenceNode {
		d.want(f, "a list")
		return nil
	}
	return f.Items()
}

// text is a string; empty where it is missing or null, or no string, which is reported.
func (d *policyDecoder) text(f Field) string {
	if !f.Present() {
		return ""
	}
	if !isString(f.Node()) {
		d.want(f, "a string (in quotes)")
		return ""
	}
	return f.Node().Value
}

// isString reports whether readers of YAML 1.1, as kubectl is one, and of 1.2 take a node for a string. What looks like a
// date is one to both.
func isString(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		return false
	}
	return n.Style != 0 || !words[strings.ToLower(n.Value)]
}

func (d *policyDecoder) int32(f Field) (int32, bool) {
	v, ok := f.Int()
	if !ok || v < math.MinInt32 || v > math.MaxInt32 {
		d.want(f, "a number of 32 bits")
		return 0, false
	}
	return int32(v), true
}

// stringMap is a mapping of strings; nil where it is missing, null or no mapping. A key such as 010 or yes is reported: the
// API server is sent "8" or "true" for it, and other readers have other names for it.
func (d *policyDecoder) stringMap(f Field) map[string]string {
	if _, ok := d.mapping(f); !ok {
		return nil
	}
	eachEntry(f.Node(), 0, func(k, _ *yaml.Node, _ bool) {
		if !isString(k) {
			d.report(PolicyInvalid, f, "the key %s is a number or a word of YAML, which readers take for different names; write it in quotes", k.Value)
		}
	})
	m := map[string]string{}
	for k := range f.StringMap() {
		m[k] = d.text(f.At(k))
	}
	for _, k := range f.Keys() {
		if _, ok := m[k]; !ok {
			d.want(f.At(k), "a string (in quotes)")
		}
	}
	return m
}

func (d *policyDecoder) spec(f Field, s *networkingv1.NetworkPolicySpec) {
	if selector := d.selector(f.At("podSelector")); selector != nil {
		s.PodSelector = *selector
	}
	s.PolicyTypes = decodeList(d, f.At("policyTypes"), func(f Field) networkingv1.PolicyType {
		return networkingv1.PolicyType(d.text(f))
	})
	s.Ingress = decodeList(d, f.At("ingress"), func(f Field) (r networkingv1.NetworkPolicyIngressRule) {
		if f, ok := d.mapping(f, "from", "ports"); ok {
			r.From = decodeList(d, f.At("from"), d.peer)
			r.Ports = decodeList(d, f.At("ports"), d.port)
		}
		return r
	})
	s.Egress = decodeList(d, f.At("egress"), func(f Field) (r networkingv1.NetworkPolicyEgressRule) {
		if f, ok := d.mapping(f, "to", "ports"); ok {
			r.To = decodeList(d, f.At("to"), d.peer)
			r.Ports = decodeList(d, f.At("ports"), d.port)
		}
		return r
	})
}

// decodeList keeps a list that is written empty apart from one that is missing.
func decodeList[T any](d *policyDecoder, f Field, element func(Field) T) []T {
	items := d.list(f)
	if items == nil {
		return nil
	}
	out := make([]T, len(items))
	for i, it := range items {
		out[i] = element(it)
	}
	return out
}

func (d *policyDecoder) selector(f Field) *metav1.LabelSelector {
	f, ok := d.mapping(f, "matchLabels", "matchExpressions")
	if !ok {
		return nil
	}
	s := &metav1.LabelSelector{MatchLabels: d.stringMap(f.At("matchLabels"))}
	s.MatchExpressions = decodeList(d, f.At("matchExpressions"), func(f Field) (r metav1.LabelSelectorRequirement) {
		if f, ok := d.mapping(f, "key", "operator", "values"); ok {
			r.Key = d.text(f.At("key"))
			r.Operator = metav1.LabelSelectorOperator(d.text(f.At("operator")))
			r.Values = decodeList(d, f.At("values"), d.text)
		}
		return r
	})
	return s
}

func (d *policyDecoder) peer(f Field) (p networkingv1.NetworkPolicyPeer) {
	f, ok := d.mapping(f, "namespaceSelector", "podSelector", "ipBlock")
	if !ok {
		return p
	}
	p.NamespaceSelector = d.selector(f.At("namespaceSelector"))
	p.PodSelector = d.selector(f.At("podSelector"))
	if block, ok := d.mapping(f.At("ipBlock"), "cidr", "except"); ok {
		p.IPBlock = &networkingv1.IPBlock{CIDR: d.text(block.At("cidr")), Except: decodeList(d, block.At("except"), d.text)}
	}
	return p
}

func (d *policyDecoder) port(f Field) (p networkingv1.NetworkPolicyPort) {
	f, ok := d.mapping(f, "protocol", "port", "endPort")
	if !ok {
		return p
	}
	if protocol := f.At("protocol"); protocol.Present() {
		v := corev1.Protocol(d.text(protocol))
		p.Protocol = &v
	}
	if port := f.At("port"); port.Present() {
		p.Port = d.intOrString(port)
	}
	if end := f.At("endPort"); end.Present() {
		if v, ok := d.int32(end); ok {
			p.EndPort = &v
		}
	}
	return p
}

// intOrString keeps a number in quotes a string, as the API does: it names a port.
func (d *policyDecoder) intOrString(f Field) *intstr.IntOrString {
	switch n := f.Node(); {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str":
		v := intstr.FromString(n.Value)
		return &v
	case n.Kind == yaml.ScalarNode && n.Tag == "!!int":
		if v, ok := d.int32(f); ok {
			port := intstr.FromInt32(v)
			return &port
		}
		return nil
	}
	d.want(f, "a port number, or a port's name")
	return nil
}
