package reachability

import (
	"fmt"

	"tierwall.dev/fn/internal/workload"
)

// Value is the answer for one connection. The zero value is Denied; a greater one lets more through.
type Value uint8

// The values, in ascending order of what gets through.
const (
	Denied Value = iota
	// Unknown means that the input or the API does not decide it: labels of a namespace that is not in the input,
	// ipBlock against pods, the pod's own node.
	Unknown
	Allowed
)

func (v Value) String() string { return [...]string{"denied", "unknown", "allowed"}[min(v, Allowed)] }

// Direction is the end of the connection whose policies speak.
type Direction string

// The directions.
const (
	Egress  Direction = "egress"
	Ingress Direction = "ingress"
)

// Isolation is the Reason.Rule of a policy that isolates a pod and has no rule that matches.
const Isolation = -1

// Reason is one cause of a verdict.
type Reason struct {
	// Policy is NAMESPACE/NAME. Empty means that no policy speaks: see Text.
	Policy string
	// Source is Policy.Source.
	Source    string
	Direction Direction
	// Rule is the index in spec.ingress or spec.egress, or Isolation.
	Rule  int
	Value Value
	// Text says it in words, without the policy's name.
	Text string
}

func (r Reason) String() string {
	switch {
	case r.Policy == "":
		return fmt.Sprintf("%s %s: %s", r.Direction, r.Value, r.Text)
	case r.Rule == Isolation:
		return fmt.Sprintf("%s %s: %s: %s", r.Direction, r.Value, r.Policy, r.Text)
	}
	return fmt.Sprintf("%s %s: %s spec.%s[%d]: %s", r.Direction, r.Value, r.Policy, r.Direction, r.Rule, r.Text)
}

// Verdict is the answer for one connection with every reason for it, egress first, in the order of the policies.
type Verdict struct {
	// Value is the lesser of Egress and Ingress; less than both where they allow different families of addresses.
	Value Value
	// Egress is what the source's policies say, Ingress what the destination's say.
	Egress, Ingress Value
	Reasons         []Reason
}

// PortRange is a run of ports with one value.
type PortRange struct {
	Protocol    workload.Protocol
	First, Last int32 // inclusive, from 1 to 65535
	Value       Value // Allowed or Unknown
}

// Problem is a policy that the API server refuses. It counts as absent: neither its isolation nor its rules hold.
type Problem struct {
	Policy string // NAMESPACE/NAME
	Source string
	Field  string // such as spec.ingress[0].from[1].ipBlock.cidr
	Text   string
}

func (p Problem) String() string { return p.Policy + ": " + p.Field + ": " + p.Text }
