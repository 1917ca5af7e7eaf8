package netpold

import (
	"fmt"
	"os/exec"
	"strings"

	"tierwall.dev/fn/e2e/cluster/engine/repair"
)

// silentRules: kube-router answers a denied packet with an ICMP error, which the kernel also rate-limits. Most engines
// drop. Without the answer "refused" means that a packet got through to a port on which nobody listens.
const silentRules = `
	chain silent {
		type filter hook output priority 0; policy accept;
		icmp type destination-unreachable drop
		icmpv6 type destination-unreachable drop
	}
`

// neighbourRules repair repair.Neighbours. 0x10000 is kube-router's mark for a packet that a policy permits.
const neighbourRules = `
	chain neighbours {
		type filter hook prerouting priority -150; policy accept;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } meta mark set meta mark or 0x10000
	}
`

// installRules puts the rules in place of those of an earlier engine.
func (s settings) installRules() error {
	var rules string
	if s.repairs(repair.Neighbours) {
		rules += neighbourRules
	}
	if !s.reject {
		rules += silentRules
	}
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader("table inet netpold\ndelete table inet netpold\ntable inet netpold {\n" + rules + "}\n")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}
