package lab

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

// The gateways of every pod. A pod is routed, not bridged: all of its traffic passes the node's forward chain.
const (
	gatewayIPv4 = "169.254.1.1"
	gatewayIPv6 = "fe80::1"
	netnsDir    = "/run/netns"
)

// addresses hands out the numbers of which a pod's addresses are made; a number is used again once its pod is removed.
type addresses struct {
	free []int
	next int
}

// The numbers of pods: those that 10.244.0.0/24 has room for.
const (
	firstNumber = 10
	lastNumber  = 254
)

func (a *addresses) take() (int, error) {
	if n := len(a.free); n > 0 {
		number := a.free[0]
		a.free = a.free[1:]
		return number, nil
	}
	if a.next > lastNumber-firstNumber {
		return 0, fmt.Errorf("there are %d pods already, and no address for one more", a.next)
	}
	a.next++
	return firstNumber + a.next - 1, nil
}

func (a *addresses) give(number int) { a.free = append(a.free, number) }

// newPod makes the network namespace of a pod.
func (l *Lab) newPod(namespace, name string) (*Pod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number, err := l.addresses.take()
	if err != nil {
		return nil, err
	}
	p := &Pod{
		Namespace: namespace, Name: name, lab: l, number: number,
		IPv4: fmt.Sprintf("10.244.0.%d", number), IPv6: fmt.Sprintf("fd00:244::%x", number),
	}
	if err := p.makeNet(); err != nil {
		return nil, errors.Join(fmt.Errorf("network of %s/%s: %w", namespace, name, err), p.deleteNet())
	}
	return p, nil
}

// NewHost makes a host outside of the cluster, reached by way of the node, with these addresses; an empty one is left
// out. Remove it like a pod.
func (l *Lab) NewHost(name, ipv4, ipv6 string) (*Pod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number, err := l.addresses.take()
	if err != nil {
		return nil, err
	}
	p := &Pod{Name: name, lab: l, number: number, IPv4: ipv4, IPv6: ipv6}
	if err := p.makeNet(); err != nil {
		return nil, errors.Join(fmt.Errorf("network of host %s: %w", name, err), p.deleteNet())
	}
	return p, nil
}

// netName is the name of the pod's network namespace, for `ip netns exec`.
func (p *Pod) netName() string { return fmt.Sprintf("e2e-%d", p.number) }

// linkName is the node's end of the pod's link.
func (p *Pod) linkName() string { return fmt.Sprintf("pod%d", p.number) }

// hostAddresses are the pod's addresses as single-host networks.
func (p *Pod) hostAddresses() []*net.IPNet {
	var all []*net.IPNet
	for _, address := range []string{p.IPv4, p.IPv6} {
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

func (p *Pod) makeNet() error {
	if err := newNamedNamespace(p.netName()); err != nil {
		return err
	}
	p.Net = probe.Namespace(filepath.Join(netnsDir, p.netName()))
	handle, err := netns.GetFromPath(string(p.Net))
	if err != nil {
		return err
	}
	defer handle.Close()
	link := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: p.linkName()}, PeerName: "eth0", PeerNamespace: netlink.NsFd(handle),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if err := p.nodeSide(link); err != nil {
		return err
	}
	if err := p.Net.Do(p.podSide); err != nil {
		return err
	}
	for _, address := range p.hostAddresses() {
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
func (p *Pod) nodeSide(link netlink.Link) error {
	return configure(link, addressWithoutDAD(gatewayIPv4, 32), addressWithoutDAD(gatewayIPv6, 64))
}

// podSide runs in the pod's network namespace.
func (p *Pod) podSide() error {
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
	for _, address := range p.hostAddresses() {
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

// removeNet closes the pod's ports and removes its network.
func (p *Pod) removeNet() error {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	return p.deleteNet()
}

// deleteNet is removeNet with the lab locked.
func (p *Pod) deleteNet() error {
	for _, port := range p.opened {
		_ = port.Close()
	}
	p.opened = nil
	if link, err := netlink.LinkByName(p.linkName()); err == nil {
		if err := netlink.LinkDel(link); err != nil {
			return fmt.Errorf("link %s: %w", p.linkName(), err)
		}
	}
	if err := netns.DeleteNamed(p.netName()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	p.lab.addresses.give(p.number)
	return nil
}
