//go:build cluster

package roads

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/e2e/cluster/isolate"
)

// renderedVariable names the folder with the copies of the package that kpt has rendered.
const renderedVariable = "TIERWALL_E2E_RENDERED"

// TestMain renders by kpt before it enters the namespaces, in which podman does not work.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if isolate.Outer() {
			dir, err := renderCopies()
			defer os.RemoveAll(dir)
			if err != nil {
				fmt.Fprintln(os.Stderr, "e2e:", err)
				return 1
			}
		}
		return isolate.Main(m.Run)
	}())
}

// renderCopies returns the folder of the copies, also on an error: it is to be removed.
func renderCopies() (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "tierwall-roads-")
	if err != nil {
		return "", err
	}
	return dir, errors.Join(renderByKpt(root, dir), os.Setenv(renderedVariable, dir))
}

const chart = "charts/k8s-security"

// sixPolicies are what the package is known for; the overlay has the provider's flow in one more.
var sixPolicies = []string{
	"backend-network-policy", "cache-network-policy", "database-network-policy", "default-deny-all", "frontend-network-policy", "prometheus-network-policy",
}

// road puts the policies of prod into the cluster, and takes them away.
type road struct {
	name          string
	apply, remove func(t *testing.T, s *shop)
	policies      []string
}

func roads() []road {
	deleteAll := func(t *testing.T, s *shop) {
		s.mustCommand(t, "", "kubectl", "delete", "networkpolicies", "--all", "--namespace", namespace)
	}
	byHelm := func(name string) road {
		return road{
			name: name + " install",
			apply: func(t *testing.T, s *shop) {
				s.mustCommand(t, "", s.helm(t, name), "install", "k8s-security", "./"+chart, "-f", chart+"/values-prod.yaml")
			},
			remove:   func(t *testing.T, s *shop) { s.mustCommand(t, "", s.helm(t, name), "uninstall", "k8s-security") },
			policies: sixPolicies,
		}
	}
	sevenPolicies := slices.Concat(sixPolicies, []string{"backend-network-policy-prod"})
	slices.Sort(sevenPolicies)
	byOverlay := func(name, folder string) road {
		return road{
			name: name,
			apply: func(t *testing.T, s *shop) {
				built := s.mustCommand(t, "", "kubectl", "kustomize", filepath.Join(folder, "overlays", "prod"))
				s.mustCommand(t, onlyPolicies(built), "kubectl", "apply", "--validate=strict", "--filename", "-")
			},
			remove: deleteAll, policies: sevenPolicies,
		}
	}
	copies := os.Getenv(renderedVariable)
	return []road{
		byOverlay("kustomize overlay", "kustomize"),
		byOverlay("kpt fn render by exec", filepath.Join(copies, kptExec.name)),
		byOverlay("kpt fn render in the container", filepath.Join(copies, kptContainer.name)),
		{
			name: "one file",
			apply: func(t *testing.T, s *shop) {
				s.mustCommand(t, "", "kubectl", "apply", "--validate=strict", "--filename", "examples/kubectl/20_network_policy_complete.yaml")
			},
			remove: deleteAll, policies: sixPolicies,
		},
		byHelm("helm3"),
		byHelm("helm4"),
		byPostRenderer("helm3"),
		byPostRenderer("helm4"),
	}
}

// byPostRenderer installs the workloads as a chart that somebody has, with tierwall as Helm's post-renderer: the binary on PATH for
// v3, the plugin for v4.
func byPostRenderer(name string) road {
	return road{
		name: name + " install --post-renderer",
		apply: func(t *testing.T, s *shop) {
			dir := t.TempDir()
			write := func(name, content string) string {
				path := filepath.Join(dir, name)
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte(content), 0o644))
				return path
			}
			write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")
			write("chart/templates/all.yaml", withoutKinds(s.mustCommand(t, "", "kubectl", "kustomize", "kustomize/overlays/prod"), "NetworkPolicy", "Namespace"))
			set, err := os.ReadFile(filepath.Join(s.root, "kustomize", "networkpolicyset.yaml"))
			must(t, err)
			config := write("set.yaml", strings.Replace(string(set), "\n  environments:\n", "\n  environment: prod\n  environments:\n", 1))
			helm := s.helm(t, name)
			if name == "helm4" {
				s.mustCommand(t, "", helm, "plugin", "install", "examples/helm-post-renderer/plugin")
			}
			s.mustCommand(t, "", helm, "install", "shop", filepath.Join(dir, "chart"), "--namespace", namespace,
				"--post-renderer", "tierwall", "--post-renderer-args", "--config", "--post-renderer-args", config)
		},
		remove: func(t *testing.T, s *shop) {
			helm := s.helm(t, name)
			s.mustCommand(t, "", helm, "uninstall", "shop", "--namespace", namespace)
			if name == "helm4" {
				s.mustCommand(t, "", helm, "plugin", "uninstall", "tierwall")
			}
		},
		policies: sixPolicies,
	}
}

