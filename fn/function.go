package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Most runs end before their memory matters, and main has the collector run seldom. For an input of more than largeInput
// bytes the peak does matter: collectOften is how far the heap then grows between two collections, in percent of what is
// alive. It is measured by `make bench`.
const (
	largeInput   = 1 << 18
	collectOften = 60
)

// runFunction reads a ResourceList or a plain YAML stream and gives what is to be written. It writes nothing itself, so
// that a failure leaves the caller with no output at all. config is the configuration of a plain stream, nil for the
// preset; a ResourceList carries its own. The findings are for people; as an error they stop the run.
func runFunction(in []byte, config *manifest.Object) (out manifest.Pieces, findings report.Findings, err error) {
	if len(in) > largeInput {
		debug.SetGCPercent(collectOften)
	}
	if !manifest.IsList(in) {
		if isTest(config) {
			return checkStream(in, config)
		}
		return runStream(in, config)
	}
	if config != nil {
		return nil, nil, report.Findings{{ID: ModeConfig, Severity: report.Error, File: config.Source.File,
			Message: "--config is for plain streams, and the input is a ResourceList, which carries its own functionConfig: leave the flag out"}}
	}
	return runList(in)
}

// inFiles reports whether the items are the files of a package. What kustomize gives to a transformer may have paths too.
func inFiles(list *manifest.List) bool {
	return slices.ContainsFunc(list.Items, func(it *manifest.Item) bool { return it.Path != "" && !it.KustomizeID })
}

// runList is the package mode where the items have paths, and the stream mode where they have none, as kustomize gives
// them to a transformer.
func runList(in []byte) (manifest.Pieces, report.Findings, error) {
	list, err := manifest.ReadList(in)
	if err != nil {
		return nil, nil, err
	}
	if generator(list) {
		return nil, nil, report.Findings{{ID: ModeGenerator, Severity: report.Error,
			Message: "a kustomize generator sees no resources, so no workload can be found: list the same file under transformers: of a Component instead"}}
	}
	if isTest(list.FunctionConfig) {
		return checkResourceList(in, list)
	}
	config, err := configOf(list)
	if err != nil {
		return nil, nil, err
	}
	set, findings := setOf(config)
	if findings.Failed() {
		return nil, nil, findings
	}
	if inFiles(list) {
		return runPackage(list, set)
	}
	d := derivation{set: set}
	if err := list.EachObject(d.add); err != nil {
		return nil, nil, err
	}
	policies, fs := d.finish()
	findings = append(findings, fs...)
	if findings.Failed() {
		return nil, nil, findings
	}
	u, err := updateOf(list.Items, set, policies)
	if err != nil {
		return nil, nil, err
	}
	out, err := list.Pieces(u.entries(list.Items), findings.Sorted())
	return out, findings, err
}

// generator reports whether kustomize runs the function under generators: its one item is its own configuration.
func generator(list *manifest.List) bool {
	return list.FunctionConfig != nil && len(list.Items) == 1 && list.Items[0].Kind == list.FunctionConfig.Kind &&
		list.Items[0].Name == list.FunctionConfig.Name
}

// runStream is the filter mode: plain YAML in and out, as a Helm post-renderer or in a pipe.
func runStream(in []byte, config *manifest.Object) (manifest.Pieces, report.Findings, error) {
	stream, err := manifest.ReadStream(in)
	if err != nil {
		return nil, nil, err
	}
	set, findings := setOf(config)
	if findings.Failed() {
		return nil, nil, findings
	}
	d := derivation{set: set}
	if err := stream.EachObject(d.add); err != nil {
		return nil, nil, err
	}
	policies, fs := d.finish()
	findings = append(findings, fs...)
	if findings.Failed() {
		return nil, nil, findings
	}
	u, err := updateOf(stream.Items, set, policies)
	if err != nil {
		return nil, nil, err
	}
	for it := range u.stale {
		u.replaced[it] = nil // an empty document
	}
	return stream.Pieces(u.replaced, u.texts()), findings, nil
}

func setOf(config *manifest.Object) (*tier.Set, report.Findings) {
	if config == nil {
		return tier.Default(), nil
	}
	return tier.Decode(config)
}

// derivation is the walk from objects to policies for one environment in one layer. It takes objects one at a time and
// keeps none of them.
type derivation struct {
	set       *tier.Set
	inventory discovery.Reader
	existing  []existingPolicy
}

// existingPolicy is a NetworkPolicy of the input that is not the set's own.
type existingPolicy struct {
	ref    report.Object
	source workload.Source
}

func (d *derivation) add(o *manifest.Object) {
	d.inventory.Add(o)
	if isPolicy(o) && !ownedBy(o, d.set) {
		d.existing = append(d.existing, existingPolicy{o.Ref(), o.Source})
	}
}

func (d *derivation) finish() ([]*networkingv1.NetworkPolicy, report.Findings) {
	inventory, findings := d.inventory.Finish()
	model, findings := modelOf(d.set, d.set.Environment, inventory, findings)
	if findings.Failed() {
		return nil, findings
	}
	policies, fs := placement.Flat(placement.Owner{Set: d.set.Name, Labels: d.set.Labels}, model)
	findings = append(findings, fs...)
	return policies, append(findings, d.handWritten(policies)...)
}

// handWritten refuses to take the name of a policy that is in the input already.
func (d *derivation) handWritten(policies []*networkingv1.NetworkPolicy) report.Findings {
	var findings report.Findings
	for _, e := range d.existing {
		if !slices.ContainsFunc(policies, func(p *networkingv1.NetworkPolicy) bool {
			return p.Name == e.ref.Name && sameNamespace(p.Namespace, e.ref.Namespace)
		}) {
			continue
		}
		findings = append(findings, report.Finding{ID: placement.PolicyHandWritten, Severity: report.Error, Object: e.ref,
			File: e.source.File, Index: e.source.Index, Field: "metadata.name", Message: fmt.Sprintf("%q is the name of a policy of ours, and a hand-written one bears it: rename the hand-written one", e.ref.Name)})
	}
	return findings
}

// readInput reads all of the input; none at all is an error, since an empty answer would delete the user's package.
func readInput(r io.Reader) ([]byte, error) {
	in, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("standard input cannot be read: %w", err)
	}
	if len(bytes.TrimSpace(bytes.TrimPrefix(in, []byte("\xef\xbb\xbf")))) == 0 {
		return nil, report.Findings{{ID: manifest.InputEmpty, Severity: report.Error,
			Message: "standard input is empty: give it a ResourceList or a YAML stream, or see tierwall --help"}}
	}
	return in, nil
}
