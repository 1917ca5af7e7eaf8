package proposal

// roleValues are label values beside the preset's that tell a role, compared without regard to case.
var roleValues = map[string]string{
	"client": client, "test": client, "loadtest": client, "load-test": client, "load-generator": client, "loadgenerator": client,
	"job": client, "migration": client, "migrate": client, "backup": client, "seed": client, "cronjob": client,
	"monitoring": monitoring, "metrics": monitoring, "observability": monitoring, "logging": monitoring, "tracing": monitoring,
	"exporter": monitoring, "log-collector": monitoring, "log-aggregation": monitoring, "telemetry": monitoring,
	"visualization": monitoring, "alerting": monitoring, "metrics-adapter": monitoring, "prometheus": monitoring, "grafana": monitoring,
	"controller": controller, "operator": controller, "webhook": controller, "manager": controller, "controller-manager": controller,
	"admission": controller, "admission-webhook": controller, "cainjector": controller,
	"presentation": frontend, "fe": frontend, "middle": backend, "logic": backend, "middleware": queue, "storage": database,
	"search": database, "query-cache": cache, "event-bus": queue, "processor": worker, "scheduler": worker, "celery": worker,
}

// roleImages are the last path component of images of well-known programs beside the stores that package tier knows.
var roleImages = map[string]string{
	"prometheus": monitoring, "alertmanager": monitoring, "grafana": monitoring, "loki": monitoring, "promtail": monitoring,
	"tempo": monitoring, "mimir": monitoring, "jaeger": monitoring, "all-in-one": monitoring, "zipkin": monitoring,
	"opentelemetry-collector": monitoring, "opentelemetry-collector-contrib": monitoring, "otel-collector": monitoring,
	"fluentd": monitoring, "fluent-bit": monitoring, "fluentd-kubernetes-daemonset": monitoring, "vector": monitoring,
	"filebeat": monitoring, "metricbeat": monitoring, "logstash": monitoring, "kibana": monitoring,
	"opensearch-dashboards": monitoring, "node-exporter": monitoring, "kube-state-metrics": monitoring,
	"blackbox-exporter": monitoring, "alloy": monitoring, "grafana-agent": monitoring, "pushgateway": monitoring,
	"thanos": monitoring, "victoria-metrics": monitoring, "vmagent": monitoring, "cadvisor": monitoring,
	"prometheus-adapter": monitoring, "datadog-agent": monitoring, "statsd-exporter": monitoring, "uptime-kuma": monitoring,
	"prometheus-operator": controller, "cert-manager-controller": controller, "cert-manager-webhook": controller,
	"cert-manager-cainjector": controller, "sealed-secrets-controller": controller, "external-secrets": controller,
	"metrics-server": controller, "external-dns": controller, "reloader": controller, "cluster-autoscaler": controller,
	"ingress-nginx-controller": ingress, "nginx-ingress-controller": ingress, "traefik": ingress, "haproxy-ingress": ingress,
	"kubernetes-ingress": ingress, "kubernetes-ingress-controller": ingress, "contour": ingress, "caddy-ingress": ingress,
	"wordpress": frontend, "nextcloud": frontend, "ghost": frontend, "drupal": frontend, "joomla": frontend, "phpmyadmin": frontend,
	"adminer": frontend, "pgadmin4": frontend, "redis-commander": frontend, "mongo-express": frontend,
	"k6": client, "locust": client, "fortio": client, "hey": client,
}

// webServers are images of servers that stand in front of others or hand out files, whatever they are used for: a name says
// more than they do.
var webServers = []string{"nginx", "nginx-unprivileged", "httpd", "caddy", "haproxy", "envoy", "openresty", "varnish", "apache"}

// nameWords are the last words of names that tell a role, where labels, images and ports do not.
var nameWords = map[string]string{
	"frontend": frontend, "web": frontend, "ui": frontend, "webapp": frontend, "spa": frontend, "portal": frontend,
	"dashboard": frontend, "www": frontend, "site": frontend, "website": frontend, "storefront": frontend,
	"backend": backend, "api": backend, "server": backend, "service": backend, "svc": backend, "gateway": backend, "appserver": backend,
	"db": database, "database": database, "postgres": database, "postgresql": database, "mysql": database, "mariadb": database,
	"mongo": database, "mongodb": database, "sql": database, "elasticsearch": database,
	"cache": cache, "redis": cache, "valkey": cache, "memcached": cache,
	"rabbitmq": queue, "kafka": queue, "queue": queue, "broker": queue, "nats": queue, "mq": queue,
	"worker": worker, "workers": worker, "consumer": worker, "celery": worker, "sidekiq": worker, "scheduler": worker, "processor": worker,
	"beat":    worker,
	"loadgen": client, "loadgenerator": client, "loadtest": client, "tester": client, "seeder": client, "client": client,
	"exporter": monitoring, "prometheus": monitoring, "grafana": monitoring, "alertmanager": monitoring, "loki": monitoring,
	"jaeger": monitoring, "collector": monitoring,
	"controller": controller, "operator": controller, "webhook": controller, "manager": controller,
}
