package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/picture"
)

// changed is `tierwall diff` as the lines that say what is opened (+) and closed (-), with the verdicts.
func changed(t *testing.T, old, now string) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code, err := compare(old, now, picture.JSON, nil, &stdout, &stderr)
	if err != nil || code == exitTrouble {
		t.Fatalf("diff %s %s: exit code %d, %v\n%s", old, now, code, err, stderr.String())
	}
	var doc struct{ Environments []picture.Compared }
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range doc.Environments {
		for _, c := range e.Changes {
			for _, p := range c.Ports {
				out = append(out, strings.Join([]string{e.New, c.From, c.To, p.Port, string(p.Before), string(p.After)}, " | "))
			}
		}
	}
	slices.Sort(out)
	if (len(out) > 0) != (code == exitDiffers) {
		t.Errorf("diff %s %s: %d changes, exit code %d", old, now, len(out), code)
	}
	return out
}

// reversed is the lines with before and after exchanged.
func reversed(lines []string) []string {
	var out []string
	for _, l := range lines {
		f := strings.Split(l, " | ")
		f[4], f[5] = f[5], f[4]
		out = append(out, strings.Join(f, " | "))
	}
	slices.Sort(out)
	return out
}

func TestNothingDiffersFromItself(t *testing.T) {
	for _, dir := range mappedFolders {
		if diff := cmp.Diff([]string(nil), changed(t, dir, dir)); diff != "" {
			t.Errorf("%s:\n%s", dir, diff)
		}
	}
}

// TestWeakeningsDiffer: what the proof finds open or blocked in a package that was weakened is opened or closed in
// comparison with the whole one, and the other way round it is the reverse.
func TestWeakeningsDiffer(t *testing.T) {
	for _, w := range weakenings {
		open := w.want == "connection-not-meant" || w.want == "never-open"
		if !open && w.want != "flow-blocked" || strings.Contains(w.name, "includeSelectors") {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			dir := copied(t, "../kustomize")
			editFile(t, filepath.Join(dir, w.file), w.old, w.new)
			lines := changed(t, "../kustomize", dir)
			want := "| denied | allowed"
			if !open && w.name != "no rules at all" {
				want = "| allowed | denied"
			}
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, want) }) {
				t.Errorf("no line with %q:\n%s", want, strings.Join(lines, "\n"))
			}
			if diff := cmp.Diff(reversed(lines), changed(t, dir, "../kustomize")); diff != "" {
				t.Errorf("the other way round (-expected +got):\n%s", diff)
			}
		})
	}
}

// TestOtherPoliciesThatOpenTheSame: a policy that is renamed, or said again in another one, is no difference.
func TestOtherPoliciesThatOpenTheSame(t *testing.T) {
	dir := copied(t, "../kustomize")
	file := filepath.Join(dir, rendered)
	editFile(t, file, "name: cache-network-policy", "name: another-name")
	editFile(t, file, "", allow(`{podSelector: {matchLabels: {app: database, tier: database}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: backend, tier: api}}}], ports: [{port: 5432}]}]}`))
	if diff := cmp.Diff([]string(nil), changed(t, "../kustomize", dir)); diff != "" {
		t.Errorf("(-none +changed):\n%s", diff)
	}
}
