package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tierwall.dev/fn/e2e/cluster/probe"
)

// copyPackage copies the package into a new folder, to be changed.
func (w *World) copyPackage(folder string) (string, error) {
	dir, err := os.MkdirTemp(w.Dir, "package-")
	if err != nil {
		return "", err
	}
	return dir, os.CopyFS(dir, os.DirFS(folder))
}

// edit replaces text in a file of a package, every time that it is there. It fails when it is not.
func edit(file string, replacements ...string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(content)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			return fmt.Errorf("%s does not have %q", file, replacements[i])
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// render renders the policies of a package again.
func (w *World) render(ctx context.Context, folder string) error {
	_, err := w.run(ctx, nil, w.Tierwall, "render", folder)
	return err
}

// The workload that is added to the package: a second one like the backend.
const newWorkload = "orders"

// addWorkload adds the workload to the base and renders.
func (w *World) addWorkload(ctx context.Context, folder string) error {
	base := filepath.Join(folder, "base")
	backend, err := os.ReadFile(filepath.Join(base, "backend.yaml"))
	if err != nil {
		return err
	}
	file := filepath.Join(base, newWorkload+".yaml")
	if err := os.WriteFile(file, backend, 0o644); err != nil {
		return err
	}
	if err := edit(file, "ame: backend\n", "ame: "+newWorkload+"\n", "app: backend\n", "app: "+newWorkload+"\n"); err != nil {
		return err
	}
	if err := edit(filepath.Join(base, "kustomization.yaml"), "- backend.yaml\n", "- backend.yaml\n- "+newWorkload+".yaml\n"); err != nil {
		return err
	}
	return w.render(ctx, folder)
}

// moveWorkload makes the new workload one of the frontend's tier and renders.
func (w *World) moveWorkload(ctx context.Context, folder string) error {
	if err := edit(filepath.Join(folder, "base", newWorkload+".yaml"), "tier: api\n", "tier: frontend\n"); err != nil {
		return err
	}
	return w.render(ctx, folder)
}

// removeWorkload takes the new workload out of the base and renders.
func (w *World) removeWorkload(ctx context.Context, folder string) error {
	base := filepath.Join(folder, "base")
	if err := os.Remove(filepath.Join(base, newWorkload+".yaml")); err != nil {
		return err
	}
	if err := edit(filepath.Join(base, "kustomization.yaml"), "- "+newWorkload+".yaml\n", ""); err != nil {
		return err
	}
	return w.render(ctx, folder)
}

// prune applies the policies of an overlay and deletes those of the set that it no longer has.
func (w *World) prune(ctx context.Context, folder string, e Environment) error {
	built, err := w.kubectl(ctx, "kustomize", e.overlay(folder))
	if err != nil {
		return err
	}
	_, err = w.run(ctx, []byte(built), w.Kubectl, "apply", "--namespace", e.Namespace, "--filename", "-",
		"--prune", "--selector", "tierwall.dev/set=three-tier", "--prune-allowlist", "networking.k8s.io/v1/NetworkPolicy")
	return err
}

// traffic opens connections between two ends without a pause, and asks over one connection that stays open, until it is
// stopped.
type traffic struct {
	name    string
	cancel  context.CancelFunc
	running sync.WaitGroup

	opened   atomic.Int64 // connections
	answered atomic.Int64 // questions over the one that stays
	dials    atomic.Int64 // of the one that stays: 1, unless it was interrupted

	mu       sync.Mutex
	failures []error
}

// pause is the time between two connections, and between two questions.
const pause = 50 * time.Millisecond

// startTraffic starts new connections to a port; with http, also the one that stays.
func startTraffic(ctx context.Context, name string, from, to End, port int, http bool) *traffic {
	ctx, cancel := context.WithCancel(ctx)
	t := &traffic{name: name, cancel: cancel}
	t.repeat(ctx, func() error {
		if outcome, err := from.Net.Dial(ctx, probe.TCP, to.IPv4, port, denied); outcome != probe.Open {
			return fmt.Errorf("%s: a new connection: %s: %w", name, outcome, err)
		}
		t.opened.Add(1)
		return nil
	})
	if http {
		t.repeat(ctx, t.ask(ctx, from, fmt.Sprintf("http://%s/", net.JoinHostPort(to.IPv4, fmt.Sprint(port)))))
	}
	return t
}

// repeat runs f until ctx is done, and notes its failures.
func (t *traffic) repeat(ctx context.Context, f func() error) {
	t.running.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for ctx.Err() == nil { // a dial after the end would look like an interrupted connection
			if err := f(); err != nil && ctx.Err() == nil {
				t.mu.Lock()
				t.failures = append(t.failures, err)
				t.mu.Unlock()
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// ask returns a function that asks over one connection, which is made again when it broke.
func (t *traffic) ask(ctx context.Context, from End, address string) func() error {
	transport := &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			t.dials.Add(1)
			var connection net.Conn
			err := from.Net.Do(func() error {
				var err error
				connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return err
			})
			return connection, err
		},
	}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	return func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("%s: over the connection that stays: %w", t.name, err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return fmt.Errorf("%s: over the connection that stays: %w", t.name, err)
		}
		t.answered.Add(1)
		return nil
	}
}

// stop ends the traffic. It fails when a connection was not made or was interrupted, and when there was no traffic.
func (t *traffic) stop(http bool) (string, error) {
	t.cancel()
	t.running.Wait()
	if len(t.failures) > 0 {
		return "", fmt.Errorf("%d failures: %w", len(t.failures), errors.Join(t.failures[:min(3, len(t.failures))]...))
	}
	if t.opened.Load() == 0 || (http && (t.answered.Load() == 0 || t.dials.Load() != 1)) {
		return "", fmt.Errorf("%s: %d new connections, %d answers over %d connections", t.name, t.opened.Load(), t.answered.Load(), t.dials.Load())
	}
	return fmt.Sprintf("%d new connections, %d answers over one", t.opened.Load(), t.answered.Load()), nil
}
