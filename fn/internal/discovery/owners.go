package discovery

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
)

// owner is the controller in an object's metadata.ownerReferences.
type owner struct{ apiVersion, kind, name, uid string }

// readOwner is the reference marked as controller, else the first; nil where there is none.
func (r *Reader) readOwner(references *yaml.Node) *owner {
	var first *owner
	for _, n := range items(references) {
		var o owner
		controller := false
		for key, value := range fields(n) {
			switch key {
			case "apiVersion":
				o.apiVersion = r.text(value)
			case "kind":
				o.kind = r.text(value)
			case "name":
				o.name = r.text(value)
			case "uid":
				o.uid = r.text(value)
			case "controller":
				controller = isTrue(value)
			}
		}
		if controller {
			return &o
		}
		if first == nil {
			first = &o
		}
	}
	return first
}

// workloadKey names a workload whatever API version it is written in.
type workloadKey struct{ scope, kind, name string }

// settleWorkloads reduces the candidates to the workloads that count: none that a controller in the input made, one for
// each controller outside the input, none twice. It sorts them.
func (r *Reader) settleWorkloads() {
	present := make(map[workloadKey]bool, len(r.candidates))
	for _, c := range r.candidates {
		present[workloadKey{scope(c.Namespace), c.Kind, c.Name}] = true
	}
	slices.SortStableFunc(r.candidates, func(a, b *candidate) int {
		return cmp.Or(a.Compare(b.Workload), compareSources(a.Source, b.Source))
	})
	ownersSeen := map[workloadKey]bool{}
	kept := r.candidates[:0]
	for _, c := range r.candidates {
		if c.owner != nil && (c.isMadeBy(present) || c.isSibling(ownersSeen)) {
			continue
		}
		if n := len(kept); n > 0 && sameID(kept[n-1], c) {
			r.report(c.origin, idDuplicate, report.Error, "", "%s is also in %s: keep one of them", c.Workload, kept[n-1].Source)
			continue
		}
		kept = append(kept, c)
		if c.owner != nil {
			r.judge(c)
		}
	}
	r.candidates = kept
}

func sameID(a, b *candidate) bool {
	return a.Name == b.Name && a.Kind == b.Kind && a.Namespace == b.Namespace
}

// isMadeBy reports whether a controller of the input made the object: its owner, or the owner's own controller where
// the input leaves the ReplicaSets or Jobs between them out, as `kubectl get deployments,pods` does.
func (c *candidate) isMadeBy(present map[workloadKey]bool) bool {
	if _, ok := workloadKindOf(c.owner.apiVersion, c.owner.kind); !ok {
		return false
	}
	in := scope(c.Namespace)
	if present[workloadKey{in, c.owner.kind, c.owner.name}] {
		return true
	}
	parent, suffix := cutLast(c.owner.name, "-")
	switch c.owner.kind {
	case "ReplicaSet":
		// A Deployment's ReplicaSet is named DEPLOYMENT-HASH, and its pods wear the hash.
		return suffix != "" && suffix == c.PodLabels["pod-template-hash"] && present[workloadKey{in, "Deployment", parent}]
	case "Job":
		// A CronJob's Job is named CRONJOB-MINUTES.
		_, timed := digits(suffix)
		return timed && present[workloadKey{in, "CronJob", parent}]
	case "ReplicationController":
		// A DeploymentConfig's ReplicationController is named CONFIG-REVISION.
		_, revision := digits(suffix)
		return revision && present[workloadKey{in, "DeploymentConfig", parent}]
	}
	return false
}

// isSibling reports whether an object that the same controller outside the input made has been seen, and notes this
// one. What runs other images is something else that the controller made, as an operator does; a static pod's owner is
// its Node, which makes no two alike.
func (c *candidate) isSibling(seen map[workloadKey]bool) bool {
	switch {
	case c.Kind != "Pod" && c.Kind != "ReplicaSet" && c.Kind != "Job", c.owner.kind == "Node":
		return false
	case c.Kind == "ReplicaSet" && c.idle:
		return true
	}
	made := c.Kind + " " + strings.Join(c.Images, " ") + " by " + c.owner.apiVersion + " " + c.owner.kind
	key := workloadKey{scope(c.Namespace), made, c.owner.name}
	if seen[key] {
		return true
	}
	seen[key] = true
	return false
}

// cutLast is s before and after the last separator; s and "" where it has none.
func cutLast(s, separator string) (before, after string) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(separator):]
}
