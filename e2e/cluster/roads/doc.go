// Package roads applies the shipped policies to a real API server and policy engine by each road that needs no GitOps
// controller: the overlay, the same after `kpt fn render` by exec and in the container, the one file, the chart, the
// post-renderer. Whatever the road, the API server takes them, and the same connections get through on the wire.
package roads
