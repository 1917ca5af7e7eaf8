package story

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/probe"
	"tierwall.dev/fn/e2e/cluster/truth"
)

const (
	// denied is how long a probe waits before it counts as denied: a SYN is sent again after 1 s, so that one lost
	// packet is no denial.
	denied = 1300 * time.Millisecond
	// probesAtOnce bounds the threads: each waiting probe has one.
	probesAtOnce = 2000
	// againAtOnce is for probes that may have been lost because too many were made at once.
	againAtOnce = 16
	// mostLost is how many probes can be that: more are silent for another reason, and would take minutes.
	mostLost = 200
)

// probePorts are the ports of each destination that are probed: all that a flow of the package uses, and some that none
// does.
var probePorts = []string{"443/TCP", "53/TCP", "53/UDP", "5432/TCP", "6379/TCP", "8080/TCP", "8443/TCP", "9090/TCP"}

// podEnds returns the running pods of a namespace as ends, by the name of their workload: NAMESPACE/NAME.
func (w *World) podEnds(ctx context.Context, namespace string) (map[string][]End, error) {
	pods, err := w.Client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	networks, err := podNetworks()
	if err != nil {
		return nil, err
	}
	ends := map[string][]End{}
	for _, pod := range pods.Items {
		if pod.Status.Phase != core.PodRunning || pod.DeletionTimestamp != nil {
			continue
		}
		end := End{Name: namespace + "/" + workloadOf(pod)}
		for _, ip := range pod.Status.PodIPs {
			if net.ParseIP(ip.IP).To4() != nil {
				end.IPv4 = ip.IP
			} else {
				end.IPv6 = ip.IP
			}
		}
		found := false
		if end.Net, found = networks[end.IPv4]; !found {
			return nil, fmt.Errorf("pod %s/%s: no network namespace has its address %s", namespace, pod.Name, end.IPv4)
		}
		if err := w.answerUDP(end); err != nil {
			return nil, err
		}
		ends[end.Name] = append(ends[end.Name], end)
	}
	return ends, nil
}

// answerUDP makes a pod answer probes to port 53: a closed port of UDP answers with an ICMP error, which the kernel limits
// to one a second. The DNS server answers by itself.
func (w *World) answerUDP(end End) error {
	if w.answering[end.Net] {
		return nil
	}
	w.answering[end.Net] = true
	if _, err := end.Net.Serve(probe.UDP, dnsPort); err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return nil
}

// workloadOf is the name of the Deployment or StatefulSet that owns the pod.
func workloadOf(pod core.Pod) string {
	if len(pod.OwnerReferences) == 0 {
		return pod.Name
	}
	owner := pod.OwnerReferences[0]
	if owner.Kind == "ReplicaSet" {
		return strings.TrimSuffix(owner.Name, "-"+pod.Labels["pod-template-hash"])
	}
	return owner.Name
}

