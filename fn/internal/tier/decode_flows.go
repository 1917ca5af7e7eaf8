package tier

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func (d *decoder) tiers(f manifest.Field, preset Preset) []TierSpec {
	var out []TierSpec
	start := positions((&Set{Preset: preset}).AllTiers())
	owner := map[string]string{}
	for _, item := range d.list(f) {
		var t TierSpec
		if !d.item(item, fieldNames[TierSpec]()) {
			continue
		}
		t.Name = d.required(item.At("name"), "the name of the tier")
		d.check(item.At("name"), t.Name, checkDNSLabel)
		if slices.Contains(builtinPeers(), t.Name) {
			d.bad(configDuplicate, item.At("name").Path, "%q is the name of a built-in peer; give the tier another", t.Name)
		}
		if slices.ContainsFunc(out, func(o TierSpec) bool { return o.Name == t.Name && t.Name != "" }) {
			d.bad(configDuplicate, item.At("name").Path, "tier %q is given twice", t.Name)
		}
		t.Values = d.texts(item.At("values"), checkLabelValue)
		d.notEmpty(item.At("values"), "a label value")
		for i, v := range t.ownValues(start) {
			if other, shared := owner[v]; shared && other != t.Name {
				d.bad(configDuplicate, t.valueField(item, i), "%q is a value of tier %q too; a value means one tier", v, other)
			}
			owner[v] = t.Name
		}
		t.Ports = d.ports(item.At("ports"), true)
		out = append(out, t)
	}
	return out
}

// valueField is where a tier gets a value from: its values, or, where it has none, its name.
func (t TierSpec) valueField(f manifest.Field, i int) string {
	if len(t.Values) == 0 {
		return f.At("name").Path
	}
	return fmt.Sprintf("%s[%d]", f.At("values").Path, i)
}

func (d *decoder) overrides(f manifest.Field, s *Set) []Override {
	var out []Override
	tiers := s.TierNames()
	for _, item := range d.list(f) {
		var o Override
		if !d.item(item, fieldNames[Override]()) {
			continue
		}
		o.Name = d.required(item.At("name"), "the name of the workload, or KIND/NAME")
		d.check(item.At("name"), o.Name, checkOverrideName)
		o.Namespace = d.text(item.At("namespace"))
		d.check(item.At("namespace"), o.Namespace, checkDNSLabel)
		o.Tier = d.required(item.At("tier"), "the name of the tier")
		if o.Tier != "" && !slices.Contains(tiers, o.Tier) {
			d.bad(configUnknownName, item.At("tier").Path, "%q is no known tier; known are %s%s", o.Tier, strings.Join(tiers, ", "), didYouMean(o.Tier, tiers))
		}
		if slices.ContainsFunc(out, func(p Override) bool { return p.Name == o.Name && p.Namespace == o.Namespace && o.Name != "" }) {
			d.bad(configDuplicate, item.At("name").Path, "workload %q is given twice", o.Name)
		}
		out = append(out, o)
	}
	return out
}

// kinds are the kinds of workloads.
func kinds() []string {
	return []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}
}

func checkOverrideName(s string) string {
	kind, name, found := strings.Cut(s, "/")
	if !found {
		kind, name = "", s
	}
	switch {
	case found && !slices.Contains(kinds(), kind):
		return fmt.Sprintf("the kind before the slash must be %s; got %q%s", oneOf(kinds()), kind, didYouMean(kind, kinds()))
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		return fmt.Sprintf("%q is no name of a workload; write NAME or KIND/NAME", s)
	}
	return ""
}

func (d *decoder) peers(f manifest.Field, s *Set) []PeerSpec {
	var out []PeerSpec
	tiers := s.TierNames()
	for _, item := range d.list(f) {
		var p PeerSpec
		if !d.item(item, fieldNames[PeerSpec]()) {
			continue
		}
		p.Name = d.required(item.At("name"), "the name of the peer")
		d.check(item.At("name"), p.Name, checkDNSLabel)
		if slices.Contains(tiers, p.Name) {
			d.bad(configDuplicate, item.At("name").Path, "%q is the name of a tier; give the peer another", p.Name)
		}
		if slices.ContainsFunc(out, func(o PeerSpec) bool { return o.Name == p.Name && p.Name != "" }) {
			d.bad(configDuplicate, item.At("name").Path, "peer %q is given twice", p.Name)
		}
		p.Namespace = d.text(item.At("namespace"))
		d.check(item.At("namespace"), p.Namespace, checkDNSLabel)
		p.PodSelector = d.selector(item.At("podSelector"))
		d.addresses(item, &p)
		p.Ports = d.ports(item.At("ports"), true)
		switch {
		case !item.At("namespace").Present() && !item.At("cidrs").Present():
			d.bad(configMissing, item.Path, "must have cidrs, or namespace")
		case p.PodSelector != nil && !item.At("namespace").Present():
			d.bad(configMissing, item.At("podSelector").Path, "needs the namespace of the pods")
		}
		out = append(out, p)
	}
	return out
}

