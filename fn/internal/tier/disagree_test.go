package tier

import (
	"strings"
	"testing"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// connect adds Services, exposures and references to an inventory, a line each:
//
//	service NAME[:TYPE[:Local]] WORKLOAD[,WORKLOAD] PORT>TARGET...
//	expose KIND NAME SERVICE [PODPORT]
//	refer WORKLOAD SERVICE[:PORT] [weak]
func connect(t testing.TB, inv *workload.Inventory, text string) {
	t.Helper()
	find := func(name string) *workload.Workload {
		for _, w := range inv.Workloads {
			if short(Endpoint{Workload: w}) == name {
				return w
			}
		}
		t.Fatalf("the test's own workload %q is not there", name)
		return nil
	}
	services := map[string]*workload.Service{}
	for _, line := range words(text) {
		w := strings.Fields(line)
		switch w[0] {
		case "service":
			name, kind, _ := strings.Cut(w[1], ":")
			kind, local, _ := strings.Cut(kind, ":")
			s := &workload.Service{Name: name, Type: kind, LocalTraffic: local != "", Source: workload.Source{File: "service-" + name + ".yaml"}}
			for _, name := range strings.Split(w[2], ",") {
				s.Workloads = append(s.Workloads, find(name))
				s.Namespace = find(name).Namespace
			}
			for _, p := range w[3:] {
				s.Ports = append(s.Ports, servicePort(t, p))
			}
			services[name] = s
			inv.Services = append(inv.Services, s)
		case "expose":
			x := workload.Exposure{Kind: w[1], Name: w[2], Service: services[w[3]], Source: workload.Source{File: w[2] + ".yaml"}}
			for _, p := range w[4:] {
				x.Ports = append(x.Ports, parsePodPort(t, p))
			}
			inv.Exposures = append(inv.Exposures, x)
		case "refer":
			name, port, _ := strings.Cut(w[2], ":")
			r := workload.Reference{From: find(w[1]), To: services[name], Where: "env." + name, Source: find(w[1]).Source, Weak: len(w) > 3}
			if port != "" {
				r.Port = parsePodPort(t, port).Number
			}
			inv.References = append(inv.References, r)
		}
	}
}

func servicePort(t testing.TB, text string) workload.ServicePort {
	t.Helper()
	port, target, _ := strings.Cut(text, ">")
	p := workload.ServicePort{Protocol: workload.TCP, Port: parsePodPort(t, port).Number}
	if target[0] >= '0' && target[0] <= '9' {
		p.TargetPort = parsePodPort(t, target).Number
	} else {
		p.TargetName = target
	}
	return p
}

// disagreeing are the ids of this file's subject.
var disagreeing = map[report.ID]bool{
	exposureWithoutFlow: true, flowWithoutExposure: true, referenceNoFlow: true, referenceForbidden: true, sourceCIDRHidden: true,
}

var disagreeCases = []struct{ name, spec, workloads, connections, want string }{
	// Exposure.
	{"exposed, and the internet may come in", ``, "web frontend 8080", "service web:ClusterIP web 80>8080\nexpose Ingress web web", ``},
	{"exposed, and a peer may come in", "peers: [{name: ingress-nginx, namespace: ingress-nginx}]\nwithout: [{from: internet, to: frontend}]\nflows: [{from: ingress-nginx, to: frontend}]",
		"web frontend 8080", "service web:ClusterIP web 80>8080\nexpose Ingress web web", ``},
	{"exposed, no frontend", ``, "api backend 8080", "service api:ClusterIP api 80>8080\nexpose Ingress api api",
		`warning api.yaml Ingress api: exposes Deployment api on 8080/TCP, but no flow lets anyone outside in; add flows: [{from: internet, to: backend/api}], with a narrower peer if you can name one`},
	{"exposed by a load balancer, on a port of several", ``, "api backend 8080 8081", "service api:LoadBalancer api 80>8080 81>8081\nexpose LoadBalancer api api 8081",
		`warning api.yaml Service api: exposes Deployment api on 8081/TCP, but no flow lets anyone outside in; add flows: [{from: internet, to: backend/api, ports: [8081]}], with a narrower peer if you can name one`},
	{"a named target port", ``, "api backend http=8080", "service api:ClusterIP api 80>http\nexpose HTTPRoute api api",
		`warning api.yaml HTTPRoute api: exposes Deployment api on 8080/TCP, but no flow lets anyone outside in; add flows: [{from: internet, to: backend/api}], with a narrower peer if you can name one`},
	{"Prometheus is not who an exposure is for", ``, "api backend 9090 metrics=9090", "service api:NodePort api 90>9090\nexpose NodePort api api",
		`warning api.yaml Service api: exposes Deployment api on 9090/TCP, but no flow lets anyone outside in; add flows: [{from: internet, to: backend/api}], with a narrower peer if you can name one`},
	{"exposed, but without a tier or on the host", ``, "x - 80\ny frontend 80 host", "service x:ClusterIP x,y 80>80\nexpose Ingress x x", ``},
	{"not exposed", ``, "web frontend 8080", "service web:ClusterIP web 80>8080",
		`info web.yaml Deployment web: the internet may come in on 8080/TCP (preset flow 1 (internet to frontend)), but no Ingress, route, LoadBalancer or NodePort of the input exposes it; take the flow away with without, if it is not exposed elsewhere`},

	// References.
	{"a reference along a flow", ``, "api backend 8080\ndb database 5432", "service db:ClusterIP db 5432>5432\nrefer api db:5432", ``},
	{"a reference to one of several ports", ``, "api backend 8080\ndb database 5432 5433", "service db:ClusterIP db 1>5432 2>5433\nrefer api db:2", ``},
	{"a reference without a flow", ``, "api backend 8080\npay backend 8081", "service pay:ClusterIP pay 80>8081\nrefer api pay",
		`warning api.yaml Deployment api: env.pay: names Service pay, which leads to Deployment pay on 8081/TCP, but no flow opens that; if it is meant, add flows: [{from: backend/api, to: backend/pay}]`},
	{"a reference on a port that no flow opens", bare + `flows: [{from: a, to: b, ports: [1]}]`, "x a 9\ny b 1 2", "service y:ClusterIP y 1>1 2>2\nrefer x y:2",
		`warning x.yaml Deployment x: env.y: names Service y, which leads to Deployment y on 2/TCP, but no flow opens that; if it is meant, add flows: [{from: a/x, to: b/y, ports: [2]}]`},
	{"a port that the Service has not means all of its ports", bare, "x a 9\ny b 1 2", "service y:ClusterIP y 1>1 2>2\nrefer x y:77",
		`warning x.yaml Deployment x: env.y: names Service y, which leads to Deployment y on 1/TCP, 2/TCP, but no flow opens that; if it is meant, add flows: [{from: a/x, to: b/y}]`},
	{"weak evidence", ``, "api backend 8080\npay backend 8081", "service pay:ClusterIP pay 80>8081\nrefer api pay weak",
		`info api.yaml Deployment api: env.pay: names Service pay, which leads to Deployment pay on 8081/TCP, but no flow opens that; if it is meant, add flows: [{from: backend/api, to: backend/pay}]`},
	{"strong evidence goes before weak", ``, "api backend 8080\npay backend 8081", "service pay:ClusterIP pay 80>8081\nrefer api pay weak\nrefer api pay",
		`warning api.yaml Deployment api: env.pay: names Service pay, which leads to Deployment pay on 8081/TCP, but no flow opens that; if it is meant, add flows: [{from: backend/api, to: backend/pay}]`},
	{"a reference that a never forbids", ``, "web frontend 8080\ndb database 5432", "service web:ClusterIP web 80>8080\nexpose Ingress web web\nservice db:ClusterIP db 5432>5432\nrefer web db weak",
		`warning web.yaml Deployment web: env.db: names Service db, which leads to Deployment db on 5432/TCP, but preset never 1 (frontend to database, cache) rules that out; remove the address, or the invariant`},
	{"a reference into another namespace", bare + `flows: []`, "n/x a 1\nm/y b 2", "service y:ClusterIP m/y 2>2\nrefer n/x y",
		`warning x.yaml Deployment n/x: env.y: names Service y, which leads to Deployment m/y on 2/TCP, but no flow opens that; if it is meant, add flows: [{from: "n:a/x", to: "m:b/y"}]`},
	{"replicas of a StatefulSet", ``, "db:StatefulSet database 5432", "service db:ClusterIP db 5432>5432\nrefer db db",
		`warning db.yaml StatefulSet db: env.db: names Service db, which leads to StatefulSet db on 5432/TCP, but no flow opens that; if it is meant, add flows: [{from: database/db, to: database/db}]`},
	{"a Deployment that knows its own address", ``, "api backend 8080", "service api:ClusterIP api 80>8080\nrefer api api",
		`info api.yaml Deployment api: env.api: names Service api, which leads to Deployment api on 8080/TCP, but no flow opens that; if it is meant, add flows: [{from: backend/api, to: backend/api}]`},
	{"a client that refers to its own store", ``, "db database 5432\nmigrate:Job database", "service db:ClusterIP db 5432>5432\nrefer migrate db", ``},
	{"no flow can name them", ``, "x - 1\ndb database 5432", "service db:ClusterIP db 5432>5432\nrefer x db", ``},

	// Load balancers.
	{"addresses behind a load balancer", "peers: [{name: vpn, cidrs: [203.0.113.0/24]}]\nwithout: [{from: internet, to: frontend}]\nflows: [{from: vpn, to: frontend}]", "web frontend 8080",
		"service web:LoadBalancer web 80>8080\nexpose LoadBalancer web web",
		`warning service-web.yaml Service web: spec.externalTrafficPolicy: is not Local, so Deployment web sees a node's address for peer vpn, whose address ranges spec.flows[0] lets in; set externalTrafficPolicy: Local`},
	{"a load balancer that keeps addresses", "peers: [{name: vpn, cidrs: [203.0.113.0/24]}]\nwithout: [{from: internet, to: frontend}]\nflows: [{from: vpn, to: frontend}]", "web frontend 8080",
		"service web:LoadBalancer:Local web 80>8080\nexpose LoadBalancer web web", ``},
}

func TestDisagreements(t *testing.T) {
	for _, tc := range disagreeCases {
		t.Run(tc.name, func(t *testing.T) {
			inv := inventory(t, tc.workloads)
			connect(t, inv, tc.connections)
			_, findings := set(t, tc.spec).Model("", inv)
			var got []string
			for _, f := range findings {
				if disagreeing[f.ID] {
					line := f.String()
					got = append(got, string(f.Severity)+" "+line[:strings.LastIndex(line, " [")])
				}
			}
			diffInOrder(t, "findings", words(tc.want), got)
		})
	}
}
