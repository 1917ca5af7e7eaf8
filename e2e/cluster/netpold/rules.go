package netpold

import (
	"fmt"
	"os/exec"
	"strings"
)

// nftRules are the engine's own rules beside kube-router's.
//
// silent: kube-router answers a denied packet with an ICMP error, which the kernel also rate-limits. Most engines drop.
// Without the answer "refused" means that a packet got through to a port on which nobody listens.
//
// neighbours: kube-router also judges IPv6 neighbour discovery by the policies, so that the first connection under an
// egress policy times out. 0x10000 is its mark for a packet that a policy permits.
const nftRules = `
table inet netpold {
	chain silent {
		type filter hook output priority 0; policy accept;
		icmp type destination-unreachable drop
		icmpv6 type destination-unreachable drop
	}
	chain neighbours {
		type filter hook prerouting priority -150; policy accept;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } meta mark set meta mark or 0x10000
	}
}
`

// installRules puts nftRules in place of an earlier installation.
func installRules() error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader("table inet netpold\ndelete table inet netpold\n" + nftRules)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}
