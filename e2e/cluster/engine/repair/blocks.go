package repair

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
)

// byBlock gives each ipBlock a rule of its own where a rule has more than one.
func byBlock(_ Cluster, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	out := p.DeepCopy()
	out.Spec.Ingress, out.Spec.Egress = nil, nil
	for _, r := range p.Spec.Ingress {
		for _, from := range onePerBlock(r.From) {
			out.Spec.Ingress = append(out.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: from, Ports: r.Ports})
		}
	}
	for _, r := range p.Spec.Egress {
		for _, to := range onePerBlock(r.To) {
			out.Spec.Egress = append(out.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: to, Ports: r.Ports})
		}
	}
	return []*networkingv1.NetworkPolicy{out}
}

// onePerBlock are the peers in lists with at most one block each. No peers stay one list, which stands for everyone.
func onePerBlock(peers []networkingv1.NetworkPolicyPeer) [][]networkingv1.NetworkPolicyPeer {
	out := [][]networkingv1.NetworkPolicyPeer{nil}
	blocks := 0
	for _, p := range peers {
		if p.IPBlock != nil {
			blocks++
			if blocks > 1 {
				out = append(out, []networkingv1.NetworkPolicyPeer{p})
				continue
			}
		}
		out[0] = append(out[0], p)
	}
	return out
}

// halves are the two blocks that make up ::/0.
var halves = []netip.Prefix{netip.MustParsePrefix("::/1"), netip.MustParsePrefix("8000::/1")}

// inHalves writes ::/0 as its halves.
func inHalves(_ Cluster, p *networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	out := p.DeepCopy()
	for i, r := range out.Spec.Ingress {
		out.Spec.Ingress[i].From = halved(r.From)
	}
	for i, r := range out.Spec.Egress {
		out.Spec.Egress[i].To = halved(r.To)
	}
	return []*networkingv1.NetworkPolicy{out}
}

func halved(peers []networkingv1.NetworkPolicyPeer) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for _, p := range peers {
		if p.IPBlock == nil || !isAllOfIPv6(p.IPBlock.CIDR) {
			out = append(out, p)
			continue
		}
		for _, half := range halves {
			out = append(out, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{
				CIDR: half.String(), Except: within(half, p.IPBlock.Except)}})
		}
	}
	return out
}

func isAllOfIPv6(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Addr().Is6() && p.Bits() == 0
}

func within(half netip.Prefix, prefixes []string) []string {
	var out []string
	for _, text := range prefixes {
		// The API server has let only prefixes pass, and none as long as the block itself.
		if p, err := netip.ParsePrefix(text); err == nil && half.Contains(p.Addr()) {
			out = append(out, text)
		}
	}
	return out
}
