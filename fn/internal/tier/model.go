package tier

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/workload"
)

// Model is what is meant in one environment: its workloads with their tiers, and the flows between them.
type Model struct {
	// Environment is the environment's name. Empty where there is only one, without a name.
	Environment string
	// Workloads are all workloads of the inventory, those without a tier too, in the inventory's order.
	Workloads []*workload.Workload
	// Groups are the flows that hold, in their compact form: each pair of endpoints that has a flow is in exactly one
	// group. Each has them one by one. Sorted by first From, first To and ports.
	Groups []Group
	// Members are, by the name of each peer of the groups, the workloads of the environment that take its part, whether they
	// have a tier or not: their end of the peer's flows is opened too. Peers without any are left out.
	Members map[string][]*workload.Workload
	// NeverGroups are the invariants that hold after flows of the user have suspended cells of the preset's, by the order
	// of their declaration. Internet means public addresses here, as a source too. Two invariants may speak of the same
	// pair. Ports are what must stay closed.
	NeverGroups []Group
}

// Group is flows that differ in their ends only: every From has the flow to every To, itself included where it is in both
// (replicas of one workload).
type Group struct {
	// From and To are not empty, and sorted by Key.
	From, To []Endpoint
	// Ports, EgressPorts and Declared are those of each Flow.
	Ports       PortSet
	EgressPorts PortSet
	Declared    []string
}

// Flow is a connection that is meant: at workload level, with its ports.
type Flow struct {
	From, To Endpoint
	// Ports are the destination's ports: pod ports, after any Service has translated. Never empty.
	Ports PortSet
	// EgressPorts are the ports that the source's egress rule must name, where they are more than Ports: a CNI that
	// looks at egress before a Service has translated needs the Service's ports too. Nil means the same as Ports.
	EgressPorts PortSet
	// Declared are the places in the configuration that ask for the flow, such as "spec.flows[2]" or
	// "preset flow 3 (backend, worker to database, cache, queue)", sorted.
	Declared []string
}

// Endpoint is one end of a flow. Exactly one of Workload and Peer is set.
type Endpoint struct {
	Workload *workload.Workload
	Peer     *Peer
}

// Key identifies the endpoint within one environment: the workload's ID, or "peer " and the peer's name.
func (e Endpoint) Key() string {
	if e.Peer != nil {
		return "peer " + e.Peer.Name
	}
	return e.Workload.ID()
}

// Peer is an endpoint outside the tiers: internet, dns, prometheus, apiserver, or one that the user names.
type Peer struct {
	Name string
	// From is what the peer is as a source, To what it is as a destination: a connection matches if one target does.
	// They differ only for internet: as a source it is Any, as a destination public addresses.
	From, To []Target
	// Ports are the peer's ports where a flow names none. Empty means all ports.
	Ports PortSet
}

// Target is what a NetworkPolicyPeer can say. Exactly one of Any, CIDR and Namespace is set.
type Target struct {
	// Any is every address and every pod: a rule without peers.
	Any bool
	// CIDR is an ipBlock's CIDR, in canonical form, Except its exceptions, each within CIDR.
	CIDR   string
	Except []string
	// Namespace is matched by the label kubernetes.io/metadata.name.
	Namespace string
	// Pods selects pods in Namespace. Nil means all of them.
	Pods *metav1.LabelSelector
}

// Names of the built-in peers.
const (
	Internet   = "internet"
	DNS        = "dns"
	Prometheus = "prometheus"
	APIServer  = "apiserver"
)
