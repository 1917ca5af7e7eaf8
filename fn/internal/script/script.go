// Package script writes what was proved of an environment as questions to a cluster: a shell script that asks it,
// connection by connection, and compares. It takes plain data and decides nothing. Same data, same bytes.
//
// Names come from manifests, which anyone may have written: each stands quoted, in one line, and never in a place where
// the shell would run it.
package script

import (
	_ "embed"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Environment is the questions about one environment.
type Environment struct {
	// Name is empty where there is only one, without a name.
	Name string
	// Namespace is the one of all workloads. Empty where they are in several, or in one that no manifest names.
	Namespace string
	// Pods are all that ask or are asked, by name.
	Pods []Pods
	// Askers are in the order in which they ask.
	Askers []Asker
	// Unasked are connections that no script can ask about, each with why.
	Unasked []string
}

// Pods are the pods of a workload, or of a peer inside of the cluster.
type Pods struct {
	// Name is unique in the environment.
	Name string
	// Namespace is empty where the manifest names none.
	Namespace string
	// Selector is what kubectl takes for --selector. Empty means all of the namespace.
	Selector string
	// Elsewhere is true for the pods of a namespace that whoever runs the script names.
	Elsewhere bool
}

// Asker is pods with what one of them asks.
type Asker struct {
	// Pods is the name of the pods.
	Pods      string
	Questions []Question
}

// Question is one connection.
type Question struct {
	// Open is what was proved.
	Open bool
	Kind Kind
	// Host is what is asked: the name of Pods for Address, else a name or an address. For Variable it is what is asked where
	// the variable is not set; empty means that nothing is.
	Host string
	// Port is the port that is asked.
	Port int32
	// To is the destination as the reader sees it, with its port.
	To string
	// Peer is the peer that the variable is named for.
	Peer string
}

// Kind is what is asked for.
type Kind string

// The kinds of questions.
const (
	// Itself is the asking pod's own port: whether anything listens there, without which closed says nothing.
	Itself Kind = "itself"
	// Address is the address of one of the pods that are called Host.
	Address Kind = "pod"
	// Host is a name or an address.
	Host Kind = "host"
	// Variable is a host that whoever runs the script names in a variable of the environment.
	Variable Kind = "variable"
	// DNSByUDP and DNSByTCP are the cluster's DNS, as the pod is told to ask it.
	DNSByUDP Kind = "udp-dns"
	DNSByTCP Kind = "tcp-dns"
)

//go:embed head.sh
var head string

// Write writes the script.
func Write(w io.Writer, version string, environments []Environment) error {
	var b strings.Builder
	b.WriteString(strings.Replace(head, "VERSION", oneLine(version), 1))
	for _, e := range environments {
		e.write(&b)
	}
	b.WriteString("\nreport\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (e Environment) write(b *strings.Builder) {
	title := e.Name
	if e.Namespace != "" {
		title = strings.TrimSpace(title + " (namespace " + e.Namespace + ")")
	}
	b.WriteString("\nenvironment " + quoted(title) + "\n")
	for _, p := range e.Pods {
		namespace := quoted(p.Namespace)
		switch {
		case p.Elsewhere:
			namespace = `"$ELSEWHERE"`
		case p.Namespace == "":
			namespace = `"$NAMESPACE"`
		}
		b.WriteString("pods " + quoted(word(p.Name)) + " " + namespace + " " + quoted(p.Selector) + "\n")
	}
	for _, a := range e.Askers {
		b.WriteString("\nfrom " + quoted(word(a.Pods)) + " <<'END'\n")
		for _, q := range a.Questions {
			b.WriteString(q.line() + "\n")
		}
		b.WriteString("END\n")
	}
	if len(e.Unasked) > 0 {
		b.WriteString("\n")
	}
	for _, text := range e.Unasked {
		b.WriteString("unasked " + quoted(oneLine(text)) + "\n")
	}
}

// line is the question as `from` reads it: what must be, the kind, the host, the port, and the destination.
func (q Question) line() string {
	want, host := "closed", q.Host
	if q.Open {
		want = "open"
	}
	if q.Kind == Variable {
		host = VariableName(q.Peer) + "=" + q.Host
	}
	if host == "" {
		host = "-"
	}
	return strings.Join([]string{want, string(q.Kind), word(host), strconv.Itoa(int(q.Port)), word(q.To)}, " ")
}

// VariableName is the variable that names the host of a peer: HOST_ and the peer's name in capitals.
func VariableName(peer string) string {
	return "HOST_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, peer)
}

// word is a name without what would end a word.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '/'
		}
		return r
	}, oneLine(s))
}

// oneLine keeps a text in its line, and what a terminal would obey away from it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// quoted is a text that the shell takes as it is.
func quoted(s string) string {
	return "'" + strings.ReplaceAll(oneLine(s), "'", `'\''`) + "'"
}
