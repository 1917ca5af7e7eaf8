//go:build cluster

package roads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tierwall.dev/fn/e2e/cluster/lab"
	"tierwall.dev/fn/e2e/cluster/probe"
)

const (
	namespace = "app-production"
	// commandLimit bounds every command: none may hang.
	commandLimit = 4 * time.Minute
)

// site is where commands are run as a user of a cluster would.
type site struct {
	// kubeconfig, home and root are the cluster's, a home of the commands' own, and the folder of the repository.
	kubeconfig, home, root string
}

// shop is the lab with the package's workloads in it, each a pod, and what is around them.
type shop struct {
	*lab.Lab
	site
	// ends are the pods and the hosts, each a source and a destination.
	ends []*lab.Pod
}

// podSpec is a pod, by the labels that policies know it by.
type podSpec struct {
	namespace, name string
	labels          map[string]string
}

var podSpecs = []podSpec{
	{namespace, "frontend", map[string]string{"app": "frontend", "tier": "frontend"}},
	{namespace, "backend", map[string]string{"app": "backend", "tier": "api"}},
	{namespace, "database", map[string]string{"app": "database", "tier": "database"}},
	{namespace, "redis", map[string]string{"app": "redis", "tier": "cache"}},
	{"monitoring", "prometheus", map[string]string{"app": "prometheus"}},
	{"kube-system", "coredns", map[string]string{"k8s-app": "kube-dns"}},
	{"other", "stranger", map[string]string{"app": "backend", "tier": "api"}}, // the shop's labels, in another namespace
}

// hostSpecs are the hosts outside; payments is in the range that the package gives the provider.
var hostSpecs = [][3]string{
	{"internet", "198.18.0.10", "2001:db8:18::10"},
	{"payments", "198.51.100.10", ""},
	{"office", "10.200.0.10", "fd00:200::10"}, // private addresses are no internet
}

// ports are those that flows of the package use, and one that none does.
var ports = []string{"443/TCP", "53/TCP", "53/UDP", "5432/TCP", "6379/TCP", "8080/TCP", "8443/TCP", "9090/TCP", "22/TCP"}

func newShop(t *testing.T) *shop {
	t.Helper()
	root, err := repositoryRoot()
	must(t, err)
	ctx := t.Context()
	l, err := lab.Start(ctx)
	must(t, err)
	t.Cleanup(l.Close)
	s := &shop{Lab: l, site: site{kubeconfig: l.Kubeconfig, home: l.Dir, root: root}}
	for _, name := range []string{namespace, "monitoring", "other"} {
		must(t, s.CreateNamespace(ctx, name, nil))
	}
	for _, p := range podSpecs {
		pod, err := s.CreatePod(ctx, p.namespace, p.name, p.labels)
		must(t, err)
		s.add(t, pod)
	}
	for _, h := range hostSpecs {
		host, err := s.NewHost(h[0], h[1], h[2])
		must(t, err)
		s.add(t, host)
	}
	return s
}

// add makes a pod or a host an end. A closed port of TCP says refused, and one of UDP nothing that can be told from a denial,
// so UDP is served.
func (s *shop) add(t *testing.T, pod *lab.Pod) {
	t.Helper()
	t.Cleanup(func() { // the test's own context has ended
		if err := pod.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	must(t, pod.Serve(probe.UDP, 53))
	s.ends = append(s.ends, pod)
}

// repositoryRoot is the folder above that holds the chart.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "charts", "k8s-security")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no repository around the working directory")
}

// denied is how long a probe waits: the first retransmission of a SYN is after 1 s.
const denied = 1300 * time.Millisecond

// everything is expected to be open where nothing is known better.
func everything(string) bool { return true }

// among expects that these connections are open.
func among(connections []string) func(string) bool {
	return func(connection string) bool { return slices.Contains(connections, connection) }
}

// observe probes every port of every end from every other, and returns what got through, a line each. What is expected to
// be open and seems not to be is asked again.
func (s *shop) observe(t *testing.T, expected func(connection string) bool) []string {
	t.Helper()
	must(t, s.Sync(t.Context()))
	through, err := observe(s.questions(t.Context()), expected)
	must(t, err)
	return through
}

func (s *shop) questions(ctx context.Context) []question {
	var all []question
	for _, from := range s.ends {
		for _, to := range s.ends {
			if from == to || from.Namespace == "" && to.Namespace == "" {
				continue
			}
			for _, port := range ports {
				for family, addresses := range map[string][2]string{"IPv4": {from.IPv4, to.IPv4}, "IPv6": {from.IPv6, to.IPv6}} {
					if addresses[0] != "" && addresses[1] != "" {
						all = append(all, question{
							fmt.Sprintf("%s to %s on %s by %s", from.Name, to.Name, port, family),
							func() (probe.Outcome, error) { return dial(ctx, from, addresses[1], port) },
						})
					}
				}
			}
		}
	}
	return all
}

func dial(ctx context.Context, from *lab.Pod, address, port string) (probe.Outcome, error) {
	number, protocol, _ := strings.Cut(port, "/")
	var n int
	if _, err := fmt.Sscan(number, &n); err != nil {
		return probe.Failed, err
	}
	return from.Net.Dial(ctx, protocol, address, n, denied)
}

// command runs a tool in the folder of the repository.
func (s *site) command(t *testing.T, input, program string, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = s.root
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, "HOME="+s.home,
		"PATH="+filepath.Join(s.root, ".cache", "e2e")+string(os.PathListSeparator)+os.Getenv("PATH")) // tierwall
	command.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(arguments, " "), err, out.String())
	}
	return out.String(), nil
}

func (s *site) mustCommand(t *testing.T, input, program string, arguments ...string) string {
	t.Helper()
	out, err := s.command(t, input, program, arguments...)
	must(t, err)
	return out
}

// helm is the path of a pinned helm.
func (s *site) helm(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(s.root, ".cache", "tools", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not built; run: make tools", name)
	}
	return path
}

// policies are the names of the namespace's policies.
func (s *shop) policies(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(s.mustCommand(t, "", "kubectl", "get", "networkpolicies", "--namespace", namespace, "--output", "name"))
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], "networkpolicy.networking.k8s.io/")
	}
	slices.Sort(names)
	return names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
