package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// askCases are what a person types, and what then stands in the file or is said on the screen.
var askCases = []struct {
	name, application string
	// typed are the lines that the person types.
	typed []string
	// screen and file are texts that must be there, absent ones that must not be in the file.
	screen, file, absent []string
	code                 int
}{
	{
		name: "nothing answered leaves every question open", application: "external", typed: []string{"", "", "", "", "", ""},
		screen: []string{"Where is the API server", "Which addresses has smtp.example.com:587", "Whom does spa call?", "In which namespace does the ingress controller run?"},
		file:   []string{"# - {name: apiserver, cidrs: [CIDR]}", "# 1. Where is the API server"},
	},
	{
		name: "addresses", application: "external", typed: []string{"10.96.0.1", "10.96.0.1/32, 172.18.0.2/32", "", "10.7.0.0/24", "", ""},
		screen: []string{`"10.96.0.1" is no CIDR: write it as 10.0.0.5/32`},
		file: []string{
			"\n  - {name: apiserver, cidrs: [10.96.0.1/32, 172.18.0.2/32]}\n", "\n  - {from: monitoring, to: apiserver}   # high: RoleBinding prometheus",
			"\n  - {name: store-c9xq2-eu-central-1-rds-amazonaws-com, cidrs: [10.7.0.0/24], ports: [5432]}\n",
			"  # - {name: smtp-example-com, cidrs: [CIDR], ports: [587]}",
		},
		absent: []string{"Where is the API server", "Which addresses has store."},
	},
	{
		name: "whom a workload calls, and the ingress controller", application: "external", typed: []string{"", "", "", "stripe", "none", "ingress-nginx"},
		screen: []string{`"stripe" is none of api, prometheus, redis, none`},
		file: []string{
			"\n  - {name: ingress-controller, namespace: ingress-nginx}   # as answered\n", "{from: ingress-controller, to: [backend/api, frontend/spa]}",
			"- {from: frontend, to: backend}",
		},
		absent: []string{"Whom do these call", "In which namespace"},
	},
	{
		name: "the tier of a workload", application: "kafka", typed: []string{"frontend", ""},
		screen: []string{"Which tier is schema-registry?"},
		file:   []string{"- {name: schema-registry, tier: frontend}   # high: as answered"},
	},
	{name: "the terminal is closed", application: "external", typed: []string{""}, screen: []string{"the terminal was closed before all questions were answered, and nothing is written"}, code: exitUsage},
}

func TestInitAsk(t *testing.T) {
	for _, tc := range askCases {
		t.Run(tc.name, func(t *testing.T) {
			archive, err := txtar.ParseFile(filepath.Join("testdata", "init", tc.application+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, archive).dir
			var out, screen bytes.Buffer
			typed := strings.NewReader(strings.Join(tc.typed, "\n") + "\n")
			if code := run([]string{"init", dir, "--ask"}, typed, &out, &screen, true); code != tc.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, tc.code, screen.String())
			}
			contains(t, "the screen", screen.String(), tc.screen)
			content, err := os.ReadFile(filepath.Join(dir, proposedFile))
			if (err == nil) != (tc.code == exitGood) {
				t.Fatalf("the file: %v", err)
			}
			contains(t, "the file", string(content), tc.file)
			for _, text := range tc.absent {
				if strings.Contains(string(content), text) {
					t.Errorf("the file holds %q:\n%s", text, content)
				}
			}
			if tc.code != exitGood {
				return
			}
			if code := run([]string{"render", dir}, nil, &out, &screen, false); code != exitGood {
				t.Errorf("render: exit code %d:\n%s\n%s", code, screen.String(), content)
			}
		})
	}
}

func contains(t *testing.T, what, text string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}
