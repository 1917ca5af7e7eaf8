package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// oneFile is what `tierwall render DIR --to FILE` is asked for.
type oneFile struct {
	dir string
	// file is the file to write; "-" is standard output.
	file string
	// environment is empty where the folder has only one.
	environment string
	// check writes nothing, and fails when the file would change.
	check bool
}

// toStdout is the file that stands for standard output.
const toStdout = "-"

// run writes the policies of one environment into one file, and leaves the folder as it is.
func (o oneFile) run(stdout, stderr io.Writer) int {
	if o.check && o.file == toStdout {
		return fail(stderr, fmt.Errorf("--check compares a file, and --to - is none: name the file that is committed"))
	}
	f, findings, err := readFolder(o.dir)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, findings)
	if findings.Failed() {
		return exitFindings
	}
	if err := o.outside(f.root); err != nil {
		return fail(stderr, err)
	}
	f.needed = func(string) bool { return true }
	f.progress = func(what string, done, total int) { progress(stderr, what, done, total) }
	text, findings, err := o.text(f)
	progressDone(stderr)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, findings)
	if findings.Failed() {
		return exitFindings
	}
	return o.write(text, stdout, stderr)
}

// outside refuses a file below the root, which is absolute and free of symbolic links.
func (o oneFile) outside(root string) error {
	if o.file == toStdout {
		return nil
	}
	dir, err := resolveDir(filepath.Dir(o.file))
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("--to %s is inside of %s, where the next render would take it for a part of the package: write it elsewhere", o.file, o.dir)
	}
	return nil
}

// write writes what has changed, or says that something has.
func (o oneFile) write(text []byte, stdout, stderr io.Writer) int {
	if o.file == toStdout {
		if _, err := stdout.Write(text); err != nil {
			return fail(stderr, fmt.Errorf("standard output cannot be written: %w", err))
		}
		return exitGood
	}
	old, err := os.ReadFile(o.file)
	switch {
	case err != nil && !os.IsNotExist(err):
		return fail(stderr, unreadable(o.file, err))
	case err == nil && bytes.Equal(old, text):
		if !o.check {
			fmt.Fprintln(stdout, "nothing to change")
		}
		return exitGood
	case o.check:
		fmt.Fprintf(stderr, "tierwall: error: %s: is not what the configuration gives: run the same command without --check [%s]\n", o.file, PackageOutOfDate)
		return exitFindings
	}
	if err := manifest.WriteFiles(filepath.Dir(o.file), map[string][]byte{filepath.Base(o.file): text}, nil); err != nil {
		return fail(stderr, err)
	}
	fmt.Fprintln(stdout, "wrote", o.file)
	return exitGood
}

// text is the file: the policies of the environment, once it is proved that they open what is meant.
func (o oneFile) text(f *folder) ([]byte, report.Findings, error) {
	tree, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		return nil, findings, nil
	}
	meant, objects, fs, err := o.meant(f, tree)
	findings = append(findings, fs...)
	if err != nil || findings.Failed() {
		return nil, findings, err
	}
	policies, fs := placement.Flat(placement.Owner{Set: f.set.Name, Labels: f.set.Labels}, meant.Model)
	findings = append(append(findings, fs...), o.handWritten(f, meant.Existing, policies)...)
	if findings.Failed() {
		return nil, findings, nil
	}
	if len(policies) == 0 {
		return nil, nil, fmt.Errorf("%s holds no workloads, so there are no policies to write", o.dir)
	}
	text := annotated(f.set.Name, meant.Model, policies)
	fs, err = o.prove(f, tree, meant.Model.Environment, objects, text)
	return text, append(findings, fs...), err
}

// meant is what is meant in the environment, and its objects without policies of ours. The environment is built as if
// there were no others: what cannot be built of those does not matter here.
func (o oneFile) meant(f *folder, tree *placement.Tree) (placement.Environment, []*manifest.Object, report.Findings, error) {
	if len(tree.Layers) == 0 {
		return o.flat(f)
	}
	blind, findings := o.blind(f, tree)
	if findings.Failed() {
		return placement.Environment{}, nil, findings, nil
	}
	roots, err := f.buildRoots(tree, blind)
	if err != nil {
		return placement.Environment{}, nil, findings, err
	}
	environments := together(roots)
	chosen, err := o.choose(environments, len(blind))
	if err != nil {
		return placement.Environment{}, nil, findings, err
	}
	if len(blind) == 0 {
		findings = append(findings, f.set.CheckEnvironments(namesOf(environments))...)
	}
	meant, fs := f.meant(*chosen)
	var objects []*manifest.Object
	for _, r := range chosen.roots {
		objects = append(objects, r.objects...)
	}
	return meant, objects, append(findings, fs...), nil
}

