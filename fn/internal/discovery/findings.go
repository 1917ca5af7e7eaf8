package discovery

import (
	"fmt"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// What discovery has to say; docs/findings.md has a section for each.
const (
	// An object that the inventory lists as a workload is in the input twice.
	idDuplicate report.ID = "input-duplicate-object"
	// A workload of an API version that current Kubernetes does not serve.
	idOldAPI report.ID = "workload-old-api"
	// A workload that the API server would refuse, for want of a pod template, a name or a selector that fits.
	idInvalid report.ID = "workload-invalid"
	// Pods in the node's network namespace, which policies do not bind.
	idHostNetwork report.ID = "workload-host-network"
	// Workloads without a namespace beside others in "default".
	idNamespaceAssumed report.ID = "namespace-assumed"
	// A port or protocol that is none.
	idPortInvalid report.ID = "port-invalid"
	// A port given by a name that no container of the workload has.
	idPortUnresolved report.ID = "port-unresolved"
	// A port that a Service or an annotation names while the containers declare others.
	idPortContradicts report.ID = "port-contradicts"
	// A store without any sign of its port, which its image tells.
	idPortOfImage report.ID = "port-of-image"
	// A Service that would send requests to the pods of a Job or CronJob.
	idSelectsClient report.ID = "service-selects-client"
	// A Service without a workload in the input, in a namespace that gets a default deny.
	idSelectsNothing report.ID = "service-selects-nothing"
	// An Ingress or route that leads to a Service, or a port of one, that the input lacks.
	idExposureUnresolved report.ID = "exposure-unresolved"
	// A ConfigMap that so many workloads share that it says nothing about who calls whom.
	idTooShared report.ID = "reference-too-shared"
)

// origin names the object that something was read from, once the object itself is gone.
type origin struct {
	ref    report.Object
	source workload.Source
}

func (r *Reader) originOf(o *manifest.Object) origin {
	return origin{
		ref: report.Object{
			APIVersion: r.keep(o.APIVersion), Kind: r.keep(o.Kind), Namespace: r.keep(o.Namespace), Name: r.keep(o.Name),
		},
		source: o.Source,
	}
}

// report records a finding about a field of an object. An empty field means the whole object.
func (r *Reader) report(o origin, id report.ID, severity report.Severity, field, format string, args ...any) {
	r.findings = append(r.findings, report.Finding{
		ID:       id,
		Severity: severity,
		Object:   o.ref,
		File:     o.source.File,
		Index:    o.source.Index,
		Field:    field,
		Message:  fmt.Sprintf(format, args...),
	})
}
