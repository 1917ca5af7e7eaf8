package assertion

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// lint says which policies are likely not what their author meant, whatever the flows are.
func (p *Proof) lint() report.Findings {
	var out report.Findings
	for _, source := range p.Matrix.SelectsNothing() {
		out = append(out, p.selectsNothing(p.policyOf(source)))
	}
	byNamespace := map[string][]*workload.Workload{}
	for _, w := range p.workloads {
		byNamespace[namespaceOf(w.Namespace)] = append(byNamespace[namespaceOf(w.Namespace)], w)
	}
	l := &linter{p: p, workloads: byNamespace}
	for _, policy := range p.policies {
		l.policy(policy)
	}
	return append(out, l.findings...)
}

// selectsNothing is about a policy that binds no workload: its labels fit none, or only pods on the node's network.
func (p *Proof) selectsNothing(policy *policy) report.Finding {
	for _, w := range p.workloads {
		if w.HostNetwork && namespaceOf(w.Namespace) == policy.Namespace && selects(&policy.Spec.PodSelector, w.PodLabels) {
			return policy.finding(selectsNothing, report.Warning, "spec.podSelector",
				"selects only pods on the node's network, such as those of %s, which policies do not bind: guard the node itself", w)
		}
	}
	return policy.finding(selectsNothing, report.Warning, "spec.podSelector",
		"selects no workload of namespace %s: correct the labels, or remove the policy", policy.Namespace)
}

type linter struct {
	p         *Proof
	workloads map[string][]*workload.Workload
	findings  report.Findings
}

// rule is an item of spec.ingress or spec.egress.
type rule struct {
	policy *policy
	field  string
	egress bool
	peers  []networkingv1.NetworkPolicyPeer
	ports  []networkingv1.NetworkPolicyPort
}

// peerField is the field of a peer.
func (r rule) peerField(i int) string {
	if r.egress {
		return fmt.Sprintf("%s.to[%d]", r.field, i)
	}
	return fmt.Sprintf("%s.from[%d]", r.field, i)
}

func rulesOf(policy *policy) []rule {
	var out []rule
	for i, r := range policy.Spec.Ingress {
		out = append(out, rule{policy, fmt.Sprintf("spec.ingress[%d]", i), false, r.From, r.Ports})
	}
	for i, r := range policy.Spec.Egress {
		out = append(out, rule{policy, fmt.Sprintf("spec.egress[%d]", i), true, r.To, r.Ports})
	}
	return out
}

func (l *linter) policy(policy *policy) {
	rules := rulesOf(policy)
	for _, r := range rules {
		if r.egress && len(r.peers)+len(r.ports) == 0 {
			l.say(r, egressToAnyone, r.field, "an empty rule opens all egress to everyone, the internet included: name peers and ports")
		}
		for i, peer := range r.peers {
			l.peer(r, i, peer)
		}
		l.servicePorts(r)
	}
	l.dns(rules)
}

func (l *linter) say(r rule, id report.ID, field, format string, args ...any) {
	l.findings = append(l.findings, r.policy.finding(id, report.Warning, field, format, args...))
}

// peer says why no pod can be what the peer says.
func (l *linter) peer(r rule, i int, peer networkingv1.NetworkPolicyPeer) {
	field := r.peerField(i)
	switch {
	case peer.IPBlock != nil:
	case peer.NamespaceSelector == nil:
		if peer.PodSelector != nil && !slices.ContainsFunc(l.workloads[r.policy.Namespace], func(w *workload.Workload) bool { return selects(peer.PodSelector, w.PodLabels) }) {
			l.say(r, peerNothing, field+".podSelector", "matches no workload of namespace %s, and without a namespaceSelector it speaks of that one alone", r.policy.Namespace)
		}
	default:
		l.nameLabel(r, field+".namespaceSelector", peer.NamespaceSelector)
		l.addedLabel(r, field+".podSelector", peer)
	}
}

// nameLabel: "name" is a label that somebody must have put on the namespace; kubernetes.io/metadata.name is always there.
func (l *linter) nameLabel(r rule, field string, s *metav1.LabelSelector) {
	value, has := s.MatchLabels["name"]
	for _, e := range s.MatchExpressions {
		if e.Key == "name" && e.Operator == metav1.LabelSelectorOpIn && len(e.Values) > 0 {
			value, has = e.Values[0], true
		}
	}
	if !has || slices.ContainsFunc(l.p.in.Inventory.Namespaces, func(n workload.Namespace) bool { return n.Labels["name"] == value }) {
		return
	}
	l.say(r, peerNothing, field, "no namespace of the input bears the label name: %s, which Kubernetes does not set: match by %s: %s", value, metadataName, value)
}

