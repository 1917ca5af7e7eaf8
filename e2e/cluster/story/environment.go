package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/probe"
	"tierwall.dev/fn/e2e/cluster/truth"
)

// availableLimit is the time within which a package's workloads have to be available.
const availableLimit = 2 * time.Minute

// password is what the cluster's secret manager would hold.
const password = "correct-horse"

// Environment is an overlay of the package as it is applied.
type Environment struct {
	// Name is that of the overlay's directory.
	Name string
	// Namespace is where its overlay puts it.
	Namespace string
}

var (
	prod    = Environment{"prod", "app-production"}
	staging = Environment{"staging", "app-staging"}
)

func (e Environment) overlay(folder string) string { return folder + "/overlays/" + e.Name }

// apply applies an overlay with strict validation and returns kubectl's answer, a line for each object.
func (w *World) apply(ctx context.Context, folder string, e Environment) ([]string, error) {
	out, err := w.kubectl(ctx, "apply", "--kustomize", e.overlay(folder), "--validate=strict")
	return strings.Split(strings.TrimSpace(out), "\n"), err
}

// createSecret puts the database's password where the package expects it.
func (w *World) createSecret(ctx context.Context, e Environment) error {
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: "database"}, StringData: map[string]string{"password": password}}
	_, err := w.Client.CoreV1().Secrets(e.Namespace).Create(ctx, secret, meta.CreateOptions{})
	return err
}

// available waits until every workload of the namespace has all of its replicas, up to date and available, and no pod of
// an earlier version is left.
func (w *World) available(ctx context.Context, namespace string) error {
	return w.Until(ctx, "the workloads of "+namespace+" are available", availableLimit, func(ctx context.Context) error {
		return w.allAvailable(ctx, namespace)
	})
}

func (w *World) allAvailable(ctx context.Context, namespace string) error {
	deployments, err := w.Client.AppsV1().Deployments(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	sets, err := w.Client.AppsV1().StatefulSets(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	want := 0
	for _, d := range deployments.Items {
		want += int(*d.Spec.Replicas)
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas < *d.Spec.Replicas || s.AvailableReplicas < *d.Spec.Replicas {
			return w.why(ctx, namespace, "deployment "+d.Name, s.AvailableReplicas, *d.Spec.Replicas)
		}
	}
	for _, d := range sets.Items {
		want += int(*d.Spec.Replicas)
		if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas < *d.Spec.Replicas {
			return w.why(ctx, namespace, "statefulset "+d.Name, d.Status.AvailableReplicas, *d.Spec.Replicas)
		}
	}
	pods, err := w.Client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	if len(pods.Items) != want || want == 0 {
		return fmt.Errorf("there are %d pods, of which %d are wanted", len(pods.Items), want)
	}
	return nil
}

// why says what the pods of a namespace wait for.
func (w *World) why(ctx context.Context, namespace, workload string, available, want int32) error {
	problem := fmt.Errorf("%s: %d of %d available", workload, available, want)
	pods, err := w.Client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return errors.Join(problem, err)
	}
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == core.PodScheduled && condition.Status != core.ConditionTrue {
				problem = fmt.Errorf("%w\npod %s: %s", problem, pod.Name, condition.Message)
			}
		}
		for _, container := range pod.Status.ContainerStatuses {
			switch {
			case container.State.Waiting != nil:
				problem = fmt.Errorf("%w\npod %s, container %s waits: %s %s", problem, pod.Name, container.Name, container.State.Waiting.Reason, container.State.Waiting.Message)
			case !container.Ready:
				problem = fmt.Errorf("%w\npod %s, container %s is not ready", problem, pod.Name, container.Name)
			}
		}
	}
	return problem
}

// ends returns everything that stands for a node of the environment's map.
func (w *World) ends(ctx context.Context, e Environment) (map[string][]End, error) {
	ends, err := w.podEnds(ctx, e.Namespace)
	if err != nil {
		return nil, err
	}
	for name, host := range w.Hosts {
		ends[name] = []End{host}
	}
	peers := map[string]struct{ namespace, workload string }{
		"dns":        {meta.NamespaceSystem, "coredns"},
		"prometheus": {monitoring, clientName},
	}
	for peer, at := range peers {
		pods, err := w.podEnds(ctx, at.namespace)
		if err != nil {
			return nil, err
		}
		for _, end := range pods[at.namespace+"/"+at.workload] {
			end.Name = peer
			ends[peer] = append(ends[peer], end)
		}
	}
	return ends, nil
}

// Predicted is what a map says, and the probes that show whether it is so.
type Predicted struct {
	Table truth.Table
	tasks []task
}

// predict returns what the map of a folder's environment says of every pair of its nodes, every port and both families.
func (w *World) predict(ctx context.Context, folder string, e Environment) (Predicted, error) {
	m, err := w.mapOf(ctx, folder, e.Name)
	if err != nil {
		return Predicted{}, err
	}
	ends, err := w.ends(ctx, e)
	if err != nil {
		return Predicted{}, err
	}
	return predictTasks(m, m.Sources(), m.Destinations(), ends)
}

func predictTasks(m truth.Map, sources, destinations []string, ends map[string][]End) (Predicted, error) {
	all, err := tasks(m, sources, destinations, ends)
	if err != nil {
		return Predicted{}, err
	}
	table, err := m.Predict(cellsOf(all))
	return Predicted{Table: table, tasks: all}, err
}

// observedAs probes until the observed table is the predicted one so many times in a row, of four: a probe may be lost on
// a busy machine, but what is open stays open and what is denied stays denied. It returns the number of cells.
func (w *World) observedAs(ctx context.Context, predicted Predicted, needed int) (int, error) {
	const attempts = 4
	agreed := 0
	var observed truth.Table
	for range attempts {
		var err error
		observed, err = observe(predicted, func(t task) (probe.Outcome, error) { return t.dial(ctx) })
		if err != nil {
			return 0, err
		}
		if len(truth.Compare(predicted.Table, observed)) > 0 {
			agreed = 0
			continue
		}
		if agreed++; agreed == needed {
			return len(observed), nil
		}
	}
	return 0, disagreement(predicted.Table, observed)
}

// disagreement names the first cells that differ, and shows both tables.
func disagreement(predicted, observed truth.Table) error {
	differences := truth.Compare(predicted, observed)
	const shown = 10
	var text strings.Builder
	for _, d := range differences[:min(shown, len(differences))] {
		fmt.Fprintf(&text, "%s: predicted %s, observed %s\n", d.Cell, d.Predicted, d.Observed)
	}
	return fmt.Errorf("%d of %d cells differ:\n%s%s", len(differences), len(predicted), text.String(), truth.SideBySide(predicted, observed))
}
