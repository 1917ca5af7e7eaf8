package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// verifyCommand is `tierwall verify DIR|FILE|-`.
func verifyCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify DIR|FILE|-",
		Short: "Prove that the policies open exactly the connections that are meant",
		Long: `verify builds every environment of a folder in process, as kustomize would apply it, and compares
what the policies let through, ours and hand-written ones, with what is meant: flows, invariants
(never) and the SegmentationTests of the folder. A file, or - for standard input, is one environment:
what kustomize build or kubectl get -o yaml wrote. It changes nothing.

Exit codes: 0 all holds, 1 findings of severity error, 2 usage or unreadable input.`,
		Example: `  tierwall verify kustomize
  kustomize build overlays/prod | tierwall verify -
  kubectl get deploy,sts,ds,pods,svc,ns,netpol -A -o yaml | tierwall verify -`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			*code = verify(args[0], stdin, stdout, stderr)
			return nil
		},
	}
	return cmd
}

func verify(source string, stdin io.Reader, stdout, stderr io.Writer) int {
	p, findings, err := readProject(source, stdin)
	if err != nil {
		fmt.Fprintf(stderr, "tierwall: %v\n", err)
		return exitUsage
	}
	if findings.Failed() {
		say(stderr, findings)
		return exitFindings
	}
	proofs, err := p.prove()
	if err != nil {
		say(stderr, findings)
		return fail(stderr, err)
	}
	for _, e := range proofs {
		findings = append(findings, e.findings...)
	}
	say(stderr, findings)
	for _, e := range proofs {
		fmt.Fprintln(stdout, e.summary())
	}
	if findings.Failed() {
		return exitFindings
	}
	return exitGood
}

// project is what is proved: environments, the set, and tests.
type project struct {
	set          *tier.Set
	tests        []*tier.Test
	environments []applied
}

// applied is what would be applied together.
type applied struct {
	// name is the environment's; empty where there is only one, without a name.
	name    string
	objects []*manifest.Object
}

// proof is what was proved of an environment.
type proof struct {
	applied
	*assertion.Proof
	model    *tier.Model
	findings report.Findings
}

// readProject reads a folder, a file, or standard input where the source is "-". The error is for what cannot be read.
func readProject(source string, stdin io.Reader) (*project, report.Findings, error) {
	if source != "-" {
		info, err := os.Stat(source)
		if err != nil {
			return nil, nil, err
		}
		if info.IsDir() {
			f, findings, err := readFolder(source)
			if err != nil || findings.Failed() {
				return nil, findings, err
			}
			p, fs := f.project()
			return p, append(findings, fs...), nil
		}
	}
	in, name, err := readSource(source, stdin)
	if err != nil {
		return nil, nil, err
	}
	f := &folder{root: "/", fsys: filesys.MakeFsInMemory(), files: placement.Files{name: in}, objects: map[string][]*manifest.Object{}}
	findings := f.readSet()
	if findings.Failed() {
		return nil, findings, nil
	}
	p, fs := f.project()
	return p, append(findings, fs...), nil
}

// readSource reads a file, or standard input under the name that stands for a stream without paths.
func readSource(source string, stdin io.Reader) (in []byte, name string, err error) {
	if source == "-" {
		in, err = readInput(stdin)
		return in, "", err
	}
	in, err = os.ReadFile(source)
	return in, filepath.Base(source), err
}

// project is the folder's environments, as kustomize builds them; all of its objects, where it has no kustomization.
func (f *folder) project() (*project, report.Findings) {
	p := &project{set: f.set}
	tree, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		return nil, findings
	}
	tests, fs := f.readTests()
	p.tests = tests
	findings = append(findings, fs...)
	if len(tree.Layers) == 0 {
		objects, fs := f.everyObject()
		p.environments = []applied{{name: f.set.Environment, objects: objects}}
		return p, append(findings, fs...)
	}
	frozen, fs := f.freeze(tree)
	findings = append(findings, fs...)
	roots, err := f.buildRoots(tree, frozen)
	if err != nil {
		return nil, append(findings, findingsOf(err)...)
	}
	for _, e := range together(roots) {
		one := applied{name: e.name}
		for _, r := range e.roots {
			one.objects = append(one.objects, r.built.Objects...)
		}
		p.environments = append(p.environments, one)
	}
	return p, findings
}

// everyObject is all KRM objects of the folder's files.
func (f *folder) everyObject() ([]*manifest.Object, report.Findings) {
	var objects []*manifest.Object
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		read, err := f.read(name)
		if err != nil {
			findings = append(findings, findingsOf(err)...)
			continue
		}
		for _, o := range read {
			if manifest.IsKRM(o) {
				objects = append(objects, o)
			}
		}
	}
	return objects, findings
}

// readTests finds the SegmentationTests of the folder.
func (f *folder) readTests() ([]*tier.Test, report.Findings) {
	var tests []*tier.Test
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if !bytes.Contains(f.files[name], []byte(tier.TestKind)) {
			continue
		}
		objects, err := f.read(name)
		if err != nil {
			continue // a file that is no part of a layer may hold anything
		}
		for _, o := range objects {
			if o.Kind != tier.TestKind || o.Group() != "tierwall.dev" {
				continue
			}
			t, fs := tier.DecodeTest(o)
			findings = append(findings, fs...)
			if t != nil && !fs.Failed() {
				tests = append(tests, t)
			}
		}
	}
	return tests, findings
}

// prove proves every environment.
func (p *project) prove() ([]*proof, error) {
	var out []*proof
	for _, e := range p.environments {
		one, err := p.proveOne(e)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (p *project) proveOne(e applied) (*proof, error) {
	inventory, findings := discovery.Read(e.objects)
	var tests []assertion.Test
	for _, t := range p.tests {
		if len(t.Environments) > 0 && !slices.Contains(t.Environments, path.Base(e.name)) && !slices.Contains(t.Environments, e.name) {
			continue
		}
		seen := p.set.ForTest(t)
		seen.AssignTiers(inventory)
		expected, fs := seen.Expect(e.name, inventory, t)
		findings = append(findings, fs...)
		tests = append(tests, assertion.Test{Test: t, Expected: expected})
	}
	model, fs := modelOf(p.set, e.name, inventory)
	findings = append(findings, fs...)
	a, err := assertion.New(assertion.Input{Model: model, Inventory: inventory, Objects: e.objects, Tests: tests,
		Profile: p.set.Profile, OwnLabel: policy.SetLabel})
	if err != nil {
		return nil, err
	}
	return &proof{e, a, model, append(findings, a.Findings()...).Sorted()}, nil
}

// summary is one line that says what was proved.
func (p *proof) summary() string {
	name := p.name
	if name == "" {
		name = "the environment"
	}
	flows, nevers := 0, 0
	for _, g := range p.model.Groups {
		flows += len(g.From) * len(g.To)
	}
	for _, g := range p.model.NeverGroups {
		nevers += len(g.From) * len(g.To)
	}
	verdict := "proved"
	if p.findings.Failed() {
		verdict = "NOT proved"
	}
	return fmt.Sprintf("%s: %s: %s under %s; %s meant, %s ruled out", name, verdict, count(len(p.model.Workloads), "workload"),
		count(p.Policies(), "policy"), count(flows, "connection"), count(nevers, "connection"))
}

// count is the number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "policy":
		return fmt.Sprintf("%d policies", n)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// findingsOf are the findings that an error stands for.
func findingsOf(err error) report.Findings {
	var fs report.Findings
	if errors.As(err, &fs) {
		return fs
	}
	return report.Findings{{ID: EnvironmentNotBuilt, Severity: report.Error, Message: err.Error()}}
}
