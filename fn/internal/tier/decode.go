package tier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
)

// Decode reads a NetworkPolicySet, or the v1/ConfigMap that kpt makes of a function's configMap. It finds everything that
// is wrong at once; the set is nil where the findings have failed. A nil object gives Default.
func Decode(o *manifest.Object) (*Set, report.Findings) {
	if o == nil {
		return Default(), nil
	}
	d := &decoder{object: o}
	s := &Set{Name: o.Name, Source: o.Source, object: o.Ref()}
	switch {
	case o.APIVersion == "v1" && o.Kind == "ConfigMap":
		d.configMap(s)
	case d.header(SetKind):
		d.set(s)
	}
	if d.findings.Failed() {
		return nil, d.findings.Sorted()
	}
	s.fillDefaults()
	return s, d.findings.Sorted()
}

// DecodeTest reads a SegmentationTest, as Decode does. The names of tiers, peers and environments are not checked, since
// a test knows none: Set.Expect does that.
func DecodeTest(o *manifest.Object) (*Test, report.Findings) {
	if o == nil {
		return &Test{}, nil
	}
	d := &decoder{object: o}
	t := &Test{Name: o.Name, Source: o.Source, object: o.Ref()}
	if d.header(TestKind) {
		d.test(t)
	}
	if d.findings.Failed() {
		return nil, d.findings.Sorted()
	}
	return t, nil
}

// header checks what stands above spec. False where the document is of another kind.
func (d *decoder) header(kind string) bool {
	o := d.object
	if o.Kind != kind || o.APIVersion != APIVersion {
		d.bad(configKind, kindField(o, kind), "must be apiVersion %s, kind %s; got %s", APIVersion, kind, kindOf(o))
		return false
	}
	d.mapping(o.At(), []string{"apiVersion", "kind", "metadata", "spec"})
	name := d.required(o.At("metadata", "name"), "the name of the "+kind)
	d.check(o.At("metadata", "name"), name, checkLabelValue)
	return true
}

func kindField(o *manifest.Object, kind string) string {
	if o.Kind != kind {
		return "kind"
	}
	return "apiVersion"
}

func kindOf(o *manifest.Object) string {
	return fmt.Sprintf("apiVersion %s, kind %s", cmp.Or(o.APIVersion, "none"), cmp.Or(o.Kind, "none"))
}

// configMapKeys are the keys of the ConfigMap form, all of them scalars.
func configMapKeys() []string {
	return []string{"name", "tierLabel", "monitoringNamespace", "cni", "dns", "environment"}
}

func (d *decoder) configMap(s *Set) {
	data := d.object.At("data")
	s.Name = defaultName
	if !d.mapping(data, configMapKeys()) {
		return
	}
	if name := d.text(data.At("name")); name != "" {
		d.check(data.At("name"), name, checkLabelValue)
		s.Name = name
	}
	if key := d.text(data.At("tierLabel")); key != "" {
		d.check(data.At("tierLabel"), key, checkLabelKey)
		s.TierLabels = []string{key}
	}
	if namespace := d.text(data.At("monitoringNamespace")); namespace != "" {
		d.check(data.At("monitoringNamespace"), namespace, checkDNSLabel)
		s.Peers = []PeerSpec{{Name: Prometheus, Namespace: namespace}}
	}
	s.Profile.CNI = enum[CNI](d, data.At("cni"))
	s.Profile.DNS = enum[DNSProfile](d, data.At("dns"))
	s.Environment = d.environmentName(data.At("environment"))
}

// environmentName is an overlay's directory name, with its parent's before it where two overlays share one.
func (d *decoder) environmentName(f manifest.Field) string {
	name := d.text(f)
	d.check(f, name, func(s string) string {
		for _, part := range strings.Split(s, "/") {
			if wrong := checkDNSLabel(part); wrong != "" {
				return wrong
			}
		}
		return ""
	})
	return name
}

func (d *decoder) set(s *Set) {
	spec := d.object.At("spec")
	if !d.mapping(spec, fieldNames[Set]()) {
		return
	}
	s.Preset = enum[Preset](d, spec.At("preset"))
	s.TierLabels = d.texts(spec.At("tierLabels"), checkLabelKey)
	d.notEmpty(spec.At("tierLabels"), "a label key")
	s.Tiers = d.tiers(spec.At("tiers"), s.Preset)
	s.Workloads = d.overrides(spec.At("workloads"), s)
	s.Peers = d.peers(spec.At("peers"), s)
	s.Environments = d.environments(spec.At("environments"), s)
	s.Profile = d.profile(spec.At("profile"))
	s.Labels = d.labels(spec.At("labels"))
	s.Environment = d.environmentName(spec.At("environment"))
	s.Proof = enum[Proof](d, spec.At("proof"))

	shared := d.scope(s)
	s.Flows = d.flows(spec.At("flows"), shared)
	s.Never = d.exclusions(spec.At("never"), shared)
	s.Without = d.exclusions(spec.At("without"), shared)
	d.environmentFlows(spec.At("environments"), s)
	d.environmentKnown(spec.At("environment"), s)
}

