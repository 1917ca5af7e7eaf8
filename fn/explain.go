package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// question is what `tierwall explain` is asked.
type question struct {
	from, to, environment string
	protocol              workload.Protocol
	// port is 0 where none is named.
	port int32
}

// explainCommand is `tierwall explain DIR|FILE|- --from END --to END[:PORT]`.
func explainCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "explain DIR|FILE|- --from END --to END[:PORT[/PROTOCOL]]",
		Short: "Say whether a connection is open, and which policies and rules decide it",
		Long: `explain answers for one connection in every environment: the verdict, the flow that means it, and
every policy and rule that decides it. An end is a tier, a workload (NAME, KIND/NAME or
NAMESPACE/NAME), a peer such as internet or dns, or an address or CIDR. Without a port, the ports
that the destination serves are explained.

Exit codes: 0 explained, 1 the environments cannot be built, 2 usage, unreadable input or an unknown end.`,
		Example: `  tierwall explain kustomize --from frontend --to database:5432
  tierwall explain kustomize --from internet --to frontend --environment prod
  tierwall explain kustomize --from backend --to 169.254.169.254:80`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := q.split(); err != nil {
				return err
			}
			var err error
			*code, err = explain(args[0], q, stdin, stdout, stderr)
			return err
		},
	}
	cmd.Flags().StringVar(&q.from, "from", "", "the `END` that opens the connection")
	cmd.Flags().StringVar(&q.to, "to", "", "the `END` that accepts it, with :PORT or :PORT/PROTOCOL")
	cmd.Flags().StringVarP(&q.environment, "environment", "e", "", "only this environment, by `NAME`")
	for _, name := range []string{"from", "to"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

// split takes the port off the destination. An IPv6 address with a port stands in brackets.
func (q *question) split() error {
	q.protocol = workload.TCP
	if _, err := netip.ParseAddr(q.to); err == nil {
		return nil
	}
	at := strings.LastIndexByte(q.to, ':')
	if at < 0 || at+1 == len(q.to) || q.to[at+1] < '0' || q.to[at+1] > '9' || strings.Count(q.to, ":") > 1 && !strings.Contains(q.to, "]:") {
		return nil
	}
	number, protocol, found := strings.Cut(q.to[at+1:], "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("--to %s: %q is no port from 1 to 65535", q.to, number)
	}
	if found {
		q.protocol = workload.Protocol(strings.ToUpper(protocol))
		if !slices.Contains([]workload.Protocol{workload.TCP, workload.UDP, workload.SCTP}, q.protocol) {
			return fmt.Errorf("--to %s: %q is none of TCP, UDP, SCTP", q.to, protocol)
		}
	}
	q.port = int32(n)
	q.to = strings.Trim(q.to[:at], "[]")
	return nil
}

// explain answers in each environment. The error is for an end or an environment that is not known.
func explain(source string, q question, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	p, findings, err := readProject(source, stdin)
	if err != nil {
		return exitUsage, err
	}
	if findings.Failed() {
		say(stderr, findings)
		return exitFindings, nil
	}
	proofs, err := p.prove()
	if err != nil {
		return fail(stderr, err), nil
	}
	var out strings.Builder
	known := false
	for _, e := range proofs {
		if q.environment != "" && q.environment != e.name {
			continue
		}
		known = true
		if e.Proof == nil {
			say(stderr, e.said)
			return exitFindings, nil
		}
		if err := e.answer(&out, q); err != nil {
			return exitUsage, err
		}
	}
	if !known {
		return exitUsage, fmt.Errorf("--environment %s is none of %s", q.environment, strings.Join(p.names(), ", "))
	}
	if _, err := io.WriteString(stdout, out.String()); err != nil {
		return exitUsage, err
	}
	return exitGood, nil
}

// answer writes the answers for all pairs of ends; those that differ in their ends only are one.
func (p *proof) answer(out *strings.Builder, q question) error {
	from, err := p.endsOf("--from", q.from, true)
	if err != nil {
		return err
	}
	to, err := p.endsOf("--to", q.to, false)
	if err != nil {
		return err
	}
	heads := map[string][]string{}
	var order []string
	for _, d := range to {
		ports, err := d.ports(q)
		if err != nil {
			return err
		}
		for _, s := range from {
			for _, port := range ports {
				a := p.Explain(s.End, d.End, port.Protocol, port.Number)
				text := answerText(a)
				if heads[text] == nil {
					order = append(order, text)
				}
				heads[text] = append(heads[text], fmt.Sprintf("%s to %s on %s", s.Text, d.Text, port))
			}
		}
	}
	for _, text := range order {
		for i, head := range heads[text] {
			if i == maxHeads {
				fmt.Fprintf(out, "and %d more alike\n", len(heads[text])-maxHeads)
				break
			}
			if p.name != "" {
				out.WriteString(p.name + ": ")
			}
			out.WriteString(head + "\n")
		}
		out.WriteString(text)
	}
	return nil
}

// maxHeads is how many connections of one answer are named.
const maxHeads = 4

func answerText(a assertion.Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s; ", a.Value)
	if len(a.Meant) > 0 {
		fmt.Fprintf(&b, "meant by %s\n", strings.Join(a.Meant, ", "))
	} else {
		b.WriteString("no flow means it\n")
	}
	for _, r := range a.Reasons {
		b.WriteString("  " + r + "\n")
	}
	return b.String()
}

// namedEnd is an end with what it serves.
type namedEnd struct {
	assertion.End
	serves []workload.Port
}

// ports are the one asked for, or those that the end serves.
func (e namedEnd) ports(q question) ([]workload.Port, error) {
	if q.port != 0 {
		return []workload.Port{{Protocol: q.protocol, Number: q.port}}, nil
	}
	if len(e.serves) == 0 {
		return nil, fmt.Errorf("--to %s: nothing says which ports it serves: write --to %s:PORT", q.to, q.to)
	}
	return e.serves, nil
}

// endsOf are the ends that a name means: the workloads of a tier or of the name, a peer, or addresses.
func (p *proof) endsOf(flag, name string, source bool) ([]namedEnd, error) {
	var out []namedEnd
	for _, w := range p.model.Workloads {
		if w.Tier == name || w.Name == name || strings.EqualFold(w.Kind+"/"+w.Name, name) || w.Namespace+"/"+w.Name == name || w.Tier != "" && w.Tier+"/"+w.Name == name {
			out = append(out, namedEnd{p.WorkloadEnd(w), slices.Concat(w.Ports, w.Metrics)})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, peer := range p.Peers() {
		if peer.Name == name {
			for _, e := range p.PeerEnds(peer, source) {
				out = append(out, namedEnd{e, numbers(peer.Ports)})
			}
			return out, nil
		}
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return []namedEnd{{assertion.AddressEnd(netip.PrefixFrom(addr, addr.BitLen())), nil}}, nil
	}
	if prefix, err := netip.ParsePrefix(name); err == nil {
		return []namedEnd{{assertion.AddressEnd(prefix), nil}}, nil
	}
	return nil, p.unknownEnd(flag, name)
}

// numbers are the ports of a set that stand alone.
func numbers(set tier.PortSet) []workload.Port {
	var out []workload.Port
	for _, r := range set {
		if r.First == r.Last {
			out = append(out, workload.Port{Protocol: r.Protocol, Number: r.First})
		}
	}
	return out
}

func (p *proof) unknownEnd(flag, name string) error {
	var known []string
	for _, w := range p.model.Workloads {
		known = append(known, w.Name)
		if w.Tier != "" {
			known = append(known, w.Tier)
		}
	}
	for _, peer := range p.Peers() {
		known = append(known, peer.Name)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	const many = 30
	if len(known) > many {
		known = append(known[:many], "...")
	}
	if len(known) == 0 {
		return errors.New("there are no workloads")
	}
	return fmt.Errorf("%s %s is no tier, workload, peer or address; known are %s", flag, name, strings.Join(known, ", "))
}
