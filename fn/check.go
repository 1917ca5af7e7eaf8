package main

import (
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// checkResourceList runs a SegmentationTest, which changes nothing: on the environments that kustomize builds from the files of a
// package, or, where kustomize calls it as a transformer, on the items as they are.
func checkResourceList(in []byte, list *manifest.List) (manifest.Pieces, report.Findings, error) {
	test, findings := tier.DecodeTest(list.FunctionConfig)
	if findings.Failed() {
		return nil, nil, findings
	}
	if !inFiles(list) {
		findings, err := checkItems(list, test)
		return unlessFailed(manifest.Pieces{in}, findings, err)
	}
	findings, err := checkPackage(list, test)
	if err != nil || findings.Failed() {
		return unlessFailed(nil, findings, err)
	}
	var entries []manifest.Entry
	for _, it := range list.Items {
		entries = append(entries, manifest.Entry{Item: it})
	}
	out, err := list.Pieces(entries, findings.Sorted())
	return out, findings, err
}

// checkStream is the filter mode of a SegmentationTest.
func checkStream(in []byte, config *manifest.Object) (manifest.Pieces, report.Findings, error) {
	test, findings := tier.DecodeTest(config)
	if findings.Failed() {
		return nil, nil, findings
	}
	objects, err := manifest.ReadFile("", in)
	if err != nil {
		return nil, nil, err
	}
	findings, err = checkObjects(objects, test)
	return unlessFailed(manifest.Pieces{in}, findings, err)
}

// unlessFailed makes an error of findings that fail the run.
func unlessFailed(out manifest.Pieces, findings report.Findings, err error) (manifest.Pieces, report.Findings, error) {
	switch {
	case err != nil:
		return nil, nil, err
	case findings.Failed():
		return nil, nil, findings
	}
	return out, findings, nil
}

func checkPackage(list *manifest.List, test *tier.Test) (report.Findings, error) {
	f := newListPackage(list).folder()
	f.needed = test.Needs
	findings := f.readSet()
	if findings.Failed() {
		return findings, nil
	}
	fs, err := f.load()
	if err != nil {
		return nil, err
	}
	p, more := f.projectOf([]*tier.Test{test})
	findings = slices.Concat(findings, fs, more)
	if findings.Failed() {
		return findings, nil
	}
	fs, err = p.check()
	return append(findings, fs...), err
}

func checkItems(list *manifest.List, test *tier.Test) (report.Findings, error) {
	var objects []*manifest.Object
	for _, it := range list.Items {
		o, err := it.Object()
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return checkObjects(objects, test)
}

// checkObjects checks one environment. The set among the objects says what tiers and peers there are.
func checkObjects(objects []*manifest.Object, test *tier.Test) (report.Findings, error) {
	config, findings := oneSet(slices.DeleteFunc(slices.Clone(objects), func(o *manifest.Object) bool { return !isSet(o) }))
	if findings.Failed() {
		return findings, nil
	}
	set, findings := setOf(config)
	if findings.Failed() {
		return findings, nil
	}
	name, fs := streamEnvironment(set, test)
	if !fs.Failed() {
		fs = test.CheckEnvironments([]string{name})
	}
	if findings = append(findings, fs...); findings.Failed() {
		return findings, nil
	}
	p := &project{set: set, tests: []*tier.Test{test}, environments: []applied{{name, objects}}}
	fs, err := p.check()
	return append(findings, fs...), err
}

// streamEnvironment is the environment that a stream is: the one that the set says, else the one that the test is for.
func streamEnvironment(set *tier.Set, test *tier.Test) (string, report.Findings) {
	switch {
	case set.Environment != "" || len(test.Environments) == 0:
		return set.Environment, nil
	case len(test.Environments) == 1:
		return test.Environments[0], nil
	}
	return "", report.Findings{{ID: ModeConfig, Severity: report.Error, File: test.Source.File, Index: test.Source.Index,
		Object: report.Object{APIVersion: tier.APIVersion, Kind: tier.TestKind, Name: test.Name}, Field: "spec.environments",
		Message: fmt.Sprintf("names %s, and a stream is one environment: name the one that it is", strings.Join(test.Environments, ", "))}}
}

// check is what the tests alone have to say.
func (p *project) check() (report.Findings, error) {
	p.testsOnly = true
	return p.findings()
}
