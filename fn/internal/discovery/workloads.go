package discovery

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// selectorForm is how a kind says which pods are its own.
type selectorForm int

const (
	noSelector      selectorForm = iota // Job, CronJob and Pod: controllers make one up
	labelSelector                       // spec.selector.matchLabels, required
	optionalLabels                      // spec.selector.matchLabels, by default the template's labels
	plainLabelsForm                     // spec.selector is itself the labels
)

// workloadKind is what discovery needs to know of a kind with a pod template.
type workloadKind struct {
	// template is the path of the pod template. Empty means that the object is itself the pod.
	template string
	selector selectorForm
	client   bool
	// gone is the Kubernetes version that stopped serving the API version, current the one to write. Empty means served.
	gone, current string
}

const (
	plainTemplate = "spec.template"
	jobTemplate   = "spec.jobTemplate.spec.template"
)

// workloadKindOf is the kind's entry; false for what has no pod template, and for a kind of that name in another group.
// ReplicationController and OpenShift's DeploymentConfig count too: default deny would otherwise close them unseen.
func workloadKindOf(apiVersion, kind string) (workloadKind, bool) {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		switch apiVersion {
		case "apps/v1":
			return workloadKind{template: plainTemplate, selector: labelSelector}, true
		case "extensions/v1beta1":
			return workloadKind{template: plainTemplate, selector: optionalLabels, gone: "1.16", current: "apps/v1"}, kind != "StatefulSet"
		case "apps/v1beta1", "apps/v1beta2":
			return workloadKind{template: plainTemplate, selector: optionalLabels, gone: "1.16", current: "apps/v1"}, true
		}
	case "Job":
		return workloadKind{template: plainTemplate, client: true}, apiVersion == "batch/v1"
	case "CronJob":
		switch apiVersion {
		case "batch/v1":
			return workloadKind{template: jobTemplate, client: true}, true
		case "batch/v1beta1":
			return workloadKind{template: jobTemplate, client: true, gone: "1.25", current: "batch/v1"}, true
		}
	case "Pod":
		return workloadKind{}, apiVersion == "v1"
	case "ReplicationController":
		return workloadKind{template: plainTemplate, selector: plainLabelsForm}, apiVersion == "v1"
	case "DeploymentConfig":
		return workloadKind{template: plainTemplate, selector: plainLabelsForm}, apiVersion == "apps.openshift.io/v1"
	}
	return workloadKind{}, false
}

// templateNode is the pod template, nil where there is none.
func (k workloadKind) templateNode(root *yaml.Node) *yaml.Node {
	switch k.template {
	case plainTemplate:
		return child(root, "spec", "template")
	case jobTemplate:
		return child(root, "spec", "jobTemplate", "spec", "template")
	}
	return root
}

// path is the path of a field of the pod template.
func (k workloadKind) path(field string) string {
	if k.template == "" {
		return field
	}
	return k.template + "." + field
}

// candidate is a workload together with what its manifest says and the inventory does not keep.
type candidate struct {
	*workload.Workload
	origin     origin
	kind       workloadKind
	owner      *owner
	containers []container
	// mounted are the ConfigMaps and Secrets in the pods' volumes.
	mounted  []mount
	identity identity
	// selecting is what the controller says of which pods are its own.
	selecting podSelector
	// idle is true for what asks for no pods, as the ReplicaSet of an old revision does.
	idle bool
	// replicas is how many pods a controller asks for: "Defaults to 1." (apps/v1)
	replicas int64
	// declared are the ports of containers and native sidecars, in the order that a port's name is looked up in.
	declared []workload.Port
	// probed are the ports that probes name, with origin FromProbe.
	probed []workload.Port
	// services are those that select the workload.
	services []*service
}

// readWorkload takes a workload in, or says why it is none.
func (r *Reader) readWorkload(o *manifest.Object, k workloadKind) {
	meta := r.readMetadata(child(o.Root, "metadata"))
	if isLocal(o) {
		return
	}
	from := r.originOf(o)
	template := k.templateNode(o.Root)
	spec := child(template, "spec")
	name := from.ref.Name
	if name == "" {
		name = meta.generateName
	}
	switch {
	case name == "":
		r.report(from, idInvalid, report.Warning, "metadata.name", "a %s without a name is left out: name it", o.Kind)
		return
	case !isMapping(template):
		r.report(from, idInvalid, report.Warning, k.template, "there is no pod template, so this is left out: a %s needs one", o.Kind)
		return
	case !isMapping(spec):
		r.report(from, idInvalid, report.Warning, k.path("spec"), "the pod template has no spec, so this is left out: a %s needs one", o.Kind)
		return
	}
	pod := meta
	if k.template != "" {
		pod = r.readMetadata(child(template, "metadata"))
		if maps.Equal(pod.labels, meta.labels) {
			// As most are: one of the two is enough.
			pod.labels = meta.labels
		}
	}
	c := &candidate{origin: from, kind: k, owner: meta.owner, Workload: &workload.Workload{
		APIVersion: from.ref.APIVersion, Kind: from.ref.Kind, Namespace: from.ref.Namespace, Name: name, Source: o.Source,
		Labels: meta.labels, PodLabels: pod.labels, PodAnnotations: r.stringMap(pod.annotations), Client: k.client,
	}}
	r.readPodSpec(c, spec)
	r.readSpec(c, child(o.Root, "spec"))
	if c.isPatch() {
		r.report(from, idInvalid, report.Warning, "spec", "has no selector, pod label or image, as a patch has none, so this is left out: list it under patches of a kustomization, or complete it")
		return
	}
	if c.owner == nil {
		r.judge(c)
	}
	r.candidates = append(r.candidates, c)
}

