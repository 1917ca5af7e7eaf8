package placement

import (
	"fmt"
	"strings"

	"tierwall.dev/fn/internal/tier"
)

// declaration is a workload as one layer declares it. Its number is its place in the universe.
type declaration struct {
	number int32
	// layer is the directory of the layer that declares it.
	layer string
	// kind, name and namespace are as the manifest has them; the namespace is empty where it names none.
	kind, name, namespace string
	// tier is the tier that it has in every environment; an environment that changes it declares another workload.
	tier string
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
