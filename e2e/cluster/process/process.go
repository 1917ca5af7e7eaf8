// Package process runs the components of a cluster: each with a log file, watched for an early end, and stopped in the
// reverse order of their start.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// stopGrace is how long a component has to end after SIGTERM.
	stopGrace = 3 * time.Second
	// pollInterval is the time between two questions whether a component is ready.
	pollInterval = 20 * time.Millisecond
	// tailLines is how much of its log a component's failure shows.
	tailLines = 15
)

// Group is a set of running components. Its zero value is empty; LogDir must be set.
type Group struct {
	// LogDir holds NAME.log for each component.
	LogDir string

	mu      sync.Mutex
	running []*Process
}

// Process is one component.
type Process struct {
	Name string
	// LogFile has what it printed, both streams.
	LogFile string

	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
	err     error         // how, once ended is closed
}

// Start starts a component. Environment is added to this process's own; nil adds nothing.
func (g *Group) Start(name string, environment []string, program string, arguments ...string) (*Process, error) {
	logFile := filepath.Join(g.LogDir, name+".log")
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = log, log
	command.Env = append(os.Environ(), environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the tests is not one to the components
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{Name: name, LogFile: logFile, command: command, ended: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running = append(g.running, p)
	return p, nil
}

// Stop ends all components, the last started first, and waits for them.
func (g *Group) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range slices.Backward(g.running) {
		p.Stop()
	}
	g.running = nil
}

// Pid is the component's process id.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Stop asks the component to end, and kills it when it does not. It may be called again.
func (p *Process) Stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopGrace):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// Failure is nil while the component runs. After its end it says how it ended, with the end of its log.
func (p *Process) Failure() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s has ended (%v); the end of its log:\n%s", p.Name, p.err, p.Tail())
	default:
		return nil
	}
}

// Tail is the end of the component's log.
func (p *Process) Tail() string {
	log, err := os.ReadFile(p.LogFile)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// Ready polls until the question is answered with nil. It fails with the last answer when the time is up, and at once
// when the component has ended.
func (p *Process) Ready(ctx context.Context, limit time.Duration, question func(context.Context) error) error {
	return until(ctx, p.Name+" is ready", limit, p, question)
}

// Until polls until the question is answered with nil, and fails with the last answer when the time is up. What says
// what is waited for.
func Until(ctx context.Context, what string, limit time.Duration, question func(context.Context) error) error {
	return until(ctx, what, limit, nil, question)
}

func until(ctx context.Context, what string, limit time.Duration, p *Process, question func(context.Context) error) error {
	var last, fatal error
	// A question has the caller's context, not the poll's: its answer is not to be that the time is up.
	err := wait.PollUntilContextTimeout(ctx, pollInterval, limit, true, func(context.Context) (bool, error) {
		if p != nil {
			if fatal = p.Failure(); fatal != nil {
				return false, fatal
			}
		}
		last = question(ctx)
		return last == nil, nil
	})
	switch {
	case err == nil:
		return nil
	case fatal != nil:
		return fatal
	case p != nil:
		return fmt.Errorf("not within %v: %s: %w; the end of its log:\n%s", limit, what, last, p.Tail())
	default:
		return fmt.Errorf("not within %v: %s: %w", limit, what, last)
	}
}
