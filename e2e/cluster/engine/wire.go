package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"tierwall.dev/fn/e2e/cluster/engine/prober"
	"tierwall.dev/fn/e2e/cluster/lab"
	"tierwall.dev/fn/e2e/cluster/probe"
)

// maxPods is how many pods a cluster can have: the upstream suite has nine.
const maxPods = 9

// ProberCommand as the first argument makes the test binary a prober.
const ProberCommand = "tierwall-prober"

// wire is the network that clusters come and go on: a network namespace with a prober for each pod's place and for each
// host. Which pod is at an address changes, the address does not.
type wire struct {
	probers map[string]*proberProcess // by address
	nets    []probe.Namespace
}

// newWire makes the namespaces and starts the probers.
func newWire(ctx context.Context, l *lab.Lab) (*wire, error) {
	if err := answerAtOnce(); err != nil {
		return nil, err
	}
	w := &wire{probers: map[string]*proberProcess{}}
	places := append([]end{}, hosts...)
	for i := range maxPods {
		places = append(places, end{id: fmt.Sprintf("place%d", i), address: map[Family]netip.Addr{IPv4: Address4(i), IPv6: Address6(i)}})
	}
	for _, place := range places {
		pod, err := l.NewHost(place.id, place.address[IPv4].String(), place.address[IPv6].String())
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.nets = append(w.nets, pod.Net)
		p, err := startProber(pod.Net, place.id)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prober %s: %w", place.id, err), w.close())
		}
		for _, f := range families {
			w.probers[place.address[f].String()] = p
		}
	}
	return w, nil
}

// answerAtOnce lets the node's kernel answer every rejected packet: it limits ICMP errors otherwise, and a limited one
// would look like silence. The settings are the network namespace's own.
func answerAtOnce() error {
	for name, value := range map[string]string{
		"ipv4/icmp_ratemask": "0", "ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0",
		// of both families together
		"ipv4/icmp_msgs_per_sec": "1000000", "ipv4/icmp_msgs_burst": "1000000",
	} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

func (w *wire) close() error {
	var errs []error
	for _, p := range w.probers {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// forgetNeighbours makes the node and every place ask for IPv6 neighbours again.
func (w *wire) forgetNeighbours() error {
	errs := []error{forgetNeighbours()}
	for _, net := range w.nets {
		errs = append(errs, net.Do(forgetNeighbours))
	}
	return errors.Join(errs...)
}

// forgetNeighbours does it for the thread's network namespace.
func forgetNeighbours() error {
	known, err := netlink.NeighList(0, netlink.FAMILY_V6)
	if err != nil {
		return err
	}
	for _, n := range known {
		if n.State&netlink.NUD_NOARP != 0 {
			continue
		}
		if err := netlink.NeighDel(&n); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("neighbour %s: %w", n.IP, err)
		}
	}
	return nil
}

// proberProcess is a running prober. One request is under way at a time.
type proberProcess struct {
	name     string
	command  *exec.Cmd
	requests io.WriteCloser
	answers  *json.Decoder
	stop     sync.Once
	ended    error
}

func startProber(net probe.Namespace, name string) (*proberProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &proberProcess{name: name, command: exec.Command(self, ProberCommand)}
	p.command.Stderr = os.Stderr
	p.command.Env = append(os.Environ(), "GOMAXPROCS=2")
	if p.requests, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = json.NewDecoder(out)
	if err := net.Do(p.command.Start); err != nil {
		return nil, err
	}
	if _, err := p.ask(prober.Request{Serve: &prober.Serve{Name: name, Ports: Ports}}); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *proberProcess) ask(r prober.Request) (prober.Answer, error) {
	var a prober.Answer
	if err := json.NewEncoder(p.requests).Encode(r); err != nil {
		return a, fmt.Errorf("prober %s: %w", p.name, err)
	}
	if err := p.answers.Decode(&a); err != nil {
		return a, fmt.Errorf("prober %s: %w", p.name, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("prober %s: %s", p.name, a.Error)
	}
	return a, nil
}

func (p *proberProcess) close() error {
	p.stop.Do(func() {
		_ = p.requests.Close()
		p.ended = p.command.Wait()
	})
	return p.ended
}

// observation is what became of a cell.
type observation struct {
	outcome prober.Outcome
	text    string // of a failure
}

// observe tries every cell, each source's at the same time as the others'.
func (w *wire) observe(c Cluster, all []Cell, timeout time.Duration) (map[Cell]observation, error) {
	places, err := ends(c)
	if err != nil {
		return nil, err
	}
	byID := map[string]end{}
	for _, e := range places {
		byID[e.id] = e
	}
	bySource := map[string][]Cell{}
	for _, cell := range all {
		bySource[cell.From] = append(bySource[cell.From], cell)
	}
	out := make(map[Cell]observation, len(all))
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for source, own := range bySource {
		wait.Go(func() {
			observed, err := w.observeFrom(byID, source, own, timeout)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			for i, o := range observed {
				out[own[i]] = o
			}
		})
	}
	wait.Wait()
	return out, errors.Join(errs...)
}

func (w *wire) observeFrom(byID map[string]end, source string, own []Cell, timeout time.Duration) ([]observation, error) {
	var probes []prober.Probe
	var from *proberProcess
	for _, cell := range own {
		local, remote := byID[source].address[cell.Family].String(), byID[cell.To].address[cell.Family].String()
		to := w.probers[remote]
		if from = w.probers[local]; from == nil || to == nil {
			return nil, fmt.Errorf("%s: nobody is at %s or %s", cell, local, remote)
		}
		probes = append(probes, prober.Probe{Protocol: string(cell.Protocol), Address: remote, Port: cell.Port, From: local, Name: to.name})
	}
	a, err := from.ask(prober.Request{Probes: probes, Timeout: timeout})
	if err != nil {
		return nil, err
	}
	if len(a.Outcomes) != len(own) {
		return nil, fmt.Errorf("prober %s: %d answers to %d probes", from.name, len(a.Outcomes), len(own))
	}
	out := make([]observation, len(own))
	for i, outcome := range a.Outcomes {
		out[i] = observation{outcome, a.Failures[i]}
	}
	return out, nil
}
