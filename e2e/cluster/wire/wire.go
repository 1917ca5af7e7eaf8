// Package wire makes network namespaces that stand for pods, and for hosts outside of the cluster: each is reached by a
// route of the node, so that all of its traffic passes the node's forward chain, as with most network plugins.
package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"tierwall.dev/fn/e2e/cluster/probe"
)

// The gateways of every end.
const (
	gatewayIPv4 = "169.254.1.1"
	gatewayIPv6 = "fe80::1"
	netnsDir    = "/run/netns"
)

// End is a network namespace with a link to the node.
type End struct {
	// Number tells the ends apart: it is in the names of the namespace and the link.
	Number int
	// IPv4 and IPv6 are its addresses. An empty one is left out.
	IPv4, IPv6 string
	// Net is its network namespace, for probes from it.
	Net probe.Namespace
}

// Make makes the network namespace. When it fails nothing is left of it.
func Make(number int, ipv4, ipv6 string) (*End, error) {
	e := &End{Number: number, IPv4: ipv4, IPv6: ipv6}
	if err := e.make(); err != nil {
		return nil, errors.Join(err, e.Remove())
	}
	return e, nil
}

// Remove removes the namespace and its link, if there are any.
func (e *End) Remove() error {
	if link, err := netlink.LinkByName(e.linkName()); err == nil {
		if err := netlink.LinkDel(link); err != nil {
			return fmt.Errorf("link %s: %w", e.linkName(), err)
		}
	}
	if err := netns.DeleteNamed(e.netName()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// netName is the name of its network namespace, for `ip netns exec`.
func (e *End) netName() string { return fmt.Sprintf("e2e-%d", e.Number) }

// linkName is the node's end of its link.
func (e *End) linkName() string { return fmt.Sprintf("end%d", e.Number) }

// hostAddresses are its addresses as single-host networks.
func (e *End) hostAddresses() []*net.IPNet {
	var all []*net.IPNet
	for _, address := range []string{e.IPv4, e.IPv6} {
		if ip := net.ParseIP(address); ip != nil {
			all = append(all, hostNet(ip))
		}
	}
	return all
}

func hostNet(ip net.IP) *net.IPNet {
	if v4 := ip.To4(); v4 != nil {
		return &net.IPNet{IP: v4, Mask: net.CIDRMask(32, 32)}
	}
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)}
}

func (e *End) make() error {
	if err := newNamedNamespace(e.netName()); err != nil {
		return err
	}
	e.Net = probe.Namespace(filepath.Join(netnsDir, e.netName()))
	handle, err := netns.GetFromPath(string(e.Net))
	if err != nil {
		return err
	}
	defer handle.Close()
	link := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: e.linkName()}, PeerName: "eth0", PeerNamespace: netlink.NsFd(handle),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if err := e.nodeSide(link); err != nil {
		return err
	}
	if err := e.Net.Do(e.innerSide); err != nil {
		return err
	}
	for _, address := range e.hostAddresses() {
		if err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: address, Scope: netlink.SCOPE_LINK}); err != nil {
			return fmt.Errorf("route to %s: %w", address, err)
		}
	}
	return nil
}

// newNamedNamespace makes a network namespace with a file in netnsDir.
func newNamedNamespace(name string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread is in the new namespace
		handle, err := netns.NewNamed(name)
		if err == nil {
			err = handle.Close()
		}
		done <- err
	}()
	return <-done
}

// nodeSide gives the node's end of the link the gateways' addresses.
func (e *End) nodeSide(link netlink.Link) error {
	return configure(link, addressWithoutDAD(gatewayIPv4, 32), addressWithoutDAD(gatewayIPv6, 64))
}

// innerSide runs in its network namespace.
func (e *End) innerSide() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	var own []*netlink.Addr
	for _, address := range e.hostAddresses() {
		ones, _ := address.Mask.Size()
		own = append(own, addressWithoutDAD(address.IP.String(), ones))
	}
	if err := configure(link, own...); err != nil {
		return err
	}
	gateway4, gateway6 := net.ParseIP(gatewayIPv4), net.ParseIP(gatewayIPv6)
	index := link.Attrs().Index
	for _, route := range []*netlink.Route{
		{LinkIndex: index, Dst: hostNet(gateway4), Scope: netlink.SCOPE_LINK},
		{LinkIndex: index, Dst: defaultNet(net.IPv4zero), Gw: gateway4},
		{LinkIndex: index, Dst: defaultNet(net.IPv6zero), Gw: gateway6},
	} {
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("route %s: %w", route.Dst, err)
		}
	}
	return nil
}

func defaultNet(zero net.IP) *net.IPNet {
	if v4 := zero.To4(); v4 != nil {
		return &net.IPNet{IP: v4, Mask: net.CIDRMask(0, 32)}
	}
	return &net.IPNet{IP: zero, Mask: net.CIDRMask(0, 128)}
}

// addressWithoutDAD is an address that can be used at once: there is nobody on the link who could have the same.
func addressWithoutDAD(ip string, ones int) *netlink.Addr {
	parsed := net.ParseIP(ip)
	bits := 128
	if v4 := parsed.To4(); v4 != nil {
		parsed, bits = v4, 32
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: parsed, Mask: net.CIDRMask(ones, bits)}}
	if bits == 128 {
		const noDAD = 0x02 // IFA_F_NODAD
		address.Flags = noDAD
	}
	return address
}

func configure(link netlink.Link, addresses ...*netlink.Addr) error {
	for _, address := range addresses {
		if err := netlink.AddrAdd(link, address); err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
	}
	return netlink.LinkSetUp(link)
}