// addedLabel: kustomize's label transformers put the labels of the application into every matchLabels, those of peers in
// other namespaces too.
func (l *linter) addedLabel(r rule, field string, peer networkingv1.NetworkPolicyPeer) {
	if peer.PodSelector == nil || mayName(peer.NamespaceSelector, r.policy.Namespace) {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(peer.PodSelector.MatchLabels)) {
		v := peer.PodSelector.MatchLabels[k]
		rest := len(peer.PodSelector.MatchLabels) + len(peer.PodSelector.MatchExpressions)
		if rest > 1 && r.policy.Spec.PodSelector.MatchLabels[k] == v && !l.worn(peer) {
			l.say(r, peerNothing, field, "wants the label %s: %s of the policy's own application from pods of another namespace, as kustomize's labels with includeSelectors add it: write the peer with matchExpressions", k, v)
		}
	}
}

// worn reports whether a workload of the input is what the peer says, whatever its namespace.
func (l *linter) worn(peer networkingv1.NetworkPolicyPeer) bool {
	return slices.ContainsFunc(l.p.workloads, func(w *workload.Workload) bool { return selects(peer.PodSelector, w.PodLabels) })
}

// dnsPort is where DNS answers, by UDP and by TCP.
const dnsPort = 53

// dns says where a policy opens DNS by UDP alone.
func (l *linter) dns(rules []rule) {
	var udp *rule
	tcp := false
	for i, r := range rules {
		if !r.egress {
			continue
		}
		tcp = tcp || len(r.ports) == 0
		for _, port := range r.ports {
			if !holds(port, dnsPort) {
				continue
			}
			switch protocolOf(port) {
			case corev1.ProtocolUDP:
				udp = &rules[i]
			case corev1.ProtocolTCP:
				tcp = true
			}
		}
	}
	if udp != nil && !tcp {
		l.say(*udp, dnsUDPOnly, udp.field+".ports", "opens DNS by UDP alone, and an answer that is too long for UDP comes by TCP: add 53/TCP")
	}
}

func protocolOf(p networkingv1.NetworkPolicyPort) corev1.Protocol {
	if p.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

func holds(p networkingv1.NetworkPolicyPort, port int32) bool {
	switch {
	case p.Port == nil:
		return true
	case p.Port.Type == intstr.String:
		return false
	case p.EndPort != nil:
		return p.Port.IntVal <= port && port <= *p.EndPort
	}
	return p.Port.IntVal == port
}

// servicePorts says where a rule names the port of a Service that forwards to another port of the pods, and no pod
// behind it listens on the Service's.
func (l *linter) servicePorts(r rule) {
	if r.policy.ours {
		return // egress names both where the network plugin needs it
	}
	for i, port := range r.ports {
		if port.Port == nil || port.Port.Type != intstr.Int || port.EndPort != nil {
			continue
		}
		for _, s := range l.p.in.Inventory.Services {
			if target, wrong := l.forwards(r, s, port); wrong {
				l.say(r, portOfService, fmt.Sprintf("%s.ports[%d].port", r.field, i),
					"%d is the port of Service %s, whose pods listen on %s: policies see the pods' port, after the Service has translated", port.Port.IntVal, s.Name, target)
				break
			}
		}
	}
}

// forwards is the pods' port behind a Service's port that the rule names; false where a workload behind it listens on
// that port itself.
func (l *linter) forwards(r rule, s *workload.Service, port networkingv1.NetworkPolicyPort) (target string, wrong bool) {
	for _, sp := range s.Ports {
		if sp.Port != port.Port.IntVal || sp.Protocol != workload.Protocol(protocolOf(port)) || sp.TargetPort == sp.Port {
			continue
		}
		for _, w := range s.Workloads {
			if !l.destination(r, w) {
				continue
			}
			if slices.ContainsFunc(slices.Concat(w.Ports, w.Metrics), func(p workload.Port) bool { return p.Number == sp.Port && p.Protocol == sp.Protocol }) {
				return "", false
			}
			target, wrong = sp.TargetName, true
			if sp.TargetPort != 0 {
				target = fmt.Sprint(sp.TargetPort)
			}
		}
	}
	return target, wrong && target != ""
}

// destination reports whether the workload is what the rule's connections go to.
func (l *linter) destination(r rule, w *workload.Workload) bool {
	if !r.egress {
		return namespaceOf(w.Namespace) == r.policy.Namespace && selects(&r.policy.Spec.PodSelector, w.PodLabels)
	}
	return slices.ContainsFunc(r.peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		if peer.IPBlock != nil || !selects(peer.PodSelector, w.PodLabels) {
			return false
		}
		if peer.NamespaceSelector == nil {
			return namespaceOf(w.Namespace) == r.policy.Namespace
		}
		return mayName(peer.NamespaceSelector, namespaceOf(w.Namespace))
	})
}

// foreignPeers are the peers of a policy that a namespaceSelector takes to other namespaces.
func foreignPeers(p *networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	keep := func(peers []networkingv1.NetworkPolicyPeer) {
		for _, peer := range peers {
			if peer.NamespaceSelector != nil {
				out = append(out, peer)
			}
		}
	}
	for _, r := range p.Spec.Ingress {
		keep(r.From)
	}
	for _, r := range p.Spec.Egress {
		keep(r.To)
	}
	return out
}