// podNetworks returns the network namespaces that containerd made, by IPv4 address.
func podNetworks() (map[string]probe.Namespace, error) {
	files, err := filepath.Glob("/run/netns/cni-*")
	if err != nil {
		return nil, err
	}
	networks := map[string]probe.Namespace{}
	for _, file := range files {
		network := probe.Namespace(file)
		err := network.Do(func() error {
			addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
			for _, address := range addresses {
				networks[address.IP.String()] = network
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return networks, nil
}

// task is a probe to make: a cell, and one pair of ends that stands for it.
type task struct {
	cell     truth.Cell
	from, to End
}

// tasks returns what is to be probed between these ends, where the map speaks of it. A workload's pods are all probed;
// they have to agree.
func tasks(m truth.Map, sources, destinations []string, ends map[string][]End) ([]task, error) {
	var all []task
	for _, from := range sources {
		for _, to := range destinations {
			if !m.Speaks(from, to) {
				continue
			}
			if len(ends[from]) == 0 || len(ends[to]) == 0 {
				return nil, fmt.Errorf("there is nothing that stands for %s or for %s", from, to)
			}
			for _, a := range ends[from] {
				for _, b := range ends[to] {
					if a.Net != b.Net {
						all = append(all, tasksBetween(a, b)...)
					}
				}
			}
		}
	}
	return all, nil
}

func tasksBetween(from, to End) []task {
	var all []task
	for _, port := range probePorts {
		if from.IPv4 != "" && to.IPv4 != "" {
			all = append(all, task{truth.Cell{From: from.Name, To: to.Name, Port: port, Family: truth.IPv4}, from, to})
		}
		if from.IPv6 != "" && to.IPv6 != "" {
			all = append(all, task{truth.Cell{From: from.Name, To: to.Name, Port: port, Family: truth.IPv6}, from, to})
		}
	}
	return all
}

// cellsOf returns the cells of the tasks, each once.
func cellsOf(all []task) []truth.Cell {
	seen := map[truth.Cell]bool{}
	var cells []truth.Cell
	for _, t := range all {
		if !seen[t.cell] {
			seen[t.cell] = true
			cells = append(cells, t.cell)
		}
	}
	return cells
}

// answer is what became of the probe of a task.
type answer struct {
	task
	outcome probe.Outcome
	err     error
}

// observe makes every probe, and says what got through. The pods of a workload that do not agree are an error, and so is
// a probe that did not work. A probe that may have been lost is made once more when the others are done.
func observe(predicted Predicted, dial func(task) (probe.Outcome, error)) (truth.Table, error) {
	answers := dialAll(predicted.tasks, probesAtOnce, dial)
	if again := mayBeLost(predicted.Table, answers); len(again) <= mostLost {
		var silent []task
		for _, i := range again {
			silent = append(silent, answers[i].task)
		}
		for i, second := range dialAll(silent, againAtOnce, dial) {
			answers[again[i]] = second
		}
	}
	return tabulate(answers)
}

// dialAll makes the probes, and returns the answers in the order of the tasks.
func dialAll(all []task, atOnce int, dial func(task) (probe.Outcome, error)) []answer {
	answers := make([]answer, len(all))
	var probing sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, t := range all {
		slots <- struct{}{}
		probing.Go(func() {
			defer func() { <-slots }()
			outcome, err := dial(t)
			answers[i] = answer{t, outcome, err}
		})
	}
	probing.Wait()
	return answers
}

// mayBeLost returns the indices of the probes without an answer whose cell is predicted open, or got through between
// another pair of ends.
func mayBeLost(predicted truth.Table, answers []answer) []int {
	through := maps.Clone(predicted)
	for _, a := range answers {
		if a.outcome.GotThrough() {
			through[a.cell] = true
		}
	}
	var lost []int
	for i, a := range answers {
		if a.outcome == probe.Timeout && through[a.cell] {
			lost = append(lost, i)
		}
	}
	return lost
}

func tabulate(answers []answer) (truth.Table, error) {
	table := truth.Table{}
	var failures []string
	for _, a := range answers {
		through := a.outcome.GotThrough()
		before, seen := table[a.cell]
		switch {
		case a.outcome == probe.Failed || a.outcome == probe.Unreachable:
			failures = append(failures, fmt.Sprintf("%s: %s: %v", a.cell, a.outcome, a.err))
		case seen && before != through:
			failures = append(failures, fmt.Sprintf("%s: the pods of the workload do not agree (%s to %s: %s)", a.cell, a.from.IPv4, a.to.IPv4, a.outcome))
		default:
			table[a.cell] = through
		}
	}
	if len(failures) > 0 {
		const shown = 10
		return nil, fmt.Errorf("%d probes failed:\n%s", len(failures), strings.Join(failures[:min(shown, len(failures))], "\n"))
	}
	return table, nil
}

func (t task) dial(ctx context.Context) (probe.Outcome, error) {
	number, protocol, _ := strings.Cut(t.cell.Port, "/")
	port, err := strconv.Atoi(number)
	if err != nil {
		return probe.Failed, err
	}
	address := t.to.IPv4
	if t.cell.Family == truth.IPv6 {
		address = t.to.IPv6
	}
	return t.from.Net.Dial(ctx, protocol, address, port, denied)
}
