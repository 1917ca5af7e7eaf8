package assertion

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/reachability"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// profile is the cluster's profile, parsed.
type profile struct {
	cni                    reachability.Profile
	podCIDRs, serviceCIDRs []netip.Prefix
}

// readProfile leaves out CIDRs that are none: the configuration's decoder has refused them.
func readProfile(in tier.Profile) profile {
	return profile{reachability.Profile(in.CNI), prefixes(in.PodCIDRs), prefixes(in.ServiceCIDRs)}
}

func prefixes(texts []string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}

// defaultNamespace is where kubectl puts an object that names no namespace.
const defaultNamespace = "default"

func namespaceOf(name string) string {
	if name == "" {
		return defaultNamespace
	}
	return name
}

// localConfig marks an object that is never applied (KRM functions specification).
const localConfig = "config.kubernetes.io/local-config"

// readPolicies takes the NetworkPolicies out of the objects, and says what of them cannot be read.
func (p *Proof) readPolicies() {
	for _, o := range p.in.Objects {
		if o.Kind != "NetworkPolicy" || o.Group() != networkingv1.GroupName || o.At("metadata", "annotations").StringMap()[localConfig] == "true" {
			continue
		}
		np, err := manifest.DecodePolicy(o)
		if err != nil {
			var fs report.Findings
			if errors.As(err, &fs) {
				p.findings = append(p.findings, fs...)
			}
			continue // the API server refuses it, so it counts as absent
		}
		np.Namespace = namespaceOf(np.Namespace)
		_, ours := np.Labels[p.in.OwnLabel]
		p.policies = append(p.policies, &policy{np, o, ours})
	}
}

// cluster is the environment as reachability reads it. A policy's source is its place in p.policies.
func (p *Proof) cluster() reachability.Cluster {
	c := reachability.Cluster{CNI: p.profile.cni, PodCIDRs: p.profile.podCIDRs, ServiceCIDRs: p.profile.serviceCIDRs}
	for _, n := range p.in.Inventory.Namespaces {
		c.Namespaces = append(c.Namespaces, reachability.Namespace{Name: n.Name, Labels: n.Labels, Known: true})
	}
	seen := map[string]int{}
	for i, w := range p.workloads {
		p.number[w] = i
		id := w.String()
		if seen[id]++; seen[id] > 1 {
			id += "#" + strconv.Itoa(seen[id])
		}
		p.ids = append(p.ids, id)
		pod := reachability.Pod{ID: id, Namespace: namespaceOf(w.Namespace), Name: w.Name, Labels: w.PodLabels, HostNetwork: w.HostNetwork}
		for _, port := range w.NamedPorts {
			pod.NamedPorts = append(pod.NamedPorts, reachability.NamedPort{Name: port.Name, Protocol: port.Protocol, Number: port.Number})
		}
		c.Pods = append(c.Pods, pod)
	}
	for i, policy := range p.policies {
		c.Policies = append(c.Policies, reachability.Policy{NetworkPolicy: policy.NetworkPolicy, Source: strconv.Itoa(i)})
	}
	for _, peer := range p.peers() {
		for _, t := range slices.Concat(peer.From, peer.To) {
			c.Externals = append(c.Externals, prefixes([]string{t.CIDR})...)
			c.Externals = append(c.Externals, prefixes(t.Except)...)
		}
	}
	return c
}

// class is the workload's class in the matrix.
func (p *Proof) class(number int) int { return p.Matrix.Class(p.ids[number]) }

func (p *Proof) endpoint(number int) reachability.Endpoint {
	return reachability.PodEndpoint(p.ids[number])
}
