//go:build cluster

package story

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tierwall.dev/fn/e2e/cluster/truth"
)

// stepScraped: a Prometheus that finds its targets by itself has scraped every pod of every tier.
var stepScraped = step{
	name: "scraped",
	checks: func() []string {
		var all []string
		for _, e := range environments {
			all = append(all, e.Name+": "+everyPodScraped)
		}
		return append(all, realMetrics)
	},
	run: func(t *testing.T, s *suite) {
		must(t, s.startPrometheus(t.Context()))
		must(t, s.available(t.Context(), monitoring))
		for _, e := range environments {
			s.check(t, e.Name+": "+everyPodScraped, func(ctx context.Context) (string, error) {
				pods, err := s.scraped(ctx, e.Namespace)
				return fmt.Sprintf("%d pods", pods), err
			})
		}
		s.check(t, realMetrics, s.metricsOfEveryTier)
	},
}

const (
	everyPodScraped = "Prometheus in monitoring scrapes every pod on 9090"
	realMetrics     = "Prometheus holds the metrics of the application, PostgreSQL and Redis"
)

func (s *suite) metricsOfEveryTier(ctx context.Context) (string, error) {
	for _, expression := range []string{"shop_info == 1", "pg_up == 1", "redis_up == 1"} {
		samples, err := s.query(ctx, expression)
		if err != nil {
			return "", err
		}
		namespaces := map[string]bool{}
		for _, sample := range samples {
			namespaces[sample.Metric["namespace"]] = true
		}
		for _, e := range environments {
			if !namespaces[e.Namespace] {
				return "", fmt.Errorf("there is no %s of %s", expression, e.Namespace)
			}
		}
	}
	return "", nil
}

// stepCluster: what tierwall says of the live cluster, all pairs of all workloads of all namespaces.
var stepCluster = step{
	name:   "cluster",
	checks: func() []string { return []string{clusterAgrees, stagingReachesNothing} },
	run: func(t *testing.T, s *suite) {
		var predicted Predicted
		s.check(t, clusterAgrees, func(ctx context.Context) (string, error) {
			var err error
			if predicted, err = s.predictCluster(ctx, false); err != nil {
				return "", err
			}
			cells, err := s.observedAs(ctx, predicted, twice)
			return fmt.Sprintf("%d cells, %d probes", cells, len(predicted.tasks)), err
		})
		s.check(t, stagingReachesNothing, func(context.Context) (string, error) { return nothingBetween(predicted.Table, staging, prod) })
	},
}

const (
	clusterAgrees         = "predicted of the live cluster and observed agree, all workloads of all namespaces"
	stagingReachesNothing = "nothing in staging reaches prod, nor the other way round"
)

// nothingBetween fails when a cell between the environments, either way, is open in a table that was observed.
func nothingBetween(table truth.Table, a, b Environment) (string, error) {
	count := 0
	for cell, open := range table {
		from, _, _ := strings.Cut(cell.From, "/")
		to, _, _ := strings.Cut(cell.To, "/")
		if (from == a.Namespace && to == b.Namespace) || (from == b.Namespace && to == a.Namespace) {
			if count++; open {
				return "", fmt.Errorf("%s is open", cell)
			}
		}
	}
	if count == 0 {
		return "", fmt.Errorf("the table has no cell between %s and %s", a.Namespace, b.Namespace)
	}
	return fmt.Sprintf("%d cells", count), nil
}

// stepWeakened: each mistake is seen on the wire exactly where the proof says.
var stepWeakened = step{
	name: "weakened",
	checks: func() []string {
		var all []string
		for _, mistake := range weakenings {
			all = append(all, caught+mistake.name)
		}
		return append(all, rightAgain)
	},
	run: func(t *testing.T, s *suite) {
		before, err := s.predictCluster(t.Context(), true)
		must(t, err)
		for _, mistake := range weakenings {
			s.check(t, caught+mistake.name, func(ctx context.Context) (string, error) { return s.caught(ctx, before.Table, mistake) })
		}
		s.check(t, rightAgain, func(ctx context.Context) (string, error) {
			cells, err := s.observedAs(ctx, before, once)
			return fmt.Sprintf("%d cells", cells), err
		})
	},
}

const (
	caught     = "caught: "
	rightAgain = "after the mistakes the table is the one before"
)

func (s *suite) caught(ctx context.Context, before truth.Table, mistake weakening) (string, error) {
	undo, err := s.weaken(ctx, prod, mistake)
	if err != nil {
		return "", err
	}
	detail, err := s.seenWhereProved(ctx, before)
	if undone := undo(ctx); undone != nil {
		return "", undone
	}
	if synced := s.Sync(ctx); synced != nil {
		return "", synced
	}
	return detail, err
}

func (s *suite) seenWhereProved(ctx context.Context, before truth.Table) (string, error) {
	weakened, err := s.predictCluster(ctx, true)
	if err != nil {
		return "", err
	}
	differences, err := caughtAt(before, weakened.Table)
	if err != nil {
		return "", err
	}
	_, err = s.observedAs(ctx, weakened, once)
	return fmt.Sprintf("%d cells differ, such as %s: %s, was %s", len(differences), differences[0].Cell, differences[0].Observed, differences[0].Predicted), err
}
