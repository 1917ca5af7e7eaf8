package prober

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// probeAll tries everything, the probes to one address one after the other: the kernel gives an ICMP error on SCTP to
// all raw sockets that talk to the address.
func probeAll(probes []Probe, timeout time.Duration) Answer {
	byAddress := map[string][]int{}
	for i, p := range probes {
		byAddress[p.Address] = append(byAddress[p.Address], i)
	}
	out := Answer{Outcomes: make([]Outcome, len(probes)), Failures: map[int]string{}}
	var failures sync.Mutex
	var wait sync.WaitGroup
	for _, indices := range byAddress {
		wait.Go(func() {
			for _, i := range indices {
				outcome, err := probes[i].try(timeout)
				out.Outcomes[i] = outcome
				if outcome == Failed {
					failures.Lock()
					out.Failures[i] = err.Error()
					failures.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return out
}

func (p Probe) try(timeout time.Duration) (Outcome, error) {
	greeted, err := p.connect(timeout)
	if err != nil {
		return outcomeOf(err), err
	}
	from, err := netip.ParseAddr(p.From)
	if err != nil {
		return Failed, err
	}
	if want := string(greeting(p.Name, from)); string(greeted) != want {
		return Failed, fmt.Errorf("the answer is %q, not %q", greeted, want)
	}
	return Open, nil
}

// connect gives what the other end answers.
func (p Probe) connect(timeout time.Duration) ([]byte, error) {
	to, err := netip.ParseAddr(p.Address)
	if err != nil {
		return nil, err
	}
	from, err := netip.ParseAddr(p.From)
	if err != nil {
		return nil, err
	}
	switch p.Protocol {
	case "TCP":
		return p.overTCP(from, netip.AddrPortFrom(to, uint16(p.Port)), timeout)
	case "UDP":
		return p.overUDP(from, netip.AddrPortFrom(to, uint16(p.Port)), timeout)
	case "SCTP":
		return p.overSCTP(from, to, timeout)
	}
	return nil, fmt.Errorf("protocol %q is none of TCP, UDP and SCTP", p.Protocol)
}

func (p Probe) overUDP(from netip.Addr, to netip.AddrPort, timeout time.Duration) ([]byte, error) {
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write([]byte("probe")); err != nil {
		return nil, err
	}
	return readOne(c, timeout)
}

func readOne(c net.Conn, timeout time.Duration) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	b := make([]byte, 2048)
	n, err := c.Read(b)
	return b[:n], err
}

// outcomeOf: iptables' REJECT gives port unreachable, which the kernel reports as refused; the other codes are those
// of routers, which the lab has none of.
func outcomeOf(err error) Outcome {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Rejected
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Silent
	}
	return Failed
}
