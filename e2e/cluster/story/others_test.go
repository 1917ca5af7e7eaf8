package story

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMetricsTargets(t *testing.T) {
	pod := func(name, ip string, ports ...core.ContainerPort) core.Pod {
		return core.Pod{
			ObjectMeta: meta.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": "web"}},
			Spec:       core.PodSpec{Containers: []core.Container{{Ports: ports}}},
			Status:     core.PodStatus{PodIP: ip},
		}
	}
	http, metrics := core.ContainerPort{Name: "http", ContainerPort: 8080}, core.ContainerPort{Name: "metrics", ContainerPort: 9102}
	got := metricsTargets([]core.Pod{
		pod("both", "10.0.0.1", http, metrics), pod("not-started", "", metrics), pod("without", "10.0.0.2", http), pod("v6", "fd00::1", metrics),
	})
	want := []targets{
		{Targets: []string{"10.0.0.1:9102"}, Labels: map[string]string{"namespace": "shop", "pod": "both", "app": "web"}},
		{Targets: []string{"[fd00::1]:9102"}, Labels: map[string]string{"namespace": "shop", "pod": "v6", "app": "web"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestWorkloadOf(t *testing.T) {
	owned := func(kind, owner, hash string) core.Pod {
		pod := core.Pod{ObjectMeta: meta.ObjectMeta{Name: "a-pod", OwnerReferences: []meta.OwnerReference{{Kind: kind, Name: owner}}}}
		if hash != "" {
			pod.Labels = map[string]string{"pod-template-hash": hash}
		}
		return pod
	}
	cases := map[string]core.Pod{
		"web":   owned("ReplicaSet", "web-5c9d", "5c9d"),
		"db":    owned("StatefulSet", "db", ""),
		"alone": {ObjectMeta: meta.ObjectMeta{Name: "alone"}},
	}
	for want, pod := range cases {
		if got := workloadOf(pod); got != want {
			t.Errorf("the workload of %s is %q, want %q", pod.Name, got, want)
		}
	}
}

func TestEditWantsTheText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kustomization.yaml")
	if err := os.WriteFile(file, []byte("a: 1\nb: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := edit(file, "1", "2", "a:", "c:"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "c: 2\nb: 2\n" {
		t.Errorf("the file is now %q", got)
	}
	if edit(file, "d:", "e:") == nil {
		t.Error("text that is not there was replaced")
	}
}
