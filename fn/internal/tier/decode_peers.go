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
		d.pods(item, &o)
		if slices.ContainsFunc(out, func(p Override) bool { return p.Name == o.Name && p.Namespace == o.Namespace && o.Name != "" }) {
			d.bad(configDuplicate, item.At("name").Path, "workload %q is given twice", o.Name)
		}
		out = append(out, o)
	}
	return out
}

// pods are the labels and ports of a workload that the entry declares.
func (d *decoder) pods(f manifest.Field, o *Override) {
	pods := f.At("pods")
	if pods.Present() {
		o.Pods = d.matchLabels(pods)
		if strings.Contains(o.Name, "/") {
			d.bad(configBadValue, f.At("name").Path, "%q names a kind, which pods that no manifest makes have not; write the name alone", o.Name)
		}
		if len(pods.Keys()) == 0 && pods.Node().Kind == yaml.MappingNode {
			d.bad(configMissing, pods.Path, "is empty; give the labels that the pods wear")
		}
	}
	o.Ports = d.ports(f.At("ports"), true)
	for i, p := range o.Ports {
		if p.Range.First != p.Range.Last {
			d.bad(configBadValue, fmt.Sprintf("%s[%d]", f.At("ports").Path, i), "%q is a range; give the ports that the pods serve on one by one", p)
		}
	}
	if f.At("ports").Present() && !pods.Present() {
		d.bad(configMissing, f.At("ports").Path, "needs pods; the ports of a workload of the input are those of its manifest")
	}
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
