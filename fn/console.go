package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"tierwall.dev/fn/internal/report"
)

// console is standard error on a terminal: findings in colour, unless NO_COLOR is set, and a line that says what a run
// is at once it has taken more than a second. Elsewhere neither is written.
type console struct {
	io.Writer
	colour bool
	// now is the time, for tests to set.
	now     func() time.Time
	started time.Time
	// shown is true while a progress line is on the screen.
	shown bool
}

const (
	progressAfter = time.Second
	clearLine     = "\r\x1b[K"
)

var colours = map[report.Severity]string{report.Error: "\x1b[31m", report.Warning: "\x1b[33m", report.Info: "\x1b[36m"}

// newConsole is a console for a terminal, else the file itself.
func newConsole(f *os.File) io.Writer {
	if !terminal(f) {
		return f
	}
	_, plain := os.LookupEnv("NO_COLOR")
	c := &console{Writer: f, colour: !plain && os.Getenv("TERM") != "dumb", now: time.Now}
	c.started = c.now()
	return c
}

// Write takes the progress line away first.
func (c *console) Write(p []byte) (int, error) {
	c.clear()
	return c.Writer.Write(p)
}

func (c *console) clear() {
	if c.shown {
		fmt.Fprint(c.Writer, clearLine)
		c.shown = false
	}
}

// progress shows what the run is at, on a terminal and after a second; done of total are behind it.
func progress(stderr io.Writer, what string, done, total int) {
	c, ok := stderr.(*console)
	if !ok || c.now().Sub(c.started) < progressAfter {
		return
	}
	fmt.Fprintf(c.Writer, "%s%s (%d of %d)", clearLine, what, done+1, total)
	c.shown = true
}

// progressDone takes the progress line away.
func progressDone(stderr io.Writer) {
	if c, ok := stderr.(*console); ok {
		c.clear()
	}
}

// severityText is a severity as the reader sees it.
func severityText(stderr io.Writer, s report.Severity) string {
	if c, ok := stderr.(*console); ok && c.colour {
		return colours[s] + string(s) + "\x1b[0m"
	}
	return string(s)
}
