// Package probe opens connections between network namespaces and says what became of them. It runs in this process:
// a socket belongs to the network namespace in which its thread was when it was made.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
)

// Outcome is what became of a probe.
type Outcome string

// The outcomes. A denied packet is dropped by the engine without an answer, so that Refused came from the destination.
const (
	Open        Outcome = "open"        // a connection was made, or a datagram answered
	Refused     Outcome = "refused"     // the packet got through to a port on which nobody listens
	Timeout     Outcome = "timeout"     // no answer
	Unreachable Outcome = "unreachable" // there is no route
	Failed      Outcome = "failed"      // the probe itself did not work
)

// GotThrough reports whether the packet reached its destination.
func (o Outcome) GotThrough() bool { return o == Open || o == Refused }

// Protocols of a probe, as the API writes them.
const (
	TCP = "TCP"
	UDP = "UDP"
)

// Namespace is a network namespace, by its file (/run/netns/NAME, /proc/PID/ns/net).
type Namespace string

// Do runs the function in a thread that is in the namespace.
func (n Namespace) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and nothing else ever runs in the namespace
		handle, err := netns.GetFromPath(string(n))
		if err != nil {
			done <- fmt.Errorf("network namespace %s: %w", n, err)
			return
		}
		defer handle.Close()
		if err := netns.Set(handle); err != nil {
			done <- fmt.Errorf("entering network namespace %s: %w", n, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Dial probes an address with a numeric host from within the namespace. The error says more about every outcome but
// Open.
func (n Namespace) Dial(ctx context.Context, protocol, host string, port int, timeout time.Duration) (Outcome, error) {
	outcome := Failed
	err := n.Do(func() error {
		var err error
		outcome, err = dial(ctx, protocol, net.JoinHostPort(host, fmt.Sprint(port)), timeout)
		return err
	})
	return outcome, err
}

func dial(ctx context.Context, protocol, address string, timeout time.Duration) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	network := "tcp"
	if protocol == UDP {
		network = "udp"
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return outcomeOf(err), err
	}
	defer connection.Close()
	if protocol != UDP {
		return Open, nil
	}
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return Failed, err
	}
	if err := askAgain(connection, deadline); err != nil {
		return outcomeOf(err), err
	}
	return Open, nil
}

// askAgain sends a datagram until one is answered: datagrams get lost.
func askAgain(connection net.Conn, deadline time.Time) error {
	const resend = 250 * time.Millisecond
	buffer := make([]byte, len(datagram))
	for {
		if _, err := connection.Write(datagram); err != nil {
			return err
		}
		wait := time.Now().Add(resend)
		if wait.After(deadline) {
			wait = deadline
		}
		if err := connection.SetReadDeadline(wait); err != nil {
			return err
		}
		_, err := connection.Read(buffer)
		var timeout net.Error
		if err == nil || !errors.As(err, &timeout) || !timeout.Timeout() || !time.Now().Before(deadline) {
			return err
		}
	}
}

// datagram is what a UDP probe sends: the question for the root's address, so that a DNS server answers too.
var datagram = []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}

func outcomeOf(err error) Outcome {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Timeout
	default:
		return Failed
	}
}
