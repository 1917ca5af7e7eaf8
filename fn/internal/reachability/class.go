package reachability

import (
	"slices"
	"strconv"
	"strings"
)

// newClass collects what the policies of its namespace say of the pod.
func newClass(s *subject, policies []*policy) *class {
	c := &class{pod: s}
	for _, p := range policies {
		if !p.selects(s) {
			continue
		}
		c.policies = append(c.policies, p)
		for side, d := range []Direction{egressSide: Egress, ingressSide: Ingress} {
			if p.isolates[d] {
				c.isolated[side] = true
				c.rules[side] = append(c.rules[side], p.rules[d]...)
				c.blocks[side] = c.blocks[side] || slices.ContainsFunc(p.rules[d], (*rule).hasBlock)
			}
		}
	}
	return c
}

// classify puts pods that no policy can tell apart into one class: namespace, the labels that selectors read, the
// named ports that rules name, host network and addresses. A namespace's classes are consecutive numbers.
func (m *Matrix) classify(pods []Pod, policies []*policy) {
	read := whatIsRead(policies)
	order := make([]int, len(pods))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(pods[a].Namespace, pods[b].Namespace) })
	numbers := make(map[string]int, len(pods))
	byNamespace := map[string][]int{}
	var key []byte
	for _, i := range order {
		s := m.pods[pods[i].ID]
		key = read.key(key[:0], s)
		n, ok := numbers[string(key)]
		if !ok {
			n = len(m.classes)
			numbers[string(key)] = n
			m.classes = append(m.classes, newClass(s, m.policies[s.name]))
			byNamespace[s.name] = append(byNamespace[s.name], n)
		}
		s.class = n
	}
	newFiller(m, byNamespace).fill(policies)
}

// reading is what policies read of a pod.
type reading struct {
	labels []string // sorted
	ports  map[string]bool
	blocks bool
}

func whatIsRead(policies []*policy) reading {
	keys := map[string]bool{}
	out := reading{ports: map[string]bool{}}
	addSelector := func(s *selector) {
		if s == nil {
			return
		}
		for _, r := range s.requirements {
			keys[r.key] = true
		}
	}
	for _, p := range policies {
		addSelector(&p.subjects)
		for _, rules := range p.rules {
			for _, r := range rules {
				for i := range r.peers {
					addSelector(r.peers[i].pods)
					out.blocks = out.blocks || r.peers[i].block != nil
				}
				for _, port := range r.ports {
					if port.name != "" {
						out.ports[port.name] = true
					}
				}
			}
		}
	}
	for k := range keys {
		out.labels = append(out.labels, k)
	}
	slices.Sort(out.labels)
	return out
}

// key is equal for pods that no policy can tell apart. Every part is quoted or ended, so that parts cannot run into
// each other.
func (r reading) key(key []byte, s *subject) []byte {
	key = append(append(key, s.name...), 0)
	if s.host {
		key = append(key, "host"...)
	}
	for i, k := range r.labels {
		if v, ok := s.labels[k]; ok {
			key = strconv.AppendInt(append(key, 0), int64(i), 10)
			key = append(append(key, '='), v...)
		}
	}
	key = append(key, 0, 1)
	if r.blocks {
		for _, a := range s.ips {
			key = append(a.AppendTo(key), 0)
		}
	}
	key = append(key, 0, 1)
	return r.appendPorts(key, s.named)
}

func (r reading) appendPorts(key []byte, named []NamedPort) []byte {
	if len(r.ports) == 0 {
		return key
	}
	var ports []string
	for _, n := range named {
		if r.ports[n.Name] {
			ports = append(ports, n.Name+"\x00"+string(n.Protocol)+"\x00"+strconv.Itoa(int(n.Number)))
		}
	}
	slices.Sort(ports)
	for _, p := range ports {
		key = append(append(key, p...), 0)
	}
	return key
}
