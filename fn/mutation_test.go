package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/workload"
)

// TestEveryMutantIsCaught deletes or weakens every part of every policy of the shipped package and the examples, one at
// a time: the proof must fail.
func TestEveryMutantIsCaught(t *testing.T) {
	total := 0
	for _, dir := range provedFolders {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p, findings, err := readProject(dir, nil)
			if err != nil || findings.Failed() {
				t.Fatal(err, findings)
			}
			mutants := 0
			for _, e := range p.environments {
				mutants += mutate(t, p, e)
			}
			if mutants == 0 {
				t.Error("no mutants")
			}
			t.Logf("%d mutants", mutants)
			total += mutants
		})
	}
	t.Logf("%d mutants in all", total)
}

// mutate proves each mutant of an environment, whose model stays as it is.
func mutate(t *testing.T, p *project, e applied) int {
	t.Helper()
	inventory, _ := discovery.Read(e.objects)
	model, findings := modelOf(p.set, e.name, inventory, nil)
	if findings.Failed() {
		t.Fatal(findings)
	}
	mutants := 0
	for i, o := range e.objects {
		if o.Kind != "NetworkPolicy" {
			continue
		}
		np, err := manifest.DecodePolicy(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mutantsOf(np) {
			if equivalent(m, inventory) {
				continue
			}
			mutants++
			objects := slices.Clone(e.objects)
			if m.policy == nil {
				objects = slices.Delete(objects, i, i+1)
			} else {
				objects[i] = objectOf(t, m.policy)
			}
			proof, err := assertion.New(assertion.Input{Model: model, Inventory: inventory, Objects: objects, Profile: p.set.Profile, OwnLabel: policy.SetLabel})
			if err != nil {
				t.Fatal(err)
			}
			if !proof.Findings().Failed() {
				t.Errorf("%s %s/%s: %s: survived", e.name, o.Namespace, o.Name, m.what)
			}
		}
	}
	return mutants
}

const oneMoreValue = "one more value, for pods of namespace "

// equivalent is true for a selector that gets one more value where all pods are known: none has it, so it selects the same.
func equivalent(m mutant, inventory *workload.Inventory) bool {
	_, namespace, found := strings.Cut(m.what, oneMoreValue)
	return found && slices.ContainsFunc(inventory.Workloads, func(w *workload.Workload) bool { return w.Namespace == namespace })
}

func objectOf(t *testing.T, np *networkingv1.NetworkPolicy) *manifest.Object {
	t.Helper()
	objects, err := manifest.ReadFile("mutant.yaml", manifest.EncodePolicy(np))
	if err != nil || len(objects) != 1 {
		t.Fatal(err)
	}
	return objects[0]
}

type mutant struct {
	what string
	// policy is nil where it is deleted.
	policy *networkingv1.NetworkPolicy
}

func mutantsOf(np *networkingv1.NetworkPolicy) []mutant {
	out := []mutant{{"deleted", nil}}
	add := func(what string, change func(*networkingv1.NetworkPolicy)) {
		c := np.DeepCopy()
		change(c)
		out = append(out, mutant{what, c})
	}
	if len(np.Spec.PodSelector.MatchLabels)+len(np.Spec.PodSelector.MatchExpressions) > 0 {
		add("podSelector: {}", func(c *networkingv1.NetworkPolicy) { c.Spec.PodSelector = metav1.LabelSelector{} })
	} else {
		add("podSelector of nothing", func(c *networkingv1.NetworkPolicy) {
			c.Spec.PodSelector.MatchLabels = map[string]string{"nobody": "has"}
		})
	}
	for i := range np.Spec.Ingress {
		at := fmt.Sprintf("ingress[%d]", i)
		add(at+" deleted", func(c *networkingv1.NetworkPolicy) { c.Spec.Ingress = slices.Delete(c.Spec.Ingress, i, i+1) })
		if len(np.Spec.Ingress[i].From) > 0 {
			add(at+" from everyone", func(c *networkingv1.NetworkPolicy) { c.Spec.Ingress[i].From = nil })
		}
		mutatePeers(add, at, np.Spec.Ingress[i].From, func(c *networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPeer { return &c.Spec.Ingress[i].From })
		mutatePorts(add, at, np.Spec.Ingress[i].Ports, func(c *networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPort { return &c.Spec.Ingress[i].Ports })
	}
	for i := range np.Spec.Egress {
		at := fmt.Sprintf("egress[%d]", i)
		add(at+" deleted", func(c *networkingv1.NetworkPolicy) { c.Spec.Egress = slices.Delete(c.Spec.Egress, i, i+1) })
		if len(np.Spec.Egress[i].To) > 0 {
			add(at+" to everyone", func(c *networkingv1.NetworkPolicy) { c.Spec.Egress[i].To = nil })
		}
		mutatePeers(add, at, np.Spec.Egress[i].To, func(c *networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPeer { return &c.Spec.Egress[i].To })
		mutatePorts(add, at, np.Spec.Egress[i].Ports, func(c *networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPort { return &c.Spec.Egress[i].Ports })
	}
	return out
}

type adder func(what string, change func(*networkingv1.NetworkPolicy))

func mutatePeers(add adder, at string, peers []networkingv1.NetworkPolicyPeer, in func(*networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPeer) {
	for j, peer := range peers {
		here := fmt.Sprintf("%s peer %d", at, j)
		if len(peers) > 1 {
			add(here+" deleted", func(c *networkingv1.NetworkPolicy) { *in(c) = slices.Delete(*in(c), j, j+1) })
		}
		if peer.PodSelector != nil {
			add(here+" every pod", func(c *networkingv1.NetworkPolicy) { (*in(c))[j].PodSelector = &metav1.LabelSelector{} })
			for k := range peer.PodSelector.MatchLabels {
				add(here+" another "+k, func(c *networkingv1.NetworkPolicy) { (*in(c))[j].PodSelector.MatchLabels[k] = "other" })
			}
			for k := range peer.PodSelector.MatchExpressions {
				add(here+" another value", func(c *networkingv1.NetworkPolicy) {
					(*in(c))[j].PodSelector.MatchExpressions[k].Values = []string{"other"}
				})
				add(here+" "+oneMoreValue+namespaceIn(peer), func(c *networkingv1.NetworkPolicy) {
					e := &(*in(c))[j].PodSelector.MatchExpressions[k]
					e.Values = append(e.Values, "other")
				})
			}
		}
		if peer.NamespaceSelector != nil {
			add(here+" every namespace", func(c *networkingv1.NetworkPolicy) { (*in(c))[j].NamespaceSelector = &metav1.LabelSelector{} })
			add(here+" own namespace", func(c *networkingv1.NetworkPolicy) {
				(*in(c))[j].NamespaceSelector = nil
				if (*in(c))[j].PodSelector == nil {
					(*in(c))[j].PodSelector = &metav1.LabelSelector{}
				}
			})
		} else if peer.PodSelector != nil {
			add(here+" of every namespace", func(c *networkingv1.NetworkPolicy) { (*in(c))[j].NamespaceSelector = &metav1.LabelSelector{} })
		}
		if peer.IPBlock != nil {
			for k := range peer.IPBlock.Except {
				add(here+" one exception less", func(c *networkingv1.NetworkPolicy) {
					(*in(c))[j].IPBlock.Except = slices.Delete((*in(c))[j].IPBlock.Except, k, k+1)
				})
			}
		}
	}
}

// namespaceIn is the namespace that our policies write into a peer; empty for the policy's own.
func namespaceIn(peer networkingv1.NetworkPolicyPeer) string {
	if peer.NamespaceSelector == nil {
		return ""
	}
	return peer.NamespaceSelector.MatchExpressions[0].Values[0]
}

func mutatePorts(add adder, at string, ports []networkingv1.NetworkPolicyPort, in func(*networkingv1.NetworkPolicy) *[]networkingv1.NetworkPolicyPort) {
	if len(ports) > 0 {
		add(at+" every port", func(c *networkingv1.NetworkPolicy) { *in(c) = nil })
	}
	for j, port := range ports {
		here := fmt.Sprintf("%s port %d", at, j)
		if len(ports) > 1 {
			add(here+" deleted", func(c *networkingv1.NetworkPolicy) { *in(c) = slices.Delete(*in(c), j, j+1) })
		}
		if port.Port == nil {
			continue
		}
		add(here+" every port of the protocol", func(c *networkingv1.NetworkPolicy) { (*in(c))[j].Port, (*in(c))[j].EndPort = nil, nil })
		add(here+" plus one", func(c *networkingv1.NetworkPolicy) { (*in(c))[j].Port.IntVal++ })
		add(here+" one more", func(c *networkingv1.NetworkPolicy) { end := port.Port.IntVal + 1; (*in(c))[j].EndPort = &end })
		add(here+" another protocol", func(c *networkingv1.NetworkPolicy) {
			sctp := corev1.ProtocolSCTP
			(*in(c))[j].Protocol = &sctp
		})
	}
}
