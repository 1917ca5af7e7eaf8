package main

import "testing"

func TestQuoteIdentifier(t *testing.T) {
	for name, want := range map[string]string{"shop": `"shop"`, `a"b`: `"a""b"`, "Shop-1": `"Shop-1"`} {
		if got := quoteIdentifier(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestEnvironmentOr(t *testing.T) {
	t.Setenv("INPOD_SET", " value ")
	t.Setenv("INPOD_EMPTY", "  ")
	for name, want := range map[string]string{"INPOD_SET": "value", "INPOD_EMPTY": "default", "INPOD_UNSET": "default"} {
		if got := environmentOr(name, "default"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
