package tier

import (
	"fmt"

	"tierwall.dev/fn/internal/workload"
)

// storeImages are the last path component of images of well-known stores, whoever publishes them, and the tier they are.
var storeImages = map[string]string{
	"postgres": database, "postgresql": database, "postgresql-repmgr": database, "postgis": database, "timescaledb": database,
	"mysql": database, "mysql-server": database, "mariadb": database, "mariadb-galera": database, "percona": database,
	"percona-server": database, "mongo": database, "mongodb": database, "mongodb-community-server": database,
	"cockroach": database, "cassandra": database, "scylla": database, "couchdb": database, "neo4j": database,
	"clickhouse": database, "clickhouse-server": database, "influxdb": database, "elasticsearch": database,
	"opensearch": database, "solr": database, "etcd": database, "dynamodb-local": database, "minio": database,
	"azure-sql-edge": database, "pgbouncer": database, "pgvector": database, "qdrant": database, "weaviate": database,
	"redis": cache, "redis-stack": cache, "redis-stack-server": cache, "valkey": cache, "memcached": cache, "keydb": cache,
	"dragonfly": cache,
	"rabbitmq":  queue, "kafka": queue, "cp-kafka": queue, "nats": queue, "activemq": queue, "activemq-classic": queue,
	"activemq-artemis": queue, "redpanda": queue, "pulsar": queue, "zookeeper": queue, "cp-zookeeper": queue,
	"eclipse-mosquitto": queue, "emqx": queue,
}

// storePorts are the ports of the same stores.
var storePorts = map[int32]string{
	5432: database, 3306: database, 27017: database, 6379: cache, 11211: cache, 5672: queue, 9092: queue,
}

// tellTier is the tier that a workload's image tells or, where the image is no known one, its serving ports, with the
// evidence; empty where neither does. A client's image tells nothing: a migration runs in the database's image.
func tellTier(w *workload.Workload) (tier, evidence string) {
	if w.Client || len(w.Images) == 0 {
		return "", ""
	}
	// The first container is the workload; those after it are sidecars and init containers.
	if t := storeImages[workload.ImageName(w.Images[0])]; t != "" {
		return t, fmt.Sprintf("image %q", w.Images[0])
	}
	for _, p := range w.Ports {
		t := storePorts[p.Number]
		if t == "" || p.Protocol != workload.TCP || (tier != "" && t != tier) {
			return "", ""
		}
		tier, evidence = t, "port "+p.String()
	}
	return tier, evidence
}

// StoreImage is the tier that an image of a well-known store is, empty for any other image.
func StoreImage(image string) string { return storeImages[workload.ImageName(image)] }

// StorePort is the tier of the well-known stores that serve a TCP port, empty for any other port.
func StorePort(number int32) string { return storePorts[number] }
