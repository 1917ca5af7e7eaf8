package tier

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/manifest"
)

// item is mapping for an element of a list, which must not be null.
func (d *decoder) item(f manifest.Field, known []string) bool {
	if !f.Present() {
		d.wrongType(f, "a mapping")
		return false
	}
	return d.mapping(f, known)
}

// scope is what the endpoints of flows may name.
type scope struct {
	tiers, peers []string
	// addressless are the peers that no rule can name.
	addressless []string
}

// scope is the tiers and peers of the set; a peer that only an environment names counts, for a shared flow may use it.
func (d *decoder) scope(s *Set) *scope {
	sc := &scope{tiers: s.TierNames(), peers: []string{Internet, DNS, Prometheus}, addressless: []string{APIServer}}
	lists := [][]PeerSpec{s.Peers}
	for _, e := range s.Environments {
		lists = append(lists, e.Peers)
	}
	for _, list := range lists {
		for _, p := range list {
			if p.Name != "" && !slices.Contains(sc.peers, p.Name) {
				sc.peers = append(sc.peers, p.Name)
			}
			sc.addressless = slices.DeleteFunc(sc.addressless, func(n string) bool { return n == p.Name })
		}
	}
	return sc
}

func (sc *scope) isPeer(name string) bool {
	return slices.Contains(sc.peers, name) || slices.Contains(sc.addressless, name)
}

func (d *decoder) flows(f manifest.Field, sc *scope) []FlowSpec {
	var out []FlowSpec
	said := map[string]string{}
	for _, item := range d.list(f) {
		flow := FlowSpec{Field: item.Path}
		if !d.item(item, fieldNames[FlowSpec]()) {
			continue
		}
		before := len(d.findings)
		flow.From = d.refs(item.At("from"), sc)
		flow.To = d.refs(item.At("to"), sc)
		flow.Ports = d.ports(item.At("ports"), false)
		flow.Within = d.within(item.At("within"))
		if len(d.findings) == before {
			d.ends(item, flow, sc)
			if earlier, twice := said[flow.says()]; twice {
				d.bad(configDuplicate, item.Path, "says the same as %s; remove one", earlier)
			} else {
				said[flow.says()] = flow.Field
			}
		}
		out = append(out, flow)
	}
	return out
}

// ends checks what a flow's two ends can have to do with each other.
func (d *decoder) ends(f manifest.Field, flow FlowSpec, sc *scope) {
	isPeer := func(r Ref) bool { return sc.isPeer(r.Name) }
	fromPeer, toPeer := slices.ContainsFunc(flow.From, isPeer), slices.ContainsFunc(flow.To, isPeer)
	if fromPeer && toPeer {
		d.bad(configBadValue, f.Path, "goes from a peer to a peer (%s to %s); one end must be workloads", flow.From, flow.To)
	}
	if flow.Within != nil && (fromPeer || toPeer) {
		d.bad(configBadValue, f.At("within").Path, "needs workloads at both ends; leave out the peers, or within")
	}
	for i, p := range flow.Ports {
		if p.Name != "" && toPeer {
			d.bad(configBadValue, fmt.Sprintf("%s[%d]", f.At("ports").Path, i), "%q is a port's name, which a peer cannot resolve; give a number", p.Name)
		}
	}
}

// says is the flow in a normal form.
func (f FlowSpec) says() string {
	var parts []string
	for _, list := range []Refs{f.From, f.To} {
		var words []string
		for _, r := range list {
			words = append(words, r.String())
		}
		slices.Sort(words)
		parts = append(parts, strings.Join(words, ","))
	}
	var ports []string
	for _, p := range f.Ports {
		ports = append(ports, p.String())
	}
	slices.Sort(ports)
	parts = append(parts, strings.Join(ports, ","))
	if f.Within != nil {
		parts = append(parts, f.Within.String())
	}
	return strings.Join(parts, " ")
}

