package prober

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// overTCP connects and reads what the other end says. It does without package net: an ICMP error that comes back while
// connect still holds the socket, as it does on the same machine, is only in the socket's queue of errors, and would else
// be seen with the next SYN, a second later.
func (p Probe) overTCP(from netip.Addr, to netip.AddrPort, timeout time.Duration) ([]byte, error) {
	domain, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVERR
	if to.Addr().Is6() {
		domain, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return nil, fmt.Errorf("queue of errors: %w", err)
	}
	// A reset leaves no port in TIME_WAIT behind.
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return nil, fmt.Errorf("linger: %w", err)
	}
	if err := unix.Bind(fd, socketAddress(netip.AddrPortFrom(from, 0))); err != nil {
		return nil, fmt.Errorf("bind to %s: %w", from, err)
	}
	if err := unix.Connect(fd, socketAddress(to)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	if err := wait(fd, unix.POLLOUT, deadline); err != nil {
		return nil, err
	}
	if err := wait(fd, unix.POLLIN, deadline); err != nil {
		return nil, err
	}
	b := make([]byte, 2048)
	n, err := unix.Read(fd, b)
	return b[:max(n, 0)], err
}

func socketAddress(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// wait returns when the socket is ready for the events, or has an error.
func wait(fd int, events int16, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		ready := []unix.PollFd{{Fd: int32(fd), Events: events}}
		_, err := unix.Poll(ready, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("poll: %w", err)
		}
		if ready[0].Revents&unix.POLLERR != 0 {
			if err := errorOf(fd); err != nil {
				return err
			}
		}
		if ready[0].Revents&events != 0 {
			return nil
		}
	}
}

// errorOf is the socket's error, or the first of its queue.
func errorOf(fd int) error {
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return errors.Join(err, unix.Errno(code))
	}
	data, control := make([]byte, 512), make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(fd, data, control, unix.MSG_ERRQUEUE)
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue of errors: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return fmt.Errorf("queue of errors: %w", err)
	}
	for _, m := range messages {
		// struct sock_extended_err begins with the error's number.
		isError := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR ||
			m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if isError && len(m.Data) >= 4 {
			return unix.Errno(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return nil
}
