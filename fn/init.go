package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/proposal"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// proposedFile is where init writes the configuration of a folder.
const proposedFile = "networkpolicyset.yaml"

// initOptions are the flags of `tierwall init`.
type initOptions struct {
	output     string
	force, ask bool
}

// initCommand is `tierwall init DIR|FILE|-`.
func initCommand(stdin io.Reader, stdout, stderr io.Writer, interactive bool, code *int) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init DIR|FILE|-",
		Short: "Propose a configuration from what the manifests say",
		Long: `init reads manifests (a folder, a kustomize tree, a rendered chart, what kubectl get -o yaml wrote)
and proposes a NetworkPolicySet: the tier of each workload, the flows between them and to the outside,
and behind each line how sure it is and why: the label, image, port or name; the variable, argument or
configuration file that holds an address; the Ingress, the ServiceMonitor. What the manifests do not
say stands as questions at its end, each with how to find out. Nothing is opened that no evidence or
the preset asks for. Read it, answer the questions, then run tierwall render.

For a folder it is written to DIR/networkpolicyset.yaml, where render finds it; for a file or standard
input, to standard output. A configuration that is already there is not overwritten without --force.

Exit codes: 0 proposed, 1 findings of severity error (nothing is written), 2 usage or unreadable input.`,
		Example: `  tierwall init kustomize
  tierwall init kustomize --ask       # asks about what the manifests do not say
  tierwall init kustomize -o -        # to standard output
  helm template shop ./chart | tierwall init - > networkpolicyset.yaml
  kubectl get deploy,sts,ds,job,cronjob,svc,cm,ing,ns -n shop -o yaml | tierwall init -`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if o.ask && args[0] == "-" {
				return fmt.Errorf("--ask reads the answers from standard input, which holds the manifests: give a folder or a file")
			}
			if o.ask && !interactive {
				return fmt.Errorf("--ask needs a terminal: run it without --ask, and answer the questions at the end of the file")
			}
			*code = initialise(args[0], o, stdin, stdout, stderr)
			return nil
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "`FILE` to write, - for standard output (default DIR/networkpolicyset.yaml)")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite a configuration that is already there")
	cmd.Flags().BoolVar(&o.ask, "ask", false, "ask about what the manifests do not say, on the terminal")
	return cmd
}

func initialise(source string, o initOptions, stdin io.Reader, stdout, stderr io.Writer) int {
	if o.output == "" {
		o.output = "-"
		if info, err := os.Stat(source); err == nil && info.IsDir() && source != "-" {
			o.output = filepath.Join(source, proposedFile)
		}
	}
	environments, findings, err := readForInit(source, o, stdin, stderr)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, findings)
	if findings.Failed() {
		return exitFindings
	}
	p := proposal.Propose(environments, nil)
	if o.ask {
		if p, err = ask(environments, p, stdin, stderr); err != nil {
			return fail(stderr, err)
		}
	}
	content := p.Write()
	if err := checkProposal(content); err != nil {
		return fail(stderr, err)
	}
	if o.output == "-" {
		if _, err := stdout.Write(content); err != nil {
			return fail(stderr, fmt.Errorf("standard output cannot be written: %w", err))
		}
		return exitGood
	}
	if err := manifest.WriteFiles(filepath.Dir(o.output), map[string][]byte{filepath.Base(o.output): content}, nil); err != nil {
		return fail(stderr, err)
	}
	fmt.Fprintf(stdout, "wrote %s: %s\n", filepath.Base(o.output), p.Summary())
	return exitGood
}

