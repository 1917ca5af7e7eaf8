// Package assertion compares what the policies of an environment let through with what is meant: it builds a
// reachability.Matrix of all policies that would be applied, ours and hand-written ones, and says which flows are
// blocked, which connections are open without a flow, which invariants and expectations do not hold, and which policies
// are likely not what their author meant.
//
// Each end is judged by itself: a rule that is wider than the flows is found even where the other end still denies.
package assertion

import (
	"fmt"
	"slices"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Input is one environment as it would be applied.
type Input struct {
	// Model is what is meant, with the environment's workloads.
	Model *tier.Model
	// Inventory is the same environment's; its workloads are the model's.
	Inventory *workload.Inventory
	// Objects are all objects of the environment. Its NetworkPolicies and Namespaces are read.
	Objects []*manifest.Object
	// Tests are the SegmentationTests of the environment.
	Tests   []Test
	Profile tier.Profile
	// OwnLabel is the label key that marks policies of ours.
	OwnLabel string
}

// Test is a SegmentationTest with what it expects of the model's workloads.
type Test struct {
	*tier.Test
	Expected []tier.Expected
}

// Proof is an environment's matrix beside its model.
type Proof struct {
	// Matrix holds the workloads as pods; PodID gives their IDs.
	Matrix *reachability.Matrix

	in        Input
	workloads []*workload.Workload
	// number is a workload's place in workloads.
	number map[*workload.Workload]int
	// ids are the IDs of the workloads' pods.
	ids []string
	// byClass are the workloads of each class of the matrix.
	byClass  [][]int
	policies []*policy
	meant    *meant
	// findings are those of reading the policies.
	findings report.Findings
	profile  profile
	rules    rulebook
}

// policy is a NetworkPolicy of the input.
type policy struct {
	*networkingv1.NetworkPolicy
	object *manifest.Object
	ours   bool
}

// String names the policy in a message.
func (p *policy) String() string {
	name := p.object.Name
	if p.object.Namespace != "" {
		name = p.object.Namespace + "/" + name
	}
	if p.object.Source.File == "" {
		return name
	}
	return name + " (" + p.object.Source.String() + ")"
}

func (p *policy) finding(id report.ID, severity report.Severity, field, format string, args ...any) report.Finding {
	return report.Finding{ID: id, Severity: severity, Object: p.object.Ref(), File: p.object.Source.File,
		Index: p.object.Source.Index, Field: field, Message: fmt.Sprintf(format, args...)}
}

// New reads the policies and builds the matrix. The error is for an inventory with two workloads of one name.
func New(in Input) (*Proof, error) {
	p := &Proof{in: in, workloads: in.Model.Workloads, number: make(map[*workload.Workload]int, len(in.Model.Workloads))}
	p.profile = readProfile(in.Profile)
	p.readPolicies()
	cluster := p.cluster()
	m, err := reachability.Analyze(cluster)
	if err != nil {
		return nil, err
	}
	p.Matrix = m
	p.byClass = make([][]int, len(m.Classes()))
	for i, id := range p.ids {
		c := m.Class(id)
		p.byClass[c] = append(p.byClass[c], i)
	}
	p.meant = newMeant(p)
	p.rules = newRulebook(p)
	return p, nil
}

// PodID is the ID of the workload's pods in the matrix; false where it is no workload of the environment.
func (p *Proof) PodID(w *workload.Workload) (string, bool) {
	i, ok := p.number[w]
	if !ok {
		return "", false
	}
	return p.ids[i], true
}

// Findings is all that the comparison has to say.
func (p *Proof) Findings() report.Findings {
	out := p.TestFindings()
	out = append(out, p.isolation()...)
	out = append(out, p.blocked()...)
	out = append(out, p.never()...)
	out = append(out, p.unmeant()...)
	out = append(out, p.lint()...)
	return out.Sorted()
}

// TestFindings is what the tests alone have to say, and which policies count as absent for them.
func (p *Proof) TestFindings() report.Findings {
	out := append(report.Findings{}, p.findings...)
	for _, problem := range p.Matrix.Problems {
		policy := p.policyOf(problem.Source)
		out = append(out, policy.finding(policyInvalid, report.Error, problem.Field,
			"the API server refuses the policy, so it counts as absent: %s", problem.Text))
	}
	for _, t := range p.in.Tests {
		out = append(out, p.test(t)...)
	}
	return out.Sorted()
}

// groups are all groups of connections that are asked about.
func (p *Proof) groups() []tier.Group {
	out := slices.Concat(p.in.Model.Groups, p.in.Model.NeverGroups)
	for _, t := range p.in.Tests {
		for _, x := range t.Expected {
			out = append(out, x.Groups...)
		}
	}
	return out
}

// policyOf is the policy of a reachability.Policy.Source.
func (p *Proof) policyOf(source string) *policy {
	i, err := strconv.Atoi(source)
	if err != nil || i < 0 || i >= len(p.policies) {
		return &policy{NetworkPolicy: &networkingv1.NetworkPolicy{}, object: manifest.NewObject(nil, workload.Source{})}
	}
	return p.policies[i]
}

// findingOf is a finding about a workload.
func findingOf(w *workload.Workload, id report.ID, severity report.Severity, format string, args ...any) report.Finding {
	return report.Finding{ID: id, Severity: severity, File: w.Source.File, Index: w.Source.Index,
		Object:  report.Object{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
		Message: fmt.Sprintf(format, args...)}
}

// Policies is how many policies were read.
func (p *Proof) Policies() int { return len(p.policies) }
