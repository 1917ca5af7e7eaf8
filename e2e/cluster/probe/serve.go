package probe

import (
	"fmt"
	"io"
	"net"
)

// Serve listens on a port of the namespace, on every address of both families: TCP connections are accepted and
// closed, datagrams sent back. Close the returned Closer to end it.
func (n Namespace) Serve(protocol string, port int) (io.Closer, error) {
	var closer io.Closer
	err := n.Do(func() error {
		var err error
		address := fmt.Sprintf(":%d", port)
		if protocol == UDP {
			closer, err = serveUDP(address)
		} else {
			closer, err = serveTCP(address)
		}
		return err
	})
	return closer, err
}

func serveTCP(address string) (io.Closer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			connection.Close()
		}
	}()
	return listener, nil
}

func serveUDP(address string) (io.Closer, error) {
	connection, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, err
	}
	go func() {
		buffer := make([]byte, len(datagram))
		for {
			n, from, err := connection.ReadFrom(buffer)
			if err != nil {
				return // closed
			}
			_, _ = connection.WriteTo(buffer[:n], from)
		}
	}()
	return connection, nil
}
