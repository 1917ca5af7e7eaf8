package proposal

var cases = []struct {
	name        string
	application string
	// other is the application in a second environment, named prod and staging; empty where there is only one.
	other   string
	answers Answers
	// want are the lines of the file from the tiers to the questions, without what the preset's scrape is replaced by.
	want string
	// asks are the beginnings of the questions that are looked at, each of which must be there.
	asks []string
	// silent are beginnings of questions that must not be there.
	silent []string
}{
	// Roles.
	{
		name: "by label, image, port, name, and what is left", application: `
			web label=tier:frontend port=80
			db image=postgres:16 port=1
			kv port=6379
			orders-worker
			thing port=8080
			cron kind=Job
			nothing`,
		want: `
			tiers:
			- {name: client}   # opens connections, accepts none
			# By label, frontend: web (tier: frontend)
			workloads:
			- {name: thing, tier: backend}   # low: serves 8080/TCP, and nothing says more
			- {name: db, tier: database}   # high: image postgres:16
			- {name: kv, tier: cache}   # medium: port 6379/TCP
			- {name: orders-worker, tier: worker}   # medium: name: worker
			- {name: cron, tier: client}   # high: Job
			- {name: nothing, tier: client}   # low: serves no port`,
		asks: []string{"Are these of the tiers above: nothing, thing?", "Whom do these call: orders-worker, thing, web?"},
	},
	{
		name: "an image of a store overrules the label backend, and a label of another store does not", application: `
			redis label=tier:backend image=redis:7 port=6379
			cachedb label=tier:database image=redis:7 port=6379`,
		want: `
			# By label, database: cachedb (tier: database)
			workloads:
			- {name: redis, tier: cache}   # high: image redis:7, though label tier: backend`,
	},
	{
		name: "a port alone does not overrule a label, port and name together do", application: `
			stars label=role:backend port=6379
			redis-replica label=role:backend port=6379`,
		want: `
			# By label, backend: stars (role: backend)
			workloads:
			- {name: redis-replica, tier: cache}   # medium: port 6379/TCP and name, though label role: backend`,
	},
	{
		name: "label values beside the preset's become values of a tier", application: `
			load label=tier:test
			loki label=tier:logging port=3100`,
		want: `
			tiers:
			- {name: client, values: [client, test]}   # opens connections, accepts none
			- {name: monitoring, values: [logging, monitoring]}   # metrics, logs and traces
			# By label, client: load (tier: test)
			# By label, monitoring: loki (tier: logging)`,
	},
	{
		name: "a name of a store is not believed where a web port is served", application: `
			queue-master port=80
			queue port=5671`,
		want: `
			workloads:
			- {name: queue-master, tier: backend}   # low: serves 80/TCP, and nothing says more
			- {name: queue, tier: queue}   # medium: name: queue`,
	},
	{
		name: "the web process of an application whose others are workers", application: `
			web label=component:web image=shop:1 port=8000
			sidekiq image=shop:1
			page label=component:web image=page:1 port=80`,
		want: `
			# By label, frontend: page (component: web)
			workloads:
			- {name: web, tier: backend}   # medium: the image of sidekiq, though label component: web
			- {name: sidekiq, tier: worker}   # medium: name: sidekiq`,
	},
	{
		name: "a page and an API of one image stay what their labels say", application: `
			web label=component:web image=shop:1 port=8000
			api label=component:api image=shop:1 port=8000
			job kind=Job image=shop:1`,
		want: `
			tiers:
			- {name: client}   # opens connections, accepts none
			# By label, frontend: web (component: web)
			# By label, backend: api (component: api)
			workloads:
			- {name: job, tier: client}   # high: Job`,
	},
	{
		name: "what calls a store and serves nothing is a worker", application: `
			mail
			db image=postgres port=5432
			mail > db env DB`,
		want: `
			workloads:
			- {name: db, tier: database}   # high: image postgres
			- {name: mail, tier: worker}   # medium: serves no port, and calls db`,
	},

	// Addresses and the chain.
	{
		name: "who says whom it calls calls nobody else of that tier", application: `
			web label=tier:frontend port=80
			a label=tier:backend port=1
			b label=tier:backend port=2
			db label=tier:database port=5432
			web > a env A_URL
			a > db env DB`,
		want: `
			# By label, frontend: web (tier: frontend)
			# By label, backend: a (tier: backend), b (tier: backend)
			# By label, database: db (tier: database)
			flows:
			- {from: frontend, to: backend/a}   # high: env A_URL
			- {from: backend/a, to: database}   # high: env DB
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: frontend, to: backend}
			- {from: backend, to: database}`,
	},
	{
		name: "a chain that evidence confirms needs no line", application: `
			web label=tier:frontend port=80
			api label=tier:backend port=1
			web > api env API`,
		want: `
			# By label, frontend: web (tier: frontend)
			# By label, backend: api (tier: backend)`,
		silent: []string{"Whom do these call"},
	},
	{
		name: "an address without a port adds nothing to one with", application: `
			web label=tier:frontend port=80
			otel image=otel/opentelemetry-collector port=4317 port=4318
			web > otel:4317 env OTLP
			web > otel env OTEL_HOST`,
		want: `
			tiers:
			- {name: monitoring}   # metrics, logs and traces
			# By label, frontend: web (tier: frontend)
			workloads:
			- {name: otel, tier: monitoring}   # high: image opentelemetry-collector
			flows:
			- {from: frontend, to: monitoring, ports: [4317]}   # high: env OTLP`,
	},
	{
		name: "a shared address counts where the tiers fit, and one that a single workload holds is its own", application: `
			a label=tier:backend port=1
			b label=tier:backend port=2
			db label=tier:database port=5432
			a > db shared DB
			b > db shared DB
			a > b shared B_URL`,
		want: `
			# By label, backend: a (tier: backend), b (tier: backend)
			# By label, database: db (tier: database)
			flows:
			- {from: backend/a, to: backend/b}   # high: config B_URL`,
	},
	{
		name: "several hold it, and the tiers do not fit", application: `
			a label=tier:backend port=1
			b label=tier:backend port=2
			c label=tier:backend port=3
			a > b shared B_URL
			c > b shared B_URL`,
		want: `
			# By label, backend: a (tier: backend), b (tier: backend), c (tier: backend)`,
		asks: []string{"Which of b does a call?", "Which of b does c call?"},
	},
	{
		name: "the answer to that", answers: Answers{"calls /Deployment/a": "b", "calls /Deployment/c": "none"}, application: `
			a label=tier:backend port=1
			b label=tier:backend port=2
			c label=tier:backend port=3
			a > b shared B_URL
			c > b shared B_URL`,
		want: `
			# By label, backend: a (tier: backend), b (tier: backend), c (tier: backend)
			flows:
			- {from: backend/a, to: backend/b}   # high: as answered`,
		silent: []string{"Which of"},
	},
	{
		name: "of two that name each other, the step down the chain counts", application: `
			web label=tier:frontend port=80
			api label=tier:backend port=1
			web > api env PEERS
			api > web env PEERS`,
		want: `
			# By label, frontend: web (tier: frontend)
			# By label, backend: api (tier: backend)`,
		asks: []string{"api and web name each other"},
	},
	{
		name: "up the chain counts where nothing contradicts", application: `
			web label=tier:frontend port=80
			bot label=tier:backend port=1
			bot > web env PAGE
			web > bot2 env X
			bot2 label=tier:backend port=2`,
		want: `
			# By label, frontend: web (tier: frontend)
			# By label, backend: bot (tier: backend), bot2 (tier: backend)
			flows:
			- {from: frontend, to: backend/bot2}   # high: env X
			- {from: backend/bot, to: frontend}   # high: env PAGE
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: frontend, to: backend}`,
	},
	{
		name: "a store that bears a name is its owner's", application: `
			carts label=tier:backend port=1
			orders-service label=tier:backend port=2
			carts-db image=mongo port=27017
			orders-db image=mongo port=27017`,
		want: `
			# By label, backend: carts (tier: backend), orders-service (tier: backend)
			workloads:
			- {name: carts-db, tier: database}   # high: image mongo
			- {name: orders-db, tier: database}   # high: image mongo
			flows:
			- {from: backend/carts, to: database/carts-db}   # medium: name: carts-db
			- {from: backend/orders-service, to: database/orders-db}   # medium: name: orders-db
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: backend, to: database}`,
	},
	{
		name: "the application's name in a store's is nobody's", application: `
			shop label=tier:backend port=1
			shop-mail label=tier:backend port=2
			shop-db image=mongo port=27017`,
		want: `
			# By label, backend: shop (tier: backend), shop-mail (tier: backend)
			workloads:
			- {name: shop-db, tier: database}   # high: image mongo`,
		asks: []string{"Whom do these call: shop, shop-mail?"},
	},
	{
		name: "a store that nobody names is used by those whose store is not known", application: `
			a label=tier:backend port=1
			b label=tier:backend port=2
			db image=mongo port=27017
			kv image=redis port=6379
			a > db env DB
			b > a env A`,
		want: `
			# By label, backend: a (tier: backend), b (tier: backend)
			workloads:
			- {name: db, tier: database}   # high: image mongo
			- {name: kv, tier: cache}   # high: image redis
			flows:
			- {from: backend/b, to: backend/a}   # high: env A
			- {from: backend/a, to: database}   # high: env DB
			- {from: backend/b, to: cache}   # low: the preset's, for want of an address
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: backend, to: [database, cache]}`,
	},
	{
		name: "a queue has two sides", application: `
			a label=tier:backend port=1
			w label=tier:worker
			db image=mongo port=27017
			mq image=rabbitmq port=5672
			a > db env DB`,
		want: `
			# By label, backend: a (tier: backend)
			# By label, worker: w (tier: worker)
			workloads:
			- {name: db, tier: database}   # high: image mongo
			- {name: mq, tier: queue}   # high: image rabbitmq`,
		asks: []string{"Whom do these call: w?"},
	},
	{
		name: "a guess gets no store that others are known to use", application: `
			cart port=1
			mail port=2
			kv image=redis port=6379
			cart > kv env KV`,
		want: `
			workloads:
			- {name: cart, tier: backend}   # low: serves 1/TCP, and nothing says more
			- {name: mail, tier: backend}   # low: serves 2/TCP, and nothing says more
			- {name: kv, tier: cache}   # high: image redis
			flows:
			- {from: backend/cart, to: cache}   # high: env KV
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: backend, to: cache}`,
	},
	{
		name: "redis called backend is what the pages call, where there is no other backend", application: `
			page label=tier:frontend port=80
			redis label=tier:backend image=redis port=6379`,
		want: `
			# By label, frontend: page (tier: frontend)
			workloads:
			- {name: redis, tier: cache}   # high: image redis, though label tier: backend
			flows:
			- {from: frontend, to: cache}   # low: label tier: backend of redis`,
	},
	{
		name: "and not where there is one", application: `
			page label=tier:frontend port=80
			api label=tier:backend port=8080
			redis label=tier:backend image=redis port=6379`,
		want: `
			# By label, frontend: page (tier: frontend)
			# By label, backend: api (tier: backend)
			workloads:
			- {name: redis, tier: cache}   # high: image redis, though label tier: backend`,
	},
	{
		name: "a label that separates teams", application: `
			a-web label=tier:frontend label=team:a port=80
			b-web label=tier:frontend label=team:b port=80
			c-web label=tier:frontend label=team:c port=80
			a-api label=tier:backend label=team:a port=1
			b-api label=tier:backend label=team:b port=2
			c-api label=tier:backend label=team:c port=3
			a-web > a-api env API
			b-web > b-api env API
			c-web > c-api env API`,
		want: `
			# By label, frontend: a-web (tier: frontend), b-web (tier: frontend), c-web (tier: frontend)
			# By label, backend: a-api (tier: backend), b-api (tier: backend), c-api (tier: backend)
			flows:
			- {from: frontend, to: backend, within: {sameLabel: team}}   # high: env API
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: frontend, to: backend}`,
	},

	// Namespaces and environments.
	{
		name: "a name that two namespaces have", application: `
			one/api label=tier:backend port=1
			two/api label=tier:backend port=1
			one/db image=mongo port=27017
			one/api > one/db env DB
			two/api > one/db env DB
			two/api > one/api env API`,
		want: `
			# By label, backend: api (tier: backend), api (tier: backend)
			workloads:
			- {name: db, tier: database}   # high: image mongo
			flows:
			- {from: "two:backend/api", to: "one:backend/api"}   # high: env API`,
	},
	{
		name: "only one of the two knows its namespace", application: `
			one/api label=tier:backend port=1
			db image=mongo port=27017
			one/api > db env DB`,
		want: `
			# By label, backend: api (tier: backend)`,
		asks: []string{"In which namespace is Deployment db? Its manifest names none, while others do, so it is left out"},
	},
	{
		name: "the same beside the chain", application: `
			one/prometheus image=prom/prometheus port=9090
			alertmanager image=prom/alertmanager port=9093
			one/prometheus > alertmanager env ALERTS`,
		want: `
			tiers:
			- {name: monitoring}   # metrics, logs and traces
			workloads:
			- {name: alertmanager, tier: monitoring}   # high: image alertmanager
			- {name: prometheus, tier: monitoring}   # high: image prometheus`,
		asks: []string{"prometheus calls alertmanager (env ALERTS), but only one of them names its namespace"},
	},
	{
		name: "a prefix is no other workload", application: `
			api label=tier:backend port=1
			b label=tier:backend port=2
			api > b env B`, other: `
			staging-api declared=api label=tier:backend port=1
			staging-b declared=b label=tier:backend port=2
			staging-api > staging-b env B`,
		want: `
			# By label, backend: api (tier: backend), b (tier: backend)
			flows:
			- {from: backend/api, to: backend/b}   # high: env B`,
	},
	{
		name: "what one environment alone calls", application: `
			api label=tier:backend port=1
			b label=tier:backend port=2
			api > b env B`, other: `
			api label=tier:backend port=1
			b label=tier:backend port=2`,
		want: `
			# By label, backend: api (tier: backend), b (tier: backend)
			environments:
			- name: prod
			flows:
			- {from: backend/api, to: backend/b}   # high: env B`,
	},

	// What is outside.
	{
		name: "what is exposed, in full and in part", application: `
			web label=tier:frontend port=80
			hidden label=tier:frontend port=80
			api label=tier:backend port=8080
			out Ingress shop > web
			out LoadBalancer api > api`,
		want: `
			# By label, frontend: hidden (tier: frontend), web (tier: frontend)
			# By label, backend: api (tier: backend)
			flows:
			- {from: internet, to: backend/api}   # high: LoadBalancer api
			- {from: internet, to: frontend/web}   # high: Ingress shop
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: internet, to: frontend}`,
		asks: []string{"Do users reach hidden?", "In which namespace does the ingress controller run?"},
	},
	{
		name: "where the ingress controller runs, as answered", answers: Answers{"peer ingress-controller": "ingress-nginx"}, application: `
			web label=tier:frontend port=80
			api label=tier:backend port=8080
			out Ingress shop > web
			out LoadBalancer api > api`,
		want: `
			# By label, frontend: web (tier: frontend)
			# By label, backend: api (tier: backend)
			peers:
			- {name: ingress-controller, namespace: ingress-nginx}   # as answered
			flows:
			- {from: ingress-controller, to: frontend/web}   # high: Ingress shop
			- {from: internet, to: backend/api}   # high: LoadBalancer api
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: internet, to: frontend}`,
	},
	{
		name: "nothing is exposed: the outermost frontends", application: `
			proxy label=tier:frontend port=80
			web label=tier:frontend port=80
			proxy > web env WEB`,
		want: `
			# By label, frontend: proxy (tier: frontend), web (tier: frontend)
			flows:
			- {from: internet, to: frontend/proxy}   # low: a frontend that no other workload calls
			- {from: frontend/proxy, to: frontend/web}   # high: env WEB
			without:   # flows of the preset that the ones above replace, or that nothing asks for
			- {from: internet, to: frontend}`,
		asks: []string{"What do users reach?"},
	},
	{
		name: "that the dashboards are exposed tells nothing of the application", application: `
			web label=tier:frontend port=80
			grafana image=grafana/grafana port=3000
			out NodePort grafana > grafana`,
		want: `
			tiers:
			- {name: monitoring}   # metrics, logs and traces
			# By label, frontend: web (tier: frontend)
			workloads:
			- {name: grafana, tier: monitoring}   # high: image grafana
			flows:
			- {from: internet, to: monitoring/grafana}   # high: NodePort grafana`,
	},
	{
		name: "hosts outside: by address, public HTTPS, a Service elsewhere, and a name to fill in", application: `
			api label=tier:backend port=1
			job kind=Job
			api calls 10.1.2.3:5432
			api calls 127.0.0.1:80
			api calls api.example.com:443
			job calls hooks.example.com:443
			api calls auth.identity.svc.cluster.local:8080
			api calls db.example.com:5432`,
		want: `
			tiers:
			- {name: client}   # opens connections, accepts none
			# By label, backend: api (tier: backend)
			workloads:
			- {name: job, tier: client}   # high: Job
			peers:
			- {name: 10-1-2-3, cidrs: [10.1.2.3/32], ports: [5432]}
			- {name: auth-identity, namespace: identity, ports: [8080]}   # every pod of the namespace: add its podSelector
			# - {name: db-example-com, cidrs: [CIDR], ports: [5432]}   # dig +short db.example.com
			flows:
			- {from: backend, to: 10-1-2-3}   # high: env HOST
			- {from: backend, to: auth-identity}   # high: env HOST
			# - {from: backend, to: db-example-com}   # high: env HOST
			- {from: client, to: internet, ports: [443]}   # high: env HOST, hooks.example.com`,
		asks: []string{"Which addresses has db.example.com:5432, named by api (env HOST)?"},
	},
	{
		name: "pods that no manifest makes", application: `
			m/adapter port=1
			m/adapter > m/prometheus-k8s:9090 env URL`,
		want: `
			workloads:
			- {name: adapter, tier: backend}   # low: serves 1/TCP, and nothing says more
			peers:
			- {name: prometheus-k8s, namespace: m, podSelector: {matchLabels: {app: m/prometheus-k8s}}}   # the pods of Service prometheus-k8s, which no manifest here makes
			flows:
			- {from: backend, to: prometheus-k8s, ports: [9090]}   # high: env URL`,
	},
	{
		name: "the API server, to fill in and as answered", application: `
			widget-operator
			widget-operator knows RoleBinding widget`,
		want: `
			tiers:
			- {name: controller}   # talks to the Kubernetes API
			workloads:
			- {name: widget-operator, tier: controller}   # medium: name: operator
			# peers:
			# - {name: apiserver, cidrs: [CIDR]}   # kubectl get endpoints kubernetes
			# flows:
			# - {from: controller, to: apiserver}   # high: RoleBinding widget`,
		asks: []string{"Where is the API server, which widget-operator needs?"},
	},
	{
		name: "the API server as answered", answers: Answers{"peer apiserver": "10.96.0.1/32"}, application: `
			widget-operator
			widget-operator knows RoleBinding widget`,
		want: `
			tiers:
			- {name: controller}   # talks to the Kubernetes API
			workloads:
			- {name: widget-operator, tier: controller}   # medium: name: operator
			peers:
			- {name: apiserver, cidrs: [10.96.0.1/32]}
			flows:
			- {from: controller, to: apiserver}   # high: RoleBinding widget`,
		silent: []string{"Where is the API server"},
	},
	{
		name: "a webhook, whose caller's address is in no manifest", application: `
			widget-operator port=9443
			hook ValidatingWebhookConfiguration widget > widget-operator`,
		want: `
			tiers:
			- {name: controller}   # talks to the Kubernetes API
			workloads:
			- {name: widget-operator, tier: controller}   # medium: name: operator
			# peers:
			# - {name: apiserver, cidrs: [CIDR]}   # kubectl get endpoints kubernetes
			flows:
			- {from: internet, to: controller/widget-operator, ports: [9443]}   # high: ValidatingWebhookConfiguration widget: the API server calls it
			# - {from: controller, to: apiserver}   # medium: a controller by name: operator`,
		asks: []string{"Where is the API server, which calls widget-operator (ValidatingWebhookConfiguration widget)? Until that is known everyone may reach"},
	},
	{
		name: "a webhook with the API server's address as answered", answers: Answers{"peer apiserver": "10.96.0.1/32"}, application: `
			hooks label=tier:backend port=9443
			hook ValidatingWebhookConfiguration widget > hooks`,
		want: `
			# By label, backend: hooks (tier: backend)
			peers:
			- {name: apiserver, cidrs: [10.96.0.1/32]}
			flows:
			- {from: apiserver, to: backend/hooks, ports: [9443]}   # high: ValidatingWebhookConfiguration widget: the API server calls it`,
	},
	{
		name: "members of one store", application: `
			redis-master kind=StatefulSet image=redis port=6379
			redis-replica kind=StatefulSet image=redis port=6379
			redis-replica > redis-master member`,
		want: `
			workloads:
			- {name: redis-master, tier: cache}   # high: image redis
			- {name: redis-replica, tier: cache}   # high: image redis
			flows:
			- {from: cache/redis-replica, to: cache/redis-master}   # high: members`,
	},

	// What no policy can do.
	{
		name: "pods that no label tells apart", application: `
			api label=tier:backend port=1
			db label=more:labels image=mongo port=27017
			dump kind=CronJob only=app:db
			dump > db env DB`,
		want: `
			# By label, backend: api (tier: backend)
			workloads:
			- {name: db, tier: database}   # high: image mongo`,
		asks: []string{"Which label tells the pods of CronJob dump from those of db? They wear none that does, so no policy can select them, and they are shut off, also from what it calls: db (env DB)."},
	},
	{
		name: "the host's network has no flows", application: `
			node image=quay.io/prometheus/node-exporter port=9100 host
			api label=tier:backend port=1
			api > node env NODE`,
		want: `
			tiers:
			- {name: monitoring}   # metrics, logs and traces
			# By label, backend: api (tier: backend)
			workloads:
			- {name: node, tier: monitoring}   # high: image node-exporter`,
	},
	{
		name: "Prometheus in the package reads what says where its metrics are", application: `
			api label=tier:backend port=1 metrics=9102
			db image=mongo port=27017
			prometheus image=prom/prometheus port=9090`,
		want: `
			tiers:
			- {name: monitoring}   # metrics, logs and traces
			# By label, backend: api (tier: backend)
			workloads:
			- {name: db, tier: database}   # high: image mongo
			- {name: prometheus, tier: monitoring}   # high: image prometheus
			flows:
			- {from: monitoring, to: backend, ports: [metrics]}   # high: scrapes its metrics port`,
	},
}
