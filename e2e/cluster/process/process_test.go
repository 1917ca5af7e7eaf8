package process

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

const limit = 20 * time.Second

func start(t *testing.T, script string) *Process {
	t.Helper()
	group := &Group{LogDir: t.TempDir()}
	t.Cleanup(group.Stop)
	p, err := group.Start("component", []string{"GREETING=hello"}, "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadyFailsAtOnceWhenTheComponentHasEnded(t *testing.T) {
	p := start(t, `echo "$GREETING, and goodbye"; exit 3`)
	err := p.Ready(t.Context(), limit, func(context.Context) error { return errors.New("not yet") })
	if err == nil {
		t.Fatal("a component that has ended is ready")
	}
	for _, part := range []string{"component has ended (exit status 3)", "hello, and goodbye"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
}

func TestReadyAsksUntilTheAnswerIsYes(t *testing.T) {
	p := start(t, "exec sleep 60")
	asked := 0
	err := p.Ready(t.Context(), limit, func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil || asked != 3 {
		t.Errorf("after %d questions: %v, want ready after 3", asked, err)
	}
	if err := p.Failure(); err != nil {
		t.Errorf("a running component has failed: %v", err)
	}
}

func TestUntilSaysTheLastAnswer(t *testing.T) {
	err := Until(t.Context(), "the door is open", 50*time.Millisecond, func(context.Context) error { return errors.New("it is locked") })
	if err == nil || !strings.Contains(err.Error(), "the door is open: it is locked") {
		t.Errorf("got %v, want what was waited for and the last answer", err)
	}
}

func TestStopEndsWhatIgnoresTheSignal(t *testing.T) {
	p := start(t, `trap "" TERM; echo ready; while :; do sleep 0.1; done`)
	if err := p.Ready(t.Context(), limit, func(context.Context) error {
		if !strings.Contains(p.Tail(), "ready") {
			return errors.New("has not set its trap")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if p.Failure() == nil {
		t.Error("it still runs")
	}
}
