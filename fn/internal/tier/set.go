// Package tier holds the configuration, a NetworkPolicySet or a SegmentationTest, and makes the model of what is meant:
// it decodes strictly, gives each workload its tier, and expands flows between tiers and peers to flows between workloads.
//
// The doc comments of the configuration's fields are the descriptions in the published schema.
package tier

import (
	"fmt"
	"path"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// The configuration's API version and kinds.
const (
	APIVersion = "tierwall.dev/v1alpha1"
	SetKind    = "NetworkPolicySet"
	TestKind   = "SegmentationTest"

	group       = "tierwall.dev"
	defaultName = "tierwall"
)

// Set says which flows between tiers and peers are meant. What it says adds to its preset. Decode makes one.
type Set struct {
	// Name is the name of the set, which every policy of it carries in the label tierwall.dev/set.
	Name string `json:"-"`
	// Source is where the configuration was read from. The zero value means that there is none.
	Source workload.Source `json:"-"`

	// Preset is what the set starts from: three-tier brings tiers, flows and invariants; none starts empty, with the
	// built-in peers only. Default three-tier.
	Preset Preset `json:"preset,omitempty"`
	// TierLabels are the label keys that give a workload its tier, tried in order: the first known value wins, on the pod
	// template before the workload's own metadata. Default tier, app.kubernetes.io/component, component, role.
	TierLabels []string `json:"tierLabels,omitempty"`
	// Tiers are added to the preset's, or override those of the same name.
	Tiers []TierSpec `json:"tiers,omitempty"`
	// Workloads give single workloads their tier, whatever their labels say, and declare those whose pods an operator makes.
	Workloads []Override `json:"workloads,omitempty"`
	// Peers are endpoints outside the tiers. Built in are internet, dns, prometheus and apiserver (which needs cidrs); a
	// peer of one of these names overrides it.
	Peers []PeerSpec `json:"peers,omitempty"`
	// Flows are the connections that are meant, added to the preset's. A flow is said once; both ends are generated.
	Flows []FlowSpec `json:"flows,omitempty"`
	// Never are invariants, added to the preset's: the proof fails if one is ever open, whoever opens it.
	Never []FlowSpec `json:"never,omitempty"`
	// Without takes flows of the preset away. One that takes nothing away is an error.
	Without []FlowSpec `json:"without,omitempty"`
	// Profile says what the cluster is like.
	Profile Profile `json:"profile,omitempty"`
	// Labels are set on every policy.
	Labels map[string]string `json:"labels,omitempty"`
	// Environments are what differs between the overlays. An environment that is not named has the shared flows.
	Environments []EnvironmentSpec `json:"environments,omitempty"`
	// Environment names the one environment of a stream, where nothing else tells. Empty means the shared flows.
	Environment string `json:"environment,omitempty"`
	// Proof set to required makes it an error, not a warning, that an environment cannot be proven.
	Proof Proof `json:"proof,omitempty"`

	object report.Object
}

// TierSpec is a tier.
type TierSpec struct {
	// Name is the name of the tier.
	Name string `json:"name"`
	// Values are the label values that mean the tier, compared exactly; a value of a tier of the preset is taken from it.
	// Default the values of the preset's tier of this name, or else the name itself.
	Values []string `json:"values,omitempty"`
	// Ports are the serving ports of the tier's workloads that declare none, by number. Default those of the preset's tier
	// of this name, or else none.
	Ports []PortSpec `json:"ports,omitempty"`
}

// Override gives workloads their tier, or declares one whose pods no manifest of the input makes.
type Override struct {
	// Name is the name of the workload, or KIND/NAME: that of its manifest, or the one that kustomize makes of it.
	Name string `json:"name"`
	// Namespace is the namespace of the workload. Default any.
	Namespace string `json:"namespace,omitempty"`
	// Tier is the name of the tier.
	Tier string `json:"tier"`
	// Pods are labels that the pods wear, where no manifest of the input makes them but an operator does: the entry then
	// declares the workload. Its namespace must be one of the input's, by default the only one.
	Pods map[string]string `json:"pods,omitempty"`
	// Ports are the serving ports of the pods that the entry declares, by number. Default those that Services lead to.
	Ports []PortSpec `json:"ports,omitempty"`
}

// PeerSpec is an endpoint outside the tiers: addresses, or pods of a namespace, or both.
type PeerSpec struct {
	// Name is the name of the peer.
	Name string `json:"name"`
	// Namespace is the namespace whose pods are meant, matched by the label kubernetes.io/metadata.name.
	Namespace string `json:"namespace,omitempty"`
	// PodSelector selects pods in the namespace. Default all of them.
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// CIDRs are the address ranges that are meant, in canonical form.
	CIDRs []string `json:"cidrs,omitempty"`
	// Except are address ranges within the CIDRs that are not meant.
	Except []string `json:"except,omitempty"`
	// Ports are the ports of the peer where a flow to it names none, by number. Default all ports.
	Ports []PortSpec `json:"ports,omitempty"`
}

// FlowSpec is a flow as it is written: every connection from one of the sources to one of the destinations.
type FlowSpec struct {
	// From are the sources, one or a list: a tier, tier/workload, namespace:tier, namespace:tier/workload, a peer, or "*"
	// for every workload that has a tier. A workload's name is that of its manifest, or the one that kustomize makes of it.
	From Refs `json:"from"`
	// To are the destinations, written like the sources.
	To Refs `json:"to"`
	// Ports are the destination's ports: 8080, 53/UDP, 8000-8010, a port's name, or metrics. TCP where no protocol is
	// given. Default the serving ports of a workload, the usual ports of a peer.
	Ports []PortSpec `json:"ports,omitempty"`
	// Within restricts the flow to pairs of workloads that belong together.
	Within *Within `json:"within,omitempty"`

	// Field is where the flow is written, such as spec.flows[2]; for a flow of the preset it says which one.
	Field string `json:"-"`

	preset bool
}

// Within says which pairs of workloads belong together. Where it says several things, all of them must hold.
type Within struct {
	// SameLabel is the key of a label that both pods wear with the same value.
	SameLabel string `json:"sameLabel,omitempty"`
	// SameName are endings, such as -db: the names of the two workloads are the same without them.
	SameName []string `json:"sameName,omitempty"`
	// Reference asks that the source's manifests hold the address of a Service of the destination, in env, args or
	// configuration, and restricts the flow to the ports that the addresses name: own leaves out what several workloads
	// share, shared does not. It opens nothing that an invariant of the preset rules out. For flows only.
	Reference ReferenceKind `json:"reference,omitempty"`
}

// Profile is what the cluster is like.
type Profile struct {
	// CNI is the network plugin: aws-vpc-cni needs the Service's port in egress rules too; cilium, calico and generic
	// differ in whether address ranges match pods. Default generic.
	CNI CNI `json:"cni,omitempty"`
	// DNS is where the cluster's DNS answers: coredns (kube-system, port 53), openshift (openshift-dns, port 5353), nodelocal
	// (169.254.20.10 and coredns) or gke-cloud-dns (169.254.169.254). Default coredns.
	DNS DNSProfile `json:"dns,omitempty"`
	// PodCIDRs are the cluster's pod address ranges, which internet as a destination leaves out.
	PodCIDRs []string `json:"podCIDRs,omitempty"`
	// ServiceCIDRs are the cluster's Service address ranges, which internet as a destination leaves out.
	ServiceCIDRs []string `json:"serviceCIDRs,omitempty"`
}

// EnvironmentSpec is what differs in one environment.
type EnvironmentSpec struct {
	// Name is the name of the overlay's directory.
	Name string `json:"name"`
	// Peers are peers of this environment only, or override those of the same name.
	Peers []PeerSpec `json:"peers,omitempty"`
	// Flows are added in this environment.
	Flows []FlowSpec `json:"flows,omitempty"`
	// Without takes shared flows away that this environment does not have. One that takes nothing away is an error.
	Without []FlowSpec `json:"without,omitempty"`
}

// Preset names what a set starts from.
type Preset string

// The presets.
const (
	PresetThreeTier Preset = "three-tier"
	PresetNone      Preset = "none"
)

// CNI names a network plugin.
type CNI string

// The network plugins whose ways matter.
const (
	CNIGeneric CNI = "generic"
	CNICalico  CNI = "calico"
	CNICilium  CNI = "cilium"
	CNIAWS     CNI = "aws-vpc-cni"
)

// DNSProfile names a way to run the cluster's DNS.
type DNSProfile string

// The ways to run the cluster's DNS.
const (
	DNSCoreDNS   DNSProfile = "coredns"
	DNSOpenShift DNSProfile = "openshift"
	DNSNodeLocal DNSProfile = "nodelocal"
	DNSGKE       DNSProfile = "gke-cloud-dns"
)

// ReferenceKind says which addresses count. Empty means that none need be there.
type ReferenceKind string

// The kinds of addresses.
const (
	ReferenceOwn    ReferenceKind = "own"
	ReferenceShared ReferenceKind = "shared"
)

// Proof says what an environment that cannot be proven means. Empty means a warning.
type Proof string

// ProofRequired makes it an error that an environment cannot be proven.
const ProofRequired Proof = "required"

// allowed are the values of the configuration's enumerations, as the decoder and the schema know them.
var allowed = map[string][]string{
	"Preset":        {string(PresetThreeTier), string(PresetNone)},
	"CNI":           {string(CNIGeneric), string(CNICalico), string(CNICilium), string(CNIAWS)},
	"DNSProfile":    {string(DNSCoreDNS), string(DNSOpenShift), string(DNSNodeLocal), string(DNSGKE)},
	"Proof":         {string(ProofRequired)},
	"ReferenceKind": {string(ReferenceOwn), string(ReferenceShared)},
	"Verdict":       {string(Allowed), string(Denied)},
}

// Default is the set that holds without a configuration: the preset.
func Default() *Set {
	s := &Set{Name: defaultName}
	s.fillDefaults()
	return s
}

func (s *Set) fillDefaults() {
	if s.Preset == "" {
		s.Preset = PresetThreeTier
	}
	if len(s.TierLabels) == 0 {
		s.TierLabels = defaultTierLabels()
	}
	if s.Profile.CNI == "" {
		s.Profile.CNI = CNIGeneric
	}
	if s.Profile.DNS == "" {
		s.Profile.DNS = DNSCoreDNS
	}
}

func defaultTierLabels() []string {
	return []string{"tier", "app.kubernetes.io/component", "component", "role"}
}

// environment is what the set says of one environment; the zero value where it says nothing. An environment that is named
// with its parent, since two overlays share a name, is the one of that name too.
func (s *Set) environment(name string) EnvironmentSpec {
	for _, n := range []string{name, path.Base(name)} {
		for _, e := range s.Environments {
			if e.Name == n && name != "" {
				return e
			}
		}
	}
	return EnvironmentSpec{}
}

// CheckEnvironments says which of the set's environments are none of those that there are: what is said of them would
// hold nowhere.
func (s *Set) CheckEnvironments(names []string) report.Findings {
	var out report.Findings
	for i, e := range s.Environments {
		if slices.ContainsFunc(names, func(n string) bool { return isNamed(n, e.Name) }) {
			continue
		}
		out = append(out, s.document().finding(configUnknownName, report.Error, fmt.Sprintf("spec.environments[%d].name", i), noEnvironment(e.Name, names)))
	}
	return out
}

// noEnvironment is the message about a name that no environment has; an environment without a name is none to choose.
func noEnvironment(name string, names []string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	return fmt.Sprintf("%q is no environment of the package; its environments are %s%s", name, listOrNone(names), didYouMean(name, names))
}

func listOrNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// document is the configuration that findings are about.
type document struct {
	object report.Object
	source workload.Source
}

func (s *Set) document() document { return document{s.object, s.Source} }

// finding is about a place in the document. An empty field means all of it, or no document at all.
func (d document) finding(id report.ID, severity report.Severity, field, message string) report.Finding {
	return report.Finding{
		ID: id, Severity: severity, Object: d.object, File: d.source.File, Index: d.source.Index, Field: field, Message: message,
	}
}
