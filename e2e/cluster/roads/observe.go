package roads

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"tierwall.dev/fn/e2e/cluster/probe"
)

const (
	// probesAtOnce bounds the threads: each probe that waits has one.
	probesAtOnce = 2000
	// againAtOnce is for the few probes that may have been lost because too many were made at once.
	againAtOnce = 16
	// few is how many take seconds in that way.
	few = 200
)

// question is a probe to make.
type question struct {
	connection string
	dial       func() (probe.Outcome, error)
}

// answer is what became of it.
type answer struct {
	outcome probe.Outcome
	err     error
}

// observe makes every probe and returns the connections that got through, sorted. A silent probe of a connection that is
// expected to be open is made once more: a packet may have been lost, and asking again opens nothing. A probe that did
// not work is an error.
func observe(questions []question, expected func(connection string) bool) ([]string, error) {
	answers := askAll(questions, probesAtOnce)
	var silent []int
	for i, a := range answers {
		if a.outcome == probe.Timeout && expected(questions[i].connection) {
			silent = append(silent, i)
		}
	}
	again := make([]question, len(silent))
	for i, index := range silent {
		again[i] = questions[index]
	}
	atOnce := againAtOnce
	if len(again) > few {
		atOnce = probesAtOnce
	}
	for i, second := range askAll(again, atOnce) {
		answers[silent[i]] = second
	}

	var through []string
	var failures []error
	for i, a := range answers {
		switch {
		case a.outcome.GotThrough():
			through = append(through, questions[i].connection)
		case a.outcome != probe.Timeout:
			failures = append(failures, fmt.Errorf("%s: %s: %w", questions[i].connection, a.outcome, a.err))
		}
	}
	slices.Sort(through)
	return through, errors.Join(failures...)
}

// askAll makes the probes, and returns the answers in the order of the questions.
func askAll(questions []question, atOnce int) []answer {
	answers := make([]answer, len(questions))
	var probing sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, q := range questions {
		slots <- struct{}{}
		probing.Go(func() {
			defer func() { <-slots }()
			outcome, err := q.dial()
			answers[i] = answer{outcome, err}
		})
	}
	probing.Wait()
	return answers
}
