package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tierwall.dev/fn/e2e/cluster/node"
)

// clientName is the workload with the client programs in the namespaces of others.
const clientName = "client"

// createClient runs a pod of a team that has nothing to do with the shop. It wears the shop's labels, so that a policy
// that forgets the namespace is seen.
func (w *World) createClient(ctx context.Context, namespace string) error {
	template := core.PodSpec{Containers: []core.Container{{Name: clientName, Image: node.ClientImage}}}
	return w.createDeployment(ctx, namespace, clientName, map[string]string{"app": "backend", "tier": "api", "team": namespace}, template)
}

func (w *World) createDeployment(ctx context.Context, namespace, name string, labels map[string]string, pod core.PodSpec) error {
	one, no, soon := int32(1), false, int64(1)
	pod.AutomountServiceAccountToken, pod.TerminationGracePeriodSeconds = &no, &soon
	deployment := &apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: apps.DeploymentSpec{
			Replicas: &one, Selector: &meta.LabelSelector{MatchLabels: labels},
			Template: core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels}, Spec: pod},
		},
	}
	_, err := w.Client.AppsV1().Deployments(namespace).Create(ctx, deployment, meta.CreateOptions{})
	return err
}

// targetsPort is where the internet host lists what is to be scraped.
const targetsPort = 9099

// prometheusConfig asks for what is to be scraped: Debian's Prometheus is built without the discovery of Kubernetes.
var prometheusConfig = fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
- job_name: pods
  http_sd_configs:
  - {url: "http://%s:%d/", refresh_interval: 1s}
`, internetIPv4, targetsPort)

// targets is an item of the list that Prometheus asks for.
type targets struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// serveTargets lists every container port named metrics of the cluster's pods, as Prometheus' own discovery would.
func (w *World) serveTargets() error {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", targetsPort))
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		pods, err := w.Client.CoreV1().Pods(meta.NamespaceAll).List(request.Context(), meta.ListOptions{})
		if err != nil {
			http.Error(response, err.Error(), http.StatusServiceUnavailable)
			return
		}
		response.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(response).Encode(metricsTargets(pods.Items)) // the asker asks again
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with the process
	return nil
}

// metricsTargets returns the ports named metrics of the pods that have an address.
func metricsTargets(pods []core.Pod) []targets {
	all := []targets{}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				if port.Name != "metrics" || pod.Status.PodIP == "" {
					continue
				}
				all = append(all, targets{
					Targets: []string{net.JoinHostPort(pod.Status.PodIP, fmt.Sprint(port.ContainerPort))},
					Labels:  map[string]string{"namespace": pod.Namespace, "pod": pod.Name, "app": pod.Labels["app"]},
				})
			}
		}
	}
	return all
}

const prometheusName = "prometheus"

// startPrometheus runs Prometheus in the namespace monitoring. A connection that it has before a policy comes would
// outlive the policy, so it is started after them.
func (w *World) startPrometheus(ctx context.Context) error {
	if err := w.Hosts[internet].Net.Do(w.serveTargets); err != nil {
		return err
	}
	config := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: prometheusName}, Data: map[string]string{"prometheus.yml": prometheusConfig}}
	if _, err := w.Client.CoreV1().ConfigMaps(monitoring).Create(ctx, config, meta.CreateOptions{}); err != nil {
		return err
	}
	return w.createDeployment(ctx, monitoring, prometheusName, map[string]string{"app": prometheusName}, core.PodSpec{
		Containers: []core.Container{{
			Name: prometheusName, Image: node.PrometheusImage,
			Args:           []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data", "--log.level=warn"},
			Ports:          []core.ContainerPort{{Name: "web", ContainerPort: 9090}},
			ReadinessProbe: &core.Probe{ProbeHandler: core.ProbeHandler{HTTPGet: &core.HTTPGetAction{Path: "/-/ready", Port: intstr.FromInt32(9090)}}, PeriodSeconds: 1},
			VolumeMounts: []core.VolumeMount{
				{Name: "config", MountPath: "/etc/prometheus"}, {Name: "data", MountPath: "/data"},
			},
		}},
		SecurityContext: &core.PodSecurityContext{FSGroup: new(int64(65534))},
		Volumes: []core.Volume{
			{Name: "config", VolumeSource: core.VolumeSource{ConfigMap: &core.ConfigMapVolumeSource{LocalObjectReference: core.LocalObjectReference{Name: prometheusName}}}},
			{Name: "data", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}},
		},
	})
}
