package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/picture"
	"tierwall.dev/fn/internal/tier"
)

// mapCommand is `tierwall map DIR|FILE|-`.
func mapCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "map DIR|FILE|-",
		Short: "Show every connection that is open",
		Long: `map shows what the policies of each environment let through, between workloads and to and from the
peers that flows name. In text, a port with ? may be open, and one with ! is open though no flow means
it; ports are TCP where no protocol stands with them.

Exit codes: 0 shown, 1 the environments cannot be built, 2 usage or unreadable input.`,
		Example: `  tierwall map kustomize
  tierwall map kustomize -o mermaid
  kubectl get deploy,sts,ds,pods,svc,ns,netpol -A -o yaml | tierwall map - -o dot | dot -Tsvg > map.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(picture.Formats(), format) {
				return fmt.Errorf("--output %q is no format; known are %s", format, strings.Join(picture.Formats(), ", "))
			}
			var err error
			*code, err = drawMap(args[0], picture.Format(format), stdin, stdout, stderr)
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", string(picture.Text), "`FORMAT` of the map: "+strings.Join(picture.Formats(), ", "))
	return cmd
}

func drawMap(source string, format picture.Format, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
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
	environments := []picture.Environment{}
	for _, e := range proofs {
		if e.Proof == nil {
			say(stderr, e.said)
			return exitFindings, nil
		}
		environments = append(environments, e.picture())
	}
	if err := picture.Write(stdout, format, environments); err != nil {
		return exitUsage, fmt.Errorf("writing standard output: %w", err)
	}
	return exitGood, nil
}

// picture is the environment as it is drawn: peers that come in, workloads, the other peers.
func (p *proof) picture() picture.Environment {
	out := picture.Environment{Name: p.name, Nodes: []picture.Node{}, Connections: []picture.Connection{}}
	sources, others := []picture.Node{}, []picture.Node{}
	connections := p.Connections()
	for _, peer := range p.Peers() {
		comes := func(from bool) bool {
			for _, c := range connections {
				if from && c.From.Peer == peer || !from && c.To.Peer == peer {
					return true
				}
			}
			return false
		}
		switch n := (picture.Node{Name: peer.Name, Peer: true}); {
		case slices.Contains(sources, n) || slices.Contains(others, n):
		case comes(true):
			sources = append(sources, n)
		case comes(false):
			others = append(others, n)
		}
	}
	names := p.nodeNames()
	out.Nodes = append(out.Nodes, sources...)
	for _, w := range p.model.Workloads {
		out.Nodes = append(out.Nodes, picture.Node{Name: names(tier.Endpoint{Workload: w}), Tier: w.Tier})
	}
	out.Nodes = append(out.Nodes, others...)
	for _, c := range connections {
		out.Connections = append(out.Connections, picture.Connection{From: names(c.From), To: names(c.To),
			Ports: portTexts(c.Ports), Unknown: portTexts(c.Unknown), Unmeant: portTexts(c.Unmeant)})
	}
	return out
}

// nodeNames gives each end its name: NAMESPACE/NAME, with its kind where another workload has the same.
func (p *proof) nodeNames() func(tier.Endpoint) string {
	count := map[string]int{}
	short := func(e tier.Endpoint) string {
		if e.Workload.Namespace == "" {
			return e.Workload.Name
		}
		return e.Workload.Namespace + "/" + e.Workload.Name
	}
	for _, w := range p.model.Workloads {
		count[short(tier.Endpoint{Workload: w})]++
	}
	for _, peer := range p.Peers() {
		count[peer.Name]++
	}
	return func(e tier.Endpoint) string {
		switch {
		case e.Peer != nil:
			return e.Peer.Name
		case count[short(e)] > 1:
			return e.Workload.String()
		}
		return short(e)
	}
}

// portTexts are the ports one by one.
func portTexts(set tier.PortSet) []string {
	if set.All() {
		return []string{set.String()}
	}
	var out []string
	for _, r := range set {
		out = append(out, r.String())
	}
	return out
}
