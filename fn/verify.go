package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// verifyCommand is `tierwall verify DIR|FILE|-`.
func verifyCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify DIR|FILE|-",
		Short: "Prove that the policies open exactly the connections that are meant",
		Long: `verify builds every environment of a folder in process, as kustomize would apply it, and compares
what the policies let through, ours and hand-written ones, with what is meant: flows, invariants
(never) and the SegmentationTests of the folder. A file, or - for standard input, is one environment:
what kustomize build or kubectl get -o yaml wrote. It changes nothing.

Exit codes: 0 all holds, 1 findings of severity error, 2 usage or unreadable input.`,
		Example: `  tierwall verify kustomize
  tierwall verify kustomize -o sarif > tierwall.sarif
  kustomize build overlays/prod | tierwall verify -
  kubectl get deploy,sts,ds,pods,svc,ns,netpol -A -o yaml | tierwall verify -`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(report.Formats(), format) {
				return fmt.Errorf("--output %q is no format; known are %s", format, strings.Join(report.Formats(), ", "))
			}
			*code = verify(args[0], report.Format(format), stdin, stdout, stderr)
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", string(report.Text), "`FORMAT` of the report on standard output: "+strings.Join(report.Formats(), ", "))
	return cmd
}

// verify writes the report to standard output. In text, findings go to standard error; the other formats hold them.
func verify(source string, format report.Format, stdin io.Reader, stdout, stderr io.Writer) int {
	r := &report.Report{Version: version, Root: rootOf(source)}
	p, findings, err := readProject(source, stdin)
	if err != nil {
		fmt.Fprintf(stderr, "tierwall: %v\n", err)
		return exitUsage
	}
	r.Findings = findings
	if !findings.Failed() {
		proofs, err := p.prove()
		if err != nil {
			return fail(stderr, err)
		}
		for _, e := range proofs {
			r.Environments = append(r.Environments, e.report())
		}
	}
	if format == report.Text {
		say(stderr, r.All())
	}
	if err := r.Write(stdout, format); err != nil {
		fmt.Fprintf(stderr, "tierwall: writing standard output: %v\n", err)
		return exitUsage
	}
	if r.All().Failed() {
		return exitFindings
	}
	return exitGood
}

// rootOf is what the files of the findings are below, seen from the working directory; empty where that is not below it.
func rootOf(source string) string {
	if source == "-" || filepath.IsAbs(source) || !filepath.IsLocal(source) {
		return ""
	}
	if info, err := os.Stat(source); err == nil && !info.IsDir() {
		source = filepath.Dir(source)
	}
	return filepath.ToSlash(source)
}

// project is what is proved: environments, the set, and tests.
type project struct {
	set          *tier.Set
	tests        []*tier.Test
	environments []applied
	// testsOnly is true where the tests alone are proved, whatever flows are meant.
	testsOnly bool
	// declared gives the name that the manifest of a workload has, before kustomize put its prefixes and suffixes around
	// it. Nil where nothing was built.
	declared func(*workload.Workload) string
}

// applied is what would be applied together.
type applied struct {
	// name is the environment's; empty where there is only one, without a name.
	name    string
	objects []*manifest.Object
}

// proof is what was proved of an environment. Without a model there is no Proof, and the findings say why.
type proof struct {
	applied
	*assertion.Proof
	model *tier.Model
	// inventory is what the model was made of.
	inventory *workload.Inventory
	// said is what there is to say of the input, findings what the proof says.
	said, findings report.Findings
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
	f := &folder{files: placement.Files{name: in}, objects: map[string][]*manifest.Object{}}
	findings := f.readSet()
	if findings.Failed() {
		return nil, findings, nil
	}
	p, fs := f.flatProject()
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
	tests, findings := f.readTests()
	p, fs := f.projectOf(tests)
	return p, append(findings, fs...)
}

// projectOf is the folder's project with the tests.
func (f *folder) projectOf(tests []*tier.Test) (*project, report.Findings) {
	tree, findings := placement.ReadTree(f.files)
	if findings.Failed() {
		return nil, findings
	}
	if len(tree.Layers) == 0 {
		p, fs := f.flatProjectOf(tests)
		return p, append(findings, fs...)
	}
	p := &project{set: f.set, tests: tests, declared: f.declaredName}
	frozen, fs := f.freeze(tree)
	findings = append(findings, fs...)
	roots, err := f.buildRoots(tree, frozen)
	if err != nil {
		return nil, append(findings, findingsOf(err)...)
	}
	p.environments = appliedTogether(roots)
	if len(frozen) == 0 {
		findings = append(findings, f.set.CheckEnvironments(p.names())...)
	}
	return p, append(findings, checkEnvironments(tests, p, tree)...)
}

