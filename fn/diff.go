package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/picture"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// The exit codes of diff, as those of diff(1).
const (
	exitSame    = 0
	exitDiffers = 1
	exitTrouble = 2
)

// diffCommand is `tierwall diff OLD NEW`.
func diffCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Show which connections were opened and closed",
		Long: `diff compares what the policies let through. OLD and NEW are each a folder, a file, or - for standard
input (what kustomize build or kubectl get -o yaml wrote); a folder with #NAME behind it is one of its
environments. Folders are compared environment by environment; one environment with one other, whatever
their names. Workloads are the same if their namespace and name are; where the two have no namespace in
common, as prod and staging, if their name is. A side without a NetworkPolicySet takes the other's.

In text, + is opened and - is closed; a port with ? may be, and one with ! is opened though no flow of
NEW means it.

Exit codes, as of diff(1): 0 the same is open, 1 it differs, 2 usage, unreadable input, or an
environment that cannot be built.`,
		Example: `  tierwall diff main/kustomize kustomize
  tierwall diff 'kustomize#staging' 'kustomize#prod'
  kubectl get deploy,sts,ds,pods,svc,ns,netpol -n shop -o yaml | tierwall diff - 'kustomize#prod'
  tierwall diff main/kustomize kustomize -o markdown | gh pr comment --body-file -`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(picture.DiffFormats(), format) {
				return fmt.Errorf("--output %q is no format; known are %s", format, strings.Join(picture.DiffFormats(), ", "))
			}
			var err error
			*code, err = compare(args[0], args[1], picture.Format(format), stdin, stdout, stderr)
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", string(picture.Text), "`FORMAT` on standard output: "+strings.Join(picture.DiffFormats(), ", "))
	return cmd
}

// compare writes the comparison. The error is for what cannot be read or compared.
func compare(old, now string, format picture.Format, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if old == "-" && now == "-" {
		return exitTrouble, errors.New("only one of OLD and NEW can be standard input")
	}
	debug.SetGCPercent(100) // as for a map
	out := &picture.Comparison{Version: version, Old: old, New: now}
	var projects [2]*project
	for i, source := range []string{old, now} {
		p, err := readSide(source, stdin, stderr)
		if p == nil {
			return exitTrouble, err
		}
		projects[i] = p
	}
	borrowSet(projects)
	pairs, err := pairsOf(projects, old, now)
	if err != nil {
		return exitTrouble, err
	}
	for _, pair := range pairs {
		one, err := pair.compare(projects, stderr)
		if one == nil {
			return exitTrouble, err
		}
		out.Environments = append(out.Environments, *one)
	}
	if err := out.Write(stdout, format); err != nil {
		return exitTrouble, fmt.Errorf("writing standard output: %w", err)
	}
	if out.Differs() {
		return exitDiffers, nil
	}
	return exitSame, nil
}

// readSide reads PATH or PATH#ENVIRONMENT. Nil without an error means that what was to say is said.
func readSide(source string, stdin io.Reader, stderr io.Writer) (*project, error) {
	path, environment := source, ""
	if at := strings.LastIndexByte(source, '#'); at > 0 {
		if _, err := os.Stat(source); err != nil {
			path, environment = source[:at], source[at+1:]
		}
	}
	p, findings, err := readProject(path, stdin)
	if err != nil {
		return nil, err
	}
	if findings.Failed() {
		say(stderr, findings)
		return nil, nil
	}
	if path != source {
		names := p.names()
		p.environments = slices.DeleteFunc(p.environments, func(e applied) bool { return e.name != environment })
		if len(p.environments) == 0 {
			return nil, noEnvironment(path, environment, names)
		}
	}
	return p, nil
}

// borrowSet gives a side without a NetworkPolicySet, such as what comes out of a cluster, the other's.
func borrowSet(projects [2]*project) {
	for i, p := range projects {
		other := projects[1-i]
		if p.set.Source != (workload.Source{}) || other.set.Source == (workload.Source{}) {
			continue
		}
		p.set = other.set
		if len(p.environments) == 1 && len(other.environments) == 1 && p.environments[0].name == "" {
			p.environments[0].name = other.environments[0].name
		}
	}
}

// pairing is two environments that are compared; nil where a side has no such environment.
type pairing [2]*applied

