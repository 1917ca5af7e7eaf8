// Package roads applies the shipped policies to a real API server and policy engine by each road that needs no more than
// kubectl or Helm: the overlay, the one file, the chart, the post-renderer. Whatever the road, the API server takes them, and the same
// connections get through on the wire. It has tests only.
package roads
