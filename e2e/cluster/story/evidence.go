package story

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// keepEvidence writes the components' logs and what the cluster holds to a folder outside of the namespaces, for whoever
// looks into a failure. What an earlier run kept there is replaced.
func (w *World) keepEvidence(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	logs, err := filepath.Glob(filepath.Join(w.Dir, "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(log)), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(folder, "pods"), os.DirFS("/var/log/pods")); err != nil {
		return err
	}
	// The test's own context may be what has ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for file, arguments := range map[string][]string{
		"objects.yaml": {"get", "nodes,pods,deploy,rs,sts,svc,endpointslices,pv,pvc,netpol", "--all-namespaces", "--output", "yaml"},
		"events.txt":   {"get", "events", "--all-namespaces", "--sort-by", "lastTimestamp"},
		"pods.txt":     {"get", "pods", "--all-namespaces", "--output", "wide"},
	} {
		out, err := w.kubectl(ctx, arguments...)
		if err != nil {
			out = err.Error()
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte(out), 0o644); err != nil {
			return err
		}
	}
	return nil
}