// pairsOf are one environment with one other, or those of one name.
func pairsOf(projects [2]*project, old, now string) ([]pairing, error) {
	a, b := projects[0].environments, projects[1].environments
	if len(a) == 1 && len(b) == 1 {
		return []pairing{{&a[0], &b[0]}}, nil
	}
	var out []pairing
	shared := false
	for i := range a {
		pair := pairing{&a[i], nil}
		if j := slices.IndexFunc(b, func(e applied) bool { return e.name == a[i].name }); j >= 0 {
			pair[1] = &b[j]
			shared = true
		}
		out = append(out, pair)
	}
	for j := range b {
		if !slices.ContainsFunc(a, func(e applied) bool { return e.name == b[j].name }) {
			out = append(out, pairing{nil, &b[j]})
		}
	}
	if !shared {
		return nil, fmt.Errorf("no environment of %s (%s) has the name of one of %s (%s): choose one of each, as DIR#NAME",
			old, namesText(projects[0]), now, namesText(projects[1]))
	}
	return out, nil
}

func namesText(p *project) string {
	names := slices.DeleteFunc(p.names(), func(n string) bool { return n == "" })
	if len(names) == 0 {
		return "one without a name"
	}
	return strings.Join(names, ", ")
}

// compare proves both environments and compares them. Nil without an error means that what was to say is said.
func (pair pairing) compare(projects [2]*project, stderr io.Writer) (*picture.Compared, error) {
	switch {
	case pair[0] == nil:
		return &picture.Compared{New: pair[1].name, Only: "new"}, nil
	case pair[1] == nil:
		return &picture.Compared{Old: pair[0].name, Only: "old"}, nil
	}
	var proofs [2]*proof
	for i := range pair {
		p, err := projects[i].proveOne(*pair[i])
		if err != nil {
			return nil, err
		}
		if p.Proof == nil {
			say(stderr, p.said)
			return nil, nil
		}
		proofs[i] = p
	}
	out := &picture.Compared{Old: pair[0].name, New: pair[1].name}
	names := identities(proofs)
	out.Removed, out.Added = onlyIn(proofs[0], names[0], proofs[1], names[1]), onlyIn(proofs[1], names[1], proofs[0], names[0])
	for _, d := range assertion.Compare(assertion.Side{Proof: proofs[0].Proof, Name: names[0]}, assertion.Side{Proof: proofs[1].Proof, Name: names[1]}) {
		change := picture.Change{From: d.From, To: d.To}
		for _, p := range d.Ports {
			change.Ports = append(change.Ports, portsChanged(p)...)
		}
		out.Changes = append(out.Changes, change)
	}
	return out, nil
}

// identities are the names by which the workloads of two environments are the same.
func identities(proofs [2]*proof) [2]func(*workload.Workload) string {
	var out [2]func(*workload.Workload) string
	var namespaces, bare [2]map[string]int
	for i, p := range proofs {
		namespaces[i], bare[i] = map[string]int{}, map[string]int{}
		for _, w := range p.model.Workloads {
			namespaces[i][w.Namespace]++
			bare[i][w.Name]++
		}
	}
	apart := true
	for n := range namespaces[0] {
		apart = apart && namespaces[1][n] == 0
	}
	for i, p := range proofs {
		full := drawn{proof: p}.nodeNames()
		out[i] = func(w *workload.Workload) string {
			if apart && bare[0][w.Name] <= 1 && bare[1][w.Name] <= 1 {
				return w.Name
			}
			return full(tier.Endpoint{Workload: w})
		}
	}
	return out
}

// onlyIn are the workloads that the other environment does not have, in the order of their names.
func onlyIn(p *proof, name func(*workload.Workload) string, other *proof, otherName func(*workload.Workload) string) []string {
	has := map[string]bool{}
	for _, w := range other.model.Workloads {
		has[otherName(w)] = true
	}
	var out []string
	for _, w := range p.model.Workloads {
		if !has[name(w)] {
			out = append(out, name(w))
		}
	}
	slices.Sort(out)
	return out
}

func portsChanged(p assertion.PortDifference) []picture.PortChanged {
	texts := portTexts(p.Ports)
	if p.Rest {
		texts = []string{"all other ports"}
	}
	var out []picture.PortChanged
	for _, text := range texts {
		out = append(out, picture.PortChanged{Port: text,
			Before: picture.Verdict(p.Before.String()), After: picture.Verdict(p.After.String()), Meant: p.Meant})
	}
	return out
}
