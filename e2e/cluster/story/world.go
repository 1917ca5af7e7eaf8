// Package story runs the shipped package on a whole cluster, drives the real kubectl and tierwall as a user would, and
// compares what is observed on the wire with what tierwall predicts.
package story

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/node"
	"tierwall.dev/fn/e2e/cluster/probe"
	"tierwall.dev/fn/e2e/cluster/wire"
)

// Hosts outside of the cluster. Those that the package names are in the ranges of networkpolicyset.yaml.
const (
	internetIPv4 = "198.18.0.10" // a benchmark's range: public as far as policies know
	internetIPv6 = "2001:db8:18::10"
	metadataIPv4 = "169.254.169.254"
	vpnIPv4      = "203.0.113.10"
	providerIPv4 = "198.51.100.10"
	sandboxIPv4  = "192.0.2.10"
)

// Names of the peers, as the package has them, and of the other ends.
const (
	internet   = "internet"
	vpn        = "vpn"
	provider   = "payments"
	sandbox    = "payments-sandbox"
	metadata   = "metadata"
	monitoring = "monitoring"
	stranger   = "other"
)

// host is an end outside of the cluster, and on which ports it serves.
type host struct {
	name, ipv4, ipv6 string
	https            bool
}

var hosts = []host{
	{name: internet, ipv4: internetIPv4, ipv6: internetIPv6, https: true},
	{name: metadata, ipv4: metadataIPv4},
	{name: vpn, ipv4: vpnIPv4},
	{name: provider, ipv4: providerIPv4},
	{name: sandbox, ipv4: sandboxIPv4},
}

// End is somewhere that a connection starts or goes to: a pod or a host.
type End struct {
	// Name is that of the workload or peer in the map.
	Name       string
	IPv4, IPv6 string // empty where the end has none
	Net        probe.Namespace
}

// World is the cluster with what is around it.
type World struct {
	*node.Cluster
	// Tierwall is the binary under test.
	Tierwall string
	// Hosts are the ends outside, by name.
	Hosts map[string]End

	answering map[probe.Namespace]bool // answers probes of UDP
}

// startWorld starts the cluster, the hosts outside, and the namespaces of others with a pod each.
func startWorld(ctx context.Context, binaries node.Binaries, tierwall string) (*World, error) {
	cluster, err := node.Start(ctx, binaries)
	if err != nil {
		return nil, err
	}
	w := &World{Cluster: cluster, Tierwall: tierwall, Hosts: map[string]End{}, answering: map[probe.Namespace]bool{}}
	if err := w.populate(ctx); err != nil {
		w.Stop()
		return nil, err
	}
	return w, nil
}

func (w *World) populate(ctx context.Context) error {
	for i, h := range hosts {
		if err := w.addHost(i+1, h); err != nil {
			return fmt.Errorf("host %s: %w", h.name, err)
		}
	}
	for _, namespace := range []string{monitoring, stranger} {
		object := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: namespace}}
		if _, err := w.Client.CoreV1().Namespaces().Create(ctx, object, meta.CreateOptions{}); err != nil {
			return err
		}
		if err := w.createClient(ctx, namespace); err != nil {
			return err
		}
	}
	return nil
}

// addHost makes a host. It refuses what it does not serve, which is as good a sign that a packet got through.
func (w *World) addHost(number int, h host) error {
	end, err := wire.Make(number, h.ipv4, h.ipv6)
	if err != nil {
		return err
	}
	w.Hosts[h.name] = End{Name: h.name, IPv4: h.ipv4, IPv6: h.ipv6, Net: end.Net}
	if _, err := end.Net.Serve(probe.UDP, dnsPort); err != nil {
		return err
	}
	if !h.https {
		return nil
	}
	return end.Net.Do(serveHTTPS)
}

const dnsPort = 53

// serveHTTPS serves HTTPS on port 443 of the current network namespace.
func serveHTTPS() error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":443")
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from the internet") })
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:  log.New(io.Discard, "", 0), // a probe ends in the middle of the handshake
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with the process
	return nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
