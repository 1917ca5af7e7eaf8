package netpold

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	listers "k8s.io/client-go/listers/core/v1"

	"tierwall.dev/fn/e2e/cluster/engine/repair"
)

// TestView shows what the controller sees, by the calls by which it looks: pods of a namespace, all pods, all policies.
func TestView(t *testing.T) {
	objects := []runtime.Object{
		&core.Pod{ObjectMeta: meta.ObjectMeta{Namespace: "b", Name: "two", UID: "2"}},
		&core.Pod{ObjectMeta: meta.ObjectMeta{Namespace: "a", Name: "one", UID: "1"}},
		&networking.NetworkPolicy{
			ObjectMeta: meta.ObjectMeta{Namespace: "a", Name: "p"},
			Spec:       networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress, networking.PolicyTypeEgress}},
		},
	}
	for _, test := range []struct {
		name              string
		repaired          []repair.Fault
		ofA, all, written []string
	}{
		{"as it is", nil, []string{"one"}, []string{"one", "two"}, []string{"p"}},
		{"types apart", []repair.Fault{repair.BothTypes}, []string{"one"}, []string{"one", "two"}, []string{"p~egress", "p~ingress"}},
		{"names apart", []repair.Fault{repair.Names}, []string{"/one"}, []string{"/one", "/two"}, []string{"/p"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			factory := informers.NewSharedInformerFactory(fake.NewClientset(objects...), 0)
			v := view{
				factory.Core().V1().Pods().Informer(), factory.Networking().V1().NetworkPolicies().Informer(),
				factory.Core().V1().Namespaces().Informer(), test.repaired,
			}
			stop := make(chan struct{})
			defer close(stop)
			factory.Start(stop)
			factory.WaitForCacheSync(stop)

			ofA, err := listers.NewPodLister(v.podInformer().GetIndexer()).Pods("a").List(labels.Everything())
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range ofA {
				names = append(names, p.Name)
			}
			for what, got := range map[string][2][]string{
				"pods of a": {test.ofA, names},
				"all pods":  {test.all, namesOf(v.podInformer().GetIndexer().List())},
				"policies":  {test.written, namesOf(v.policyInformer().GetIndexer().List())},
			} {
				if diff := cmp.Diff(got[0], got[1]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

// namesOf are the objects' names, sorted: an informer has no order.
func namesOf(objects []any) []string {
	var out []string
	for _, o := range objects {
		out = append(out, o.(meta.Object).GetName())
	}
	slices.Sort(out)
	return out
}
