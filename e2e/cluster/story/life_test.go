//go:build cluster

package story

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// stepLife: a workload is added, moved to another tier, and removed, while the others' connections go on.
var stepLife = step{
	name: "life",
	checks: func() []string {
		return []string{lifeAdded, lifeMoved, lifeRemoved, lifePruned, lifeBackendToDatabase, lifeFrontendToBackend}
	},
	run: func(t *testing.T, s *suite) {
		folder, err := s.copyPackage(s.folder)
		must(t, err)
		ends, err := s.ends(t.Context(), prod)
		must(t, err)
		end := func(workload string) End { return ends[prod.Namespace+"/"+workload][0] }
		toDatabase := startTraffic(t.Context(), "backend to database", end("backend"), end("database"), 5432, false)
		toBackend := startTraffic(t.Context(), "frontend to backend", end("frontend"), end("backend"), 8080, true)

		for _, part := range []struct {
			name   string
			change func(context.Context, string) error
		}{{lifeAdded, s.addWorkload}, {lifeMoved, s.moveWorkload}} {
			s.check(t, part.name, func(ctx context.Context) (string, error) {
				if err := part.change(ctx, folder); err != nil {
					return "", err
				}
				return s.applyAndCompare(ctx, folder)
			})
		}
		s.check(t, lifeRemoved, func(ctx context.Context) (string, error) {
			if err := s.removeWorkload(ctx, folder); err != nil {
				return "", err
			}
			if _, err := s.kubectl(ctx, "delete", "deployment,service,serviceaccount", newWorkload, "--namespace", prod.Namespace); err != nil {
				return "", err
			}
			if err := s.prune(ctx, folder, prod); err != nil {
				return "", err
			}
			return s.applyAndCompare(ctx, folder)
		})
		s.check(t, lifePruned, func(ctx context.Context) (string, error) { return s.policiesAsBuilt(ctx, folder) })
		s.check(t, lifeBackendToDatabase, func(context.Context) (string, error) { return toDatabase.stop(false) })
		s.check(t, lifeFrontendToBackend, func(context.Context) (string, error) { return toBackend.stop(true) })
	},
}

const (
	lifeAdded             = "life: a workload is added: render, apply, predicted and observed agree"
	lifeMoved             = "life: it is moved to another tier: render, apply, predicted and observed agree"
	lifeRemoved           = "life: it is removed: render, apply, predicted and observed agree"
	lifePruned            = "life: no stale policy is left"
	lifeBackendToDatabase = "life: backend to database was never interrupted"
	lifeFrontendToBackend = "life: frontend to backend was never interrupted"
)

// applyAndCompare applies prod of a folder and compares the tables.
func (s *suite) applyAndCompare(ctx context.Context, folder string) (string, error) {
	if _, err := s.apply(ctx, folder, prod); err != nil {
		return "", err
	}
	if err := s.available(ctx, prod.Namespace); err != nil {
		return "", err
	}
	if err := s.Sync(ctx); err != nil {
		return "", err
	}
	predicted, err := s.predict(ctx, folder, prod)
	if err != nil {
		return "", err
	}
	cells, err := s.observedAs(ctx, predicted, once)
	return fmt.Sprintf("%d cells", cells), err
}

// policiesAsBuilt fails unless the cluster has exactly the policies that kubectl builds, and these are the shipped ones.
func (s *suite) policiesAsBuilt(ctx context.Context, folder string) (string, error) {
	var built [2]string
	for i, from := range []string{folder, s.folder} {
		out, err := s.kubectl(ctx, "kustomize", prod.overlay(from))
		if err != nil {
			return "", err
		}
		built[i] = out
	}
	if built[0] != built[1] {
		return "", fmt.Errorf("after a workload came and went the package is not the one before:\n%s", built[0])
	}
	listed, err := s.kubectl(ctx, "get", "networkpolicy", "--namespace", prod.Namespace, "--output", "name")
	if err != nil {
		return "", err
	}
	if got, want := strings.Count(listed, "\n"), strings.Count(built[0], "kind: NetworkPolicy\n"); got != want {
		return "", fmt.Errorf("the package has %d policies, the cluster %d:\n%s", want, got, listed)
	}
	return fmt.Sprintf("%d policies", strings.Count(listed, "\n")), nil
}

// labelled is staging once more, in a namespace of its own: what selectors select cannot be changed.
var labelled = Environment{"staging", "app-labelled"}

// stepLabelled: a transformer that adds a label to every selector, also to those of policies.
var stepLabelled = step{
	name: "labelled",
	checks: func() []string {
		return []string{labelledUp, labelledTables, labelledNames, labelledScraped}
	},
	run: func(t *testing.T, s *suite) {
		folder, err := s.copyPackage(s.folder)
		must(t, err)
		must(t, labelEverything(folder))
		must(t, s.render(t.Context(), folder))
		s.check(t, labelledUp, func(ctx context.Context) (string, error) {
			if _, err := s.apply(ctx, folder, labelled); err != nil {
				return "", err
			}
			if err := s.createSecret(ctx, labelled); err != nil {
				return "", err
			}
			return "", s.available(ctx, labelled.Namespace)
		})
		must(t, s.Sync(t.Context()))
		s.check(t, labelledTables, func(ctx context.Context) (string, error) {
			predicted, err := s.predict(ctx, folder, labelled)
			if err != nil {
				return "", err
			}
			cells, err := s.observedAs(ctx, predicted, once)
			return fmt.Sprintf("%d cells", cells), err
		})
		s.check(t, labelledNames, func(ctx context.Context) (string, error) {
			_, err := s.exec(ctx, labelled.Namespace, "deploy/backend", "getent", "ahosts", "redis")
			return "", err
		})
		s.check(t, labelledScraped, func(ctx context.Context) (string, error) {
			pods, err := s.scraped(ctx, labelled.Namespace)
			return fmt.Sprintf("%d pods", pods), err
		})
	},
}

const (
	labelledUp      = "labels with includeSelectors: every workload is available"
	labelledTables  = "labels with includeSelectors: predicted and observed agree"
	labelledNames   = "labels with includeSelectors: names are resolved"
	labelledScraped = "labels with includeSelectors: Prometheus scrapes every pod"
)

// labelEverything gives the overlay staging a label transformer, and the namespace of labelled.
func labelEverything(folder string) error {
	overlay := filepath.Join(folder, "overlays", labelled.Name)
	if err := edit(filepath.Join(overlay, "namespace.yaml"), staging.Namespace, labelled.Namespace); err != nil {
		return err
	}
	return edit(filepath.Join(overlay, "kustomization.yaml"), "namespace: "+staging.Namespace+"\n",
		"namespace: "+labelled.Namespace+"\nlabels:\n- includeSelectors: true\n  pairs:\n    team: shop\n")
}
