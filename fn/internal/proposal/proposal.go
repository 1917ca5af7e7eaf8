// Package proposal works out, from what manifests say, the NetworkPolicySet that an application needs: the tier of each
// workload, the flows between them, and the questions that only a person can answer. It is pure: inventories in, a
// Proposal out, which Write turns into a commented file.
//
// Nothing is proposed without evidence that the file names. Where workloads say whom they call, that replaces the
// preset's chain of tiers; where they say nothing, the chain stays, and a question says so.
package proposal

import (
	"cmp"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Environment is what is applied together, as for render.
type Environment struct {
	// Name is empty where there is only one, without a name.
	Name      string
	Inventory *workload.Inventory
	// Policies are the hand-written policies of the environment, none of this tool's own.
	Policies []*networkingv1.NetworkPolicy
}

// Confidence is how sure a proposal is.
type Confidence int

// The confidences, the surest first. The zero value means none.
const (
	// High is what the workload's own manifest says: a label, an image, an address in its variables or files.
	High Confidence = iota + 1
	// Medium is what fits and several workloads share, or what names say.
	Medium
	// Low is what the preset assumes.
	Low
)

// String is the confidence as the file writes it.
func (c Confidence) String() string {
	switch c {
	case High:
		return "high"
	case Medium:
		return "medium"
	case Low:
		return "low"
	}
	return ""
}

// Evidence is why something is proposed.
type Evidence struct {
	// Text says what was found in a few words, such as "env DB_HOST".
	Text       string
	Confidence Confidence
	// Source is where; the zero value means no single place.
	Source workload.Source
}

// Proposal is the configuration that is proposed.
type Proposal struct {
	// Set is the configuration, without comments.
	Set *tier.Set
	// Roles are the workloads with their tiers, by tier and name.
	Roles []Role
	// Questions are what could not be told, the most urgent first.
	Questions []Question

	flows []line
	peers []peerLine
	// exact is true where the configuration opens between workloads just what is meant.
	exact bool
	// kept are the preset's flows that stay, in words, and confirmed what the manifests say of the same.
	kept, confirmed []string
	// workloads and connections are how much is proposed.
	workloads, connections int
}

// Role is a workload's tier and why.
type Role struct {
	Workload *workload.Workload
	Tier     string
	Evidence Evidence
	// Labelled is true where the workload's labels give the tier already, so that no entry needs to be written.
	Labelled bool

	unit *unit
}

// Propose works out a proposal for environments that share one configuration. It sets the tiers of their workloads.
func Propose(environments []Environment, answers Answers) *Proposal {
	d := newDraft(environments, answers)
	d.assignRoles()
	d.askRoles()
	d.collect()
	d.chain()
	d.outside()
	return d.finish()
}

// unit is a workload in all environments that have it, whatever prefix overlays put before its name.
type unit struct {
	kind, name string
	// namespace is set only where the name alone does not tell: another namespace has a workload of that name.
	namespace string
	// in is the workload in each environment, nil where it is not there.
	in []*workload.Workload

	role Role
}

// first is the workload in the first environment that has it.
func (u *unit) first() *workload.Workload {
	for _, w := range u.in {
		if w != nil {
			return w
		}
	}
	return nil
}

// ref is the endpoint that means the unit alone.
func (u *unit) ref() tier.Ref {
	return tier.Ref{Namespace: u.namespace, Name: u.role.Tier, Workload: u.name}
}

// id names the unit among all.
func (u *unit) id() string { return u.namespace + "/" + u.kind + "/" + u.name }

// units are the workloads of all environments, by name, namespace and kind.
func units(environments []Environment) ([]*unit, map[*workload.Workload]*unit) {
	names := naming{spread: map[string]bool{}, shared: map[[2]string]bool{}}
	for _, e := range environments {
		names.read(e)
	}
	type key struct{ kind, name, namespace string }
	known := map[key]*unit{}
	of := map[*workload.Workload]*unit{}
	var all []*unit
	for i, e := range environments {
		for _, w := range e.Inventory.Workloads {
			k := key{kind: w.Kind}
			k.name, k.namespace = names.of(w)
			u := known[k]
			if u == nil {
				u = &unit{kind: w.Kind, name: k.name, namespace: k.namespace, in: make([]*workload.Workload, len(environments))}
				known[k] = u
				all = append(all, u)
			}
			if u.in[i] == nil {
				u.in[i] = w
			}
			of[w] = u
		}
	}
	slices.SortFunc(all, compareUnits)
	return all, of
}

// naming finds the shortest name that tells a workload from the others of each environment.
type naming struct {
	// spread are the names that several namespaces of an environment have.
	spread map[string]bool
	// shared are the kinds and declared names that several workloads of one namespace have.
	shared map[[2]string]bool
}

func (n *naming) read(e Environment) {
	type place struct{ namespace, kind, name string }
	seen := map[place]bool{}
	namespaces := map[string]string{}
	for _, w := range e.Inventory.Workloads {
		name := w.Called()
		p := place{w.Namespace, w.Kind, name}
		if seen[p] {
			n.shared[[2]string{w.Kind, name}] = true
		}
		seen[p] = true
		for _, name := range []string{w.Name, name} {
			if other, known := namespaces[name]; known && other != w.Namespace {
				n.spread[name] = true
			}
			namespaces[name] = w.Namespace
		}
	}
}

func (n *naming) of(w *workload.Workload) (name, namespace string) {
	name = w.Called()
	if n.shared[[2]string{w.Kind, name}] {
		name = w.Name
	}
	if n.spread[name] || n.spread[w.Name] {
		return w.Name, w.Namespace
	}
	return name, ""
}

func compareUnits(a, b *unit) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind))
}

// Summary is how much is proposed, in one line.
func (p *Proposal) Summary() string {
	questions := 0
	for _, q := range p.Questions {
		if !q.Quiet {
			questions++
		}
	}
	return fmt.Sprintf("%d workloads, %d connections between them, %d questions", p.workloads, p.connections, questions)
}
