package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// dialLimit is short: in a cluster on one machine a connection that is not made at once is denied.
const dialLimit = 2 * time.Second

// dial opens a TCP connection and closes it, for images without a client that could. A port that answers that it is
// closed counts as reached.
func dial(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			fmt.Println("reached: the port is closed")
			return nil
		}
		return err
	}
	fmt.Println("reached")
	return connection.Close()
}
