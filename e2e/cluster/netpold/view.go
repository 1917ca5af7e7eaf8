package netpold

import (
	"cmp"
	"slices"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"tierwall.dev/fn/e2e/cluster/engine/repair"
)

// view is the cluster as the controller is shown it: the policies without what would meet a fault that is repaired.
type view struct {
	pods, policies, namespaces cache.SharedIndexInformer
	repaired                   []repair.Fault
}

// shownInformer is an informer with another indexer, which is all that the controller reads of it.
type shownInformer struct {
	cache.SharedIndexInformer
	shown cache.Indexer
}

func (s shownInformer) GetIndexer() cache.Indexer { return s.shown }

func (v view) podInformer() cache.SharedIndexInformer {
	return shownInformer{v.pods, shownPods{v.pods.GetIndexer(), v}}
}

func (v view) policyInformer() cache.SharedIndexInformer {
	return shownInformer{v.policies, shownPolicies{v.policies.GetIndexer(), v}}
}

// shownPods are the pods as package repair shows them. The controller lists them all, or those of a namespace.
type shownPods struct {
	cache.Indexer
	view view
}

func (s shownPods) List() []any { return s.show(s.Indexer.List()) }

func (s shownPods) Index(name string, object any) ([]any, error) {
	found, err := s.Indexer.Index(name, object)
	return s.show(found), err
}

func (s shownPods) ByIndex(name, value string) ([]any, error) {
	found, err := s.Indexer.ByIndex(name, value)
	return s.show(found), err
}

func (s shownPods) show(objects []any) []any {
	out := make([]any, 0, len(objects))
	for _, o := range objects {
		if pod, ok := o.(*core.Pod); ok {
			o = repair.Pod(pod, s.view.repaired)
		}
		out = append(out, o)
	}
	return out
}

// shownPolicies are the policies as package repair writes them. The controller lists them all.
type shownPolicies struct {
	cache.Indexer
	view view
}

func (s shownPolicies) List() []any {
	c := repair.Cluster{
		Namespaces: listed[*core.Namespace](s.view.namespaces),
		Pods:       listed[*core.Pod](s.view.pods),
		Policies:   listed[*networking.NetworkPolicy](s.view.policies),
	}
	var out []any
	for _, p := range repair.Policies(c, s.view.repaired) {
		out = append(out, p)
	}
	return out
}

func listed[T meta.Object](informer cache.SharedIndexInformer) []T {
	var out []T
	for _, o := range informer.GetStore().List() {
		if object, ok := o.(T); ok {
			out = append(out, object)
		}
	}
	// In the same order each time, so that a rewritten policy keeps its name.
	slices.SortFunc(out, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out
}
