package tier

import "tierwall.dev/fn/internal/report"

// The findings of this package. Those that begin with config- are always errors.
const (
	configKind         report.ID = "config-kind"          // the document is no configuration of this version
	configUnknownField report.ID = "config-unknown-field" // a field that the configuration does not have
	configMissing      report.ID = "config-missing"       // a required field is missing or empty
	configWrongType    report.ID = "config-wrong-type"    // a field holds another type than it should
	configBadValue     report.ID = "config-bad-value"     // a value that is not allowed
	configDuplicate    report.ID = "config-duplicate"     // something is said twice
	configUnknownName  report.ID = "config-unknown-name"  // a tier, peer or environment that is not known

	// serviceSelectsNothing is discovery's: a Service without a workload in the input.
	serviceSelectsNothing report.ID = "service-selects-nothing"

	tierMissing       report.ID = "tier-missing"       // warning: a workload without any tier label
	tierUnknown       report.ID = "tier-unknown"       // warning: a workload whose tier labels hold no known value
	tierContradicts   report.ID = "tier-contradicts"   // warning: the image or the port says another tier than the label
	overrideUnmatched report.ID = "override-unmatched" // warning: an entry of spec.workloads that matches no workload

	endpointUnmatched   report.ID = "endpoint-unmatched"               // warning; error for never and without: no such workload
	peerUndefined       report.ID = "peer-undefined"                   // error: a flow names a peer that has no address here
	withoutNothing      report.ID = "without-matches-nothing"          // error: a without that takes nothing away
	neverAgainstFlow    report.ID = "never-against-flow"               // error: the user's never rules out a flow
	neverSuspended      report.ID = "never-suspended"                  // info: the user's flow suspends cells of the preset's never
	namespaceAmbiguous  report.ID = "namespace-ambiguous"              // warning: a flow could go to several namespaces, goes to none
	namespaceUnknown    report.ID = "namespace-unknown"                // error: a flow crosses into or from a namespace not yet known
	portGuessed         report.ID = "port-guessed"                     // warning: nothing declares a serving port, the tier's is used
	portUnknown         report.ID = "port-unknown"                     // warning: nothing declares a serving port, nor has the tier one
	portUnresolved      report.ID = "port-unresolved"                  // warning: the workload has no port of that name
	metricsGuessed      report.ID = "metrics-guessed"                  // info: nothing declares a metrics port, 9090 is used
	flowAllPorts        report.ID = "flow-all-ports"                   // warning: a flow to a peer names no ports
	egressServicePort   report.ID = "egress-service-port"              // info: egress names the Service's port too
	podCIDRsAssumed     report.ID = "pod-cidrs-assumed"                // info: pods are assumed inside the private ranges
	exposureWithoutFlow report.ID = "exposure-without-flow"            // warning: exposed, but no flow lets anyone in
	flowWithoutExposure report.ID = "flow-without-exposure"            // info: the internet may come in, but nothing exposes it
	referenceNoFlow     report.ID = "reference-without-flow"           // warning, or info: an address of a Service without a flow to it
	referenceForbidden  report.ID = "reference-forbidden"              // warning: an address of a Service that a never rules out
	withinNothing       report.ID = "within-matches-nothing"           // warning: no two workloads belong together by a within
	withinUnlabelled    report.ID = "within-label-missing"             // warning: a workload lacks the label that a within compares
	membersNoFlow       report.ID = "members-without-flow"             // warning: members of a store cannot reach each other
	scrapeNoFlow        report.ID = "scrape-without-flow"              // warning, or info: a scraped port that Prometheus may not enter
	serviceNoFlow       report.ID = "service-without-flow"             // warning, or info: a Service that nobody may call
	jobNoFlow           report.ID = "job-without-flow"                 // warning, or info: a Job or CronJob that may call nobody
	hostNoFlow          report.ID = "host-without-flow"                // warning, or info: an address outside the input without a flow to it
	apiNoFlow           report.ID = "api-without-flow"                 // warning: a workload with rights in the Kubernetes API that may not call it
	webhookNoFlow       report.ID = "webhook-without-flow"             // warning: a Service that the API server calls and may not
	expectNothing       report.ID = "expectation-matches-nothing"      // warning: an expectation is about no connection
	sourceCIDRHidden    report.ID = "source-cidr-behind-load-balancer" // warning: the load balancer hides the addresses
)