// flat is a folder without kustomizations: one environment of all that it holds.
func (o oneFile) flat(f *folder) (placement.Environment, []*manifest.Object, report.Findings, error) {
	if o.environment != "" && o.environment != f.set.Environment {
		return placement.Environment{}, nil, nil, noEnvironment(o.dir, o.environment, []string{f.set.Environment})
	}
	all, findings := f.everyObject()
	if findings.Failed() {
		return placement.Environment{}, nil, findings, nil
	}
	objects := slices.DeleteFunc(all, f.owns)
	inventory, findings := discovery.Read(objects)
	model, findings := modelOf(f.set, f.set.Environment, inventory, findings)
	return placement.Environment{Model: model, Existing: inventory.Policies}, objects, findings, nil
}

// choose is the environment that is asked for, or the only one; so many more cannot be built here.
func (o oneFile) choose(environments []environment, more int) (*environment, error) {
	names := namesOf(environments)
	for i, name := range names {
		if name == o.environment || o.environment == "" && len(names)+more == 1 {
			return &environments[i], nil
		}
	}
	if o.environment == "" {
		return nil, fmt.Errorf("--to writes one environment: choose with --environment one of %s", strings.Join(names, ", "))
	}
	return nil, noEnvironment(o.dir, o.environment, names)
}

func namesOf(environments []environment) []string {
	var names []string
	for _, e := range environments {
		names = append(names, e.name)
	}
	return names
}

// blind finds the roots that cannot be built here, by their directories. There are findings where the environment that
// is asked for is among them.
func (o oneFile) blind(f *folder, tree *placement.Tree) (map[string]bool, report.Findings) {
	blind := map[string]bool{}
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
		root := tree.Roots[name]
		i := slices.IndexFunc(tree.BlindIn(root), func(b placement.Blind) bool { return b.Reason != placement.Absent })
		if i < 0 {
			continue // of a file that is absent kustomize itself will say so
		}
		blind[root.Dir] = true
		if path.Base(name) == path.Base(o.environment) || len(tree.Roots) == 1 {
			findings = append(findings, f.notProven(name, root, tree.BlindIn(root)[i]))
		}
	}
	return blind, findings
}

// handWritten refuses to take the name of a policy that is in the environment already, unless it says the same.
func (o oneFile) handWritten(f *folder, existing []workload.ExistingPolicy, policies []*networkingv1.NetworkPolicy) report.Findings {
	var findings report.Findings
	for _, x := range existing {
		for _, p := range policies {
			if x.Name != p.Name || !sameNamespace(x.Namespace, p.Namespace) {
				continue
			}
			theirs := f.objectAt(placement.Clash{Existing: x})
			if theirs != nil && saysTheSame(theirs, p) {
				continue
			}
			findings = append(findings, report.Finding{ID: placement.PolicyHandWritten, Severity: report.Error, File: x.Source.File, Index: x.Source.Index,
				Object: report.Object{APIVersion: p.APIVersion, Kind: p.Kind, Name: x.Name}, Field: "metadata.name",
				Message: fmt.Sprintf("is the name of a policy that goes to %s, and one of the two would overwrite the other: rename the hand-written one, or take it out", o.file)})
		}
	}
	return findings
}

// prove proves the environment with the policies of the file in the place of those that are committed.
func (o oneFile) prove(f *folder, tree *placement.Tree, environment string, objects []*manifest.Object, text []byte) (report.Findings, error) {
	written, err := manifest.ReadFile(o.file, text)
	if err != nil {
		return nil, err
	}
	tests, findings := f.readTests()
	p := &project{set: f.set, tests: tests, declared: f.declaredName, environments: []applied{{environment, slices.Concat(objects, written)}}}
	found, err := p.findings()
	return slices.Concat(findings, checkEnvironments(tests, p, tree), found), err
}
