package node

import (
	"context"
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const corefile = `.:53 {
  errors
  ready
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig /etc/kubeconfig/kubeconfig
  }
}
`

// KubeconfigSecret is the name of the Secret by which a pod in a namespace may ask the API server; its key is kubeconfig.
const KubeconfigSecret = "kubeconfig"

// CreateKubeconfigSecret creates the Secret in a namespace.
func (c *Cluster) CreateKubeconfigSecret(ctx context.Context, namespace string) error {
	kubeconfig, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		return err
	}
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: KubeconfigSecret}, Data: map[string][]byte{"kubeconfig": kubeconfig}}
	_, err = c.Client.CoreV1().Secrets(namespace).Create(ctx, secret, meta.CreateOptions{})
	return err
}

// startDNS runs CoreDNS where every cluster has it: Deployment coredns with the label k8s-app=kube-dns.
func (c *Cluster) startDNS(ctx context.Context) error {
	const namespace = meta.NamespaceSystem
	if err := c.CreateKubeconfigSecret(ctx, namespace); err != nil {
		return err
	}
	config := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "coredns"}, Data: map[string]string{"Corefile": corefile}}
	if _, err := c.Client.CoreV1().ConfigMaps(namespace).Create(ctx, config, meta.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.Client.CoreV1().Services(namespace).Create(ctx, dnsService(), meta.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.Client.AppsV1().Deployments(namespace).Create(ctx, dnsDeployment(), meta.CreateOptions{}); err != nil {
		return err
	}
	return c.Until(ctx, "CoreDNS is available", dnsLimit, func(ctx context.Context) error {
		deployment, err := c.Client.AppsV1().Deployments(namespace).Get(ctx, "coredns", meta.GetOptions{})
		if err != nil {
			return err
		}
		if deployment.Status.AvailableReplicas == 0 {
			return fmt.Errorf("%d of its pods are available", deployment.Status.AvailableReplicas)
		}
		return nil
	})
}

var dnsLabels = map[string]string{"k8s-app": "kube-dns"}

func dnsService() *core.Service {
	both := core.IPFamilyPolicyPreferDualStack
	return &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: "kube-dns", Labels: dnsLabels},
		Spec: core.ServiceSpec{
			ClusterIP: dnsIP, IPFamilyPolicy: &both, Selector: dnsLabels,
			Ports: []core.ServicePort{
				{Name: "dns", Port: 53, Protocol: core.ProtocolUDP, TargetPort: intstr.FromInt32(53)},
				{Name: "dns-tcp", Port: 53, Protocol: core.ProtocolTCP, TargetPort: intstr.FromInt32(53)},
			},
		},
	}
}

func dnsDeployment() *apps.Deployment {
	one, no := int32(1), false
	return &apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: "coredns", Labels: dnsLabels},
		Spec: apps.DeploymentSpec{
			Replicas: &one, Selector: &meta.LabelSelector{MatchLabels: dnsLabels},
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: dnsLabels},
				Spec: core.PodSpec{
					AutomountServiceAccountToken: &no,
					Containers: []core.Container{{
						Name: "coredns", Image: DNSImage, Args: []string{"-conf", "/etc/coredns/Corefile"},
						Ports: []core.ContainerPort{
							{Name: "dns", ContainerPort: 53, Protocol: core.ProtocolUDP}, {Name: "dns-tcp", ContainerPort: 53},
						},
						ReadinessProbe: &core.Probe{
							ProbeHandler:  core.ProbeHandler{HTTPGet: &core.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8181)}},
							PeriodSeconds: 1,
						},
						VolumeMounts: []core.VolumeMount{
							{Name: "config", MountPath: "/etc/coredns"}, {Name: "kubeconfig", MountPath: "/etc/kubeconfig"},
						},
					}},
					Volumes: []core.Volume{
						{Name: "config", VolumeSource: core.VolumeSource{ConfigMap: &core.ConfigMapVolumeSource{
							LocalObjectReference: core.LocalObjectReference{Name: "coredns"}}}},
						{Name: "kubeconfig", VolumeSource: core.VolumeSource{Secret: &core.SecretVolumeSource{SecretName: KubeconfigSecret}}},
					},
				},
			},
		},
	}
}
