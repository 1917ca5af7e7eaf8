package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/assertion"
	"tierwall.dev/fn/internal/picture"
	"tierwall.dev/fn/internal/script"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// mapping is what `tierwall map` is asked for.
type mapping struct {
	format picture.Format
	// environment is empty for all.
	environment string
	width       int
}

// mapCommand is `tierwall map DIR|FILE|-`.
func mapCommand(stdin io.Reader, stdout, stderr io.Writer, code *int) *cobra.Command {
	var asked mapping
	var format string
	cmd := &cobra.Command{
		Use:   "map DIR|FILE|-",
		Short: "Show every connection that is open",
		Long: `map shows what the policies of each environment let through, between workloads and to and from the
peers that flows name. In text, a port with ? may be open, and one with ! is open though no flow means
it; ports are TCP where no protocol stands with them. Text is a table, or a list where the table would
be wider than --width. As shell it is a script that asks a cluster: what is open must be reached there,
and what is closed must not.

Exit codes: 0 shown, 1 the environments cannot be built, 2 usage or unreadable input.`,
		Example: `  tierwall map kustomize
  tierwall map kustomize -o html > map.html
  tierwall map kustomize -o mermaid --environment prod
  tierwall map kustomize -o shell --environment prod > ask.sh && sh ask.sh
  kubectl get deploy,sts,ds,pods,svc,ns,netpol -A -o yaml | tierwall map - -o dot | dot -Tsvg > map.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			asked.format = picture.Format(format)
			if !slices.Contains(mapFormats(), format) {
				return fmt.Errorf("--output %q is no format; known are %s", format, strings.Join(mapFormats(), ", "))
			}
			var err error
			*code, err = drawMap(args[0], asked, stdin, stdout, stderr)
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", string(picture.Text), "`FORMAT` of the map: "+strings.Join(mapFormats(), ", "))
	cmd.Flags().StringVarP(&asked.environment, "environment", "e", "", "only this environment, by `NAME`")
	cmd.Flags().IntVar(&asked.width, "width", picture.DefaultWidth, "a table of text is at most so many `CHARACTERS` wide")
	return cmd
}

// mapFormats are the formats of pictures, and the script.
func mapFormats() []string { return append(picture.Formats(), shellFormat) }

// drawMap writes the map. The error is for what cannot be read, and for an environment that is not known.
func drawMap(source string, asked mapping, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	debug.SetGCPercent(100) // a flat network has as many connections as pairs of workloads
	proofs, code, err := proofsOf(source, asked.environment, stdin, stderr)
	if err != nil || code != exitGood {
		return code, err
	}
	if asked.format == shellFormat {
		var all []script.Environment
		for _, p := range proofs {
			all = append(all, p.questions())
		}
		return exitGood, script.Write(stdout, version, all)
	}
	m := &picture.Map{Version: version}
	for _, p := range proofs {
		m.Environments = append(m.Environments, p.picture(asked.format.Reasons()))
	}
	if asked.format == picture.Text {
		err = m.WriteText(stdout, asked.width)
	} else {
		err = m.Write(stdout, asked.format)
	}
	if err != nil {
		return exitUsage, fmt.Errorf("writing standard output: %w", err)
	}
	return exitGood, nil
}

// drawn is a proof with the order of its tiers.
type drawn struct {
	*proof
	tiers []string
}

// proofsOf are the proofs of a source's environments, or of the one of the name. Any code but exitGood comes after what
// was to say is said.
func proofsOf(source, environment string, stdin io.Reader, stderr io.Writer) ([]drawn, int, error) {
	p, findings, err := readProject(source, stdin)
	if err != nil {
		return nil, exitUsage, err
	}
	if findings.Failed() {
		say(stderr, findings)
		return nil, exitFindings, nil
	}
	if environment != "" {
		names := p.names()
		p.environments = slices.DeleteFunc(p.environments, func(e applied) bool { return e.name != environment })
		if len(p.environments) == 0 {
			return nil, exitUsage, noEnvironment(source, environment, names)
		}
	}
	proofs, err := p.prove()
	if err != nil {
		return nil, fail(stderr, err), nil
	}
	var out []drawn
	for _, one := range proofs {
		if one.Proof == nil {
			say(stderr, one.said)
			return nil, exitFindings, nil
		}
		out = append(out, drawn{one, p.set.TierNames()})
	}
	return out, exitGood, nil
}

func noEnvironment(source, environment string, names []string) error {
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	if len(names) == 0 {
		return fmt.Errorf("%s has no environments to choose from; asked for is %s", source, environment)
	}
	return fmt.Errorf("environment %s is none of %s", environment, strings.Join(names, ", "))
}

// picture is the environment as it is drawn, with what opens each connection where reasons are asked for.
func (p drawn) picture(reasons bool) picture.Environment {
	connections := p.Connections()
	names := p.nodeNames()
	out := picture.Environment{Name: p.name, Nodes: p.nodes(connections, names), Connections: []picture.Connection{}}
	peers := map[[2]string]int{} // two peers may have one name; workloads have one each
	ports := map[string][]picture.Port{}
	for _, c := range connections {
		key := [2]string{names(c.From), names(c.To)}
		drawn := portsDrawn(c, ports)
		i, known := peers[key]
		if !known {
			i = len(out.Connections)
			out.Connections = append(out.Connections, picture.Connection{From: key[0], To: key[1], Ports: drawn})
			if c.From.Peer != nil || c.To.Peer != nil {
				peers[key] = i
			}
		}
		one := &out.Connections[i]
		for _, port := range drawn {
			if known && !slices.Contains(one.Ports, port) {
				one.Ports = append(slices.Clip(one.Ports), port)
			}
		}
		if !reasons {
			continue
		}
		for _, o := range p.Openers(c) {
			opener := picture.Opener{Direction: string(o.Direction), Policy: o.Policy, File: o.Source.File, Field: o.Field, Text: o.Text}
			if !slices.Contains(one.OpenedBy, opener) {
				one.OpenedBy = append(one.OpenedBy, opener)
			}
		}
	}
	out.Sort()
	return out
}

// nodes are the peers that come in, the workloads in the order of their tiers, and the other peers.
func (p drawn) nodes(connections []assertion.Connection, names func(tier.Endpoint) string) []picture.Node {
	comes, goes := map[string]bool{}, map[string]bool{}
	for _, c := range connections {
		comes[names(c.From)], goes[names(c.To)] = true, true
	}
	var sources, workloads, others []picture.Node
	for _, peer := range p.Peers() {
		n := picture.Node{Name: names(tier.Endpoint{Peer: peer}), Peer: true}
		switch {
		case slices.Contains(sources, n) || slices.Contains(others, n):
		case comes[n.Name]:
			sources = append(sources, n)
		case goes[n.Name]:
			others = append(others, n)
		}
	}
	for _, w := range p.model.Workloads {
		workloads = append(workloads, picture.Node{Name: names(tier.Endpoint{Workload: w}), Kind: w.Kind, Namespace: w.Namespace, Tier: w.Tier})
	}
	place := func(n picture.Node) int {
		if i := slices.Index(p.tiers, n.Tier); i >= 0 {
			return i
		}
		return len(p.tiers)
	}
	slices.SortStableFunc(workloads, func(a, b picture.Node) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name))
	})
	return slices.Concat(sources, workloads, others)
}

// nodeNames gives each end its name: NAMESPACE/NAME, with its kind where another end has the same.
func (p drawn) nodeNames() func(tier.Endpoint) string {
	short := func(w *workload.Workload) string {
		if w.Namespace == "" {
			return w.Name
		}
		return w.Namespace + "/" + w.Name
	}
	count := map[string]int{}
	for _, w := range p.model.Workloads {
		count[short(w)]++
	}
	peers := map[string]bool{}
	for _, peer := range p.Peers() {
		peers[peer.Name] = true
	}
	names := map[*workload.Workload]string{}
	taken := maps.Clone(peers)
	for _, w := range p.model.Workloads {
		name := short(w)
		if count[name] > 1 || peers[name] {
			name = w.String()
		}
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = name + "#" + strconv.Itoa(n)
		}
		taken[unique] = true
		names[w] = unique
	}
	return func(e tier.Endpoint) string {
		if e.Peer != nil {
			return e.Peer.Name
		}
		return names[e.Workload]
	}
}

// portsDrawn are a connection's ports, those that are open for certain and meant first. Known are those of other
// connections: most have the same, and share them.
func portsDrawn(c assertion.Connection, known map[string][]picture.Port) []picture.Port {
	key := fmt.Sprint(c.Ports, "?", c.Unknown, "!", c.Unmeant)
	if _, has := known[key]; !has {
		known[key] = portsOf(c)
	}
	return known[key]
}

func portsOf(c assertion.Connection) []picture.Port {
	var out []picture.Port
	for _, part := range []struct {
		ports   tier.PortSet
		verdict picture.Verdict
	}{{c.Ports, picture.Allowed}, {c.Unknown, picture.Unknown}} {
		meant := part.ports.Minus(c.Unmeant)
		for _, text := range portTexts(meant) {
			out = append(out, picture.Port{Port: text, Verdict: part.verdict, Meant: true})
		}
		unmeant := portTexts(part.ports.Intersect(c.Unmeant))
		if len(meant) > 0 && len(unmeant) > 0 && part.ports.All() {
			unmeant = []string{"all other ports"}
		}
		for _, text := range unmeant {
			out = append(out, picture.Port{Port: text, Verdict: part.verdict})
		}
	}
	return out
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
