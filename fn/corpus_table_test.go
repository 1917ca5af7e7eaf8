//go:build corpus

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What is asked of the two columns of the scoreboard.
const (
	// leastRecall is how many of the meant connections of all cases are open with what init proposes, in percent.
	leastRecall = 85
	// mostLines is how long a reviewed configuration may be.
	mostLines = 25
)

// scoreboard is the score of each case, with what init proposes untouched and with the reviewed configuration.
type scoreboard struct {
	rows []scoreRow
}

type scoreRow struct {
	name               string
	proposed, reviewed *score
	lines              int
}

func (b *scoreboard) add(name string, proposed, reviewed *score, config []byte) {
	b.rows = append(b.rows, scoreRow{name, proposed, reviewed, configLines(config)})
}

var commentLine = regexp.MustCompile(`^\s*(#.*)?$`)

// configLines are the lines of a configuration that a person writes: those that are neither empty nor a comment.
func configLines(config []byte) int {
	n := 0
	for line := range strings.Lines(string(config)) {
		if !commentLine.MatchString(strings.TrimSuffix(line, "\n")) {
			n++
		}
	}
	return n
}

const scoreHead = "| case | meant | open | tier shut | service shut | exposed | scraped | excess | open | tier shut | service shut | exposed | scraped | excess | lines |\n"

// String is the scoreboard as a table: first what init proposes, then the reviewed configuration.
func (b *scoreboard) String() string {
	var out strings.Builder
	out.WriteString("With what init proposes (left), and as reviewed (right, with the lines of configuration).\n\n" + scoreHead)
	out.WriteString("|---|" + strings.Repeat("--:|", strings.Count(scoreHead, "|")-2) + "\n")
	proposed, reviewed := newScore(), newScore()
	for _, r := range b.rows {
		fmt.Fprintf(&out, "| %s | %d |%s%s %d |\n", r.name, r.proposed.meant, r.proposed.cells(), r.reviewed.cells(), r.lines)
		proposed.add(r.proposed)
		reviewed.add(r.reviewed)
	}
	fmt.Fprintf(&out, "| all | %d |%s%s |\n", proposed.meant, proposed.cells(), reviewed.cells())
	return out.String()
}

func newScore() *score { return &score{shut: map[string]int{}, openShut: map[string][]string{}} }

func (s *score) cells() string {
	return fmt.Sprintf(" %d | %d/%d | %d/%d | %d/%d | %d/%d | %d |", s.open,
		s.shut["tier"]-len(s.openShut["tier"]), s.shut["tier"], s.shut["service"]-len(s.openShut["service"]), s.shut["service"],
		s.reached, s.exposed, s.reads, s.scraped, len(s.excess))
}

// gate fails where less is reached than is asked. What must stay shut is checked for each tree.
func (b *scoreboard) gate(t *testing.T) {
	t.Helper()
	proposed := newScore()
	for _, r := range b.rows {
		proposed.add(r.proposed)
		if len(r.reviewed.excess) > 0 {
			t.Errorf("%s, as reviewed: open, and nobody asks for it: %s", r.name, strings.Join(r.reviewed.excess, ", "))
		}
		if r.lines > mostLines {
			t.Errorf("%s: the reviewed configuration has %d lines, and %d are allowed", r.name, r.lines, mostLines)
		}
	}
	if proposed.meant == 0 || proposed.open*100 < leastRecall*proposed.meant {
		t.Errorf("with what init proposes, %d of %d meant connections are open, and %d%% are asked for", proposed.open, proposed.meant, leastRecall)
	}
}
