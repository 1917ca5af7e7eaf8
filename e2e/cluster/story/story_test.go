//go:build cluster

package story

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/e2e/cluster/isolate"
	"tierwall.dev/fn/e2e/cluster/ledger"
	"tierwall.dev/fn/e2e/cluster/node"
)

func TestMain(m *testing.M) { os.Exit(isolate.Main(m.Run)) }

var (
	built    = flag.String("built", "../../../.cache/e2e", "folder of what make e2e builds: inpod, coredns, tierwall")
	evidence = flag.String("evidence", "../../../.cache/e2e/evidence", "folder for the logs of a run that failed")
	checkout = flag.String("checkout", "../../..", "folder of the repository")
)

// suite is a run: the cluster, the account of the checks, and the folder of the package.
type suite struct {
	*World
	ledger  *ledger.Ledger
	folder  string // kustomize/
	started time.Time
	slots   chan struct{} // of commands in pods
}

// step is a part of the run: it plans its checks before anything runs.
type step struct {
	name   string
	needed bool // by the steps after it
	checks func() []string
	run    func(*testing.T, *suite)
}

// TestRealCluster is the whole story on one cluster. After a needed step that fails the rest is reported as not run.
func TestRealCluster(t *testing.T) {
	s := &suite{ledger: &ledger.Ledger{}, started: time.Now(), slots: make(chan struct{}, atOnce)}
	for _, step := range steps {
		s.ledger.Plan(step.checks()...)
	}
	defer func() {
		for _, name := range s.ledger.NotRun() {
			t.Errorf("check did not run: %s", name)
		}
		fmt.Println("The checks on the real cluster, and how each went:")
		if err := s.ledger.Write(os.Stdout); err != nil {
			t.Error(err)
		}
	}()
	s.start(t)
	defer s.Stop()
	defer func() {
		if t.Failed() {
			must(t, s.keepEvidence(*evidence))
		}
	}()
	for _, step := range steps {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) { step.run(t, s) }) && step.needed {
			t.Fatalf("step %q failed, on which the others build", step.name)
		}
		t.Logf("%5.1fs: %s took %.1fs", time.Since(s.started).Seconds(), step.name, time.Since(began).Seconds())
	}
}

var steps = []step{stepApply, stepOpen, stepEnforced, stepTables, stepScraped, stepCluster, stepWeakened, stepLife, stepLabelled}

// start starts the cluster. The binaries are there already: inside there is no network to build them.
func (s *suite) start(t *testing.T) {
	t.Helper()
	dir, err := filepath.Abs(*built)
	must(t, err)
	root, err := filepath.Abs(*checkout)
	must(t, err)
	s.folder = filepath.Join(root, "kustomize")
	tierwall := filepath.Join(dir, "tierwall")
	s.World, err = startWorld(t.Context(), node.Binaries{InPod: filepath.Join(dir, "inpod"), CoreDNS: filepath.Join(dir, "coredns")}, tierwall)
	must(t, err)
	t.Logf("%5.1fs: the cluster stands", time.Since(s.started).Seconds())
}

// check runs a planned check as a subtest and notes how it went.
func (s *suite) check(t *testing.T, name string, run func(context.Context) (string, error)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		began := time.Now()
		detail, err := run(t.Context())
		if noted := s.ledger.Record(name, detail, time.Since(began), err); noted != nil {
			t.Error(noted)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// atOnce bounds the commands in pods that run at the same time: each starts a kubectl.
const atOnce = 12

// together runs the functions, each of which runs subtests, at the same time, and returns when all are done.
func together(t *testing.T, all ...func(*testing.T)) {
	t.Helper()
	t.Run("together", func(t *testing.T) {
		for i, one := range all {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				one(t)
			})
		}
	})
}

