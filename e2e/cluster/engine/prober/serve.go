package prober

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// greeting is what a prober answers with: its name and the address that it was asked from.
func greeting(name string, from netip.Addr) []byte {
	return []byte(name + " " + from.Unmap().WithZone("").String())
}

func (s Serve) open() error {
	for _, family := range []string{"4", "6"} {
		for _, port := range s.Ports {
			if err := s.openTCP("tcp"+family, port); err != nil {
				return err
			}
			if err := s.openUDP("udp"+family, port); err != nil {
				return err
			}
		}
		if err := s.openSCTP(family); err != nil {
			return err
		}
	}
	return nil
}

func (s Serve) openTCP(network string, port int32) error {
	listener, err := net.Listen(network, fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go s.greet(c.(*net.TCPConn))
		}
	}()
	return nil
}

// greet answers, and waits for the other end to close, so that the port's state of a closed connection stays there.
func (s Serve) greet(c *net.TCPConn) {
	defer c.Close()
	from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	if _, err := c.Write(greeting(s.Name, from)); err != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Read(make([]byte, 1))
}

func (s Serve) openUDP(network string, port int32) error {
	c, err := net.ListenUDP(network, &net.UDPAddr{Port: int(port)})
	if err != nil {
		return err
	}
	go func() {
		for {
			_, from, err := c.ReadFromUDPAddrPort(make([]byte, 64))
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(greeting(s.Name, from.Addr()), from)
		}
	}()
	return nil
}
