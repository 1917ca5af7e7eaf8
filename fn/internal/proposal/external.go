package proposal

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// external is a host outside the input and who calls it.
type external struct {
	// hidden is true where a Secret holds the host, and host is what stands for it.
	hidden   bool
	host     string
	port     int32
	callers  []*unit
	evidence []Evidence
	weak     bool
}

// externals proposes flows to hosts that are not in the input: by address where the manifest holds one, through the
// preset's HTTPS to the internet where that covers them, else as peers to fill in.
func (d *draft) externals() {
	for _, x := range d.externalHosts() {
		switch addr, err := netip.ParseAddr(x.host); {
		case err == nil:
			d.toAddress(x, addr)
		case serviceNamespace(x.host) != "":
			d.toNamespace(x)
		case x.port == 443 && isPublic(x.host):
			d.toHTTPS(x)
		default:
			d.toHost(x)
		}
	}
}

func (d *draft) externalHosts() []external {
	var out []external
	for _, e := range d.environments {
		for _, r := range e.Inventory.Externals {
			if r.From == nil || r.From.HostNetwork || serviceBehind(e.Inventory, &r) != nil {
				continue
			}
			if u := d.unitOf[r.From]; u.role.Tier == "" {
				d.needs[u] = append(d.needs[u], r.Host)
				continue
			}
			i := slices.IndexFunc(out, func(x external) bool { return x.host == r.Host && x.port == r.Port })
			if i < 0 {
				i = len(out)
				out = append(out, external{host: r.Host, port: r.Port, hidden: r.Hidden, weak: true})
			}
			x := &out[i]
			if u := d.unitOf[r.From]; !slices.Contains(x.callers, u) {
				x.callers = append(x.callers, u)
			}
			v := Evidence{Text: referenceText(&workload.Reference{Where: r.Where}), Confidence: High, Source: r.Source}
			if r.Weak {
				v.Text, v.Confidence = "shared "+v.Text, Medium
			} else {
				x.weak = false
			}
			if !slices.ContainsFunc(x.evidence, func(o Evidence) bool { return o.Text == v.Text }) {
				x.evidence = append(x.evidence, v)
			}
		}
	}
	slices.SortFunc(out, func(a, b external) int { return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port)) })
	return out
}

// isPublic reports whether a host's name can be one on the internet.
func isPublic(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Contains(host, ".") && !slices.Contains([]string{"local", "internal", "svc", "cluster", "lan", "corp", "home"}, last)
}

var notNameBytes = regexp.MustCompile(`[^a-z0-9]+`)

// maxPeerName bounds a peer's name: a DNS label.
const maxPeerName = 63

// peerName is a name for a host as a peer.
func (d *draft) peerName(host string, port int32) string {
	name := strings.Trim(notNameBytes.ReplaceAllString(strings.ToLower(host), "-"), "-")
	if len(name) > maxPeerName-8 {
		name = strings.Trim(name[:maxPeerName-8], "-")
	}
	if name == "" {
		name = "host"
	}
	taken := func(n string) bool {
		return slices.Contains([]string{tier.Internet, tier.DNS, tier.Prometheus, tier.APIServer}, n) || slices.Contains(d.tierNames(), n) ||
			slices.ContainsFunc(d.peers, func(p peerLine) bool { return p.Name == n })
	}
	if taken(name) {
		name = fmt.Sprintf("%s-%d", name, port)
	}
	for i := 2; taken(name); i++ {
		name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", i-1)), i)
	}
	return name
}

func portSpec(port int32) []tier.PortSpec {
	if port == 0 {
		return nil
	}
	return []tier.PortSpec{{Range: tier.PortRange{Protocol: workload.TCP, First: port, Last: port}}}
}

func (d *draft) toAddress(x external, addr netip.Addr) {
	if addr.IsLoopback() || addr.IsUnspecified() || addr.Zone() != "" {
		return
	}
	if x.port == 0 {
		d.toHost(x)
		return
	}
	name := d.peerName(x.host, x.port)
	d.peers = append(d.peers, peerLine{PeerSpec: tier.PeerSpec{Name: name, CIDRs: []string{netip.PrefixFrom(addr, addr.BitLen()).String()}, Ports: portSpec(x.port)}})
	d.lines = append(d.lines, line{from: d.refs(x.callers, true), to: named(name), evidence: x.evidence})
}

// serviceNamespace is the namespace that a Service's name within the cluster holds, empty for any other host:
// NAME.NAMESPACE.svc, with or without the cluster's domain.
func serviceNamespace(host string) string {
	words := strings.Split(host, ".")
	if len(words) >= 3 && words[2] == "svc" && len(validation.IsDNS1123Label(words[1])) == 0 {
		return words[1]
	}
	return ""
}

