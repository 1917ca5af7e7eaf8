//go:build corpus

package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var corpus = flag.String("corpus", "", "a folder with a folder a case, each with the manifests below input/")

// refused are the cases that a render without configuration refuses, with the finding that says why.
var refused = map[string]string{
	"otel-demo": "namespace-unknown",     // some objects say namespace default, some none
	"traps":     "environment-not-built", // broken trees on purpose
}

// TestCorpus renders each application without configuration, twice: the second run changes nothing, and no application is
// refused but those that are known to be, which are left as they were.
func TestCorpus(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join(*corpus, "*", "input"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no case below %q: %v", *corpus, err)
	}
	for _, input := range inputs {
		name := filepath.Base(filepath.Dir(input))
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(input)); err != nil {
				t.Fatal(err)
			}
			var out, messages bytes.Buffer
			code := render(dir, false, &out, &messages)
			if why := refused[name]; why != "" {
				if code != exitFindings || !strings.Contains(messages.String(), "["+why+"]") {
					t.Fatalf("exit code %d, want %d and %s:\n%s", code, exitFindings, why, messages.String())
				}
				if out.Len() > 0 {
					t.Errorf("refused, and yet: %s", out.String())
				}
				return
			}
			if code != exitGood || !strings.Contains(out.String(), "wrote network-policies.yaml") {
				t.Fatalf("exit code %d, want %d and policies written:\n%s%s", code, exitGood, out.String(), messages.String())
			}
			out.Reset()
			if code := render(dir, false, &out, &messages); code != exitGood || out.String() != "nothing to change\n" {
				t.Errorf("the second run: exit code %d: %s", code, out.String())
			}
		})
	}
}
