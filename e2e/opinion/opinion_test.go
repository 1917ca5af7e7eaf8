package opinion

import (
	"flag"
	"fmt"
	"testing"

	"tierwall.dev/fn/internal/reachability/dice"
)

// clusters is how many random clusters are compared, of 1800 connections each.
var clusters = flag.Uint64("clusters", 300, "random `clusters` to compare with cyclonus")

// least is how many connections a run has to compare to be worth something.
const least = 100_000

// TestCyclonusAgrees compares, connection by connection, what the policies of each end say.
func TestCyclonusAgrees(t *testing.T) {
	compared, open := 0, 0
	for seed := range *clusters {
		c := dice.New(seed, 7).Cluster()
		one, err := compare(c)
		if err != nil {
			c = c.Shrink(func(smaller dice.Cluster) bool { return disagreement(smaller) != "" })
			t.Fatalf("seed %d: %s\n%s", seed, disagreement(c), c)
		}
		compared, open = compared+one.compared, open+one.open
	}
	t.Logf("%d connections of %d clusters compared, %d of them open", compared, *clusters, open)
	if compared < least {
		t.Errorf("only %d connections were compared, want %d: raise -clusters", compared, least)
	}
	if open < compared/10 || open > compared*9/10 {
		t.Errorf("%d of %d connections are open: the clusters are too much alike", open, compared)
	}
}

// disagreement is the first connection on which the engines are not at one, "" for none.
func disagreement(c dice.Cluster) string {
	if _, err := compare(c); err != nil {
		return err.Error()
	}
	return ""
}

type comparison struct{ compared, open int }

// compare asks both engines of every connection, cyclonus with its rules as written and simplified.
func compare(c dice.Cluster) (comparison, error) {
	var out comparison
	m, err := tierwall(c)
	if err != nil {
		return out, err
	}
	plain, err := newCyclonus(spelled(stored(c)), false)
	if err != nil {
		return out, err
	}
	simplified, err := newCyclonus(spelled(stored(c)), true)
	if err != nil {
		return out, err
	}
	for _, one := range cells(c) {
		if one.from == one.to {
			continue // known: a-pod-to-itself
		}
		ours, err := askTierwall(m, one)
		if err != nil {
			return out, err
		}
		if theirs, short := plain.askEach(one), simplified.askEach(one); ours != theirs || ours != short {
			return out, fmt.Errorf("%s: tierwall says %s; cyclonus says %s, simplified %s", one, ours, theirs, short)
		}
		out.compared++
		if ours.egress && ours.ingress {
			out.open++
		}
	}
	return out, nil
}