// toNamespace is for a Service of a namespace that is not in the input: its pods are somewhere in there.
func (d *draft) toNamespace(x external) {
	service, _, _ := strings.Cut(x.host, ".")
	namespace := serviceNamespace(x.host)
	name := d.peerName(service+"-"+namespace, x.port)
	p := peerLine{PeerSpec: tier.PeerSpec{Name: name, Namespace: namespace, Ports: portSpec(x.port)}, open: x.port == 0,
		evidence: []Evidence{{Text: "every pod of the namespace: add its podSelector"}}}
	if p.open {
		p.Ports = []tier.PortSpec{{Name: "PORT"}}
		d.ask(Question{Kind: questionExternal, Text: fmt.Sprintf("Which port of %s does %s call (%s)? It is shut until its port is in peers: kubectl get svc -n %s %s; then take the # from the lines with %s.",
			x.host, x.callers[0].name, x.evidence[0].Text, namespace, service, name)})
	}
	d.peers = append(d.peers, p)
	d.lines = append(d.lines, line{from: d.refs(x.callers, true), to: named(name), evidence: x.evidence, open: p.open})
}

// foreign is for a Service whose pods are no workloads of the input: an operator makes them, or another package. They are a
// peer by the Service's selector.
func (d *draft) foreign(r *workload.Reference, e Evidence) {
	s, from := r.To, d.unitOf[r.From]
	if len(s.Selector) == 0 || s.Namespace == "" || r.From.HostNetwork {
		return
	}
	i := slices.IndexFunc(d.peers, func(p peerLine) bool {
		return p.service != nil && p.service.Name == s.Name && p.service.Namespace == s.Namespace // of any environment
	})
	if i < 0 {
		i = len(d.peers)
		d.peers = append(d.peers, peerLine{service: s, PeerSpec: tier.PeerSpec{Name: d.peerName(s.Name, 0), Namespace: s.Namespace,
			PodSelector: &metav1.LabelSelector{MatchLabels: s.Selector}}, evidence: []Evidence{{Text: "the pods of Service " + s.Name + ", which no manifest here makes"}}})
	}
	d.lines = append(d.lines, line{from: d.refs([]*unit{from}, true), to: named(d.peers[i].Name), ports: foreignPorts(s, r.Port), evidence: []Evidence{e}})
}

// foreignPorts are the ports behind a Service's port where no workload tells what a port's name means: the number of a port
// that has one, else the Service's own.
func foreignPorts(s *workload.Service, port int32) []tier.PortSpec {
	var out tier.PortSet
	for _, p := range s.Ports {
		if port != 0 && p.Port != port {
			continue
		}
		number := cmp.Or(p.TargetPort, p.Port)
		out = out.Union(tier.PortSet{{Protocol: p.Protocol, First: number, Last: number}})
	}
	return portSpecs(out)
}

// toHTTPS covers a public host by HTTPS to the internet, which the preset gives the tiers of the chain that call others.
func (d *draft) toHTTPS(x external) {
	var rest []*unit
	for _, u := range x.callers {
		if !slices.Contains([]string{frontend, backend, worker}, u.role.Tier) {
			rest = append(rest, u)
			continue
		}
		d.confirmed = append(d.confirmed, fmt.Sprintf("%s to %s:443 (%s)", u.name, x.host, evidenceWords(x.evidence)))
	}
	if len(rest) == 0 || x.weak {
		return
	}
	d.lines = append(d.lines, line{from: d.refs(rest, true), to: named(tier.Internet), ports: portSpec(443),
		evidence: append(slices.Clone(x.evidence), Evidence{Text: x.host, Confidence: High})})
}

// toHost is a peer to fill in: a policy knows addresses, not names.
func (d *draft) toHost(x external) {
	name := d.peerName(x.host, x.port)
	l := line{from: d.refs(x.callers, true), to: named(name), evidence: x.evidence}
	how := "dig +short " + x.host
	if x.hidden {
		how = "dig +short, with the host that the Secret holds"
	}
	l.open = d.addressed(name, portSpec(x.port), how)
	if l.open {
		var names []string
		for _, u := range x.callers {
			names = append(names, u.name)
		}
		at := x.host
		if x.port != 0 {
			at = fmt.Sprintf("%s:%d", x.host, x.port)
		}
		d.ask(Question{Kind: questionExternal, Key: peerKey(name), Check: checkCIDRs,
			Text: fmt.Sprintf("Which addresses has %s, named by %s (%s)? It is shut until they are in peers, since a policy knows no host names: %s; then take the # from the lines with %s.%s",
				at, strings.Join(names, ", "), x.evidence[0].Text, how, name, nearHost(x))})
	}
	d.lines = append(d.lines, l)
}

// nearHost is what else a host of one word may be.
func nearHost(x external) string {
	if strings.Contains(x.host, ".") || strings.Contains(x.host, ":") {
		return ""
	}
	return " If it is a Service that the input leaves out, init the input that holds it, or give the peer namespace and podSelector instead of cidrs."
}

// checkCIDRs says what is wrong with a list of CIDRs.
func checkCIDRs(answer string) string {
	words := strings.FieldsFunc(answer, isSeparator)
	if len(words) == 0 {
		return "give one or several CIDRs, such as 10.0.0.5/32"
	}
	for _, w := range words {
		p, err := netip.ParsePrefix(w)
		if err != nil {
			return fmt.Sprintf("%q is no CIDR: write it as 10.0.0.5/32", w)
		}
		if p != p.Masked() {
			return fmt.Sprintf("%q has host bits: write %s", w, p.Masked())
		}
	}
	return ""
}
