package story

import (
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAllUp(t *testing.T) {
	pods := []core.Pod{{ObjectMeta: meta.ObjectMeta{Name: "web-1"}}, {ObjectMeta: meta.ObjectMeta{Name: "web-2"}}}
	up := func(pod, value string) sample {
		return sample{Metric: map[string]string{"pod": pod}, Value: [2]any{1.5, value}}
	}
	cases := map[string]struct {
		pods    []core.Pod
		samples []sample
		want    bool
	}{
		"every pod is up":            {pods, []sample{up("web-1", "1"), up("web-2", "1")}, true},
		"a pod could not be scraped": {pods, []sample{up("web-1", "1"), up("web-2", "0")}, false},
		"a pod was not found":        {pods, []sample{up("web-1", "1"), up("db-1", "1")}, false},
		"there are no pods":          {nil, []sample{up("web-1", "1")}, false},
	}
	for name, c := range cases {
		if err := allUp(c.pods, c.samples); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