// selector is a LabelSelector of the API, checked as the API server does.
func (d *decoder) selector(f manifest.Field) *metav1.LabelSelector {
	if !d.mapping(f, []string{"matchLabels", "matchExpressions"}) {
		return nil
	}
	s := &metav1.LabelSelector{}
	if labels := f.At("matchLabels"); labels.Present() {
		s.MatchLabels = d.matchLabels(labels)
	}
	for _, item := range d.list(f.At("matchExpressions")) {
		if e, ok := d.requirement(item); ok {
			s.MatchExpressions = append(s.MatchExpressions, e)
		}
	}
	return s
}

func (d *decoder) matchLabels(f manifest.Field) map[string]string {
	if f.Node().Kind != yaml.MappingNode {
		d.wrongType(f, "a mapping")
		return nil
	}
	out := map[string]string{}
	for _, key := range f.Keys() {
		at := f.At(key)
		if _, twice := out[key]; twice {
			d.bad(configDuplicate, at.Path, "is given twice")
			continue
		}
		d.check(at, key, checkLabelKey)
		out[key] = d.anyText(at)
		d.check(at, out[key], checkLabelValue)
	}
	return out
}

// anyText is a string that may be empty.
func (d *decoder) anyText(f manifest.Field) string {
	if !f.Present() || f.Node().Kind != yaml.ScalarNode || f.Node().ShortTag() != "!!str" {
		d.wrongType(f, "a string")
		return ""
	}
	return f.Node().Value
}

var operators = []string{
	string(metav1.LabelSelectorOpIn), string(metav1.LabelSelectorOpNotIn),
	string(metav1.LabelSelectorOpExists), string(metav1.LabelSelectorOpDoesNotExist),
}

func (d *decoder) requirement(f manifest.Field) (metav1.LabelSelectorRequirement, bool) {
	var e metav1.LabelSelectorRequirement
	if !d.item(f, []string{"key", "operator", "values"}) {
		return e, false
	}
	e.Key = d.required(f.At("key"), "a label key")
	d.check(f.At("key"), e.Key, checkLabelKey)
	operator := d.required(f.At("operator"), oneOf(operators))
	if operator != "" && !slices.Contains(operators, operator) {
		d.bad(configBadValue, f.At("operator").Path, "must be %s; got %q%s", oneOf(operators), operator, didYouMean(operator, operators))
	}
	e.Operator = metav1.LabelSelectorOperator(operator)
	e.Values = d.texts(f.At("values"), checkLabelValue)
	// "If the operator is In or NotIn, the values array must be non-empty. If the operator is Exists or DoesNotExist, the
	// values array must be empty." (meta/v1, LabelSelectorRequirement)
	switch e.Operator {
	case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn:
		if !f.At("values").Present() || len(f.At("values").Items()) == 0 {
			d.bad(configMissing, f.Path+".values", "is missing; operator %s needs values", e.Operator)
		}
	case metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
		if len(e.Values) > 0 {
			d.bad(configBadValue, f.At("values").Path, "must be left out; operator %s takes no values", e.Operator)
		}
	}
	return e, true
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
			d.repeated(item, flow, out)
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

// repeated finds a flow that says what an earlier one of its list says.
func (d *decoder) repeated(f manifest.Field, flow FlowSpec, earlier []FlowSpec) {
	for _, e := range earlier {
		if flow.says() == e.says() {
			d.bad(configDuplicate, f.Path, "says the same as %s; remove one", e.Field)
			return
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
		parts = append(parts, f.Within.SameLabel)
	}
	return strings.Join(parts, " ")
}

func (d *decoder) within(f manifest.Field) *Within {
	if !d.mapping(f, fieldNames[Within]()) {
		return nil
	}
	w := &Within{SameLabel: d.required(f.At("sameLabel"), "a label key")}
	d.check(f.At("sameLabel"), w.SameLabel, checkLabelKey)
	return w
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
