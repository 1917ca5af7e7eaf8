package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/report"
)

// provedFolders are the shipped package and the examples that hold rendered policies.
var provedFolders = []string{"../kustomize", "../examples/three-tier", "../examples/many-workloads", "../examples/openshift", "../examples/no-kustomization"}

func TestShippedPackageAndExamplesProve(t *testing.T) {
	for _, dir := range provedFolders {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := verify(dir, report.Text, nil, &stdout, &stderr); code != exitGood {
				t.Errorf("exit code %d, want %d\n%s%s", code, exitGood, stdout.String(), stderr.String())
			}
			if strings.Contains(stderr.String(), "warning") || strings.Contains(stdout.String(), "NOT proved") || stdout.Len() == 0 {
				t.Errorf("not clean:\n%s%s", stdout.String(), stderr.String())
			}
		})
	}
}

const rendered = "base/network-policies.yaml"

// weakenings are ways in which people weaken the shipped package by hand, and the finding that must say so.
var weakenings = []struct {
	name string
	// file is edited, old replaced by new once; without old, new is appended.
	file, old, new string
	want           string
}{
	{"DNS peer as matchLabels under includeSelectors", rendered,
		"matchExpressions:\n        - key: k8s-app\n          operator: In\n          values:\n          - kube-dns\n", "matchLabels:\n          k8s-app: kube-dns\n", "flow-blocked"},
	{"an allow for every pod of the namespace", rendered, "", allow(`{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]}`), "never-open"},
	{"an allow that only one end has", rendered, "", allow(`{podSelector: {matchLabels: {app: database, tier: database}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}`), "rule-not-meant"},
	{"an egress rule for everyone", rendered, "", allow(`{podSelector: {matchLabels: {app: database, tier: database}}, policyTypes: [Egress], egress: [{}]}`), "connection-not-meant"},
	{"no default deny", rendered, firstPolicy, "", "namespace-without-default-deny"},
	{"metrics for all namespaces", rendered, "namespaceSelector:\n        matchExpressions:\n        - key: kubernetes.io/metadata.name\n          operator: In\n          values:\n          - monitoring\n", "namespaceSelector: {}\n", "connection-not-meant"},
	{"the database's port for all of the backend's ports", rendered, "    - protocol: TCP\n      port: 5432\n", "    - protocol: TCP\n", "connection-not-meant"},
	{"the wrong port", rendered, "port: 6379", "port: 6380", "flow-blocked"},
	{"DNS by UDP alone", rendered, "    - protocol: TCP\n      port: 53\n", "", "dns-udp-only"},
	{"a wider block in the overlay", "overlays/prod/network-policies.yaml", "198.51.100.0/24", "198.51.0.0/16", "connection-not-meant"},
	{"cloud metadata no longer excepted", rendered, "        - 169.254.0.0/16\n", "", "connection-not-meant"},
	{"no rules at all", "base/kustomization.yaml", "- network-policies.yaml\n", "", "flow-blocked"},
	{"a policy without policyTypes Egress", rendered, "policyTypes:\n  - Ingress\n  - Egress\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: backend\n          tier: api\n    ports:\n    - protocol: TCP\n      port: 6379\n", "policyTypes:\n  - Ingress\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: backend\n          tier: api\n    ports:\n    - protocol: TCP\n      port: 6379\n", "flow-blocked"},
	{"a policy that the API server refuses", rendered, "port: 6379", "port: 70000", "policy-invalid"},
}

var firstPolicy = func() string {
	text, err := os.ReadFile("../kustomize/" + rendered)
	if err != nil {
		return err.Error()
	}
	before, _, _ := strings.Cut(string(text), "---\n")
	return before + "---\n"
}()

func allow(spec string) string {
	return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: stray, labels: {tierwall.dev/set: three-tier}}\nspec: " + spec + "\n"
}

func TestEveryWeakeningIsCaught(t *testing.T) {
	for _, w := range weakenings {
		t.Run(w.name, func(t *testing.T) {
			dir := copied(t, "../kustomize")
			editFile(t, filepath.Join(dir, w.file), w.old, w.new)
			if strings.Contains(w.name, "includeSelectors") {
				for _, overlay := range []string{"prod", "staging"} {
					editFile(t, filepath.Join(dir, "overlays", overlay, "kustomization.yaml"), "",
						"labels:\n- pairs: {app.kubernetes.io/instance: shop}\n  includeSelectors: true\n")
				}
			}
			var stdout, stderr bytes.Buffer
			code := verify(dir, report.Text, nil, &stdout, &stderr)
			lines := regexp.MustCompile(`(?m)^tierwall: (error|warning): .*\[`+w.want+`\]$`).FindAllString(stderr.String(), -1)
			if code != exitFindings || len(lines) == 0 {
				t.Errorf("exit code %d, want %d and %s:\n%s%s", code, exitFindings, w.want, stdout.String(), stderr.String())
			}
			t.Log(strings.Join(lines, "\n"))
		})
	}
}

// editFile replaces old in a file, or appends where there is no old.
func editFile(t *testing.T, file, old, replacement string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content) + replacement
	if old != "" {
		if !strings.Contains(string(content), old) {
			t.Fatalf("%s does not hold %q", file, old)
		}
		text = strings.ReplaceAll(string(content), old, replacement)
	}
	if err := os.WriteFile(file, []byte(text), fs.FileMode(0o644)); err != nil {
		t.Fatal(err)
	}
}
