package engine

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/internal/reachability/dice"
)

// Cluster is what the API server is given.
type Cluster = dice.Cluster

// Ports are those that every pod and host answers on, for each protocol.
var Ports = dice.Ports

// stream is the stream of random numbers of this package's clusters.
const stream = 30

// Random gives the cluster of a seed: that of package dice with pods of both families, several containers, and blocks
// that hold the hosts outside.
func Random(seed uint64) Cluster {
	d := dice.New(seed, stream)
	c := d.Cluster()
	for i, p := range c.Pods {
		p.Status.PodIPs = podIPs(d, i)
		p.Spec.Containers = containers(d)
	}
	for _, p := range c.Policies {
		for _, r := range p.Spec.Ingress {
			otherBlocks(d, r.From)
		}
		for i, r := range p.Spec.Egress {
			otherBlocks(d, r.To)
			if slices.ContainsFunc(r.To, isBlock) {
				p.Spec.Egress[i].Ports = numbered(r.Ports)
			}
		}
	}
	return c
}

// Address4 and Address6 are the addresses of pod i of a cluster, from 0 on.
func Address4(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

// Address6 is the other one.
func Address6(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(i + 1)})
}

// podIPs are addresses of both families, in either order, or seldom of one.
func podIPs(d dice.Dice, i int) []corev1.PodIP {
	four, six := corev1.PodIP{IP: Address4(i).String()}, corev1.PodIP{IP: Address6(i).String()}
	switch d.IntN(8) {
	case 0:
		return []corev1.PodIP{four}
	case 1:
		return []corev1.PodIP{six}
	case 2:
		return []corev1.PodIP{six, four}
	}
	return []corev1.PodIP{four, six}
}

// containers are one or two. The API server lets a name be that of a port of each, and a port have several names.
func containers(d dice.Dice) []corev1.Container {
	var out []corev1.Container
	for i := range 1 + d.IntN(2) {
		c := corev1.Container{Name: fmt.Sprintf("c%d", i), Image: "example.com/main"}
		for _, name := range []string{"web", "dns"} {
			if d.OneIn(4) {
				continue
			}
			c.Ports = append(c.Ports, corev1.ContainerPort{
				Name: name, ContainerPort: dice.Pick[int32](d, 79, 80, 81),
				Protocol: dice.Pick(d, corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP),
			})
		}
		out = append(out, c)
	}
	return out
}

// otherBlocks puts blocks that hold hosts outside, or cut finer, in place of some.
func otherBlocks(d dice.Dice, peers []networkingv1.NetworkPolicyPeer) {
	for i, p := range peers {
		if p.IPBlock == nil || d.OneIn(2) {
			continue
		}
		peers[i].IPBlock = dice.Pick(d,
			&networkingv1.IPBlock{CIDR: "203.0.113.0/24", Except: []string{"203.0.113.128/25"}},
			&networkingv1.IPBlock{CIDR: "203.0.113.0/24", Except: []string{"203.0.113.10/32"}},
			&networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "203.0.113.0/24"}},
			&networkingv1.IPBlock{CIDR: "10.0.0.4/30"},
			&networkingv1.IPBlock{CIDR: "10.0.0.3/32"},
			&networkingv1.IPBlock{CIDR: "2001:db8:113::/48", Except: []string{"2001:db8:113:1::/64"}},
			&networkingv1.IPBlock{CIDR: "::/0", Except: []string{"fd00::/8", "2001:db8::/32"}},
			&networkingv1.IPBlock{CIDR: "64:ff9b::/96"},
			&networkingv1.IPBlock{CIDR: "fd00::4/126", Except: []string{"fd00::5/128"}},
		)
	}
}

func isBlock(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil }

// numbered is the ports without their names: what a named port means for an ipBlock of egress, the API leaves open.
func numbered(ports []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	out := slices.Clone(ports)
	for i, p := range out {
		if p.Port != nil && p.Port.Type == intstr.String {
			number := intstr.FromInt32(Ports[2])
			out[i].Port = &number
		}
	}
	return out
}
