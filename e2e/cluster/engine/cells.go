package engine

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// Family is a family of addresses.
type Family string

// The families.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// familyOf is the family of an address.
func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

var (
	families  = []Family{IPv4, IPv6}
	protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
)

// Cell is one connection. An end is NAMESPACE/NAME of a pod, or the name of a host outside.
type Cell struct {
	From, To string
	Family   Family
	Protocol corev1.Protocol
	Port     int32
}

func (c Cell) String() string {
	return fmt.Sprintf("%s -> %s %d/%s over %s", c.From, c.To, c.Port, c.Protocol, c.Family)
}

// end is a pod or a host with its addresses, one of a family at most.
type end struct {
	id      string
	outside bool
	address map[Family]netip.Addr
}

// hosts are outside of the cluster. The second one's IPv6 address is as NAT64 makes them (RFC 6052).
var hosts = []end{
	{id: "near", outside: true, address: map[Family]netip.Addr{IPv4: netip.MustParseAddr("203.0.113.10"), IPv6: netip.MustParseAddr("2001:db8:113::10")}},
	{id: "far", outside: true, address: map[Family]netip.Addr{IPv4: netip.MustParseAddr("198.51.100.20"), IPv6: netip.MustParseAddr("64:ff9b::c633:6414")}},
}

func idOf(p *corev1.Pod) string { return p.Namespace + "/" + p.Name }

// ends are the cluster's pods and the hosts.
func ends(c Cluster) ([]end, error) {
	var out []end
	for _, p := range c.Pods {
		e := end{id: idOf(p), address: map[Family]netip.Addr{}}
		for _, ip := range p.Status.PodIPs {
			a, err := netip.ParseAddr(ip.IP)
			if err != nil {
				return nil, fmt.Errorf("pod %s: %w", e.id, err)
			}
			e.address[familyOf(a)] = a
		}
		out = append(out, e)
	}
	return append(out, hosts...), nil
}

// cells are all connections between pods, and between pods and hosts, on every port, over the families that both have.
// A pod to itself is left out: it is not on the wire.
func cells(c Cluster) ([]Cell, error) {
	all, err := ends(c)
	if err != nil {
		return nil, err
	}
	var out []Cell
	for _, from := range all {
		for _, to := range all {
			if from.id == to.id || from.outside && to.outside {
				continue
			}
			for _, family := range families {
				if !from.address[family].IsValid() || !to.address[family].IsValid() {
					continue
				}
				for _, protocol := range protocols {
					for _, port := range Ports {
						out = append(out, Cell{from.id, to.id, family, protocol, port})
					}
				}
			}
		}
	}
	return out, nil
}
