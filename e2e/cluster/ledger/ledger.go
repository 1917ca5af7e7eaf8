// Package ledger keeps account of checks: which are to run, and how each went. One that did not run is a failure.
package ledger

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Ledger is a list of checks. Its methods may be called from several goroutines at once. The zero value is empty.
type Ledger struct {
	mu     sync.Mutex
	order  []string
	checks map[string]*check
}

type check struct {
	outcome string // empty: did not run
	failed  bool
	took    time.Duration
}

// Plan adds checks that have to run. A name is planned once.
func (l *Ledger) Plan(names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.checks == nil {
		l.checks = map[string]*check{}
	}
	for _, name := range names {
		if l.checks[name] == nil {
			l.order = append(l.order, name)
			l.checks[name] = &check{}
		}
	}
}

// Record notes how a planned check went: an error is a failure. The detail, if any, is shown beside it.
func (l *Ledger) Record(name, detail string, took time.Duration, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.checks[name]
	switch {
	case c == nil:
		return fmt.Errorf("check %q was not planned", name)
	case c.outcome != "":
		return fmt.Errorf("check %q ran twice", name)
	}
	c.took, c.outcome = took, "ok"
	if detail != "" {
		c.outcome += ": " + detail
	}
	if err != nil {
		c.failed = true
		first, _, _ := strings.Cut(err.Error(), "\n")
		c.outcome = "FAILED: " + first
	}
	return nil
}

// NotRun returns the planned checks that did not run, in order.
func (l *Ledger) NotRun() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, name := range l.order {
		if l.checks[name].outcome == "" {
			names = append(names, name)
		}
	}
	return names
}

// Write writes every check with its outcome and its time, and the counts.
func (l *Ledger) Write(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	passed, failed, notRun := 0, 0, 0
	for _, name := range l.order {
		c := l.checks[name]
		outcome := c.outcome
		switch {
		case outcome == "":
			outcome = "DID NOT RUN"
			notRun++
		case c.failed:
			failed++
		default:
			passed++
		}
		if _, err := fmt.Fprintf(w, "%-72s %6.1fs  %s\n", name, c.took.Seconds(), outcome); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d checks passed, %d failed, %d did not run\n", passed, failed, notRun)
	return err
}
