package discovery

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// webhook is a Service that the API server calls, before the Services are known.
type webhook struct {
	kind, name string
	service    objectName
	port       int32
	where      string
	source     workload.Source
}

// defaultWebhookPort is the Service's port where none is given: "Default to 443 for backward compatibility."
// (admissionregistration/v1, ServiceReference.port; apiextensions/v1 and apiregistration/v1 likewise)
const defaultWebhookPort = 443

// isWebhook reports whether the object names Services that the API server calls.
func isWebhook(o *manifest.Object) bool {
	switch o.Kind {
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
		return o.Group() == "admissionregistration.k8s.io"
	case "CustomResourceDefinition":
		return o.Group() == "apiextensions.k8s.io"
	case "APIService":
		return o.Group() == "apiregistration.k8s.io"
	}
	return false
}

func (r *Reader) readWebhooks(o *manifest.Object) {
	switch o.Kind {
	case "CustomResourceDefinition":
		conversion := child(o.Root, "spec", "conversion")
		r.readWebhook(o, child(conversion, "webhook", "clientConfig", "service"), "spec.conversion.webhook.clientConfig.service")
		r.readWebhook(o, child(conversion, "webhookClientConfig", "service"), "spec.conversion.webhookClientConfig.service")
	case "APIService":
		r.readWebhook(o, child(o.Root, "spec", "service"), "spec.service")
	default:
		for i, hook := range items(child(o.Root, "webhooks")) {
			r.readWebhook(o, child(hook, "clientConfig", "service"), fmt.Sprintf("webhooks[%d].clientConfig.service", i))
		}
	}
}

func (r *Reader) readWebhook(o *manifest.Object, service *yaml.Node, where string) {
	if !isMapping(service) {
		return
	}
	w := webhook{
		kind: r.keep(o.Kind), name: r.keep(o.Name), port: defaultWebhookPort, where: where, source: o.Source,
		service: objectName{scope(r.text(child(service, "namespace"))), r.text(child(service, "name"))},
	}
	if port, given := integer(child(service, "port")); given && port >= 1 && port <= maxPort {
		w.port = int32(port)
	}
	r.webhooks = append(r.webhooks, w)
}

// webhookList are the webhooks that lead to Services of the input, sorted.
func (r *Reader) webhookList() []workload.Webhook {
	if len(r.webhooks) == 0 {
		return nil
	}
	services := r.servicesByName()
	var out []workload.Webhook
	for _, w := range r.webhooks {
		if s := services[w.service]; s != nil {
			out = append(out, workload.Webhook{Kind: w.kind, Name: w.name, Service: s.Service, Port: w.port, Where: w.where, Source: w.source})
		}
	}
	slices.SortStableFunc(out, func(a, b workload.Webhook) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), compareSources(a.Source, b.Source), cmp.Compare(a.Where, b.Where))
	})
	return out
}

// servicesByName are the input's Services; of two with one name the first.
func (r *Reader) servicesByName() map[objectName]*service {
	services := make(map[objectName]*service, len(r.services))
	for _, s := range slices.Backward(r.services) {
		services[objectName{scope(s.Namespace), s.Name}] = s
	}
	return services
}
