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
//	foreign NAME KEY=VALUE[,KEY=VALUE] PORT>TARGET... a Service of pods that no workload has
//	expose KIND NAME SERVICE [PODPORT]
//	refer WORKLOAD SERVICE[:PORT] [weak]
//	member WORKLOAD PEER [PORT...]
//	outside WORKLOAD HOST [PORT] [weak|mounted]
//	api WORKLOAD
//	webhook KIND NAME SERVICE PORT
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
			s := &workload.Service{Name: name, Type: kind, Headless: kind == "Headless", LocalTraffic: local != "", Source: workload.Source{File: "service-" + name + ".yaml"}}
			for _, name := range strings.Split(w[2], ",") {
				s.Workloads = append(s.Workloads, find(name))
				s.Namespace = find(name).Namespace
			}
			for _, p := range w[3:] {
				s.Ports = append(s.Ports, servicePort(t, p))
			}
			services[name] = s
			inv.Services = append(inv.Services, s)
		case "foreign":
			s := &workload.Service{Name: w[1], Type: "ClusterIP", Selector: map[string]string{}, Source: workload.Source{File: "service-" + w[1] + ".yaml"}}
			for _, pair := range strings.Split(w[2], ",") {
				key, value, _ := strings.Cut(pair, "=")
				s.Selector[key] = value
			}
			for _, p := range w[3:] {
				s.Ports = append(s.Ports, servicePort(t, p))
			}
			services[w[1]] = s
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
			if len(w) > 4 {
				r.Via = workload.Evidence(w[4])
			}
			if port != "" {
				r.Port = parsePodPort(t, port).Number
			}
			inv.References = append(inv.References, r)
		case "member":
			m := workload.Membership{Workload: find(w[1]), Peer: find(w[2]), Why: "is a member of " + w[2], Where: "spec.serviceName", Source: find(w[1]).Source}
			for _, p := range w[3:] {
				m.Ports = append(m.Ports, parsePodPort(t, p))
			}
			inv.Memberships = append(inv.Memberships, m)
		case "outside":
			x := workload.External{From: find(w[1]), Host: w[2], Via: workload.ViaEnv, Where: "env.HOST", Source: find(w[1]).Source}
			for _, word := range w[3:] {
				switch word {
				case "weak":
					x.Weak = true
				case "mounted":
					x.Via = workload.ViaMounted
				case "hidden":
					x.Hidden = true
				default:
					x.Port = parsePodPort(t, word).Number
				}
			}
			inv.Externals = append(inv.Externals, x)
		case "api":
			inv.APIAccess = append(inv.APIAccess, workload.APIAccess{Workload: find(w[1]), Why: "Role x binds its ServiceAccount", Where: "roleRef", Source: workload.Source{File: "rbac.yaml"}})
		case "webhook":
			inv.Webhooks = append(inv.Webhooks, workload.Webhook{Kind: w[1], Name: w[2], Service: services[w[3]], Port: parsePodPort(t, w[4]).Number, Where: "webhooks[0]", Source: workload.Source{File: "hook.yaml"}})
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
	membersNoFlow: true, scrapeNoFlow: true, serviceNoFlow: true, jobNoFlow: true, hostNoFlow: true, apiNoFlow: true, webhookNoFlow: true,
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
	{"no flow can name them", ``, "x - 1\ndb database 5432", "service db:ClusterIP db 5432>5432\nrefer x db",
		`warning service-db.yaml Service db: leads to Deployment db, but no flow lets anyone in on its ports (5432/TCP); add the flow of who calls it, such as flows: [{from: FROM, to: database/db}]`},

	{"an address without a port, and a flow on one of the ports", bare + `flows: [{from: a, to: b, ports: [1]}]`, "x a 9\ny b 1 2", "service y:ClusterIP y 1>1 2>2\nrefer x y", ``},

	// Services.
	{"a Service that nobody may call", bare, "x a 1", "service x:ClusterIP x 80>1",
		`warning service-x.yaml Service x: leads to Deployment x, but no flow lets anyone in on its ports (1/TCP); add the flow of who calls it, such as flows: [{from: FROM, to: a/x}]`},
	{"a headless Service that nobody may call", bare, "x:StatefulSet a 1", "service x:Headless x 80>1",
		`info service-x.yaml Service x: leads to StatefulSet x, but no flow lets anyone in on its ports (1/TCP); add the flow of who calls it, such as flows: [{from: FROM, to: a/x}]`},
	{"a Service of which one port is open", bare + `flows: [{from: b, to: a, ports: [2]}]`, "x a 1 2\ny b 1", "service x:ClusterIP x 80>1 81>2", ``},
	{"a Service of which one workload is open", bare + `flows: [{from: b, to: a/w}]`, "x a 1\nw a 1\ny b 1", "service x:ClusterIP x,w 80>1", ``},
	{"a Service whose metrics are read", bare + `flows: [{from: prometheus, to: a, ports: [metrics]}]`, "x a metrics=1", "service x:ClusterIP x 80>1", ``},
	{"a Service of what has no tier, or is on the host, or is a Job", bare, "x -\nh a 1 host\nj:Job a", "service x:ClusterIP x 80>1\nservice h:ClusterIP h 80>1\nservice j:ClusterIP j 80>1",
		`info j.yaml Job j: no flow leads from it anywhere but to DNS. If it calls anybody, add flows: [{from: a/j, to: TO}]`},
	{"a Service of which something else is said", bare, "x a 1\ny b 1", "service x:ClusterIP x 80>1\nrefer y x",
		`warning y.yaml Deployment y: env.x: names Service x, which leads to Deployment x on 1/TCP, but no flow opens that; if it is meant, add flows: [{from: b/y, to: a/x}]`},

	// Scraped ports.
	{"an annotation without a flow", bare, "x a 1 annotated=9", "",
		`warning x.yaml Deployment x: asks to be scraped by the annotations prometheus.io/scrape or prometheus.io/port, but no flow lets Prometheus in on 9/TCP; add flows: [{from: prometheus, to: a/x, ports: [metrics]}], or take the sign away`},
	{"a monitor without a flow", bare, "x a 1 monitored=9", "",
		`warning x.yaml Deployment x: is selected by a ServiceMonitor or PodMonitor, but no flow lets Prometheus in on 9/TCP; add flows: [{from: prometheus, to: a/x, ports: [metrics]}], or take the sign away`},
	{"a metrics port without a flow", bare, "x a 1 metrics=9", "",
		`info x.yaml Deployment x: has a metrics port, but no flow lets Prometheus in on 9/TCP; add flows: [{from: prometheus, to: a/x, ports: [metrics]}], or take the sign away`},
	{"a scraped port that Prometheus may enter", bare + `flows: [{from: prometheus, to: "*", ports: [metrics]}]`, "x a 1 annotated=9", "", ``},
	{"a scraped port that a scraper of the application may enter", bare + `flows: [{from: b, to: a}]`, "x a 1 annotated=1\np b 9090 image:prom/prometheus:v3", "", ``},
	{"a scraped port that a flow names", bare + `flows: [{from: b, to: a, ports: [metrics]}]`, "x a 1 annotated=9\ny b 2", "", ``},
	{"that clients may enter says nothing of Prometheus", bare + `flows: [{from: b, to: a}]`, "x a 1 annotated=1\ny b 2", "",
		`warning x.yaml Deployment x: asks to be scraped by the annotations prometheus.io/scrape or prometheus.io/port, but no flow lets Prometheus in on 1/TCP; add flows: [{from: prometheus, to: a/x, ports: [metrics]}], or take the sign away`},
	{"a workload that does not want to be scraped", bare, "x a 1 annotated=9 noscrape", "", ``},

	// Members.
	{"members that may not reach each other", bare, "x:StatefulSet a 1", "member x x 2380",
		`warning x.yaml StatefulSet x: spec.serviceName: is a member of x, but no flow lets it reach its other pods on 2380/TCP; add flows: [{from: a/x, to: a/x, ports: [2380]}]`},
	{"members whose ports nothing tells", bare, "x:StatefulSet a 1\ny:StatefulSet a 2", "member x y",
		`warning x.yaml StatefulSet x: spec.serviceName: is a member of y, but no flow lets it reach StatefulSet y on 2/TCP; add flows: [{from: a/x, to: a/y}]`},
	{"members with a flow", bare + `flows: [{from: a/x, to: a/x, ports: [2380]}]`, "x:StatefulSet a 1", "member x x 2380", ``},
	{"members of which an address is said", bare, "x:StatefulSet a 1", "service x:ClusterIP x 1>1\nrefer x x:1\nmember x x 2380",
		`warning x.yaml StatefulSet x: env.x: names Service x, which leads to StatefulSet x on 1/TCP, but no flow opens that; if it is meant, add flows: [{from: a/x, to: a/x}]`},

	// Jobs.
	{"a Job that may call nobody", bare + `flows: [{from: "*", to: dns}]`, "j:Job a\nx b 1", "",
		`info j.yaml Job j: no flow leads from it anywhere but to DNS. If it calls anybody, add flows: [{from: a/j, to: TO}]`},
	{"a Job in a store's image", bare, "j:CronJob a image:docker.io/postgres:16\nx b 1", "",
		`warning j.yaml CronJob j: no flow leads from it anywhere but to DNS. It runs "docker.io/postgres:16", as a client of a database. If it calls anybody, add flows: [{from: a/j, to: TO}]`},
	{"a Job of which an address is said", bare, "j:Job a\nx b 1", "service x:ClusterIP x 1>1\nrefer j x",
		`warning j.yaml Job j: env.x: names Service x, which leads to Deployment x on 1/TCP, but no flow opens that; if it is meant, add flows: [{from: a/j, to: b/x}]`},
	{"a Job with a flow", ``, "j:Job worker\ndb database 5432", "", ``},

	{"no address, but the Secret of a store, or a variable's name", bare, "x a 1\ny b 2\nz b 3", "service y:ClusterIP y 2>2\nservice z:ClusterIP z 3>3\nrefer x y weak credentials\nrefer x z weak name",
		"warning service-y.yaml Service y: leads to Deployment y, but no flow lets anyone in on its ports (2/TCP); add the flow of who calls it, such as flows: [{from: FROM, to: b/y}]\n" +
			"warning service-z.yaml Service z: leads to Deployment z, but no flow lets anyone in on its ports (3/TCP); add the flow of who calls it, such as flows: [{from: FROM, to: b/z}]"},

	// Hosts outside.
	{"a host outside", bare, "x a 1", "outside x db.example.com 5432",
		`warning x.yaml Deployment x: env.HOST: names the host db.example.com, which no Service of the input is, but no flow leads there on 5432/TCP; if it is meant, write spec.peers: [{name: db-example-com, cidrs: [ADDRESSES]}] and flows: [{from: a/x, to: db-example-com, ports: [5432]}]`},
	{"a host outside by its address", bare, "x a 1", "outside x 192.0.2.7 5432",
		`warning x.yaml Deployment x: env.HOST: names the host 192.0.2.7, which no Service of the input is, but no flow leads there on 5432/TCP; if it is meant, write spec.peers: [{name: 192-0-2-7, cidrs: [192.0.2.7/32]}] and flows: [{from: a/x, to: 192-0-2-7, ports: [5432]}]`},
	{"a Service of another namespace that is not in the input", bare, "n/x a 1", "outside n/x db.data.svc.cluster.local 5432\noutside n/x queue 5672",
		"warning x.yaml Deployment n/x: env.HOST: names the host db.data.svc.cluster.local, which no Service of the input is, but no flow leads there on 5432/TCP; if it is meant, write spec.peers: [{name: data, namespace: data}] and flows: [{from: a/x, to: data, ports: [5432]}]\n" +
			"warning x.yaml Deployment n/x: env.HOST: names the host queue, which no Service of the input is, but no flow leads there on 5672/TCP; if it is meant, write spec.peers: [{name: n, namespace: n}] and flows: [{from: a/x, to: n, ports: [5672]}]"},
	{"a host without a port, shared, or in a file", bare, "x a 1", "outside x a.example.com\noutside x b.example.com 443 weak\noutside x c.example.com 443 mounted",
		"info x.yaml Deployment x: env.HOST: names the host a.example.com, which no Service of the input is, but no flow leads there; if it is meant, write spec.peers: [{name: a-example-com, cidrs: [ADDRESSES]}] and flows: [{from: a/x, to: a-example-com}]\n" +
			"info x.yaml Deployment x: env.HOST: names the host b.example.com, which no Service of the input is, but no flow leads there on 443/TCP; if it is meant, write spec.peers: [{name: b-example-com, cidrs: [ADDRESSES]}] and flows: [{from: a/x, to: b-example-com, ports: [443]}]\n" +
			"info x.yaml Deployment x: env.HOST: names the host c.example.com, which no Service of the input is, but no flow leads there on 443/TCP; if it is meant, write spec.peers: [{name: c-example-com, cidrs: [ADDRESSES]}] and flows: [{from: a/x, to: c-example-com, ports: [443]}]"},
	{"a host that a Secret holds, which any address may be", ``, "api backend 8080", "outside api host-in-URL 443 hidden\noutside api host-in-DB_URL 5432 hidden",
		`warning api.yaml Deployment api: env.HOST: names the host host-in-DB_URL, which no Service of the input is, but no flow leads there on 5432/TCP; if it is meant, write spec.peers: [{name: host-in-db-url, cidrs: [ADDRESSES]}] and flows: [{from: backend/api, to: host-in-db-url, ports: [5432]}]`},
	{"a host that the internet may be", ``, "api backend 8080", "outside api hooks.example.com 443", ``},
	{"a host on a port that the internet is not open on", ``, "api backend 8080", "outside api smtp.example.com 587",
		`warning api.yaml Deployment api: env.HOST: names the host smtp.example.com, which no Service of the input is, but no flow leads there on 587/TCP; if it is meant, write spec.peers: [{name: smtp-example-com, cidrs: [ADDRESSES]}] and flows: [{from: backend/api, to: smtp-example-com, ports: [587]}]`},
	{"a private address is not the internet", ``, "api backend 8080", "outside api 10.0.0.7 443",
		`warning api.yaml Deployment api: env.HOST: names the host 10.0.0.7, which no Service of the input is, but no flow leads there on 443/TCP; if it is meant, write spec.peers: [{name: 10-0-0-7, cidrs: [10.0.0.7/32]}] and flows: [{from: backend/api, to: 10-0-0-7, ports: [443]}]`},
	{"an address within a peer's", bare + "peers: [{name: db, cidrs: [192.0.2.0/24]}]\nflows: [{from: a, to: db, ports: [5432]}]", "x a 1", "outside x 192.0.2.7 5432\noutside x db.example.com 5432", ``},
	{"an address that a peer leaves out", bare + "peers: [{name: db, cidrs: [192.0.2.0/24], except: [192.0.2.7/32]}]\nflows: [{from: a, to: db, ports: [5432]}]", "x a 1", "outside x 192.0.2.7 5432",
		`warning x.yaml Deployment x: env.HOST: names the host 192.0.2.7, which no Service of the input is, but no flow leads there on 5432/TCP; if it is meant, write spec.peers: [{name: 192-0-2-7, cidrs: [192.0.2.7/32]}] and flows: [{from: a/x, to: 192-0-2-7, ports: [5432]}]`},
	{"a namespace that is a peer", bare + "peers: [{name: data, namespace: data}]\nflows: [{from: a, to: data, ports: [5432]}]", "n/x a 1", "outside n/x db.data.svc 5432\noutside n/x db.data 5432", ``},

	// The Kubernetes API.
	{"API access without a flow", bare, "x a 1", "api x\napi x",
		`warning rbac.yaml Deployment x: roleRef: Role x binds its ServiceAccount, but no flow leads to the Kubernetes API; if it calls that, write spec.peers: [{name: apiserver, cidrs: [ADDRESSES]}], with those that kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes shows, and add flows: [{from: a/x, to: apiserver}]`},
	{"API access, and the peer is there", bare + "peers: [{name: apiserver, cidrs: [192.0.2.1/32]}]", "x a 1", "api x",
		`warning rbac.yaml Deployment x: roleRef: Role x binds its ServiceAccount, but no flow leads to the Kubernetes API; if it calls that, add flows: [{from: a/x, to: apiserver}]`},
	{"API access with a flow", bare + "peers: [{name: apiserver, cidrs: [192.0.2.1/32]}]\nflows: [{from: a, to: apiserver}]", "x a 1", "api x", ``},
	{"API access by addresses of another name", bare + "peers: [{name: anywhere, cidrs: [0.0.0.0/0]}]\nflows: [{from: a, to: anywhere, ports: [6443]}]", "x a 1", "api x", ``},
	{"the internet is not where the API is", ``, "api backend 8080", "api api",
		`warning rbac.yaml Deployment api: roleRef: Role x binds its ServiceAccount, but no flow leads to the Kubernetes API; if it calls that, write spec.peers: [{name: apiserver, cidrs: [ADDRESSES]}], with those that kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes shows, and add flows: [{from: backend/api, to: apiserver}]`},
	{"a webhook without a flow", bare, "x a 1 9443", "service x:ClusterIP x 443>9443\nwebhook ValidatingWebhookConfiguration guard x 443",
		`warning hook.yaml ValidatingWebhookConfiguration guard: webhooks[0]: the API server calls Deployment x on 9443/TCP, but no flow lets it in; write spec.peers: [{name: apiserver, cidrs: [ADDRESSES]}], with those that kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes shows, and add flows: [{from: apiserver, to: a/x, ports: [9443]}]`},
	{"a webhook that the API server may enter", bare + "peers: [{name: apiserver, cidrs: [192.0.2.1/32]}]\nflows: [{from: apiserver, to: a, ports: [9443]}]", "x a 1 9443", "service x:ClusterIP x 443>9443\nwebhook APIService v1.x x 443", ``},
	{"a webhook that everyone may enter", bare + "flows: [{from: internet, to: a}]", "x a 9443", "service x:ClusterIP x 443>9443\nexpose Ingress x x\nwebhook CustomResourceDefinition x x 443", ``},
	{"pods of a namespace are not the API server", bare + "peers: [{name: system, namespace: kube-system}, {name: apiserver, cidrs: [192.0.2.1/32]}]\nflows: [{from: system, to: a}]", "x a 9443", "service x:ClusterIP x 443>9443\nwebhook MutatingWebhookConfiguration x x 443",
		`warning hook.yaml MutatingWebhookConfiguration x: webhooks[0]: the API server calls Deployment x on 9443/TCP, but no flow lets it in; add flows: [{from: apiserver, to: a/x}]`},

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