// onlyPolicies leaves the workloads out of a stream: their pods are there already.
func onlyPolicies(stream string) string {
	docs := slices.DeleteFunc(strings.Split(stream, "\n---\n"), func(doc string) bool { return !isKind(doc, "NetworkPolicy") })
	return strings.Join(docs, "\n---\n")
}

func withoutKinds(stream string, kinds ...string) string {
	docs := slices.DeleteFunc(strings.Split(stream, "\n---\n"), func(doc string) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return isKind(doc, kind) })
	})
	return strings.Join(docs, "\n---\n") + "\n"
}

func isKind(doc, kind string) bool { return strings.Contains("\n"+doc+"\n", "\nkind: "+kind+"\n") }

// known are connections of which the package's documentation says whether they get through.
var known = map[string]bool{
	"frontend to backend on 8080/TCP by IPv4":    true,
	"frontend to backend on 8080/TCP by IPv6":    true,
	"frontend to database on 5432/TCP by IPv4":   false,
	"backend to database on 5432/TCP by IPv6":    true,
	"backend to payments on 8443/TCP by IPv4":    true,
	"frontend to payments on 8443/TCP by IPv4":   false,
	"database to internet on 443/TCP by IPv4":    false,
	"backend to internet on 443/TCP by IPv6":     true,
	"backend to office on 443/TCP by IPv4":       false,
	"prometheus to database on 9090/TCP by IPv4": true,
	"stranger to database on 5432/TCP by IPv4":   false,
	"redis to coredns on 53/UDP by IPv4":         true,
}

// TestRoads has one lab for all that needs no kubelet. Each part leaves it without policies.
func TestRoads(t *testing.T) {
	s := newShop(t)
	t.Run("Same", func(t *testing.T) { testSame(t, s) })
	t.Run("HelmLifecycle", func(t *testing.T) { testHelmLifecycle(t, s) })
	t.Run("APIServerTakesTheChart", func(t *testing.T) { testAPIServerTakesTheChart(t, s) })
}

