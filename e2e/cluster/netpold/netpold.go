// Package netpold is the policy engine of the test cluster: the network policy controller of kube-router v2.1.0 as a
// library, for one node and both families, without its router and service proxy. It repairs the controller's known
// faults in front of it, each where the code says so, and it can be asked whether its rules are up to date.
package netpold

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"tierwall.dev/fn/e2e/cluster/engine/repair"
)

// settings are the command's flags.
type settings struct {
	kubeconfig string
	node       string // the name of the Node whose pods are firewalled
	listen     string // the address of the sync endpoint
	repaired   []repair.Fault
	reject     bool   // answer what a policy does not let through
	services4  string // the range of ClusterIPs
	services6  string
}

// Main runs the engine with the flags in arguments until it is told to end.
func Main(arguments []string) error {
	var s settings
	flags := flag.NewFlagSet("netpold", flag.ContinueOnError)
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "file with the API server's address and credentials")
	flags.StringVar(&s.node, "node", "", "name of the Node whose pods are firewalled")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9440", "address that answers GET /sync when the rules are up to date")
	faults := flags.String("repair", "all", "faults of kube-router's that are repaired: all, or some of "+fmt.Sprint(repair.All)+" with commas between them")
	flags.BoolVar(&s.reject, "reject", false, "answer what a policy does not let through with an ICMP error, as kube-router does, instead of dropping it")
	flags.StringVar(&s.services4, "services-ipv4", "10.96.0.0/16", "range of ClusterIPs, IPv4")
	flags.StringVar(&s.services6, "services-ipv6", "fd00:96::/112", "range of ClusterIPs, IPv6")
	klog.InitFlags(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	var err error
	if s.repaired, err = repair.Parse(*faults); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	return run(ctx, s)
}

func run(ctx context.Context, s settings) error {
	if err := s.installRules(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 500
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	view := view{pods, policies, namespaces, s.repaired}
	routerConfig := s.routerConfig()
	tables, sets, err := s.handlers(routerConfig)
	if err != nil {
		return err
	}
	controller, err := netpol.NewNetworkPolicyController(client, routerConfig, view.podInformer(), view.policyInformer(), namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	for _, add := range []func() error{
		func() error { _, err := pods.AddEventHandler(controller.PodEventHandler); return err },
		func() error { _, err := namespaces.AddEventHandler(controller.NamespaceEventHandler); return err },
		func() error { _, err := policies.AddEventHandler(controller.NetworkPolicyEventHandler); return err },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	state := &syncer{
		client: client, pods: pods.GetStore(), policies: policies.GetStore(), namespaces: namespaces.GetStore(),
		request: controller.RequestFullSync, started: make(chan struct{}, 1),
	}
	return serve(ctx, s.listen, controller, state)
}

// routerConfig is kube-router's configuration with only its firewall.
func (s settings) routerConfig() *options.KubeRouterConfig {
	config := options.NewKubeRouterConfig()
	config.HostnameOverride = s.node
	config.EnableIPv4, config.EnableIPv6 = true, true
	config.ClusterIPCIDRs = []string{s.services4, s.services6}
	config.IPTablesSyncPeriod = time.Minute
	return config
}

func (s settings) repairs(fault repair.Fault) bool { return slices.Contains(s.repaired, fault) }

// handlers returns kube-router's hands on iptables and ipset, with familySets in front of the latter.
func (s settings) handlers(config *options.KubeRouterConfig) (map[core.IPFamily]utils.IPTablesHandler, map[core.IPFamily]utils.IPSetHandler, error) {
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return nil, nil, err
	}
	if !s.repairs(repair.Sets) {
		return tables, sets, nil
	}
	plain, err := utils.NewIPSet(false) // "false": no prefix
	if err != nil {
		return nil, nil, err
	}
	sets[core.IPv6Protocol] = familySets{plain, true}
	sets[core.IPv4Protocol] = familySets{sets[core.IPv4Protocol], false}
	return tables, sets, nil
}

// serve runs the controller and the sync endpoint until ctx is done.
func serve(ctx context.Context, listen string, controller *netpol.NetworkPolicyController, state *syncer) error {
	beats := make(chan *healthcheck.ControllerHeartbeat)
	go state.forward(beats)
	var running sync.WaitGroup
	running.Add(1)
	go controller.Run(beats, ctx.Done(), &running)

	mux := http.NewServeMux()
	mux.Handle("GET /sync", state)
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return fmt.Errorf("sync endpoint: %w", err)
	case <-ctx.Done():
	}
	running.Wait()
	return server.Close()
}
