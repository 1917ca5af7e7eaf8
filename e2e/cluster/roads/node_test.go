//go:build cluster

package roads

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/node"
)

// allowAll is what somebody adds to see whether it is the policies that break something, and forgets.
const allowAll = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: try-without
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{}]
`

// TestHelmTest runs `helm test` on a node with a kubelet, each helm in a namespace of its own of the pod security standard
// restricted: it passes under the policies, and fails as soon as another policy opens every pod.
func TestHelmTest(t *testing.T) {
	root, err := repositoryRoot()
	must(t, err)
	built := func(name string) string {
		path := filepath.Join(root, ".cache", "e2e", name)
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is not built; run: make e2e", name)
		}
		return path
	}
	cluster, err := node.Start(t.Context(), node.Binaries{InPod: built("inpod"), CoreDNS: built("coredns")})
	must(t, err)
	t.Cleanup(cluster.Stop)
	s := &site{kubeconfig: cluster.Kubeconfig, home: cluster.Dir, root: root}
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			helm, namespace := s.helm(t, name), "app-"+name
			restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
			_, err := cluster.Client.CoreV1().Namespaces().Create(t.Context(), &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: namespace, Labels: restricted}}, meta.CreateOptions{})
			must(t, err)
			s.mustCommand(t, "", helm, "install", "k8s-security", "./"+chart, "-f", chart+"/values-prod.yaml", "--namespace", namespace, "--set", "namespace="+namespace)
			must(t, cluster.Sync(t.Context()))
			out := s.mustCommand(t, "", helm, "test", "k8s-security", "--namespace", namespace, "--timeout", "3m")
			if strings.Count(out, "Succeeded") != 3 {
				t.Errorf("the policy and the two pods are to succeed:\n%s", out)
			}

			s.mustCommand(t, allowAll, "kubectl", "apply", "--namespace", namespace, "--filename", "-")
			must(t, cluster.Sync(t.Context()))
			out, err = s.command(t, "", helm, "test", "k8s-security", "--namespace", namespace, "--timeout", "3m")
			log, _ := s.command(t, "", "kubectl", "logs", "--namespace", namespace, "k8s-security-test-denied")
			if err == nil || !strings.Contains(log, "DNS is reached from a pod that no policy opens") {
				t.Errorf("helm test with a policy that opens every pod: %v\n%s\nlog of the pod:\n%s", err, out, log)
			}
			s.mustCommand(t, "", "kubectl", "delete", "networkpolicy", "try-without", "--namespace", namespace)
			s.mustCommand(t, "", helm, "uninstall", "k8s-security", "--namespace", namespace)
			s.mustCommand(t, "", "kubectl", "delete", "networkpolicies,pods", "--namespace", namespace, "--all", "--now")
		})
	}
}
