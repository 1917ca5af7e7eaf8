package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImageName(t *testing.T) {
	for image, want := range map[string]string{
		"redis": "redis", "redis:7": "redis", "bitnami/redis@sha256:ab": "redis", "host:5000/a/b/redis:7@sha256:ab": "redis", "host:5000/redis": "redis", "": "",
	} {
		if got := ImageName(image); got != want {
			t.Errorf("ImageName(%q) is %q, want %q", image, got, want)
		}
	}
}

func TestMergePorts(t *testing.T) {
	got := MergePorts([]Port{
		{Protocol: UDP, Number: 53}, {Protocol: TCP, Number: 5432, ServicePort: 5432}, {Protocol: TCP, Number: 80, ServicePort: 80},
		{Protocol: TCP, Number: 80, Name: "http", ServicePort: 8080}, {Protocol: TCP, Number: 5432, ServicePort: 5432},
	})
	want := []Port{{Protocol: TCP, Number: 80, Name: "http"}, {Protocol: TCP, Number: 5432, ServicePort: 5432}, {Protocol: UDP, Number: 53}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}
