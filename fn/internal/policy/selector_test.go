package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/workload"
)

// pod reads "NAME selector=app:a labels=app:a,tier:x tierLabel=tier".
func pod(t *testing.T, line string) *workload.Workload {
	t.Helper()
	fields := strings.Fields(line)
	w := &workload.Workload{Kind: "Deployment", Namespace: "shop", Name: fields[0]}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "selector":
			w.Selector = labels(value)
		case "labels":
			w.PodLabels = labels(value)
		case "tierLabel":
			w.TierLabel = value
		case "host":
			w.HostNetwork = true
		default:
			t.Fatalf("unknown field %q", key)
		}
	}
	return w
}

func labels(list string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		k, v, _ := strings.Cut(pair, ":")
		out[k] = v
	}
	return out
}

func written(s *metav1.LabelSelector, ok bool) string {
	if !ok {
		return "none"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		parts = append(parts, k+"="+s.MatchLabels[k])
	}
	for _, e := range s.MatchExpressions {
		parts = append(parts, fmt.Sprintf("%s %s %v", e.Key, e.Operator, e.Values))
	}
	return strings.Join(parts, ", ")
}

func TestSelect(t *testing.T) {
	for _, test := range []struct {
		name string
		// views hold the pods of each environment; a name with a star is wanted.
		views []string
		added []string
		want  string
	}{
		{
			name:  "one workload: its selector and tier label",
			views: []string{"web* selector=app:web labels=app:web,tier:frontend,version:7 tierLabel=tier"},
			want:  "app=web, tier=frontend",
		},
		{
			name:  "a tier label that only the object wears is not selected by",
			views: []string{"web* selector=app:web labels=app:web tierLabel=tier"},
			want:  "app=web",
		},
		{
			name:  "several workloads: the tier label they share",
			views: []string{"a* selector=app:a labels=app:a,tier:api tierLabel=tier\nb* selector=app:b labels=app:b,tier:api tierLabel=tier"},
			want:  "tier=api",
		},
		{
			name:  "several workloads whose tier is spelt differently",
			views: []string{"a* selector=app:a labels=app:a,tier:api tierLabel=tier\nb* selector=app:b labels=app:b,tier:backend tierLabel=tier"},
			want:  "none",
		},
		{
			name:  "another workload wears the tier label too",
			views: []string{"a* selector=app:a labels=app:a,tier:api tierLabel=tier\nb* selector=app:b labels=app:b,tier:api tierLabel=tier\nc selector=app:c labels=app:c,tier:api tierLabel=tier"},
			want:  "none",
		},
		{
			name:  "a Job that wears the selector is told apart by the other template labels",
			views: []string{"db* selector=app:db labels=app:db,part:server\njob labels=app:db,part:job"},
			want:  "app=db, part=server",
		},
		{
			name:  "pods that cannot be told apart",
			views: []string{"db* selector=app:db labels=app:db\njob labels=app:db,part:job"},
			want:  "none",
		},
		{
			name:  "a hostNetwork pod of the same labels does not count",
			views: []string{"db* selector=app:db labels=app:db\nagent labels=app:db host=true"},
			want:  "app=db",
		},
		{
			name:  "labels that kustomize adds to both ends are left to it",
			views: []string{"web* selector=app:web,env:prod labels=app:web,env:prod", "web* selector=app:web,env:dev labels=app:web,env:dev"},
			added: []string{"env:prod", "env:dev"},
			want:  "app=web",
		},
		{
			name:  "labels that kustomize adds to the policy alone: matchExpressions",
			views: []string{"web* selector=app:web labels=app:web"},
			added: []string{"team:x"},
			want:  "app In [web]",
		},
		{
			name:  "kustomize overwrites a label of the selector and of the pods",
			views: []string{"web* selector=app:shop,tier:frontend labels=app:shop,tier:frontend tierLabel=tier\napi selector=app:shop,tier:api labels=app:shop,tier:api tierLabel=tier"},
			added: []string{"app:shop"},
			want:  "tier=frontend",
		},
		{
			name:  "an environment that changes a label of the selector",
			views: []string{"web* selector=app:web labels=app:web", "web* selector=app:www labels=app:www"},
			want:  "none",
		},
		{
			name:  "labels that a rollout changes",
			views: []string{"job* labels=app:job,controller-uid:1,job-name:job,pod-template-hash:5"},
			want:  "app=job",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var views []View
			var want [][]*workload.Workload
			for i, text := range test.views {
				var all, wanted []*workload.Workload
				for line := range strings.SplitSeq(text, "\n") {
					w := pod(t, strings.Replace(line, "*", "", 1))
					all = append(all, w)
					if strings.Contains(strings.Fields(line)[0], "*") {
						wanted = append(wanted, w)
					}
				}
				v := View{Pods: NewPods(all), Namespace: "shop"}
				if i < len(test.added) {
					v.Added = labels(test.added[i])
				}
				views = append(views, v)
				want = append(want, wanted)
			}
			if diff := cmp.Diff(test.want, written(Select(views, want))); diff != "" {
				t.Errorf("selector (-want +got):\n%s", diff)
			}
		})
	}
}
