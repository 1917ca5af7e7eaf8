package truth

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Map is what `tierwall map -o json` writes of one environment, as far as it is needed.
type Map struct {
	Name        string       `json:"name"`
	Nodes       []Node       `json:"nodes"`
	Connections []Connection `json:"connections"`
}

// Node is a workload or a peer.
type Node struct {
	Name string `json:"name"`
	// Peer is true for an end that is no workload.
	Peer bool `json:"peer"`
}

// Connection is something open between two nodes. What is in none is denied.
type Connection struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Ports []Port `json:"ports"`
}

// Port is an open port, a range of them, "all ports" or "all other ports".
type Port struct {
	Port    string `json:"port"`
	Verdict string `json:"verdict"`
}

const allowed = "allowed"

// ReadMap reads the output of `tierwall map -o json` and returns the environment with this name; an empty name stands
// for the only one.
func ReadMap(output []byte, environment string) (Map, error) {
	var all struct {
		Environments []Map `json:"environments"`
	}
	if err := json.Unmarshal(output, &all); err != nil {
		return Map{}, fmt.Errorf("the map: %w", err)
	}
	if environment == "" && len(all.Environments) == 1 {
		return all.Environments[0], nil
	}
	for _, one := range all.Environments {
		if one.Name == environment {
			return one, nil
		}
	}
	return Map{}, fmt.Errorf("the map has no environment %q", environment)
}

// Sources are the nodes from which the map says what is open: peers that come in, and workloads.
func (m Map) Sources() []string { return m.names(m.lastWorkload(), 0) }

// Destinations are the nodes to which the map says what is open: workloads, and the other peers.
func (m Map) Destinations() []string { return m.names(len(m.Nodes)-1, m.firstWorkload()) }

// names returns the names of the nodes from first to last.
func (m Map) names(last, first int) []string {
	var names []string
	for i := first; i <= last; i++ {
		names = append(names, m.Nodes[i].Name)
	}
	return names
}

func (m Map) firstWorkload() int {
	for i, node := range m.Nodes {
		if !node.Peer {
			return i
		}
	}
	return len(m.Nodes)
}

func (m Map) lastWorkload() int {
	for i := len(m.Nodes) - 1; i >= 0; i-- {
		if !m.Nodes[i].Peer {
			return i
		}
	}
	return -1
}

// Speaks reports whether the map speaks of connections between the nodes: not of those between two peers, to which no
// policy applies.
func (m Map) Speaks(from, to string) bool {
	for _, node := range m.Nodes {
		if !node.Peer && (node.Name == from || node.Name == to) {
			return true
		}
	}
	return false
}

// Predict returns what the map says of each of the cells. It fails where the map does not decide a cell.
func (m Map) Predict(cells []Cell) (Table, error) {
	byPair := map[[2]string][]Port{}
	for _, connection := range m.Connections {
		pair := [2]string{connection.From, connection.To}
		byPair[pair] = append(byPair[pair], connection.Ports...)
	}
	known := map[string]bool{}
	for _, node := range m.Nodes {
		known[node.Name] = true
	}
	table := Table{}
	for _, cell := range cells {
		if !known[cell.From] || !known[cell.To] {
			return nil, fmt.Errorf("the map does not have both ends of %s", cell)
		}
		verdict, err := verdictOf(byPair[[2]string{cell.From, cell.To}], cell.Port)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cell, err)
		}
		table[cell] = verdict
	}
	return table, nil
}

// verdictOf looks a port up among the open ones of a connection.
func verdictOf(open []Port, port string) (bool, error) {
	rest := ""
	for _, one := range open {
		if one.Port == "all other ports" {
			rest = one.Verdict
			continue
		}
		covers, err := covers(one.Port, port)
		if err != nil {
			return false, err
		}
		if covers {
			return decided(one.Verdict)
		}
	}
	if rest == "" {
		return false, nil
	}
	return decided(rest)
}

func decided(verdict string) (bool, error) {
	if verdict != allowed {
		return false, fmt.Errorf("the map says %q: it is to be decided", verdict)
	}
	return true, nil
}

// covers reports whether an item of the map (8080/TCP, 8000-8010/TCP, all ports) has the port.
func covers(item, port string) (bool, error) {
	if item == "all ports" || item == port {
		return true, nil
	}
	ports, protocol, _ := strings.Cut(item, "/")
	first, last, isRange := strings.Cut(ports, "-")
	wanted, wantedProtocol, _ := strings.Cut(port, "/")
	if !isRange {
		last = first
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return false, fmt.Errorf("the map has a port %q", item)
	}
	to, err := strconv.Atoi(last)
	if err != nil {
		return false, fmt.Errorf("the map has a port %q", item)
	}
	number, err := strconv.Atoi(wanted)
	if err != nil {
		return false, fmt.Errorf("a port %q was asked for", port)
	}
	return protocol == wantedProtocol && from <= number && number <= to, nil
}
