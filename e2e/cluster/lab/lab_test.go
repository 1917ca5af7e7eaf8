//go:build cluster

package lab_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/e2e/cluster/isolate"
	"tierwall.dev/fn/e2e/cluster/lab"
	"tierwall.dev/fn/e2e/cluster/probe"
)

func TestMain(m *testing.M) { os.Exit(isolate.Main(m.Run)) }

// denied is how long a probe waits before a connection counts as denied. The first retransmission of a SYN is after 1 s.
const denied = 1200 * time.Millisecond

const port = 8080

// table is the outcome of each probe, by its name.
type table map[string]probe.Outcome

// cells probes from each client to each server, with both protocols and both families.
func cells(ctx context.Context, clients, servers []*lab.Pod) table {
	var mu sync.Mutex
	var probing sync.WaitGroup
	outcomes := table{}
	for _, from := range clients {
		for _, to := range servers {
			for _, protocol := range []string{probe.TCP, probe.UDP} {
				for family, address := range map[string]string{"IPv4": to.IPv4, "IPv6": to.IPv6} {
					probing.Go(func() {
						outcome, _ := from.Net.Dial(ctx, protocol, address, port, denied)
						mu.Lock()
						defer mu.Unlock()
						outcomes[fmt.Sprintf("%s -> %s %s %s", from.Name, to.Name, protocol, family)] = outcome
					})
				}
			}
		}
	}
	probing.Wait()
	return outcomes
}

// TestLab shows that the cluster stands, that all is open before the policies, and that both directions of a policy and
// both families are enforced as soon as Sync returns.
func TestLab(t *testing.T) {
	ctx := t.Context()
	l, err := lab.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	must(t, l.CreateNamespace(ctx, "shop", nil))
	pods := map[string]*lab.Pod{}
	for _, name := range []string{"client", "other", "server"} {
		pods[name], err = l.CreatePod(ctx, "shop", name, map[string]string{"app": name}, core.ContainerPort{Name: "web", ContainerPort: port})
		must(t, err)
		must(t, pods[name].Serve(probe.TCP, port))
		must(t, pods[name].Serve(probe.UDP, port))
	}
	clients, servers := []*lab.Pod{pods["client"], pods["other"]}, []*lab.Pod{pods["server"]}

	must(t, l.Sync(ctx))
	compare(t, "before the policy", table{
		"client -> server TCP IPv4": probe.Open, "client -> server TCP IPv6": probe.Open,
		"client -> server UDP IPv4": probe.Open, "client -> server UDP IPv6": probe.Open,
		"other -> server TCP IPv4": probe.Open, "other -> server TCP IPv6": probe.Open,
		"other -> server UDP IPv4": probe.Open, "other -> server UDP IPv6": probe.Open,
	}, cells(ctx, clients, servers))

	_, err = l.Client.NetworkingV1().NetworkPolicies("shop").Create(ctx, onlyFromClient(), meta.CreateOptions{})
	must(t, err)
	must(t, l.Sync(ctx))
	compare(t, "with a policy that lets in TCP from the client", table{
		"client -> server TCP IPv4": probe.Open, "client -> server TCP IPv6": probe.Open,
		"client -> server UDP IPv4": probe.Timeout, "client -> server UDP IPv6": probe.Timeout,
		"other -> server TCP IPv4": probe.Timeout, "other -> server TCP IPv6": probe.Timeout,
		"other -> server UDP IPv4": probe.Timeout, "other -> server UDP IPv6": probe.Timeout,
	}, cells(ctx, clients, servers))

	for _, pod := range pods {
		must(t, pod.Remove(ctx))
	}
	must(t, l.RemoveNamespace(ctx, "shop"))
}

// onlyFromClient lets the client in to the server, by the name of its TCP port.
func onlyFromClient() *networking.NetworkPolicy {
	tcp, web := core.ProtocolTCP, intstr.FromString("web")
	return &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Name: "server"},
		Spec: networking.NetworkPolicySpec{
			PodSelector: meta.LabelSelector{MatchLabels: map[string]string{"app": "server"}},
			PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress},
			Ingress: []networking.NetworkPolicyIngressRule{{
				From:  []networking.NetworkPolicyPeer{{PodSelector: &meta.LabelSelector{MatchLabels: map[string]string{"app": "client"}}}},
				Ports: []networking.NetworkPolicyPort{{Protocol: &tcp, Port: &web}},
			}},
		},
	}
}

func compare(t *testing.T, when string, want, got table) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", when, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
