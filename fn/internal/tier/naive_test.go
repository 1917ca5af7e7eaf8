package tier

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/workload"
)

// The model by another path: connection by connection, as a flow is said, without classes, groups and ranges.

// naivePorts are the ports that the random sets speak of.
var naivePorts = func() (out []workload.Port) {
	for _, protocol := range []workload.Protocol{workload.TCP, workload.UDP} {
		for n := int32(1); n <= 6; n++ {
			out = append(out, workload.Port{Protocol: protocol, Number: n})
		}
	}
	return out
}()

// naiveAddresses are the addresses that the random sets' peers tell apart.
var naiveAddresses = []string{"203.0.113.1", "203.0.113.200", "203.0.113.130", "8.8.8.8", "10.1.1.1"}

type naive struct {
	set       *Set
	local     EnvironmentSpec
	workloads []*workload.Workload
	peers     map[string]*Peer
	// references are to Services that have the ports which they name.
	references []workload.Reference
	open       map[string]bool // FROM -> TO PORT
}

// means reports whether an endpoint means the workload, namespaces apart from those that it names.
func (n *naive) means(r Ref, w *workload.Workload) bool {
	if w.Tier == "" || n.peers[r.Name] != nil {
		return false
	}
	return (r.Name == "*" || r.Name == w.Tier) && (r.Workload == "" || r.Workload == w.Name) && (r.Namespace == "" || r.Namespace == w.Namespace)
}

// reaches reports whether a source in a namespace reaches the destination by the rule for namespaces.
func (n *naive) reaches(f *FlowSpec, from *workload.Workload, r Ref, to *workload.Workload) bool {
	if r.Namespace != "" || f.Within != nil && f.Within.Reference != "" {
		return true
	}
	var holding []string
	for _, w := range n.workloads {
		if n.means(r, w) && !w.Client && !slices.Contains(holding, w.Namespace) {
			holding = append(holding, w.Namespace)
		}
	}
	if slices.Contains(holding, from.Namespace) {
		return to.Namespace == from.Namespace
	}
	return len(holding) == 1
}

func (n *naive) together(f *FlowSpec, from, to *workload.Workload) bool {
	if f.Within == nil {
		return true
	}
	if key := f.Within.SameLabel; key != "" {
		a, okA := from.PodLabels[key]
		b, okB := to.PodLabels[key]
		if !okA || !okB || a != b {
			return false
		}
	}
	for _, ending := range f.Within.SameName { // the random sets have one
		return from.Name == to.Name || from.Name+ending == to.Name || from.Name == to.Name+ending
	}
	return true
}

// addressed reports whether a statement asks for no address, or the source's addresses name the port at the destination.
func (n *naive) addressed(f *FlowSpec, from, to *workload.Workload, p workload.Port) bool {
	if f.Within == nil || f.Within.Reference == "" {
		return true
	}
	for _, r := range n.references {
		if r.From != from || !slices.Contains(r.To.Workloads, to) || r.Weak && f.Within.Reference == ReferenceOwn {
			continue
		}
		overruled := slices.ContainsFunc(n.references, func(o workload.Reference) bool {
			return o.From == r.From && o.To == r.To && o.Port != 0 && (!o.Weak || r.Weak)
		})
		for _, q := range r.To.Ports {
			if q.TargetPort == p.Number && q.Protocol == p.Protocol && (r.Port == q.Port || r.Port == 0 && !overruled) {
				return true
			}
		}
	}
	return false
}

// byAddress reports whether addresses alone give a statement's ports.
func (n *naive) byAddress(f *FlowSpec) bool {
	return len(f.Ports) == 0 && f.Within != nil && f.Within.Reference != ""
}

// on reports whether a statement's ports mean the port at a workload.
func (n *naive) on(f *FlowSpec, w *workload.Workload, p workload.Port) bool {
	is := func(list []workload.Port) bool {
		return slices.ContainsFunc(list, func(q workload.Port) bool { return q.Number == p.Number && q.Protocol == p.Protocol })
	}
	if len(f.Ports) == 0 {
		if len(w.Ports) > 0 {
			return is(w.Ports)
		}
		for _, t := range n.set.Tiers {
			if t.Name == w.Tier {
				return len(t.Ports) > 0 && n.on(&FlowSpec{Ports: t.Ports}, w, p)
			}
		}
		return false
	}
	for _, spec := range f.Ports {
		switch {
		case spec.Name == "metrics":
			if is(w.Metrics) {
				return true
			}
		case spec.Name != "":
			for _, q := range w.NamedPorts {
				if q.Name == spec.Name && is([]workload.Port{q}) {
					return true
				}
			}
		case spec.Range.Protocol == p.Protocol && spec.Range.First <= p.Number && p.Number <= spec.Range.Last:
			return true
		}
	}
	return false
}