func (d *decoder) within(f manifest.Field) *Within {
	if !d.mapping(f, fieldNames[Within]()) {
		return nil
	}
	w := &Within{SameLabel: d.text(f.At("sameLabel")), SameName: d.texts(f.At("sameName"), checkEnding)}
	d.check(f.At("sameLabel"), w.SameLabel, checkLabelKey)
	d.notEmpty(f.At("sameName"), "an ending")
	w.Reference = enum[ReferenceKind](d, f.At("reference"))
	if len(f.Keys()) == 0 {
		d.bad(configMissing, f.Path, "is empty; give sameLabel, sameName or reference")
	}
	return w
}

// checkEnding is for what the name of a workload may end with.
func checkEnding(s string) string {
	if len(validation.IsDNS1123Subdomain("a"+s)) > 0 {
		return fmt.Sprintf("%q is no ending of a workload's name; write one such as -db", s)
	}
	return ""
}

// exclusions are flows that are taken away or ruled out: those that addresses name are for nobody to rule out.
func (d *decoder) exclusions(f manifest.Field, sc *scope) []FlowSpec {
	out := d.flows(f, sc)
	for _, flow := range out {
		if flow.Within.byAddress() {
			d.bad(configBadValue, flow.Field+".within.reference", "is for flows only; leave it out here")
		}
	}
	return out
}

// refs are endpoints, one or a list. A nil scope checks no names.
func (d *decoder) refs(f manifest.Field, sc *scope) Refs {
	if !f.Present() {
		d.bad(configMissing, f.Path, "is missing; give %s", refForms)
		return nil
	}
	items := []manifest.Field{f}
	switch f.Node().Kind {
	case yaml.SequenceNode:
		items = f.Items()
	case yaml.ScalarNode:
	default:
		d.wrongType(f, "a string or a list of strings")
		return nil
	}
	if len(items) == 0 {
		d.bad(configMissing, f.Path, "is empty; give %s", refForms)
	}
	var out Refs
	for _, item := range items {
		if !item.Present() {
			d.wrongType(item, "a string")
			continue
		}
		text := d.text(item)
		if text == "" {
			continue
		}
		r, err := parseRef(text)
		switch {
		case err != nil:
			d.bad(configBadValue, item.Path, "%s", err)
		case slices.Contains(out, r):
			d.bad(configDuplicate, item.Path, "%q is given twice", text)
		default:
			d.known(item, r, sc)
			out = append(out, r)
		}
	}
	return out
}

// known checks that an endpoint's name is one.
func (d *decoder) known(f manifest.Field, r Ref, sc *scope) {
	switch {
	case sc == nil || r.Name == everything:
	case slices.Contains(sc.tiers, r.Name):
	case slices.Contains(sc.addressless, r.Name):
		d.bad(configMissing, f.Path, "peer %q has no address: pod labels cannot select the API server; give its cidrs under spec.peers", r.Name)
	case slices.Contains(sc.peers, r.Name) && !r.plain():
		d.bad(configBadValue, f.Path, "%q: %q is a peer, which has no namespace and workload here; write %q", r, r.Name, r.Name)
	case slices.Contains(sc.peers, r.Name):
	default:
		known := slices.Concat(sc.tiers, sc.peers)
		d.bad(configUnknownName, f.Path, "%q is no known tier or peer; known are %s%s", r.Name, strings.Join(known, ", "), didYouMean(r.Name, known))
	}
}

// ports are ports; byNumber allows no names.
func (d *decoder) ports(f manifest.Field, byNumber bool) []PortSpec {
	var out []PortSpec
	for _, item := range d.list(f) {
		text, ok := portText(item)
		if !ok {
			d.wrongType(item, portForms)
			continue
		}
		p, err := parsePort(text)
		switch {
		case err != nil:
			d.bad(configBadValue, item.Path, "%s", err)
		case byNumber && p.Name != "":
			d.bad(configBadValue, item.Path, "%q is a port's name; give a number here", p.Name)
		case slices.Contains(out, p):
			d.bad(configDuplicate, item.Path, "%q is given twice", p)
		default:
			out = append(out, p)
		}
	}
	d.notEmpty(f, "a port")
	return out
}

// portText is a port as written: a number, or a string.
func portText(f manifest.Field) (string, bool) {
	if !f.Present() || f.Node().Kind != yaml.ScalarNode {
		return "", false
	}
	tag := f.Node().ShortTag()
	return f.Node().Value, tag == "!!str" || tag == "!!int"
}
