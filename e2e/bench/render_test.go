//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// What `tierwall render` may cost beside building each environment once: where nothing changes it builds each once too;
// where something does, once more, with the new policies, for the proof.
const (
	renderedSize    = 200
	maxRenderCheck  = 1.3
	maxRenderChange = 2.3
)

// TestBenchRender renders a base of N workloads with two overlays, from nothing and again, beside kustomize's own builds
// of the two overlays in one process.
func TestBenchRender(t *testing.T) {
	dir := t.TempDir()
	tierwall := buildCommand(t, dir, "tierwall", "../../fn")
	build := buildCommand(t, dir, "build", "./build")
	pkg := filepath.Join(dir, "pkg")
	overlays := writePackage(t, pkg, renderedSize)
	var fresh, check, built []cost
	for range 5 {
		built = append(built, timed(t, build, overlays...))
		fresh = append(fresh, timed(t, tierwall, "render", copied(t, pkg)))
	}
	rendered := copied(t, pkg)
	timed(t, tierwall, "render", rendered)
	var again []cost
	for range 5 {
		again = append(again, timed(t, build, filepath.Join(rendered, "overlays/prod"), filepath.Join(rendered, "overlays/staging")))
		check = append(check, timed(t, tierwall, "render", rendered, "--check"))
	}
	fmt.Printf("render of %d workloads in 2 environments: %.0f ms CPU, %.2f of building each once (most: %.1f), %.0f MB\n", renderedSize,
		1000*median(values(fresh, cpuOf)), pairs{tierwall: fresh, noop: built}.ratio(cpuOf), maxRenderChange, median(values(fresh, memoryOf))/1e6)
	fmt.Printf("the same with nothing to change: %.0f ms CPU, %.2f (most: %.1f), %.0f MB\n",
		1000*median(values(check, cpuOf)), pairs{tierwall: check, noop: again}.ratio(cpuOf), maxRenderCheck, median(values(check, memoryOf))/1e6)
	if r := (pairs{tierwall: fresh, noop: built}).ratio(cpuOf); r > maxRenderChange*cpuSlack {
		t.Errorf("render takes %.2f times the CPU of building each environment once; at most %.1f", r, maxRenderChange)
	}
	if r := (pairs{tierwall: check, noop: again}).ratio(cpuOf); r > maxRenderCheck*cpuSlack {
		t.Errorf("render --check takes %.2f times the CPU of building each environment once; at most %.1f", r, maxRenderCheck)
	}
}

func values(costs []cost, of func(cost) float64) []float64 {
	out := make([]float64, len(costs))
	for i, c := range costs {
		out[i] = of(c)
	}
	return out
}

// writePackage writes a base of n Deployments with a Service each, and two overlays, whose directories it gives.
func writePackage(t *testing.T, dir string, n int) []string {
	t.Helper()
	tiers := []string{"frontend", "api", "database", "cache", "worker"}
	resources := ""
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		name := fmt.Sprintf("%s-%03d", tiers[i%len(tiers)], i)
		resources += "- " + name + ".yaml\n"
		write("base/"+name+".yaml", fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
spec:
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
        tier: %[2]s
    spec:
      containers:
      - name: main
        image: registry.example.com/%[1]s:1
        ports:
        - name: http
          containerPort: 8080
        - name: metrics
          containerPort: 9090
---
apiVersion: v1
kind: Service
metadata:
  name: %[1]s
spec:
  selector:
    app: %[1]s
  ports:
  - port: 80
    targetPort: http
`, name, tiers[i%len(tiers)]))
	}
	write("base/kustomization.yaml", "resources:\n"+resources)
	var overlays []string
	for _, name := range []string{"prod", "staging"} {
		write("overlays/"+name+"/kustomization.yaml", "namespace: app-"+name+"\nresources:\n- ../../base\n")
		overlays = append(overlays, filepath.Join(dir, "overlays", name))
	}
	return overlays
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func timed(t *testing.T, command string, args ...string) cost {
	t.Helper()
	cmd := exec.Command(command, args...)
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%.2000s", filepath.Base(command), err, out)
	}
	return cost{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		memory: cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024}
}
