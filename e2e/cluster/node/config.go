package node

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netlink"

	"tierwall.dev/fn/e2e/cluster/control"
)

// cores is what the node says it has, so that everything that the package requests fits, twice.
const cores = 16

// dnsIP is the ClusterIP of kube-dns.
const dnsIP = "10.96.0.10"

func containerdConfig(dir, socket string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
[grpc]
  address = %q
[plugins."io.containerd.internal.v1.opt"]
  path = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`, filepath.Join(dir, "containerd"), socket, filepath.Join(dir, "opt"), sandboxImage, filepath.Join(dir, "cni"))
}

func cniConfig(dir string) string {
	return fmt.Sprintf(`{"cniVersion":"0.4.0","name":"e2e","plugins":[
  {"type":"ptp","ipMasq":false,"ipam":{"type":"host-local","ranges":[[{"subnet":%q}],[{"subnet":%q}]],
   "routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"dataDir":%q}},
  {"type":"portmap","capabilities":{"portMappings":true}}]}
`, control.PodsIPv4, control.PodsIPv6, filepath.Join(dir, "ipam"))
}

// kubeletConfig turns off what a machine without systemd and with cgroups of version 1 cannot do.
func kubeletConfig(dir, socket string) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
oomScoreAdj: 0
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://%s
address: %s
healthzPort: 0
clusterDNS: [%s]
clusterDomain: cluster.local
resolvConf: ""
evictionHard: {memory.available: 1Mi, nodefs.available: 1%%}
syncFrequency: 5s
maxPods: 200
registerNode: true
kubeAPIQPS: 100
kubeAPIBurst: 200
serializeImagePulls: false
volumePluginDir: %s
`, socket, control.NodeIPv4, dnsIP, filepath.Join(dir, "volume-plugins"))
}

func schedulerConfig(kubeconfig string) string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %s}
leaderElection: {leaderElect: false}
`, kubeconfig)
}

// proxyConfig leaves the machine's connection tracking as it is.
func proxyConfig(kubeconfig string) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
bindAddress: %s
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: %s}
clusterCIDR: "%s,%s"
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`, control.NodeIPv4, kubeconfig, control.PodsIPv4, control.PodsIPv6)
}

// showCores makes a kubelet that is started afterwards see a machine with this many cores, in this mount namespace only:
// the package's requests do not fit on a small machine, and the kubelet would refuse its pods.
func showCores(dir string, cores int) error {
	processors, nodes := filepath.Join(dir, "cpu"), filepath.Join(dir, "node")
	if err := os.MkdirAll(nodes, 0o755); err != nil {
		return err
	}
	for i := range cores {
		topology := filepath.Join(processors, fmt.Sprintf("cpu%d", i), "topology")
		if err := os.MkdirAll(topology, 0o755); err != nil {
			return err
		}
		for name, value := range map[string]int{"core_id": i, "physical_package_id": 0} {
			if err := os.WriteFile(filepath.Join(topology, name), fmt.Appendln(nil, value), 0o644); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"online", "possible", "present"} {
		if err := os.WriteFile(filepath.Join(processors, name), fmt.Appendf(nil, "0-%d\n", cores-1), 0o644); err != nil {
			return err
		}
	}
	for _, part := range []string{"cpu", "node"} {
		if err := syscall.Mount(filepath.Join(dir, part), filepath.Join("/sys/devices/system", part), "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("the processors that the kubelet sees: %w", err)
		}
	}
	return nil
}

// routeServices makes the node route ClusterIPs: it has no default route, and kube-proxy changes the destination after
// the route is looked up.
func routeServices() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, services := range []string{control.ServicesIPv4, control.ServicesIPv6} {
		_, network, err := net.ParseCIDR(services)
		if err != nil {
			return err
		}
		if err := netlink.RouteReplace(&netlink.Route{LinkIndex: loopback.Attrs().Index, Dst: network}); err != nil {
			return fmt.Errorf("route to %s: %w", services, err)
		}
	}
	return nil
}
