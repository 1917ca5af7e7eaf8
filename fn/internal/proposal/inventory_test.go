package proposal

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"tierwall.dev/fn/internal/workload"
)

// inventory reads what an application is from lines such as
//
//	web label=tier:frontend port=80          a Deployment behind a Service of its name
//	backup kind=CronJob image=postgres:16    no port, so no Service
//	web > api env API_URL                    an address in a variable; "shared KEY" in a ConfigMap that others hold too
//	web > api:9000 env API_URL               that names a port
//	out Ingress shop > web                   an exposure
//	hook ValidatingWebhookConfiguration shop > web
//	api calls db.example.com:5432            a host outside
//	operator knows RoleBinding operator      access to the Kubernetes API
//
// A namespace comes before a name, as in shop/web.
func inventory(t *testing.T, text string) *workload.Inventory {
	t.Helper()
	b := builder{t: t, inv: &workload.Inventory{}, services: map[string]*workload.Service{}, workloads: map[string]*workload.Workload{}}
	var relations [][]string
	for line := range strings.Lines(text) {
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case slices.Contains(words, ">") || len(words) > 1 && (words[1] == "calls" || words[1] == "knows"):
			relations = append(relations, words)
		default:
			b.workload(words)
		}
	}
	for _, words := range relations {
		b.relation(words)
	}
	slices.SortFunc(b.inv.Workloads, (*workload.Workload).Compare)
	return b.inv
}

type builder struct {
	t         *testing.T
	inv       *workload.Inventory
	services  map[string]*workload.Service
	workloads map[string]*workload.Workload
}

func (b *builder) workload(words []string) {
	w := &workload.Workload{APIVersion: "apps/v1", Kind: "Deployment", PodLabels: map[string]string{"app": words[0]}, Images: []string{"registry.example.com/x:1"}}
	w.Namespace, w.Name = split(words[0])
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "kind":
			w.Kind = value
			w.Client = value == "Job" || value == "CronJob"
		case "label":
			k, v, _ := strings.Cut(value, ":")
			w.PodLabels[k] = v
		case "only": // the only label that the pods wear
			k, v, _ := strings.Cut(value, ":")
			w.PodLabels = map[string]string{k: v}
		case "image":
			w.Images[0] = value
		case "port":
			w.Ports = append(w.Ports, b.port(value, workload.FromContainer))
		case "metrics":
			w.Metrics = append(w.Metrics, b.port(value, workload.FromAnnotation))
		case "declared":
			w.Declared = value
		case "host":
			w.HostNetwork = true
		default:
			b.t.Fatalf("no such word: %q", word)
		}
	}
	b.inv.Workloads = append(b.inv.Workloads, w)
	b.workloads[words[0]] = w
	if len(w.Ports) > 0 {
		s := &workload.Service{Namespace: w.Namespace, Name: w.Name, Type: "ClusterIP", Workloads: []*workload.Workload{w}}
		for _, p := range w.Ports {
			s.Ports = append(s.Ports, workload.ServicePort{Protocol: p.Protocol, Port: p.Number, TargetPort: p.Number})
		}
		b.inv.Services = append(b.inv.Services, s)
		b.services[words[0]] = s
	}
}

func (b *builder) port(text string, origin workload.PortOrigin) workload.Port {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		b.t.Fatal(err)
	}
	return workload.Port{Protocol: workload.TCP, Number: int32(n), Origin: origin}
}

func (b *builder) relation(words []string) {
	switch {
	case words[0] == "out":
		b.inv.Exposures = append(b.inv.Exposures, workload.Exposure{Kind: words[1], Name: words[2], Service: b.service(words[4])})
	case words[0] == "hook":
		b.inv.Webhooks = append(b.inv.Webhooks, workload.Webhook{Kind: words[1], Name: words[2], Service: b.service(words[4])})
	case words[1] == "calls":
		host, port := cutPort(words[2])
		b.inv.Externals = append(b.inv.Externals, workload.External{From: b.known(words[0]), Host: host, Port: port,
			Where: "spec.template.spec.containers[0].env[HOST]", Weak: len(words) > 3})
	case words[1] == "knows":
		b.inv.APIAccess = append(b.inv.APIAccess, workload.APIAccess{Workload: b.known(words[0]), Why: strings.Join(words[2:], " ")})
	case words[3] == "member":
		b.inv.Memberships = append(b.inv.Memberships, workload.Membership{Workload: b.known(words[0]), Peer: b.known(words[2]), Why: "members"})
	default:
		name, port := cutPort(words[2])
		r := workload.Reference{From: b.known(words[0]), To: b.service(name), Port: port, Via: workload.ViaEnv,
			Where: "spec.template.spec.containers[0].env[" + words[4] + "]"}
		if words[3] == "shared" {
			r.Via, r.Where, r.Weak = workload.ViaConfig, "data["+words[4]+"]", true
		}
		b.inv.References = append(b.inv.References, r)
	}
}

func (b *builder) known(name string) *workload.Workload {
	w := b.workloads[name]
	if w == nil {
		b.t.Fatalf("no workload %q", name)
	}
	return w
}

// service is the Service of a name; one without workloads, whose pods nobody here makes, for any other name.
func (b *builder) service(name string) *workload.Service {
	if s := b.services[name]; s != nil {
		return s
	}
	s := &workload.Service{Type: "ClusterIP", Selector: map[string]string{"app": name}, Ports: []workload.ServicePort{{Protocol: workload.TCP, Port: 9090, TargetName: "web"}}}
	s.Namespace, s.Name = split(name)
	b.services[name] = s
	return s
}

func split(name string) (namespace, rest string) {
	if before, after, found := strings.Cut(name, "/"); found {
		return before, after
	}
	return "", name
}

func cutPort(text string) (name string, port int32) {
	name, number, _ := strings.Cut(text, ":")
	n, _ := strconv.ParseInt(number, 10, 32)
	return name, int32(n)
}
