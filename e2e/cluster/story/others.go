package story

import (
	"context"

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

// prometheusConfig finds what is to be scraped as installations do: every container port named metrics.
const prometheusConfig = `global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - {role: pod, kubeconfig_file: /etc/kubeconfig/kubeconfig}
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
  - {source_labels: [__meta_kubernetes_pod_label_app], target_label: app}
`

const prometheusName = "prometheus"

// startPrometheus runs Prometheus in the namespace monitoring. A connection that it has before a policy comes would
// outlive the policy, so it is started after them.
func (w *World) startPrometheus(ctx context.Context) error {
	if err := w.CreateKubeconfigSecret(ctx, monitoring); err != nil {
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
				{Name: "config", MountPath: "/etc/prometheus"}, {Name: "kubeconfig", MountPath: "/etc/kubeconfig"}, {Name: "data", MountPath: "/data"},
			},
		}},
		SecurityContext: &core.PodSecurityContext{FSGroup: new(int64(65534))},
		Volumes: []core.Volume{
			{Name: "config", VolumeSource: core.VolumeSource{ConfigMap: &core.ConfigMapVolumeSource{LocalObjectReference: core.LocalObjectReference{Name: prometheusName}}}},
			{Name: "kubeconfig", VolumeSource: core.VolumeSource{Secret: &core.SecretVolumeSource{SecretName: node.KubeconfigSecret}}},
			{Name: "data", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}},
		},
	})
}