// isPatch reports whether there is nothing of what makes a workload: a strategic-merge patch bears the kind and name of
// what it changes, and would be taken for it in a folder without kustomizations.
func (c *candidate) isPatch() bool {
	return c.kind.selector == labelSelector && c.selecting.labels == nil && !c.selecting.expressions && len(c.PodLabels) == 0 && len(c.Images) == 0
}

// metadata is what discovery reads of an ObjectMeta.
type metadata struct {
	generateName string
	labels       map[string]string
	annotations  *yaml.Node
	owner        *owner
}

func (r *Reader) readMetadata(n *yaml.Node) metadata {
	var m metadata
	for key, value := range fields(n) {
		switch key {
		case "generateName":
			m.generateName = r.text(value)
		case "labels":
			m.labels = r.stringMap(value)
		case "annotations":
			m.annotations = value
		case "ownerReferences":
			m.owner = r.readOwner(value)
		}
	}
	return m
}

// readPodSpec reads the pod's spec, without judging it.
func (r *Reader) readPodSpec(c *candidate, spec *yaml.Node) {
	var regular, initial *yaml.Node
	var volumes []volume
	for key, value := range fields(spec) {
		switch key {
		case "containers":
			regular = value
		case "initContainers":
			initial = value
		case "volumes":
			volumes = r.readVolumes(value)
		case "hostNetwork":
			c.HostNetwork = isTrue(value)
		}
		r.readIdentity(&c.identity, key, value)
	}
	count := 0
	for _, list := range []*yaml.Node{regular, initial} {
		if isSequence(list) {
			count += len(list.Content)
		}
	}
	c.containers = make([]container, 0, count)
	for i, n := range items(regular) {
		c.containers = append(c.containers, r.readContainer(n, "containers", i, volumes))
	}
	for i, n := range items(initial) {
		c.containers = append(c.containers, r.readContainer(n, "initContainers", i, volumes))
	}
	c.mounted = mountsOf(volumes, c.containers)
	for i := range c.containers {
		if image := c.containers[i].image; image != "" {
			c.Images = append(c.Images, image)
		}
	}
}

// judge completes a workload that counts: its selector and declared ports, with the findings about them. What has an
// owner waits for it until all objects are read, as a controller's pods say nothing that it does not.
func (r *Reader) judge(c *candidate) {
	if c.kind.gone != "" {
		r.report(c.origin, idOldAPI, report.Warning, "apiVersion", "%s %s is not served since Kubernetes %s: write %s",
			c.APIVersion, c.Kind, c.kind.gone, c.kind.current)
	}
	if c.HostNetwork {
		r.report(c.origin, idHostNetwork, report.Warning, c.kind.path("spec.hostNetwork"),
			"policies do not bind pods in the node's network: drop hostNetwork, or guard the node itself")
	}
	if len(c.containers) == 0 {
		r.report(c.origin, idInvalid, report.Warning, c.kind.path("spec.containers"), "the pod template has no container: it needs at least one")
	}
	r.checkNames(c)
	r.readSelector(c)
	r.readPorts(c)
}

// podSelector is a controller's spec.selector.
type podSelector struct {
	labels map[string]string
	// expressions says that it has matchExpressions.
	expressions bool
}

// readSpec reads what a controller's own spec says, without judging it.
func (r *Reader) readSpec(c *candidate, spec *yaml.Node) {
	replicas, given := integer(child(spec, "replicas"))
	c.idle = given && replicas == 0
	c.replicas = 1
	if given {
		c.replicas = replicas
	}
	if c.kind.selector == noSelector {
		return
	}
	selector := child(spec, "selector")
	expressions := child(selector, "matchExpressions")
	c.selecting.expressions = isSequence(expressions) && len(expressions.Content) > 0
	if c.kind.selector != plainLabelsForm {
		selector = child(selector, "matchLabels")
	}
	c.selecting.labels = r.stringMap(selector)
}

// readSelector takes over which pods a controller says are its own.
func (r *Reader) readSelector(c *candidate) {
	if c.kind.selector == noSelector {
		return
	}
	field := "spec.selector.matchLabels"
	if c.kind.selector == plainLabelsForm {
		field = "spec.selector"
	}
	c.Selector = c.selecting.labels
	if c.Selector == nil && !c.selecting.expressions {
		if c.kind.selector != labelSelector {
			// "If empty, defaulted to labels on Pod template." (core/v1, ReplicationController; extensions/v1beta1 likewise)
			c.Selector = maps.Clone(c.PodLabels)
			return
		}
		r.report(c.origin, idInvalid, report.Warning, "spec.selector", "there is no selector: %s %s needs one that selects its pods",
			c.APIVersion, c.Kind)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(c.Selector)) {
		if worn, ok := c.PodLabels[key]; !ok || worn != c.Selector[key] {
			r.report(c.origin, idInvalid, report.Warning, field, "the selector asks for %s=%s, which the pod template does not wear: give it that label",
				key, c.Selector[key])
		}
	}
}
