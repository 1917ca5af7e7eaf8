package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/tier"
)

// namesInWords is how many names of one rule a comment says; a rule of more ends with how many others there are.
const namesInWords = 6

// annotated is the policies as one file of YAML: a line that says where it comes from, and before each policy a line that
// says in words what its rules say.
func annotated(set string, m *tier.Model, policies []*networkingv1.NetworkPolicy) []byte {
	of := "set " + set
	if m.Environment != "" {
		of = "environment " + m.Environment + " of " + of
	}
	var out strings.Builder
	comment(&out, "The NetworkPolicies of %s, rendered by tierwall: do not edit.", of)
	w := newWording(m)
	several := slices.ContainsFunc(policies, func(p *networkingv1.NetworkPolicy) bool { return p.Namespace != policies[0].Namespace })
	for i, p := range policies {
		if i > 0 {
			out.WriteString("---\n")
		}
		name := p.Name
		if several {
			name = p.Namespace + "/" + name
		}
		comment(&out, "%d of %d: %s. %s", i+1, len(policies), name, w.policy(p))
		out.Write(manifest.EncodePolicy(p))
	}
	return []byte(out.String())
}

// comment writes one line: names come from the user's files, and one with a line break in it must not become YAML.
func comment(out *strings.Builder, format string, args ...any) {
	oneLine := strings.FieldsFunc(fmt.Sprintf(format, args...), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	out.WriteString("# " + strings.Join(oneLine, " ") + "\n")
}

// wording says rules in the words of the model.
type wording struct {
	model *tier.Model
	peers map[string]*tier.Peer
}

func newWording(m *tier.Model) wording {
	w := wording{m, map[string]*tier.Peer{}}
	for _, g := range m.Groups {
		for _, e := range slices.Concat(g.From, g.To) {
			if e.Peer != nil {
				w.peers[e.Peer.Name] = e.Peer
			}
		}
	}
	return w
}

// policy is what a policy opens; one that opens nothing has only its own description.
func (w wording) policy(p *networkingv1.NetworkPolicy) string {
	var in, out []string
	for _, r := range p.Spec.Ingress {
		in = append(in, portsInWords(r.Ports)+" from "+w.ends(p.Namespace, r.From, "anyone", func(peer *tier.Peer) []tier.Target { return peer.From }))
	}
	for _, r := range p.Spec.Egress {
		out = append(out, portsInWords(r.Ports)+" to "+w.ends(p.Namespace, r.To, "everyone", func(peer *tier.Peer) []tier.Target { return peer.To }))
	}
	var sentences []string
	if len(in) > 0 {
		sentences = append(sentences, "In: "+strings.Join(in, "; ")+".")
	}
	if len(out) > 0 {
		sentences = append(sentences, "Out: "+strings.Join(out, "; ")+".")
	}
	if len(sentences) == 0 {
		return p.Annotations[policy.DescriptionAnnotation]
	}
	return strings.Join(sentences, " ")
}

func portsInWords(ports []networkingv1.NetworkPolicyPort) string {
	if len(ports) == 0 {
		return "all ports"
	}
	var out []string
	for _, p := range ports {
		text := "all ports"
		if p.Port != nil {
			text = p.Port.String()
		}
		if p.EndPort != nil {
			text += fmt.Sprintf("-%d", *p.EndPort)
		}
		if p.Protocol != nil && (*p.Protocol != "TCP" || p.Port == nil) {
			text += "/" + string(*p.Protocol)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// ends are the names of a rule's peers; a rule without peers has all.
func (w wording) ends(namespace string, peers []networkingv1.NetworkPolicyPeer, all string, targets func(*tier.Peer) []tier.Target) string {
	if len(peers) == 0 {
		return all
	}
	var names []string
	for _, p := range peers {
		for _, name := range w.names(namespace, p, targets) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if n := len(names) - namesInWords; n > 0 {
		names = append(names[:namesInWords], fmt.Sprintf("%d others", n))
	}
	return strings.Join(names, ", ")
}

// names are the peers of the model that a policy's peer is a part of, else the workloads that it selects, else what it is.
func (w wording) names(namespace string, p networkingv1.NetworkPolicyPeer, targets func(*tier.Peer) []tier.Target) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(w.peers)) {
		written, _ := policy.TargetPeers(targets(w.peers[name]))
		if slices.ContainsFunc(written, func(q networkingv1.NetworkPolicyPeer) bool { return equality.Semantic.DeepEqual(p, q) }) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) > 0:
		return names
	case p.IPBlock != nil:
		return []string{p.IPBlock.CIDR}
	}
	if names = w.workloads(namespace, p); len(names) == 0 {
		return []string{"pods that the package does not hold"}
	}
	return names
}

// workloads are the names of those that a peer selects, with their namespace where it is another than the policy's.
func (w wording) workloads(namespace string, p networkingv1.NetworkPolicyPeer) []string {
	var names []string
	for _, one := range w.model.Workloads {
		switch {
		case !selects(p.PodSelector, one.PodLabels):
		case p.NamespaceSelector == nil && one.Namespace == namespace:
			names = append(names, one.Name)
		case p.NamespaceSelector != nil && selects(p.NamespaceSelector, map[string]string{corev1.LabelMetadataName: one.Namespace}):
			names = append(names, one.Namespace+"/"+one.Name)
		}
	}
	return names
}

// selects reports whether a selector holds; nil selects all.
func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	if selector == nil {
		return true
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}