// flatProject is one environment of all objects of the folder's files.
func (f *folder) flatProject() (*project, report.Findings) {
	tests, findings := f.readTests()
	p, fs := f.flatProjectOf(tests)
	return p, append(findings, fs...)
}

func (f *folder) flatProjectOf(tests []*tier.Test) (*project, report.Findings) {
	objects, findings := f.everyObject()
	p := &project{set: f.set, tests: tests, environments: []applied{{f.set.Environment, objects}}}
	return p, append(findings, checkEnvironments(tests, p, &placement.Tree{})...)
}

// appliedTogether are the environments of roots that are built, policies of ours included.
func appliedTogether(roots []*builtRoot) []applied {
	var out []applied
	for _, e := range together(roots) {
		one := applied{name: e.name}
		for _, r := range e.roots {
			one.objects = append(one.objects, r.built.Objects...)
		}
		out = append(out, one)
	}
	return out
}

func (p *project) names() []string {
	var out []string
	for _, e := range p.environments {
		out = append(out, e.name)
	}
	return out
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
			if !isTest(o) {
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
	var said []report.Findings
	for _, e := range p.environments {
		one, err := p.proveOne(e)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
		said = append(said, one.said)
	}
	holds := map[report.Finding]bool{}
	for _, f := range tier.Joined(said) {
		holds[f] = true
	}
	for _, one := range out {
		one.said = slices.DeleteFunc(one.said, func(f report.Finding) bool { return !holds[f] })
		one.findings = append(one.findings, p.within(one, out)...)
	}
	return out, nil
}

// findings is what the proofs of all environments find.
func (p *project) findings() (report.Findings, error) {
	proofs, err := p.prove()
	var out report.Findings
	for _, one := range proofs {
		out = append(out, one.findings...)
	}
	return out, err
}

func (p *project) proveOne(e applied) (*proof, error) {
	inventory, said := discovery.Read(e.objects)
	giveDeclared(inventory, p.declared)
	out := &proof{applied: e}
	if p.testsOnly && said.Failed() {
		out.findings = said
	}
	var tests []assertion.Test
	for _, t := range p.tests {
		if !t.In(e.name) {
			continue
		}
		seen := p.set.ForTest(t)
		seen.AssignTiers(inventory)
		expected, fs := seen.Expect(e.name, inventory, t)
		out.findings = append(out.findings, fs...)
		tests = append(tests, assertion.Test{Test: t, Expected: expected})
	}
	model, said := modelOf(p.set, e.name, inventory, said)
	out.said = said.Sorted()
	if p.testsOnly {
		out.said = nil
	}
	if model == nil && p.testsOnly {
		model = &tier.Model{Environment: e.name, Workloads: inventory.Workloads}
	}
	if model == nil {
		return out, nil
	}
	out.model, out.inventory = model, inventory
	a, err := assertion.New(assertion.Input{Model: model, Inventory: inventory, Objects: e.objects, Tests: tests,
		Profile: p.set.Profile, OwnLabel: policy.SetLabel})
	if err != nil {
		return nil, err
	}
	out.Proof = a
	if p.testsOnly {
		out.findings = append(out.findings, a.TestFindings()...)
	} else {
		out.findings = append(out.findings, a.Findings()...)
	}
	return out, nil
}

// report is the proof as it is written.
func (p *proof) report() report.Environment {
	e := report.Environment{Name: p.name, Findings: append(slices.Clone(p.said), p.findings...)}
	if p.Proof == nil {
		return e
	}
	e.Workloads, e.Policies = len(p.model.Workloads), p.Policies()
	for _, g := range p.model.Groups {
		e.Flows += len(g.From) * len(g.To)
	}
	for _, g := range p.model.NeverGroups {
		e.Nevers += len(g.From) * len(g.To)
	}
	return e
}

// findingsOf are the findings that an error stands for.
func findingsOf(err error) report.Findings {
	var fs report.Findings
	if errors.As(err, &fs) {
		return fs
	}
	return report.Findings{{ID: EnvironmentNotBuilt, Severity: report.Error, Message: err.Error()}}
}