// testSame: the API server takes the policies of every road, and the same gets through.
func testSame(t *testing.T, s *shop) {
	open := s.observe(t, everything)
	for connection := range known {
		if !slices.Contains(open, connection) {
			t.Errorf("without policies: %s does not get through, so that no policy is seen to deny it", connection)
		}
	}
	var first []string
	expected := everything
	for i, r := range roads() {
		t.Run(r.name, func(t *testing.T) {
			r.apply(t, s)
			if diff := cmp.Diff(r.policies, s.policies(t)); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
			got := s.observe(t, expected)
			for connection, want := range known {
				if slices.Contains(got, connection) != want {
					t.Errorf("%s: gets through: %t, want %t", connection, !want, want)
				}
			}
			if i == 0 {
				first, expected = got, among(got)
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("what gets through (-%s +%s):\n%s", roads()[0].name, r.name, diff)
			}
			r.remove(t, s)
			if left := s.policies(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
	if diff := cmp.Diff(open, s.observe(t, among(open))); diff != "" {
		t.Errorf("without policies, before and after (-before +after):\n%s", diff)
	}
}

// testHelmLifecycle: an upgrade changes what its values change, two releases share a namespace, and a policy that is somebody
// else's is not taken over.
func testHelmLifecycle(t *testing.T, s *shop) {
	expected := everything
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			helm := s.helm(t, name)
			s.mustCommand(t, "", helm, "install", "k8s-security", "./"+chart, "-f", chart+"/values-prod.yaml")
			before := s.observe(t, expected)
			expected = among(before)
			changed := filepath.Join(t.TempDir(), "values.yaml")
			must(t, os.WriteFile(changed, []byte("environment: {peers: [], flows: [], without: [{from: backend, to: cache}]}\n"), 0o644))
			s.mustCommand(t, "", helm, "upgrade", "k8s-security", "./"+chart, "-f", chart+"/values-prod.yaml", "-f", changed)
			closed := []string{
				"backend to payments on 8443/TCP by IPv4", "backend to redis on 6379/TCP by IPv4", "backend to redis on 6379/TCP by IPv6",
			}
			want := slices.DeleteFunc(slices.Clone(before), func(c string) bool { return slices.Contains(closed, c) })
			if diff := cmp.Diff(want, s.observe(t, among(want))); diff != "" || len(want) != len(before)-len(closed) {
				t.Errorf("after the upgrade (-want +got):\n%s", diff)
			}

			s.mustCommand(t, "", helm, "install", "second", "./"+chart, "-f", chart+"/values-prod.yaml")
			if got := s.policies(t); len(got) != 2*len(sixPolicies) {
				t.Errorf("policies of two releases: %q", got)
			}
			s.mustCommand(t, "", helm, "uninstall", "second")
			s.mustCommand(t, "", helm, "uninstall", "k8s-security")

			s.mustCommand(t, "", "kubectl", "apply", "--filename", "examples/kubectl/20_network_policy_complete.yaml")
			out, err := s.command(t, "", helm, "install", "k8s-security", "./"+chart, "-f", chart+"/values-prod.yaml")
			if err == nil || !strings.Contains(out, "default-deny-all") && !strings.Contains(out, "network-policy") {
				t.Errorf("policies of kubectl's are taken over: %v\n%s", err, out)
			}
			if got := s.policies(t); !slices.Equal(got, sixPolicies) {
				t.Errorf("after the refusal there are %q", got)
			}
			s.mustCommand(t, "", "kubectl", "delete", "networkpolicies", "--all", "--namespace", namespace)
			_, _ = s.command(t, "", helm, "uninstall", "k8s-security") // what a refused install leaves of its record
		})
	}
}

// testAPIServerTakesTheChart: values that bring every form of rule that the chart writes, past the server's own validation.
func testAPIServerTakesTheChart(t *testing.T, s *shop) {
	for name, values := range map[string]string{
		"openshift":     "profile: {dns: openshift}",
		"nodelocal":     "profile: {dns: nodelocal, podCIDRs: [203.0.113.0/24], serviceCIDRs: ['2001:db8:1::/48']}",
		"gke-cloud-dns": "profile: {dns: gke-cloud-dns}",
		"aws-vpc-cni":   "profile: {cni: aws-vpc-cni}\ntiers: [{name: web, labels: {app: [web, shop]}, ports: [8080, 53/UDP, 8000-8010/SCTP], servicePorts: [{port: 80, targetPort: 8080}]}]\nflows: [{from: web, to: web}]",
		"selectors":     "peers: [{name: ci, namespace: ci, podSelector: {matchLabels: {app: ''}, matchExpressions: [{key: a/b, operator: NotIn, values: [x, z]}, {key: c, operator: Exists}]}}]\nflows: [{from: ci, to: '*', ports: [1-65535]}]",
		"blocks":        "peers: [{name: vpn, cidrs: [0.0.0.0/0, '2001:db8::/32'], except: [10.0.0.0/8, '2001:db8:0:0:1::/80']}]\nflows: [{from: vpn, to: frontend}]",
		"metadata":      "labels: {team.example.com/name: shop_1}\nannotations: {note: 'a: \"quoted\" text'}\nfullnameOverride: s.1\nset: ''\ndefaultDeny: false",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "values.yaml")
			must(t, os.WriteFile(file, []byte("namespace: "+namespace+"\n"+values+"\n"), 0o644))
			rendered := s.mustCommand(t, "", s.helm(t, "helm4"), "template", "k8s-security", "./"+chart, "-f", file)
			out := s.mustCommand(t, rendered, "kubectl", "apply", "--dry-run=server", "--validate=strict", "--filename", "-")
			if !strings.Contains(out, "(server dry run)") {
				t.Errorf("the server says nothing:\n%s", out)
			}
		})
	}
}