// readForInit reads what is applied together, and says so where a configuration is in the way.
func readForInit(source string, o initOptions, stdin io.Reader, stderr io.Writer) ([]proposal.Environment, report.Findings, error) {
	if _, err := os.Stat(o.output); err == nil && o.output != "-" && !o.force {
		return nil, report.Findings{setExists(filepath.Base(o.output), 0)}, nil
	}
	p, findings, err := readManifests(source, o, stdin, stderr)
	if err != nil || findings.Failed() {
		return nil, findings, err
	}
	var out []proposal.Environment
	workloads := 0
	for _, e := range p.environments {
		inventory, _ := discovery.Read(e.objects)
		giveDeclared(inventory, p.declared)
		workloads += len(inventory.Workloads)
		out = append(out, proposal.Environment{Name: e.name, Inventory: inventory, Policies: handWrittenPolicies(e.objects)})
	}
	if workloads == 0 {
		findings = append(findings, report.Finding{ID: InitNoWorkloads, Severity: report.Error,
			Message: "holds no workload, so there is nothing to propose: give the folder or the stream that holds the Deployments, StatefulSets and the like"})
	}
	return out, findings, nil
}

// handWrittenPolicies are the policies among objects that are none of this tool's. One that cannot be decoded says nothing here:
// render says what is wrong with it.
func handWrittenPolicies(objects []*manifest.Object) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	for _, o := range objects {
		if o.Kind != "NetworkPolicy" || o.Group() != networkingv1.GroupName {
			continue
		}
		if p, err := manifest.DecodePolicy(o); err == nil && p.Labels[policy.SetLabel] == "" {
			out = append(out, p)
		}
	}
	return out
}

// readManifests is the project that a source holds, seen without any configuration.
func readManifests(source string, o initOptions, stdin io.Reader, stderr io.Writer) (*project, report.Findings, error) {
	info, err := os.Stat(source)
	if source == "-" || err == nil && !info.IsDir() {
		return readProject(source, stdin)
	}
	f, findings, err := readFolder(source)
	if err != nil {
		return nil, nil, err
	}
	if name, inside := f.holds(o.output); inside {
		if in := f.set; !o.force && in != nil && in.Source.File != "" {
			return nil, report.Findings{setExists(in.Source.File, in.Source.Index)}, nil
		}
		if findings.Failed() && !o.force {
			return nil, findings, nil
		}
		if err := f.onlySetIn(name); err != nil {
			return nil, nil, err
		}
	}
	f.set = tier.Default()
	f.progress = func(what string, done, total int) { progress(stderr, what, done, total) }
	p, fs := f.project()
	progressDone(stderr)
	return p, fs, nil
}

// holds is the name below the folder of a file that is to be written; false for standard output and for one elsewhere.
func (f *folder) holds(output string) (name string, inside bool) {
	if output == "-" {
		return "", false
	}
	dir, err := filepath.Abs(filepath.Dir(output))
	if err != nil {
		return "", false
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(f.root, filepath.Join(dir, filepath.Base(output)))
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// onlySetIn refuses to write a second configuration beside one that is elsewhere, or over one that shares its file.
func (f *folder) onlySetIn(name string) error {
	for _, file := range slices.Sorted(maps.Keys(f.files)) {
		if !meantAsConfig(f.files[file]) {
			continue
		}
		objects, err := f.read(file)
		for i, o := range objects {
			if isSet(o) && (file != name || len(objects) > 1) {
				return report.Findings{setExists(file, i)}
			}
		}
		if err != nil && file != name {
			return err
		}
	}
	return nil
}

func setExists(file string, index int) report.Finding {
	return report.Finding{ID: InitSetExists, Severity: report.Error, File: file, Index: index,
		Message: "is there already, and is not overwritten: edit it, write the proposal elsewhere with -o FILE or -o -, or replace " + proposedFile + " with --force"}
}

// checkProposal decodes what is about to be written as strictly as render does.
func checkProposal(content []byte) error {
	objects, err := manifest.ReadFile(proposedFile, content)
	if err != nil {
		return err
	}
	if len(objects) != 1 {
		return fmt.Errorf("the proposal has %d documents instead of one: please report this", len(objects))
	}
	if _, findings := tier.Decode(objects[0]); findings.Failed() {
		return fmt.Errorf("the proposal does not decode, please report this: %s", strings.ReplaceAll(findings.Error(), "\n", "; "))
	}
	return nil
}
