// Package node runs a whole one-node Kubernetes: the control plane and policy engine of package control, and containerd,
// a kubelet, the scheduler, the controller manager, kube-proxy and CoreDNS. Manifests are applied to it as they are. It
// needs the namespaces of package isolate.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/control"
	"tierwall.dev/fn/e2e/cluster/process"
)

// Times within which a part has to be ready.
const (
	runtimeLimit = 30 * time.Second
	importLimit  = 3 * time.Minute
	nodeLimit    = 90 * time.Second
	dnsLimit     = 90 * time.Second
)

// controllers are those that the cluster needs.
var controllers = []string{
	"deployment-controller", "replicaset-controller", "statefulset-controller", "namespace-controller",
	"endpointslice-controller", "node-lifecycle-controller", "serviceaccount-controller", "garbage-collector-controller",
	"disruption-controller", "persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller",
}

// Cluster is a running cluster.
type Cluster struct {
	*control.Plane
	// Kubectl is the path of a kubectl of the cluster's version.
	Kubectl string

	containerd string // its socket
}

// Start starts the cluster and returns when its node is ready and names are resolved. Stop it.
func Start(ctx context.Context, binaries Binaries) (*Cluster, error) {
	plane, err := control.Start(ctx, control.Options{})
	if err != nil {
		return nil, err
	}
	c := &Cluster{Plane: plane, Kubectl: filepath.Join(plane.Dir, "kubectl"), containerd: "/run/containerd/containerd.sock"}
	if err := c.start(ctx, binaries); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, binaries Binaries) error {
	if err := os.Symlink(c.Binary, c.Kubectl); err != nil {
		return err
	}
	imported := make(chan error, 1)
	go func() { imported <- c.startRuntime(ctx, binaries) }()
	for _, start := range []func(context.Context) error{c.startControllers, c.startScheduler} {
		if err := start(ctx); err != nil {
			return errors.Join(err, <-imported)
		}
	}
	if err := <-imported; err != nil {
		return err
	}
	for _, start := range []func(context.Context) error{c.startKubelet, c.startProxy, c.startEngine, c.createVolumes, c.startDNS} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startRuntime starts containerd and loads the images.
func (c *Cluster) startRuntime(ctx context.Context, binaries Binaries) error {
	config, err := c.write("containerd.toml", containerdConfig(c.Dir, c.containerd))
	if err != nil {
		return err
	}
	if _, err := c.write("cni/10-e2e.conflist", cniConfig(c.Dir)); err != nil {
		return err
	}
	containerd, err := c.Processes.Start("containerd", nil, "containerd", "-c", config)
	if err != nil {
		return err
	}
	images, err := writeImages(c.Dir, binaries)
	if err != nil {
		return err
	}
	if err := containerd.Ready(ctx, runtimeLimit, func(ctx context.Context) error { return c.ctr(ctx, "version") }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	if err := c.ctr(ctx, "images", "import", images); err != nil {
		return err
	}
	return os.Remove(images)
}

// ctr runs containerd's client in the kubelet's namespace of images.
func (c *Cluster) ctr(ctx context.Context, arguments ...string) error {
	command := exec.CommandContext(ctx, "ctr", append([]string{"--address", c.containerd, "--namespace", "k8s.io"}, arguments...)...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ctr %s: %w: %s", strings.Join(arguments, " "), err, out)
	}
	return nil
}

func (c *Cluster) startControllers(context.Context) error {
	_, err := c.Component("kube-controller-manager", "kube-controller-manager", "--kubeconfig="+c.Kubeconfig,
		"--leader-elect=false", "--secure-port=0", "--controllers="+strings.Join(controllers, ","),
		"--concurrent-gc-syncs=5", "--kube-api-qps=100", "--kube-api-burst=200")
	return err
}

func (c *Cluster) startScheduler(context.Context) error {
	config, err := c.write("scheduler.yaml", schedulerConfig(c.Kubeconfig))
	if err != nil {
		return err
	}
	_, err = c.Component("kube-scheduler", "kube-scheduler", "--config="+config, "--secure-port=0")
	return err
}

func (c *Cluster) startKubelet(ctx context.Context) error {
	if err := showCores(filepath.Join(c.Dir, "sys"), cores); err != nil {
		return err
	}
	config, err := c.write("kubelet.yaml", kubeletConfig(c.Dir, c.containerd))
	if err != nil {
		return err
	}
	kubelet, err := c.Component("kubelet", "kubelet", "--kubeconfig="+c.Kubeconfig, "--config="+config,
		"--root-dir="+filepath.Join(c.Dir, "kubelet"), "--cert-dir="+filepath.Join(c.Dir, "kubelet", "pki"),
		"--hostname-override="+control.NodeName, "--node-ip="+control.NodeIPv4+","+control.NodeIPv6)
	if err != nil {
		return err
	}
	return kubelet.Ready(ctx, nodeLimit, c.nodeReady)
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	node, err := c.Client.CoreV1().Nodes().Get(ctx, control.NodeName, meta.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status == core.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", control.NodeName)
}

func (c *Cluster) startProxy(context.Context) error {
	if err := routeServices(); err != nil {
		return err
	}
	config, err := c.write("proxy.yaml", proxyConfig(c.Kubeconfig))
	if err != nil {
		return err
	}
	_, err = c.Component("kube-proxy", "kube-proxy", "--config="+config, "--hostname-override="+control.NodeName)
	return err
}

func (c *Cluster) startEngine(ctx context.Context) error { return c.StartEngine(ctx) }

// write writes a file below the cluster's folder and returns its path.
func (c *Cluster) write(name, content string) (string, error) {
	path := filepath.Join(c.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// Until polls until the question is answered with nil.
func (c *Cluster) Until(ctx context.Context, what string, limit time.Duration, question func(context.Context) error) error {
	return process.Until(ctx, what, limit, question)
}
