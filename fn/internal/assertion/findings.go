package assertion

import "tierwall.dev/fn/internal/report"

// The findings of this package.
const (
	flowBlocked       report.ID = "flow-blocked"           // error: a flow that is meant does not get through
	flowUnproven      report.ID = "flow-unproven"          // warning: whether a flow gets through cannot be said
	peerIsolated      report.ID = "peer-isolated"          // warning: a flow is blocked at the end of a peer
	neverOpen         report.ID = "never-open"             // error: a never is open, or may be
	connectionUnmeant report.ID = "connection-not-meant"   // error: a connection is open that no flow means
	ruleUnmeant       report.ID = "rule-not-meant"         // error in a policy of ours, else warning: one end opens what no flow means
	ruleUnknown       report.ID = "rule-unknown"           // warning: a rule may open what no flow means
	expectationFailed report.ID = "expectation-failed"     // error: a SegmentationTest's expectation does not hold
	environmentWider  report.ID = "environment-not-within" // error: more is open than in the environment of spec.within

	namespaceUnprotected report.ID = "namespace-without-policies"     // error, or warning without tiers: no policy at all
	namespaceOpen        report.ID = "namespace-without-default-deny" // error beside policies of ours, else warning
	workloadUnisolated   report.ID = "workload-not-isolated"          // error, or warning without a tier: no policy isolates it
	namespaceAnnotation  report.ID = "namespace-old-annotation"       // warning: isolation from before networking/v1

	policyInvalid  report.ID = "policy-invalid"         // error: the API server refuses the policy
	selectsNothing report.ID = "policy-selects-nothing" // warning: no workload has the labels
	peerNothing    report.ID = "peer-matches-nothing"   // warning: no pod can be what the peer says
	dnsUDPOnly     report.ID = "dns-udp-only"           // warning: long answers come by TCP
	portOfService  report.ID = "port-of-service"        // warning: a rule names a Service's port instead of the pod's
	egressToAnyone report.ID = "egress-to-anyone"       // warning: an egress rule without peers and ports
)
