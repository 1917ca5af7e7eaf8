package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/script"
)

const verificationPage = "../docs/verification.md"

// asked are the questions of docs/verification.md. Whether each is open, and where it is asked, comes from the package.
var asked = []struct{ says, from, to string }{
	{"The frontend reaches the backend:", "frontend", "backend:8080"},
	{"The frontend does not reach the database:", "frontend", "database:5432"},
	{"The backend does:", "backend", "database:5432"},
	{"The frontend does not reach the cache, and the backend does:", "frontend", "redis:6379"},
	{"", "backend", "redis:6379"},
	{"The database does not reach the internet, and the backend does:", "database", "internet:443"},
	{"", "backend", "internet:443"},
	{"The database calls nobody:", "database", "backend:8080"},
	{"Prometheus, in the namespace `monitoring`, scrapes every tier on 9090, and reaches nothing else of the database (give its pods' labels):", "prometheus", "frontend:9090"},
	{"", "prometheus", "backend:9090"},
	{"", "prometheus", "database:9090"},
	{"", "prometheus", "redis:9090"},
	{"", "prometheus", "database:5432"},
}

// prometheusLabels are the usual ones: the package names its namespace only.
const prometheusLabels = "app.kubernetes.io/name=prometheus"

// TestTheVerificationPageIsOfThePackage: the probes of docs/verification.md are those that the package's map asks, with
// its names, labels, ports and verdicts. UPDATE=1 writes them into the page.
func TestTheVerificationPageIsOfThePackage(t *testing.T) {
	proofs, code, err := proofsOf("../kustomize", "prod", nil, &bytes.Buffer{})
	if err != nil || code != exitGood || len(proofs) != 1 {
		t.Fatal(len(proofs), code, err)
	}
	e := proofs[0].questions()
	var want strings.Builder
	for i, a := range asked {
		if a.says != "" {
			if i > 0 {
				want.WriteString("```\n")
			}
			want.WriteString("\n" + a.says + "\n\n```console\n")
		}
		want.WriteString(probe(t, e, a.from, a.to))
	}
	want.WriteString("```\n\n")

	text, err := os.ReadFile(verificationPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), "writes what follows. -->\n")
	got, after, ends := strings.Cut(rest, "<!-- The end. -->\n")
	if !begins || !ends {
		t.Fatalf("%s: no place for the probes", verificationPage)
	}
	if os.Getenv("UPDATE") != "" {
		page := before + "writes what follows. -->\n" + want.String() + "<!-- The end. -->\n" + after
		if err := os.WriteFile(verificationPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(got, want.String()); diff != "" {
		t.Errorf("probes of the page, and of the package (-page +package):\n%s", diff)
	}
}

// probe is one question as the page asks it, with its answer.
func probe(t *testing.T, e script.Environment, from, to string) string {
	t.Helper()
	source, questions := podsOf(t, e, from), []script.Question(nil)
	for _, a := range e.Askers {
		if a.Pods == from {
			questions = a.Questions
		}
	}
	i := slices.IndexFunc(questions, func(q script.Question) bool { return q.To == to })
	if i < 0 {
		t.Fatalf("the map does not ask %s for %s", from, to)
	}
	q := questions[i]
	host := q.Host
	if q.Kind == script.Address {
		p := podsOf(t, e, q.Host)
		host = fmt.Sprintf(`"$(address %s %s)"`, p.Namespace, p.Selector)
	}
	answer := "closed"
	if q.Open {
		answer = "open"
	}
	return fmt.Sprintf("$ probe %s %s %s %d\n%s\n", source.Namespace, source.Selector, host, q.Port, answer)
}

func podsOf(t *testing.T, e script.Environment, name string) script.Pods {
	t.Helper()
	i := slices.IndexFunc(e.Pods, func(p script.Pods) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("the map knows no pods %s", name)
	}
	p := e.Pods[i]
	if p.Selector == "" {
		p.Selector = prometheusLabels
	}
	return p
}
