package lab

import (
	"fmt"
	"io"

	"tierwall.dev/fn/e2e/cluster/wire"
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
	return l.connect(number, namespace, name, fmt.Sprintf("10.244.0.%d", number), fmt.Sprintf("fd00:244::%x", number))
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
	return l.connect(number, "", name, ipv4, ipv6)
}

// connect makes the network of a pod or a host; the lab is locked.
func (l *Lab) connect(number int, namespace, name, ipv4, ipv6 string) (*Pod, error) {
	end, err := wire.Make(number, ipv4, ipv6)
	if err != nil {
		l.addresses.give(number)
		return nil, fmt.Errorf("network of %s/%s: %w", namespace, name, err)
	}
	return &Pod{Namespace: namespace, Name: name, IPv4: ipv4, IPv6: ipv6, Net: end.Net, lab: l, end: end}, nil
}

// removeNet closes the pod's ports and removes its network.
func (p *Pod) removeNet() error {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	closeAll(p.opened)
	p.opened = nil
	if err := p.end.Remove(); err != nil {
		return err
	}
	p.lab.addresses.give(p.end.Number)
	return nil
}

func closeAll(closers []io.Closer) {
	for _, one := range closers {
		_ = one.Close()
	}
}
