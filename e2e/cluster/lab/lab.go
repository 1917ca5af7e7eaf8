// Package lab is a one-node Kubernetes without a kubelet: a real etcd, API server and policy engine, in which a pod is a
// network namespace that this process makes, and a port on which it listens. A cluster of dozens of pods stands within
// seconds, and thousands of connections can be probed. It needs the namespaces of package isolate.
package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tierwall.dev/fn/e2e/cluster/control"
	"tierwall.dev/fn/e2e/cluster/probe"
	"tierwall.dev/fn/e2e/cluster/process"
	"tierwall.dev/fn/e2e/cluster/wire"
)

// Lab is a running cluster. Its methods may be called from several goroutines at once.
type Lab struct {
	*control.Plane

	mu        sync.Mutex
	addresses addresses
}

// Pod is a pod with its network namespace, or a host outside of the cluster.
type Pod struct {
	// Namespace and Name are those of the Pod object. A host has no namespace.
	Namespace, Name string
	// IPv4 and IPv6 are its addresses.
	IPv4, IPv6 string
	// Net is its network namespace, for probes from it.
	Net probe.Namespace

	lab    *Lab
	end    *wire.End
	opened []io.Closer
}

// Start starts a cluster without pods. Close it. The engine gets these arguments besides those that it always has.
func Start(ctx context.Context, engine ...string) (*Lab, error) {
	plane, err := control.Start(ctx, control.Options{DisableAdmission: []string{"ServiceAccount", "TaintNodesByCondition"}})
	if err != nil {
		return nil, err
	}
	l := &Lab{Plane: plane}
	if err := l.createNode(ctx); err != nil {
		l.Close()
		return nil, err
	}
	if err := l.StartEngine(ctx, engine...); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close stops the cluster. Pods that were not removed end with the namespaces that package isolate made.
func (l *Lab) Close() { l.Stop() }

func (l *Lab) createNode(ctx context.Context) error {
	node := &core.Node{
		ObjectMeta: meta.ObjectMeta{Name: control.NodeName},
		Spec:       core.NodeSpec{PodCIDR: control.PodsIPv4, PodCIDRs: []string{control.PodsIPv4, control.PodsIPv6}},
		Status: core.NodeStatus{
			Addresses: []core.NodeAddress{
				{Type: core.NodeInternalIP, Address: control.NodeIPv4}, {Type: core.NodeInternalIP, Address: control.NodeIPv6},
			},
			Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue}},
		},
	}
	_, err := l.Client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{})
	return err
}

// CreateNamespace creates a namespace with these labels, and the one that the API server adds.
func (l *Lab) CreateNamespace(ctx context.Context, name string, labels map[string]string) error {
	namespace := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}}
	_, err := l.Client.CoreV1().Namespaces().Create(ctx, namespace, meta.CreateOptions{})
	return err
}

// removeLimit is the time within which a namespace has to be gone.
const removeLimit = 20 * time.Second

// RemoveNamespace removes a namespace with its Pod objects and policies, as the namespace controller would: there is
// none. Remove the pods themselves before. It returns when the namespace is gone.
func (l *Lab) RemoveNamespace(ctx context.Context, name string) error {
	now := int64(0)
	immediately := meta.DeleteOptions{GracePeriodSeconds: &now}
	if err := l.Client.NetworkingV1().NetworkPolicies(name).DeleteCollection(ctx, immediately, meta.ListOptions{}); err != nil {
		return err
	}
	if err := l.Client.CoreV1().Pods(name).DeleteCollection(ctx, immediately, meta.ListOptions{}); err != nil {
		return err
	}
	namespaces := l.Client.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, name, immediately); err != nil {
		return err
	}
	return process.Until(ctx, "namespace "+name+" is gone", removeLimit, func(ctx context.Context) error {
		namespace, err := namespaces.Get(ctx, name, meta.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		namespace.Spec.Finalizers = nil
		if _, err := namespaces.Finalize(ctx, namespace, meta.UpdateOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		return fmt.Errorf("namespace %s still exists", name)
	})
}

// CreatePod creates a Pod object, the network namespace that stands for it, and the status that a kubelet would write.
// Ports are what its container declares (named ports are resolved by them); nothing listens before Serve.
func (l *Lab) CreatePod(ctx context.Context, namespace, name string, labels map[string]string, ports ...core.ContainerPort) (*Pod, error) {
	pod, err := l.newPod(namespace, name)
	if err != nil {
		return nil, err
	}
	if err := l.createPod(ctx, pod, labels, ports); err != nil {
		_ = pod.removeNet()
		return nil, err
	}
	return pod, nil
}

func (l *Lab) createPod(ctx context.Context, pod *Pod, labels map[string]string, ports []core.ContainerPort) error {
	pods := l.Client.CoreV1().Pods(pod.Namespace)
	_, err := pods.Create(ctx, &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: pod.Name, Labels: labels},
		Spec: core.PodSpec{
			NodeName:   control.NodeName,
			Containers: []core.Container{{Name: "main", Image: "e2e.test/none", Ports: ports}},
		},
	}, meta.CreateOptions{})
	if err != nil {
		return err
	}
	status, err := json.Marshal(map[string]any{"status": core.PodStatus{
		Phase:      core.PodRunning,
		HostIP:     control.NodeIPv4, // kube-router takes a pod for this node's by it
		HostIPs:    []core.HostIP{{IP: control.NodeIPv4}, {IP: control.NodeIPv6}},
		PodIP:      pod.IPv4,
		PodIPs:     []core.PodIP{{IP: pod.IPv4}, {IP: pod.IPv6}},
		Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}},
	}})
	if err != nil {
		return err
	}
	_, err = pods.Patch(ctx, pod.Name, types.MergePatchType, status, meta.PatchOptions{}, "status")
	return err
}

// Serve listens on a port of the pod until it is removed.
func (p *Pod) Serve(protocol string, port int) error {
	closer, err := p.Net.Serve(protocol, port)
	if err != nil {
		return fmt.Errorf("%s/%s: port %d/%s: %w", p.Namespace, p.Name, port, protocol, err)
	}
	p.opened = append(p.opened, closer)
	return nil
}

// Remove removes the Pod object, if there still is one, and the network namespace.
func (p *Pod) Remove(ctx context.Context) error {
	if p.Namespace != "" {
		now := int64(0)
		err := p.lab.Client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, meta.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return p.removeNet()
}