func (n *naive) onPeer(f *FlowSpec, p *Peer, port workload.Port) bool {
	if len(f.Ports) == 0 {
		return len(p.Ports) == 0 || p.Ports.contains(port)
	}
	return n.on(f, nil, port)
}

// each calls visit for each connection that a statement speaks of. byFlow applies the rule for namespaces, and leaves no ports
// to mean the usual ones rather than all.
func (n *naive) each(f *FlowSpec, byFlow bool, visit func(key string)) {
	for _, port := range naivePorts {
		for _, from := range f.From {
			for _, to := range f.To {
				n.pairs(f, from, to, byFlow, port, visit)
			}
		}
	}
}

func (n *naive) pairs(f *FlowSpec, from, to Ref, byFlow bool, port workload.Port, visit func(string)) {
	anyPort := !byFlow && len(f.Ports) == 0
	for _, source := range n.workloads {
		if !n.means(from, source) || source.HostNetwork {
			continue
		}
		if p := n.peers[to.Name]; p != nil && (anyPort || n.onPeer(f, p, port)) {
			visit(key(Endpoint{Workload: source}, Endpoint{Peer: p}, port))
		}
	}
	for _, destination := range n.workloads {
		if !n.means(to, destination) || destination.HostNetwork || destination.Client || !anyPort && !n.byAddress(f) && !n.on(f, destination, port) {
			continue
		}
		if p := n.peers[from.Name]; p != nil {
			visit(key(Endpoint{Peer: p}, Endpoint{Workload: destination}, port))
		}
		for _, source := range n.workloads {
			if n.means(from, source) && !source.HostNetwork && n.together(f, source, destination) && n.addressed(f, source, destination, port) && (!byFlow || n.reaches(f, source, to, destination)) {
				visit(key(Endpoint{Workload: source}, Endpoint{Workload: destination}, port))
			}
		}
	}
}

func key(from, to Endpoint, p workload.Port) string {
	return from.Key() + " -> " + to.Key() + " " + p.String()
}

func (n *naive) add(flows []FlowSpec) {
	for i := range flows {
		n.each(&flows[i], true, func(k string) { n.open[k] = true })
	}
}

func (n *naive) take(flows []FlowSpec) {
	for i := range flows {
		n.each(&flows[i], false, func(k string) { delete(n.open, k) })
	}
}

// clients: a Job or CronJob reaches the serving workloads of its own tier.
func (n *naive) clients() {
	for _, j := range n.workloads {
		if !j.Client || j.HostNetwork || j.Tier == "" {
			continue
		}
		r := Ref{Name: j.Tier}
		for _, port := range naivePorts {
			for _, w := range n.workloads {
				if n.means(r, w) && !w.Client && !w.HostNetwork && n.reaches(&FlowSpec{}, j, r, w) && n.on(&FlowSpec{}, w, port) {
					n.open[key(Endpoint{Workload: j}, Endpoint{Workload: w}, port)] = true
				}
			}
		}
	}
}

func (n *naive) model() []string {
	n.open = map[string]bool{}
	n.clients()
	n.take(n.set.Without)
	n.add(n.set.Flows)
	n.take(n.local.Without)
	n.add(n.local.Flows)
	return sortedKeys(n.open)
}

// singly are a model's flows connection by connection, on naivePorts.
func singly(t *testing.T, flows []Flow) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range flows {
		for _, p := range naivePorts {
			if f.Ports.contains(p) {
				k := key(f.From, f.To, p)
				if seen[k] {
					t.Errorf("%s is in two flows", k)
				}
				seen[k] = true
			}
		}
	}
	return sortedKeys(seen)
}

// closed are the connections to addresses that invariants speak of: FROM -> ADDRESS PORT.
func closed(flows []Flow) []string {
	seen := map[string]bool{}
	for _, f := range flows {
		if f.To.Peer == nil {
			continue
		}
		for _, address := range naiveAddresses {
			for _, p := range naivePorts {
				if f.Ports.contains(p) && holds(f.To.Peer.To, address) {
					seen[f.From.Key()+" -> "+address+" "+p.String()] = true
				}
			}
		}
	}
	return sortedKeys(seen)
}

func holds(targets []Target, address string) bool {
	a := netip.MustParseAddr(address)
	return slices.ContainsFunc(targets, func(t Target) bool {
		return prefix(t.CIDR).Contains(a) && !slices.ContainsFunc(t.Except, func(e string) bool { return prefix(e).Contains(a) })
	})
}

