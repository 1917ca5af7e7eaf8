package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLedger(t *testing.T) {
	var l Ledger
	l.Plan("the door", "the window", "the roof")
	for _, err := range []error{
		l.Record("the door", "2 locks", time.Second, nil),
		l.Record("the window", "", 0, errors.New("is open\nand broken")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"the cellar": "was not planned", "the door": "ran twice"} {
		if err := l.Record(name, "", 0, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("recording %s: %v, want an error with %q", name, err, want)
		}
	}
	if diff := cmp.Diff([]string{"the roof"}, l.NotRun()); diff != "" {
		t.Errorf("checks that did not run (-want +got):\n%s", diff)
	}
	var text strings.Builder
	if err := l.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`
the door 1.0s ok: 2 locks
the window 0.0s FAILED: is open
the roof 0.0s DID NOT RUN
1 checks passed, 1 failed, 1 did not run`)
	if diff := cmp.Diff(want, strings.Fields(text.String())); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}
