// Package engine sets the proof against a real policy engine: the same cluster is given to reachability and, through a
// real API server, to kube-router's network policy controller; every connection is tried on the wire, over IPv4 and
// IPv6, and what is observed must be what is predicted.
package engine