// naiveClosed are the same by the naive path: what the invariants speak of, less what flows open to any peer with the address.
func (n *naive) naiveClosed(never []FlowSpec) []string {
	opens := map[string]bool{}
	forAddresses := func(k string, do func(string)) {
		from, rest, _ := strings.Cut(k, " -> peer ")
		name, port, _ := strings.Cut(rest, " ")
		if p := n.peers[name]; p != nil {
			for _, a := range naiveAddresses {
				if holds(p.To, a) {
					do(from + " -> " + a + " " + port)
				}
			}
		}
	}
	for k := range n.open {
		forAddresses(k, func(at string) { opens[at] = true })
	}
	out := map[string]bool{}
	for i := range never {
		n.each(&never[i], false, func(k string) {
			forAddresses(k, func(at string) {
				if !opens[at] {
					out[at] = true
				}
			})
		})
	}
	return sortedKeys(out)
}

// randomSet is a set without the preset, with flows between three tiers and some peers.
func randomSet(r *rand.Rand) *Set {
	s := &Set{Name: "random", Preset: PresetNone, Tiers: []TierSpec{{Name: "a"}, {Name: "b", Ports: tcpPorts(1)}, {Name: "c", Ports: tcpPorts(2, 3)}}}
	s.Peers = []PeerSpec{
		{Name: "p", CIDRs: []string{"203.0.113.0/24"}, Except: []string{"203.0.113.128/26"}},
		{Name: "q", CIDRs: []string{"203.0.113.0/25"}, Ports: tcpPorts(1, 2)},
		{Name: "r", Namespace: "r"},
	}
	s.Flows = randomFlows(r, 4, "user flow")
	s.Without = randomFlows(r, 1, "without")
	s.Environments = []EnvironmentSpec{{Name: "prod", Flows: randomFlows(r, 1, "local flow"), Without: randomFlows(r, 2, "local without")}}
	s.Never = randomFlows(r, 2, "never")
	for i := range s.Never {
		s.Never[i].preset = true
	}
	s.fillDefaults()
	return s
}

func randomFlows(r *rand.Rand, most int, what string) (out []FlowSpec) {
	for i := range r.IntN(most + 1) {
		f := FlowSpec{Field: fmt.Sprintf("%s %d", what, i)}
		peerEnd := r.IntN(4)
		f.From, f.To = randomRefs(r, peerEnd == 0), randomRefs(r, peerEnd == 1)
		for range r.IntN(3) {
			p := PortSpec{Range: PortRange{workload.TCP, int32(1 + r.IntN(3)), int32(3 + r.IntN(3))}}
			switch {
			case peerEnd != 1 && r.IntN(3) == 0:
				p = PortSpec{Name: []string{"http", "metrics"}[r.IntN(2)]}
			case r.IntN(3) == 0:
				p.Range.Protocol = workload.UDP
			}
			f.Ports = append(f.Ports, p)
		}
		if peerEnd > 1 && r.IntN(3) == 0 {
			f.Within = randomWithin(r, strings.HasSuffix(what, "flow"))
		}
		out = append(out, f)
	}
	return out
}

func randomWithin(r *rand.Rand, flow bool) *Within {
	w := &Within{}
	if r.IntN(2) == 0 {
		w.SameLabel = "app"
	}
	if r.IntN(3) == 0 {
		w.SameName = []string{"0"}
	}
	if flow && r.IntN(2) == 0 {
		w.Reference = []ReferenceKind{ReferenceOwn, ReferenceShared}[r.IntN(2)]
	}
	if w.SameLabel == "" && w.SameName == nil && w.Reference == "" {
		return nil
	}
	return w
}

