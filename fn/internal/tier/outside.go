package tier

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// What a default deny cuts off beyond the application: hosts, the Kubernetes API, and webhooks that it calls.

// hosts says which hosts outside the input workloads name and no flow leads to.
func (v *evidence) hosts(list []workload.External) {
	type call struct {
		from *workload.Workload
		host string
		port int32
	}
	seen := map[call]bool{}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b workload.External) int { return weakness(a.Weak) - weakness(b.Weak) })
	for i := range sorted {
		x := &sorted[i]
		from, ok := v.from[x.From]
		c := call{x.From, x.Host, x.Port}
		if !ok || seen[c] || v.leadsTo(from, x) {
			continue
		}
		seen[c] = true
		severity := report.Warning
		if x.Weak || x.Port == 0 || x.Via == workload.ViaMounted { // a file may name a host only to link to it
			severity = report.Info
		}
		f := about(x.From, hostNoFlow, severity, x.Where, hostMessage(x))
		f.File, f.Index = x.Source.File, x.Source.Index
		v.said[x.From] = true
		v.once(f)
	}
}

func weakness(weak bool) int {
	if weak {
		return 1
	}
	return 0
}

func hostMessage(x *workload.External) string {
	name := peerName(x.Host)
	peer := fmt.Sprintf("{name: %s, cidrs: [ADDRESSES]}", name)
	if ip, err := netip.ParseAddr(x.Host); err == nil {
		peer = fmt.Sprintf("{name: %s, cidrs: [%s]}", name, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
	} else if namespace := namespaceIn(x.Host, x.From.Namespace); namespace != "" && !x.Hidden {
		name = peerName(namespace)
		peer = fmt.Sprintf("{name: %s, namespace: %s}", name, namespace)
	}
	on, ports := "", ""
	if x.Port != 0 {
		on, ports = fmt.Sprintf(" on %d/TCP", x.Port), fmt.Sprintf(", ports: [%d]", x.Port)
	}
	return fmt.Sprintf("names the host %s, which no Service of the input is, but no flow leads there%s; if it is meant, write spec.peers: [%s] and flows: [{from: %s, to: %s%s}]",
		x.Host, on, peer, Refs{{Name: x.From.Tier, Workload: x.From.Called()}}.yaml(), name, ports)
}

// namespaceIn is the namespace of a name of a Service of the cluster, such as db or db.data.svc.cluster.local; empty where the
// name need not be one.
func namespaceIn(host, own string) string {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case len(labels) == 1:
		return cmp.Or(own, "NAMESPACE")
	case len(labels) >= 3 && labels[2] == "svc":
		return labels[1]
	}
	return ""
}

// leadsTo reports whether a flow may lead to the host: to its address; of a name any address may be it.
func (v *evidence) leadsTo(from int32, x *workload.External) bool {
	ip, err := netip.ParseAddr(x.Host)
	return slices.ContainsFunc(v.leaving[from], func(l link) bool {
		peer := v.classes.to.classes[l.class].peer
		if peer == nil || peer.Name == DNS || x.Port != 0 && !l.cell.ports().contains(workload.Port{Protocol: workload.TCP, Number: x.Port}) {
			return false
		}
		return slices.ContainsFunc(peer.To, func(t Target) bool {
			if err == nil {
				return t.holds(ip.Unmap())
			}
			return x.Hidden || t.mayBe(x.Host, x.From.Namespace, peer.Name)
		})
	})
}

func (t Target) holds(ip netip.Addr) bool {
	return t.CIDR != "" && prefix(t.CIDR).Contains(ip) && !slices.ContainsFunc(t.Except, func(e string) bool { return prefix(e).Contains(ip) })
}

// mayBe reports whether the target may be the host of a name, as a workload of a namespace sees it. No Service of the cluster
// is in the internet.
func (t Target) mayBe(host, namespace, peer string) bool {
	in := namespaceIn(host, namespace)
	if t.CIDR != "" {
		return in == "" || peer != Internet
	}
	if labels := strings.Split(strings.TrimSuffix(host, "."), "."); in == "" && len(labels) == 2 {
		in = labels[1] // NAME.NAMESPACE, or a domain
	}
	return in == t.Namespace
}