func (d *decoder) profile(f manifest.Field) (p Profile) {
	if !d.mapping(f, fieldNames[Profile]()) {
		return p
	}
	p.CNI = enum[CNI](d, f.At("cni"))
	p.DNS = enum[DNSProfile](d, f.At("dns"))
	p.PodCIDRs = d.texts(f.At("podCIDRs"), checkClusterCIDR)
	p.ServiceCIDRs = d.texts(f.At("serviceCIDRs"), checkClusterCIDR)
	return p
}

// labels are the set's own labels. The one that marks a policy as ours is not for the user to give.
func (d *decoder) labels(f manifest.Field) map[string]string {
	if !f.Present() {
		return nil
	}
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
		if strings.HasPrefix(key, group+"/") {
			d.bad(configBadValue, at.Path, "labels of %s are tierwall's own; use another key", group)
		}
		out[key] = ""
		if at.Present() && at.Node().Kind == yaml.ScalarNode && at.Node().ShortTag() == "!!str" {
			out[key] = at.Node().Value
			d.check(at, out[key], checkLabelValue)
			continue
		}
		d.wrongType(at, "a string")
	}
	return out
}

// environments reads the environments' names and peers; their flows follow when all names are known.
func (d *decoder) environments(f manifest.Field, s *Set) []EnvironmentSpec {
	var out []EnvironmentSpec
	for _, item := range d.list(f) {
		var e EnvironmentSpec
		if d.item(item, fieldNames[EnvironmentSpec]()) {
			e.Name = d.environmentName(item.At("name"))
			if !item.At("name").Present() {
				d.bad(configMissing, item.Path+".name", "is missing; give the name of the overlay's directory")
			}
			if slices.ContainsFunc(out, func(o EnvironmentSpec) bool { return o.Name == e.Name && e.Name != "" }) {
				d.bad(configDuplicate, item.Path+".name", "environment %q is given twice", e.Name)
			}
			e.Peers = d.peers(item.At("peers"), s)
		}
		out = append(out, e)
	}
	return out
}

func (d *decoder) environmentFlows(f manifest.Field, s *Set) {
	for i, item := range f.Items() {
		known := d.scope(s)
		if i < len(s.Environments) {
			s.Environments[i].Flows = d.flows(item.At("flows"), known)
			s.Environments[i].Without = d.exclusions(item.At("without"), known)
		}
	}
}

// environmentKnown checks that the stream's environment is one of those that the set describes, if it describes any.
func (d *decoder) environmentKnown(f manifest.Field, s *Set) {
	var known []string
	for _, e := range s.Environments {
		known = append(known, e.Name)
	}
	if s.Environment != "" && len(known) > 0 && !slices.Contains(known, s.Environment) {
		d.bad(configUnknownName, f.Path, "must be %s; got %q%s", oneOf(known), s.Environment, didYouMean(s.Environment, known))
	}
}

func (d *decoder) test(t *Test) {
	spec := d.object.At("spec")
	if !spec.Present() {
		d.bad(configMissing, "spec", "is missing; give expect or within")
	}
	if !d.mapping(spec, fieldNames[Test]()) {
		return
	}
	t.TierLabels = d.texts(spec.At("tierLabels"), checkLabelKey)
	d.notEmpty(spec.At("tierLabels"), "a label key")
	t.Environments = d.texts(spec.At("environments"), func(string) string { return "" })
	d.notEmpty(spec.At("environments"), "the name of an environment")
	t.Within = d.environmentName(spec.At("within"))
	d.notEmpty(spec.At("expect"), "an expectation")
	for _, item := range d.list(spec.At("expect")) {
		t.Expect = append(t.Expect, d.expectation(item))
	}
	if !t.Checks() && !d.findings.Failed() {
		d.bad(configMissing, "spec", "holds neither expect nor within, so nothing would be checked; give one of them")
	}
}

func (d *decoder) expectation(f manifest.Field) Expectation {
	e := Expectation{Field: f.Path}
	if !d.item(f, fieldNames[Expectation]()) {
		return e
	}
	e.From = d.refs(f.At("from"), nil)
	e.To = d.refs(f.At("to"), nil)
	e.Ports = d.ports(f.At("ports"), false)
	e.Verdict = enum[Verdict](d, f.At("verdict"))
	if f.At("only").Present() {
		e.Only = d.refs(f.At("only"), nil)
	}
	if f.At("only").Present() == f.At("verdict").Present() {
		d.bad(configMissing, f.Path, "must have either verdict or only")
	}
	return e
}