// checkAll runs planned exec checks, several at once.
func (s *suite) checkAll(t *testing.T, prefix, namespace string, open bool, checks []execCheck) {
	t.Helper()
	t.Run(strings.TrimSuffix(prefix, ": "), func(t *testing.T) {
		for _, c := range checks {
			name := prefix + c.name
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.slots <- struct{}{}
				defer func() { <-s.slots }()
				began := time.Now()
				detail, err := c.run(context.WithoutCancel(t.Context()), s.World, namespace, open)
				if noted := s.ledger.Record(name, detail, time.Since(began), err); noted != nil {
					t.Error(noted)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func names(prefix string, checks []execCheck) []string {
	var all []string
	for _, c := range checks {
		all = append(all, prefix+c.name)
	}
	return all
}

var environments = []Environment{prod, staging}

// stepApply: an empty cluster, the package applied as it is.
var stepApply = step{
	name: "apply", needed: true,
	checks: func() []string {
		var all []string
		for _, e := range environments {
			for _, check := range []string{applied, appliedAgain, comesUp} {
				all = append(all, e.Name+": "+check)
			}
		}
		return all
	},
	run: func(t *testing.T, s *suite) {
		for _, e := range environments {
			s.check(t, e.Name+": "+applied, func(ctx context.Context) (string, error) {
				lines, err := s.apply(ctx, s.folder, e)
				if err != nil {
					return "", err
				}
				if err := s.createSecret(ctx, e); err != nil {
					return "", err
				}
				return fmt.Sprintf("%d objects", len(lines)), allSay(lines, "created")
			})
			s.check(t, e.Name+": "+appliedAgain, func(ctx context.Context) (string, error) { return s.applyAgain(ctx, e) })
		}
		for _, e := range environments {
			s.check(t, e.Name+": "+comesUp, func(ctx context.Context) (string, error) { return "", s.available(ctx, e.Namespace) })
		}
		for _, namespace := range []string{monitoring, stranger} {
			must(t, s.available(t.Context(), namespace))
		}
	},
}

const (
	applied      = "kubectl apply -k on an empty cluster, strict validation"
	appliedAgain = "applied again, nothing changes"
	comesUp      = "every workload is available, under the policies"
)

// saysConfigured are the kinds of which kubectl says "configured" each time, whatever the manifest: the API server fills in
// the status of a volumeClaimTemplate, and the selector of a PodDisruptionBudget is always sent.
var saysConfigured = []string{"statefulset.apps/", "poddisruptionbudget.policy/"}

// applyAgain applies once more, and asks the server too: kubectl diff, and each object's generation, which counts the
// changes of what is wanted.
func (s *suite) applyAgain(ctx context.Context, e Environment) (string, error) {
	before, err := s.generations(ctx, e)
	if err != nil {
		return "", err
	}
	if _, err := s.kubectl(ctx, "diff", "--kustomize", e.overlay(s.folder)); err != nil {
		return "", err
	}
	lines, err := s.apply(ctx, s.folder, e)
	if err != nil {
		return "", err
	}
	sure := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(saysConfigured, func(kind string) bool { return strings.HasPrefix(line, kind) })
	})
	if err := allSay(sure, "unchanged"); err != nil {
		return "", err
	}
	after, err := s.generations(ctx, e)
	if err != nil {
		return "", err
	}
	if diff := cmp.Diff(before, after); diff != "" {
		return "", fmt.Errorf("generations (-before +after):\n%s", diff)
	}
	return fmt.Sprintf("%d objects", len(lines)), nil
}

// generations returns the generation of each object of the overlay, a line each.
func (s *suite) generations(ctx context.Context, e Environment) ([]string, error) {
	const fields = `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}`
	out, err := s.kubectl(ctx, "get", "--kustomize", e.overlay(s.folder), "--output", fields)
	return strings.Split(out, "\n"), err
}

// allSay fails when a line of kubectl's answer does not end with the word.
func allSay(lines []string, word string) error {
	for _, line := range lines {
		if !strings.HasSuffix(line, " "+word) {
			return fmt.Errorf("%q, and %s was expected", line, word)
		}
	}
	return nil
}

// stepOpen: without the policies everything is open, so that later nothing but they can be what denies.
var stepOpen = step{
	name: "open before",
	checks: func() []string {
		var all []string
		for _, e := range environments {
			all = append(all, names(e.Name+", open: ", openChecks(e))...)
			all = append(all, e.Name+": "+allOpen)
		}
		return append(all, asksUnprotected)
	},
	run: func(t *testing.T, s *suite) {
		for _, e := range environments {
			_, err := s.kubectl(t.Context(), "delete", "networkpolicy", "--all", "--namespace", e.Namespace)
			must(t, err)
		}
		must(t, s.Sync(t.Context()))
		checks := []func(*testing.T){func(t *testing.T) { s.check(t, asksUnprotected, s.asksUnprotected) }}
		for _, e := range environments {
			checks = append(checks, func(t *testing.T) { s.checkAll(t, e.Name+", open: ", e.Namespace, true, openChecks(e)) })
		}
		together(t, checks...)
		for _, e := range environments {
			s.check(t, e.Name+": "+allOpen, func(ctx context.Context) (string, error) { return s.allOpen(ctx, e) })
		}
	},
}

const allOpen = "without policies every cell of the table is open"

// openChecks are those of which without policies each gets through; curl to a closed port says refused, which fails too.
func openChecks(e Environment) []execCheck {
	return slices.DeleteFunc(append(commonChecks(), environmentChecks(e)...), func(c execCheck) bool {
		return strings.Contains(strings.Join(c.command, " "), metadataIPv4) || strings.HasSuffix(c.name, "cannot reach HTTP outside")
	})
}

// once and twice are how often a table has to be observed in a row.
const once, twice = 1, 2

// allOpen probes everything that the table of the environment has, without policies.
func (s *suite) allOpen(ctx context.Context, e Environment) (string, error) {
	predicted, err := s.predict(ctx, s.folder, e)
	if err != nil {
		return "", err
	}
	for cell := range predicted.Table {
		predicted.Table[cell] = true
	}
	cells, err := s.observedAs(ctx, predicted, twice)
	return fmt.Sprintf("%d cells", cells), err
}

// stepEnforced: the policies are back, and the documented checks hold.
var stepEnforced = step{
	name: "enforced after",
	checks: func() []string {
		var all []string
		for _, e := range environments {
			all = append(all, e.Name+": "+policiesBack, e.Name+": "+defaultDeny)
			all = append(all, names(e.Name+": ", append(commonChecks(), environmentChecks(e)...))...)
			all = append(all, names(e.Name+": ", strangerChecks(e))...)
		}
		return append(all, asksAsProved, probesAsShown)
	},
	run: func(t *testing.T, s *suite) {
		for _, e := range environments {
			s.check(t, e.Name+": "+policiesBack, func(ctx context.Context) (string, error) { return s.policiesBack(ctx, e) })
			s.check(t, e.Name+": "+defaultDeny, func(ctx context.Context) (string, error) { return "", s.defaultDeny(ctx, e) })
		}
		must(t, s.Sync(t.Context()))
		checks := []func(*testing.T){
			func(t *testing.T) { s.check(t, asksAsProved, s.asksAsProved) },
			func(t *testing.T) { s.check(t, probesAsShown, s.probesAsShown) },
		}
		for _, e := range environments {
			checks = append(checks,
				func(t *testing.T) {
					s.checkAll(t, e.Name+": ", e.Namespace, false, append(commonChecks(), environmentChecks(e)...))
				},
				func(t *testing.T) { s.checkAll(t, e.Name+": ", stranger, false, strangerChecks(e)) },
			)
		}
		together(t, checks...)
	},
}

const (
	policiesBack = "kubectl get networkpolicy lists what the package has"
	defaultDeny  = "default-deny-all selects every pod, both directions"
)

// policiesBack applies the overlay and compares the names that the cluster lists with those that kubectl builds.
func (s *suite) policiesBack(ctx context.Context, e Environment) (string, error) {
	lines, err := s.apply(ctx, s.folder, e)
	if err != nil {
		return "", err
	}
	var created []string
	for _, line := range lines {
		if name, isPolicy := strings.CutPrefix(line, "networkpolicy.networking.k8s.io/"); isPolicy {
			created = append(created, strings.TrimSuffix(name, " created"))
		}
	}
	listed, err := s.kubectl(ctx, "get", "networkpolicy", "--namespace", e.Namespace, "--output", `jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}`)
	if err != nil {
		return "", err
	}
	have := strings.Fields(listed)
	slices.Sort(have)
	slices.Sort(created)
	if !slices.Equal(have, created) || len(have) == 0 {
		return "", fmt.Errorf("the cluster lists %v, created were %v", have, created)
	}
	return strings.Join(have, " "), nil
}

func (s *suite) defaultDeny(ctx context.Context, e Environment) error {
	const fields = `jsonpath={.spec.podSelector} {.spec.policyTypes} {.spec.ingress}{.spec.egress}`
	got, err := s.kubectl(ctx, "get", "networkpolicy", "default-deny-all", "--namespace", e.Namespace, "--output", fields)
	if err != nil {
		return err
	}
	if want := `{} ["Ingress","Egress"] `; got != want {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	return nil
}

// stepTables: predicted and observed, all pairs.
var stepTables = step{
	name: "tables",
	checks: func() []string {
		var all []string
		for _, e := range environments {
			all = append(all, e.Name+": "+tablesAgree)
		}
		return all
	},
	run: func(t *testing.T, s *suite) {
		for _, e := range environments {
			s.check(t, e.Name+": "+tablesAgree, func(ctx context.Context) (string, error) {
				predicted, err := s.predict(ctx, s.folder, e)
				if err != nil {
					return "", err
				}
				cells, err := s.observedAs(ctx, predicted, twice)
				return fmt.Sprintf("%d cells", cells), err
			})
		}
	},
}

const tablesAgree = "predicted and observed agree, all pairs, ports, protocols, families"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