// callsAPI says which workloads call the Kubernetes API and have no flow to it.
func (v *evidence) callsAPI(list []workload.APIAccess) {
	for i := range list {
		a := &list[i]
		from, ok := v.from[a.Workload]
		if !ok || slices.ContainsFunc(v.leaving[from], v.toAPI) {
			continue
		}
		f := about(a.Workload, apiNoFlow, report.Warning, a.Where, fmt.Sprintf(
			"%s, but no flow leads to the Kubernetes API; if it calls that, %sadd flows: [{from: %s, to: %s}]",
			a.Why, v.adviseAPIServer(), Refs{{Name: a.Workload.Tier, Workload: a.Workload.Called()}}.yaml(), APIServer))
		f.File, f.Index = a.Source.File, a.Source.Index
		v.said[a.Workload] = true
		v.onceOf(apiNoFlow, a.Workload, f)
	}
}

// adviseAPIServer is what to define before a flow can name the API server.
func (v *evidence) adviseAPIServer() string {
	if v.peers[APIServer] != nil {
		return ""
	}
	return fmt.Sprintf("write spec.peers: [{name: %s, cidrs: [ADDRESSES]}], with those that kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes shows, and ", APIServer)
}

// toAPI reports whether a flow may lead to the API server: to the peer, or to addresses on one of its ports. The internet is
// not where it is: its addresses are private where the cluster's own Service leads.
func (v *evidence) toAPI(l link) bool {
	peer := v.classes.to.classes[l.class].peer
	if peer == nil || peer.Name == Internet || peer.Name == DNS {
		return false
	}
	byAddress := slices.ContainsFunc(peer.To, func(t Target) bool { return t.CIDR != "" })
	return peer.Name == APIServer || byAddress && len(l.cell.ports().Intersect(numbers(tcpPorts(443, 6443)))) > 0
}

// webhooks says which Services the API server calls and may not.
func (v *evidence) webhooks(list []workload.Webhook) {
	for i := range list {
		h := &list[i]
		if h.Service == nil {
			continue
		}
		for _, w := range h.Service.Workloads {
			j, ok := v.to[w]
			if !ok || w.Client {
				continue
			}
			closed := targetPorts(h.Service, h.Port, w).Minus(v.fromAddresses(j))
			if len(closed) == 0 {
				continue
			}
			v.told[pair{nil, w}] = true
			v.once(report.Finding{
				ID: webhookNoFlow, Severity: report.Warning, Object: report.Object{APIVersion: webhookVersion(h.Kind), Kind: h.Kind, Name: h.Name},
				File: h.Source.File, Index: h.Source.Index, Field: h.Where,
				Message: fmt.Sprintf("the API server calls %s on %s, but no flow lets it in; %sadd flows: [%s]",
					w, closed, v.adviseAPIServer(), v.adviseFlow(Ref{Name: APIServer}, w, w.Namespace, closed)),
			})
		}
	}
}

func webhookVersion(kind string) string {
	switch kind {
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
		return "admissionregistration.k8s.io/v1"
	case "CustomResourceDefinition":
		return "apiextensions.k8s.io/v1"
	case "APIService":
		return "apiregistration.k8s.io/v1"
	}
	return ""
}

// fromAddresses is what addresses may enter: the API server has no pod that a policy could select.
func (v *evidence) fromAddresses(to int32) PortSet {
	var out PortSet
	for _, a := range v.arriving[to] {
		peer := v.classes.from.classes[a.class].peer
		if peer != nil && slices.ContainsFunc(peer.From, func(t Target) bool { return t.Any || t.CIDR != "" }) {
			out = out.Union(a.cell.ports())
		}
	}
	return out
}

// onceOf adds a finding of which there is one for each workload.
func (v *evidence) onceOf(id report.ID, w *workload.Workload, f report.Finding) {
	key := idAndWorkload{id, w}
	if !v.one[key] {
		v.one[key] = true
		v.once(f)
	}
}

type idAndWorkload struct {
	id report.ID
	w  *workload.Workload
}