func randomRefs(r *rand.Rand, peer bool) (out Refs) {
	for range 1 + r.IntN(2) {
		ref := Ref{Name: []string{"a", "b", "c", "*"}[r.IntN(4)]}
		if peer {
			ref.Name = []string{"internet", "p", "q", "r"}[r.IntN(4)]
		} else if ref.Name != "*" {
			if r.IntN(4) == 0 {
				ref.Workload = fmt.Sprintf("w%d", r.IntN(4))
			}
			if r.IntN(4) == 0 {
				ref.Namespace = []string{"n", "m"}[r.IntN(2)]
			}
		}
		if !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

func randomInventory(r *rand.Rand) *workload.Inventory {
	inv := &workload.Inventory{}
	for i := range 3 + r.IntN(8) {
		w := &workload.Workload{
			Kind: []string{"Deployment", "Deployment", "StatefulSet", "Job"}[r.IntN(4)], Name: []string{"w0", "w1", "w2", "w3", "w4", "w10", "w20"}[r.IntN(7)],
			Namespace: []string{"n", "m", "k"}[r.IntN(3)], Tier: []string{"a", "b", "c", ""}[min(3, r.IntN(10)%4)], PodLabels: map[string]string{},
			NoScrape: true, HostNetwork: r.IntN(8) == 0,
		}
		w.Source.Index = i
		w.Client = w.Kind == "Job"
		if v := r.IntN(3); v > 0 {
			w.PodLabels["app"] = fmt.Sprint(v)
		}
		for range r.IntN(3) {
			p := workload.Port{Protocol: workload.TCP, Number: int32(1 + r.IntN(6))}
			if r.IntN(4) == 0 {
				p.Protocol = workload.UDP
			}
			if r.IntN(2) == 0 {
				p.Name = "http"
				w.NamedPorts = append(w.NamedPorts, p)
			}
			w.Ports = append(w.Ports, p)
		}
		if r.IntN(2) == 0 {
			w.Metrics = append(w.Metrics, workload.Port{Protocol: workload.TCP, Number: int32(5 + r.IntN(2))})
		}
		if !slices.ContainsFunc(inv.Workloads, func(o *workload.Workload) bool { return o.ID() == w.ID() }) {
			inv.Workloads = append(inv.Workloads, w)
		}
	}
	randomReferences(r, inv)
	return inv
}

// randomReferences adds Services, and addresses of them.
func randomReferences(r *rand.Rand, inv *workload.Inventory) {
	one := func() *workload.Workload { return inv.Workloads[r.IntN(len(inv.Workloads))] }
	for i := range r.IntN(6) {
		s := &workload.Service{Name: fmt.Sprintf("s%d", i), Type: "ClusterIP", Workloads: []*workload.Workload{one()}}
		for port := range int32(1 + r.IntN(2)) {
			s.Ports = append(s.Ports, workload.ServicePort{Protocol: workload.TCP, Port: 81 + port, TargetPort: int32(1 + r.IntN(6))})
		}
		inv.Services = append(inv.Services, s)
		for range r.IntN(5) {
			port := int32(0)
			if r.IntN(2) == 0 {
				port = s.Ports[r.IntN(len(s.Ports))].Port
			}
			inv.References = append(inv.References, workload.Reference{From: inv.Workloads[r.IntN(min(3, len(inv.Workloads)))], To: s, Port: port, Weak: r.IntN(2) == 0})
		}
	}
}

// withNamedWorkloads: a without or never that names a workload that is not there is refused, and does nothing.
func withNamedWorkloads(n *naive, flows []FlowSpec) []FlowSpec {
	return slices.DeleteFunc(slices.Clone(flows), func(f FlowSpec) bool {
		return slices.ContainsFunc(slices.Concat(f.From, f.To), func(r Ref) bool {
			return (r.Workload != "" || r.Namespace != "") && !slices.ContainsFunc(n.workloads, func(w *workload.Workload) bool { return n.means(r, w) })
		})
	})
}

func TestModelAgainstNaive(t *testing.T) {
	nonEmpty, suspended := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		s, inv := randomSet(r), randomInventory(r)
		m, findings := s.Model("prod", inv)
		n := &naive{set: s, local: s.environment("prod"), workloads: inv.Workloads, peers: s.peersIn("prod"), references: inv.References}
		reduced := *s
		reduced.Without = withNamedWorkloads(n, s.Without)
		n.local.Without = withNamedWorkloads(n, n.local.Without)
		n.set = &reduced
		diff(t, "connections", n.model(), singly(t, pairs(m.Groups)))
		diff(t, "closed addresses", n.naiveClosed(withNamedWorkloads(n, s.Never)), closed(pairs(m.NeverGroups)))
		if len(m.Groups) > 0 {
			nonEmpty++
		}
		if slices.ContainsFunc(brief(findings), func(line string) bool { return strings.HasPrefix(line, "info never-suspended") }) {
			suspended++
		}
		if t.Failed() {
			t.Logf("seed %d", seed)
			for _, w := range inv.Workloads {
				t.Logf("%s tier %q client %t host %t ports %v metrics %v labels %v", w, w.Tier, w.Client, w.HostNetwork, w.Ports, w.Metrics, w.PodLabels)
			}
			for _, f := range slices.Concat(s.Without, s.Flows, n.local.Without, n.local.Flows, s.Never) {
				t.Logf("%s: %s to %s on %v within %v", f.Field, f.From, f.To, f.Ports, f.Within)
			}
			return
		}
	}
	if nonEmpty < 1500 || suspended < 300 {
		t.Errorf("%d models with flows and %d with suspended invariants: the random sets say too little", nonEmpty, suspended)
	}
}
