package dice

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadIsTheInverseOfString also tells that a random cluster has something to read.
func TestReadIsTheInverseOfString(t *testing.T) {
	policies := 0
	for seed := range uint64(20) {
		c := New(seed, 90).Cluster()
		policies += len(c.Policies)
		got, err := Read([]byte("# a comment\n---\n" + c.String()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.String(), got.String()); diff != "" {
			t.Errorf("seed %d (-written +read):\n%s", seed, diff)
		}
	}
	if policies == 0 {
		t.Error("no cluster has a policy")
	}
}

func TestReadRefuses(t *testing.T) {
	for stream, want := range map[string]string{
		"kind: Service\n":                     `kind "Service" is none of Namespace, Pod and NetworkPolicy`,
		"metadata: {name: x}\n":               `kind "" is none of Namespace, Pod and NetworkPolicy`,
		"kind: Pod\nspec: {container: []}\n":  `unknown field "container"`,
		"kind: Namespace\n---\nkind: [Pod]\n": "cannot unmarshal array",
		"kind: {":                             "did not find expected",
	} {
		if c, err := Read([]byte(stream)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q; read:\n%s", stream, err, want, c)
		}
	}
}
