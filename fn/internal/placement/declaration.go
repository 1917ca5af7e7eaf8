package placement

import (
	"fmt"
	"strings"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// declaration is a workload as one layer declares it. Its number is its place in the universe.
type declaration struct {
	number int32
	// workload is what it is built to.
	workload *workload.Workload
}

// describePeer is all that a peer stands for, as a key.
func describePeer(p *tier.Peer) string {
	var b strings.Builder
	for _, side := range [][]tier.Target{p.From, p.To} {
		for _, t := range side {
			fmt.Fprintf(&b, "%t %s %q %s %v;", t.Any, t.CIDR, t.Except, t.Namespace, t.Pods)
		}
		b.WriteByte('|')
	}
	return b.String()
}
