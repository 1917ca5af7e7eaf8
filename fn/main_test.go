package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tierwall": main})
}

func TestScripts(t *testing.T) {
	const dir = "testdata/script"
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, UpdateScripts: os.Getenv("UPDATE") != "", RequireExplicitExec: true})
}
