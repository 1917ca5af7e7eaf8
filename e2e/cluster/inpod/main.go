// Command inpod is what runs in the test cluster's containers where no program of Debian does: the application's
// servers, PostgreSQL's entrypoint, and a process that only waits.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = "usage: inpod shop|pause|postgres-entrypoint|dial HOST:PORT"

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	var err error
	switch {
	case name == "shop":
		err = shop(ctx)
	case name == "pause":
		<-ctx.Done()
	case name == "postgres-entrypoint":
		err = postgresEntrypoint()
	case name == "dial" && len(os.Args) == 3:
		err = dial(ctx, os.Args[2])
	default:
		err = errors.New(usage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "inpod:", err)
		os.Exit(1)
	}
}

// The ports of the shop's servers, as the manifests declare them.
const (
	servingAddress = ":8080"
	metricsAddress = ":9090"
)

// shop serves HTTP, the probes' paths, and metrics.
func shop(ctx context.Context) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	serving, metrics := http.NewServeMux(), http.NewServeMux()
	serving.HandleFunc("GET /healthz", ok)
	serving.HandleFunc("GET /readyz", ok)
	serving.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from", hostname) })
	metrics.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE shop_info gauge\nshop_info{pod=%q} 1\n", hostname)
	})
	failed := make(chan error, 2)
	for address, handler := range map[string]http.Handler{servingAddress: serving, metricsAddress: metrics} {
		server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- server.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// environmentOr returns the variable's value, or the default where it is empty.
func environmentOr(name, otherwise string) string {
	if value := strings.TrimSpace(os.Getenv(name)); value != "" {
		return value
	}
	return otherwise
}
