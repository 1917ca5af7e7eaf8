package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"tierwall.dev/fn/e2e/cluster/control"
)

// applier makes the API server hold one cluster after the other. What both have stays and is updated, as a user's
// change would do it; the rest is removed.
type applier struct {
	client     kubernetes.Interface
	namespaces map[string]*corev1.Namespace
	pods       map[string]*corev1.Pod
	policies   map[string]*networkingv1.NetworkPolicy
}

func newApplier(client kubernetes.Interface) *applier {
	return &applier{client, map[string]*corev1.Namespace{}, map[string]*corev1.Pod{}, map[string]*networkingv1.NetworkPolicy{}}
}

var (
	now         = int64(0)
	immediately = metav1.DeleteOptions{GracePeriodSeconds: &now}
	strictly    = metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	strictlyToo = metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict}
)

// apply gives the cluster to the API server. A namespace that the cluster has not stays, without pods and policies.
func (a *applier) apply(ctx context.Context, c Cluster) error {
	if err := a.removeOthers(ctx, c); err != nil {
		return err
	}
	if err := each(c.Namespaces, func(n *corev1.Namespace) error { return a.applyNamespace(ctx, n) }); err != nil {
		return err
	}
	for _, n := range c.Namespaces {
		a.namespaces[n.Name] = n.DeepCopy()
	}
	err := errors.Join(
		each(c.Pods, func(p *corev1.Pod) error { return a.applyPod(ctx, p) }),
		each(c.Policies, func(p *networkingv1.NetworkPolicy) error { return a.applyPolicy(ctx, p) }),
	)
	for _, p := range c.Pods {
		a.pods[idOf(p)] = p.DeepCopy()
	}
	for _, p := range c.Policies {
		a.policies[p.Namespace+"/"+p.Name] = p.DeepCopy()
	}
	return err
}

// each does something with every item at once.
func each[T any](items []T, do func(T) error) error {
	errs := make([]error, len(items))
	var wait sync.WaitGroup
	for i, item := range items {
		wait.Go(func() { errs[i] = do(item) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// removeOthers removes the pods and policies that the cluster does not have, and the pods that cannot be changed to
// what it has.
func (a *applier) removeOthers(ctx context.Context, c Cluster) error {
	pods, policies := map[string]*corev1.Pod{}, map[string]bool{}
	for _, p := range c.Pods {
		pods[idOf(p)] = p
	}
	for _, p := range c.Policies {
		policies[p.Namespace+"/"+p.Name] = true
	}
	var errs []error
	for id, p := range maps.Clone(a.pods) {
		if wanted := pods[id]; wanted != nil && reflect.DeepEqual(wanted.Spec, p.Spec) && reflect.DeepEqual(wanted.Status, p.Status) {
			continue
		}
		delete(a.pods, id)
		errs = append(errs, a.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, immediately))
	}
	for id, p := range maps.Clone(a.policies) {
		if policies[id] {
			continue
		}
		delete(a.policies, id)
		errs = append(errs, a.client.NetworkingV1().NetworkPolicies(p.Namespace).Delete(ctx, p.Name, immediately))
	}
	return errors.Join(errs...)
}

func (a *applier) applyNamespace(ctx context.Context, n *corev1.Namespace) error {
	api := a.client.CoreV1().Namespaces()
	var err error
	if a.namespaces[n.Name] == nil {
		_, err = api.Create(ctx, n, strictly)
	} else {
		_, err = api.Update(ctx, n, strictlyToo)
	}
	return err
}

// applyPod creates the pod and gives it the status that a kubelet would, or changes its labels.
func (a *applier) applyPod(ctx context.Context, p *corev1.Pod) error {
	api := a.client.CoreV1().Pods(p.Namespace)
	if a.pods[idOf(p)] != nil {
		labels, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/metadata/labels", "value": p.Labels}})
		if err != nil {
			return err
		}
		_, err = api.Patch(ctx, p.Name, types.JSONPatchType, labels, metav1.PatchOptions{})
		return err
	}
	bound := p.DeepCopy()
	bound.Spec.NodeName = control.NodeName
	bound.Status = corev1.PodStatus{}
	if _, err := api.Create(ctx, bound, strictly); err != nil {
		return err
	}
	if len(p.Status.PodIPs) == 0 {
		return fmt.Errorf("pod %s has no address", idOf(p))
	}
	status, err := json.Marshal(map[string]any{"status": corev1.PodStatus{
		Phase:  corev1.PodRunning,
		HostIP: control.NodeIPv4, HostIPs: []corev1.HostIP{{IP: control.NodeIPv4}, {IP: control.NodeIPv6}},
		PodIP: p.Status.PodIPs[0].IP, PodIPs: p.Status.PodIPs,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}})
	if err != nil {
		return err
	}
	_, err = api.Patch(ctx, p.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status")
	return err
}

func (a *applier) applyPolicy(ctx context.Context, p *networkingv1.NetworkPolicy) error {
	api := a.client.NetworkingV1().NetworkPolicies(p.Namespace)
	var err error
	if a.policies[p.Namespace+"/"+p.Name] == nil {
		_, err = api.Create(ctx, p, strictly)
	} else {
		_, err = api.Update(ctx, p, strictlyToo)
	}
	return err
}
