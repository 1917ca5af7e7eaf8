package tier

import (
	"fmt"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// storeImages are the last path component of images of well-known stores, whoever publishes them, and the tier they are.
var storeImages = map[string]string{
	"postgres": database, "postgresql": database, "postgresql-repmgr": database, "postgis": database, "timescaledb": database,
	"mysql": database, "mysql-server": database, "mariadb": database, "mariadb-galera": database, "percona": database,
	"percona-server": database, "mongo": database, "mongodb": database, "mongodb-community-server": database,
	"cockroach": database, "cassandra": database,
	"redis": cache, "redis-stack": cache, "redis-stack-server": cache, "valkey": cache, "memcached": cache, "keydb": cache,
	"dragonfly": cache,
	"rabbitmq":  queue, "kafka": queue, "cp-kafka": queue, "nats": queue, "activemq": queue, "activemq-classic": queue,
	"activemq-artemis": queue,
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
	if t := storeImages[imageName(w.Images[0])]; t != "" {
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

// imageName is the last path component of an image, without tag and digest: redis for docker.io/bitnami/redis:7.2@sha256:….
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}
