package discovery

import (
	"slices"
	"strings"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// isPromise reports whether the object stands for a Secret that a controller makes of it.
func isPromise(o *manifest.Object) bool {
	return o.Kind == "ExternalSecret" && o.Group() == "external-secrets.io" || o.Kind == "SealedSecret" && o.Group() == "bitnami.com"
}

// readPromise takes an ExternalSecret or SealedSecret in: the keys of the Secret that it becomes, whose values are
// elsewhere, and what its template holds.
func (r *Reader) readPromise(o *manifest.Object) {
	spec := child(o.Root, "spec")
	m := &config{origin: r.originOf(o), secret: true}
	name := r.text(child(spec, "target", "name"))
	template := child(spec, "target", "template", "data")
	if o.Kind == "SealedSecret" {
		name = r.text(child(spec, "template", "metadata", "name"))
		template = child(spec, "template", "data")
		for key := range fields(child(spec, "encryptedData")) {
			m.entries = append(m.entries, configEntry{field: "spec.encryptedData", key: r.keep(key), unknown: true})
		}
	}
	for _, entry := range items(child(spec, "data")) {
		if key := r.text(child(entry, "secretKey")); key != "" {
			m.entries = append(m.entries, configEntry{field: "spec.data", key: key, unknown: true})
		}
	}
	for key, value := range fields(template) {
		m.entries = append(m.entries, configEntry{field: "template.data", key: r.keep(key), text: r.text(value)})
	}
	if name == "" {
		name = m.origin.ref.Name
	}
	at := configName{scope(m.origin.ref.Namespace), name, true}
	if known := r.promised[at]; known != nil && compareSources(o.Source, known.origin.source) >= 0 {
		return
	}
	if r.promised == nil {
		r.promised = map[configName]*config{}
	}
	r.promised[at] = m
}

// keepPromises puts the promised Secrets beside those of the input, which count before them.
func (r *Reader) keepPromises() {
	for name, m := range r.promised {
		if r.configs[name] != nil {
			continue
		}
		if r.configs == nil {
			r.configs = map[configName]*config{}
		}
		r.configs[name] = m
	}
}

// families are the words in the names of variables that say which product is meant, and the images that it has.
var families = map[string][]string{
	"POSTGRES": {"postgres", "postgresql", "postgresql-repmgr", "postgis", "timescaledb", "pgvector"}, "MYSQL": {"mysql", "mysql-server", "mariadb", "percona", "percona-server", "mariadb-galera"},
	"MARIADB": {"mariadb", "mariadb-galera"}, "MONGO": {"mongo", "mongodb", "mongodb-community-server"}, "REDIS": {"redis", "redis-stack", "redis-stack-server", "valkey", "keydb", "dragonfly"},
	"VALKEY": {"valkey"}, "MEMCACHED": {"memcached"}, "RABBITMQ": {"rabbitmq"}, "AMQP": {"rabbitmq", "activemq", "activemq-artemis"},
	"KAFKA": {"kafka", "cp-kafka", "kafka-native"}, "ELASTICSEARCH": {"elasticsearch"}, "OPENSEARCH": {"opensearch"}, "MINIO": {"minio"}, "NATS": {"nats"},
	"CASSANDRA": {"cassandra"}, "CLICKHOUSE": {"clickhouse", "clickhouse-server"}, "ZOOKEEPER": {"zookeeper", "cp-zookeeper"}, "ETCD": {"etcd"},
}

// familyNames are other words for those.
var familyNames = map[string]string{"POSTGRESQL": "POSTGRES", "PG": "POSTGRES", "MONGODB": "MONGO", "RABBIT": "RABBITMQ", "ES": "ELASTICSEARCH"}

// guess notes whom a variable leads to whose value the input does not hold: the Service that its name has, as REDIS has in
// REDIS_HOST or SHOP_REDIS_URL, or the one store of the product that it has. It is weak, as is a host outside, which it may
// be if there is none.
func (f *finder) guess(key string, e evidence) {
	suffix := hostSuffix(key)
	if suffix == "" || len(key) > maxVariableName || isExclusion(key) || isNotCalled(key) {
		return
	}
	stem := strings.Trim(variableName(strings.ReplaceAll(key[:len(key)-len(suffix)], ".", "_")), "_")
	if stem == "" {
		return
	}
	e.via, e.weak = workload.ViaName, true
	s := f.named(stem)
	several := false
	if s == nil {
		s, several = f.ofFamily(stem)
	}
	switch {
	case several:
	case s != nil:
		f.add(address{to: s}, e)
	case slices.Contains([]string{"url", "uri", "dsn", "host", "hostname"}, strings.ToLower(suffix)):
		f.addOutside(address{port: familyPort(stem)}, e)
	}
}

// familyPort is the usual port of the product that a word of the stem names; 0 where none does.
func familyPort(stem string) int32 {
	for word := range strings.SplitSeq(stem, "_") {
		if images := familyOf(word); len(images) > 0 {
			return products[images[0]].client[0]
		}
	}
	return 0
}

// familyOf are the images of the product that a word names; nil where it names none.
func familyOf(word string) []string {
	if name, ok := familyNames[word]; ok {
		word = name
	}
	return families[word]
}

// commonNames are names of Services that end the names of variables about others: STRIPE_API_URL.
var commonNames = []string{"API", "APP", "WEB", "SERVICE", "SERVER", "BACKEND", "FRONTEND", "GATEWAY", "BASE", "AUTH"}

// named is the Service of the scope whose name the stem is, or ends with behind other words, unless it is a common one; the
// longest counts.
func (f *finder) named(stem string) *service {
	for rest := stem; rest != ""; {
		if s := f.book.link(f.scope, rest); s != nil && (rest == stem || !slices.Contains(commonNames, rest)) {
			return s
		}
		_, after, more := strings.Cut(rest, "_")
		if !more {
			break
		}
		rest = after
	}
	return nil
}

// ofFamily is the one Service of the scope that leads to the product which a word of the stem names; none where there are
// several.
func (f *finder) ofFamily(stem string) (s *service, several bool) {
	for word := range strings.SplitSeq(stem, "_") {
		images := familyOf(word)
		if images == nil {
			continue
		}
		var store *candidate
		for _, c := range f.stores()[f.scope] {
			if name, _, _ := productOf(c); !slices.Contains(images, name) {
				continue
			}
			if store != nil {
				return nil, true
			}
			store = c
		}
		if store != nil {
			return store.clientService(), false
		}
	}
	return nil, false
}

// stores are the well-known stores that have a Service, by scope.
func (f *finder) stores() map[string][]*candidate {
	if f.storesIn == nil {
		f.storesIn = map[string][]*candidate{}
		for _, c := range f.reader.candidates {
			if _, p, ok := productOf(c); ok && len(p.client) > 0 && len(c.services) > 0 {
				in := scope(c.Namespace)
				f.storesIn[in] = append(f.storesIn[in], c)
			}
		}
	}
	return f.storesIn
}

// clientService is the Service by which others call the workload: one with an address of its own rather than a headless one.
func (c *candidate) clientService() *service {
	for _, s := range c.services {
		if !s.Headless {
			return s
		}
	}
	return c.services[0]
}
