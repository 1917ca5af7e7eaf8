// Package prober is the one program of a pod that is a network namespace: it answers on every port that it is told to,
// over TCP, UDP and SCTP, and connects to other probers when it is asked. Requests and answers are JSON lines on
// standard input and output; the end of the input ends it.
//
// An answer says that the connection was made, or that it was rejected, so that neither is inferred from silence.
package prober

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Outcome is what became of one probe.
type Outcome string

// The outcomes.
const (
	Open     Outcome = "open"     // the right prober answered, and saw the right address
	Rejected Outcome = "rejected" // something on the way, or the kernel of the other end, refused
	Silent   Outcome = "silent"   // nothing came back in time
	Failed   Outcome = "failed"   // anything else: see Answer.Failures
)

// Request is one line of input: either Serve or Probes is set.
type Request struct {
	Serve  *Serve  `json:"serve,omitempty"`
	Probes []Probe `json:"probes,omitempty"`
	// Timeout is how long a probe waits for an answer.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Serve opens the ports, each for every protocol and both families. It is asked for once.
type Serve struct {
	// Name is what the prober answers with.
	Name  string  `json:"name"`
	Ports []int32 `json:"ports"`
}

// Probe is one connection to be tried.
type Probe struct {
	Protocol string `json:"protocol"` // TCP, UDP or SCTP
	Address  string `json:"address"`  // where to, and by it the family
	Port     int32  `json:"port"`
	// From is the prober's own address, which the other end must see.
	From string `json:"from"`
	// Name is the prober that must answer.
	Name string `json:"name"`
}

// Answer is one line of output.
type Answer struct {
	// Error says why the request was not done at all.
	Error string `json:"error,omitempty"`
	// Outcomes are in the order of the probes.
	Outcomes []Outcome `json:"outcomes,omitempty"`
	// Failures say more of the probes that failed, by their index.
	Failures map[int]string `json:"failures,omitempty"`
}

// Run serves requests until the input ends.
func Run(in io.Reader, out io.Writer) error {
	requests, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var r Request
		if err := requests.Decode(&r); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		if err := answers.Encode(r.answer()); err != nil {
			return fmt.Errorf("writing an answer: %w", err)
		}
	}
}

func (r Request) answer() Answer {
	if r.Serve == nil {
		return probeAll(r.Probes, r.Timeout)
	}
	if err := r.Serve.open(); err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{}
}
