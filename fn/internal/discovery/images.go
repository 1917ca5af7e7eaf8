package discovery

import (
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// product is what a well-known image listens on, as its documentation has it.
type product struct {
	// client are the ports that clients call, the usual one first. Empty means that it is no store.
	client []int32
	// members are the ports that members of a cluster use among themselves.
	members []workload.Port
}

// tcp are ports of members by number.
func tcp(numbers ...int32) []workload.Port { return portsOn(workload.TCP, numbers...) }

func portsOn(protocol workload.Protocol, numbers ...int32) []workload.Port {
	var ports []workload.Port
	for _, n := range numbers {
		ports = append(ports, workload.Port{Protocol: protocol, Number: n, Origin: workload.FromImage})
	}
	return ports
}

// products are the well-known ones by the last path component of their images, whoever publishes them.
var products = func() map[string]product {
	known := map[string]product{}
	for _, p := range []struct {
		images  string
		client  []int32
		members []workload.Port
	}{
		{"postgres postgresql postgresql-repmgr postgis timescaledb pgvector spilo-15 spilo-16 spilo-17 crunchy-postgres", []int32{5432}, tcp(5432, 8008)},
		{"mysql mysql-server percona percona-server", []int32{3306}, tcp(3306, 33061)},
		{"mariadb mariadb-galera percona-xtradb-cluster", []int32{3306}, tcp(3306, 4444, 4567, 4568)},
		{"mongo mongodb mongodb-sharded mongodb-community-server percona-server-mongodb", []int32{27017}, tcp(27017)},
		{"redis redis-stack redis-stack-server redis-cluster valkey valkey-cluster keydb dragonfly", []int32{6379}, tcp(6379, 16379, 26379)},
		{"redis-sentinel valkey-sentinel", []int32{26379}, tcp(26379)},
		{"memcached", []int32{11211}, nil},
		{"rabbitmq rabbitmq-server", []int32{5672}, tcp(4369, 25672)},
		{"kafka cp-kafka kafka-native cp-server", []int32{9092}, tcp(9092, 9093, 9094)},
		{"zookeeper cp-zookeeper", []int32{2181}, tcp(2888, 3888)},
		{"elasticsearch elasticsearch-oss opensearch", []int32{9200}, tcp(9300)},
		{"etcd etcd-development", []int32{2379}, tcp(2380)},
		{"cassandra dse-server scylla", []int32{9042}, tcp(7000, 7001)},
		{"cockroach", []int32{26257}, tcp(26257)},
		{"consul", []int32{8500}, append(tcp(8300, 8301, 8302), portsOn(workload.UDP, 8301, 8302)...)},
		{"vault", []int32{8200}, tcp(8201)},
		{"nats nats-server", []int32{4222}, tcp(6222)},
		{"minio", []int32{9000}, tcp(9000)},
		{"clickhouse clickhouse-server", []int32{8123, 9000}, tcp(9000, 9009, 9234)},
		{"couchdb", []int32{5984}, tcp(4369, 9100)},
		{"influxdb", []int32{8086}, nil},
		{"neo4j", []int32{7687}, tcp(5000, 6000, 7000, 7688)},
		{"activemq activemq-classic activemq-artemis", []int32{61616}, tcp(61616)},
		{"solr", []int32{8983}, tcp(8983)},
		{"dynamodb-local", []int32{8000}, nil},
		{"hazelcast", []int32{5701}, tcp(5701)},
		{"alertmanager", nil, append(tcp(9094), portsOn(workload.UDP, 9094)...)},
		{"keycloak", nil, tcp(7800)},
		{"loki tempo mimir", nil, tcp(7946, 9095)},
	} {
		for _, image := range strings.Fields(p.images) {
			known[image] = product{p.client, p.members}
		}
	}
	return known
}()

// productOf is the well-known product that a workload runs: its first container's that is one.
func productOf(w *candidate) (image string, p product, ok bool) {
	for i := range w.containers {
		if c := &w.containers[i]; c.listens() {
			if p, ok := products[workload.ImageName(c.image)]; ok {
				return workload.ImageName(c.image), p, true
			}
		}
	}
	return "", product{}, false
}

// imagePorts are the ports of a store whose manifest tells none: no Service, no container port, no probe.
func (r *Reader) imagePorts(c *candidate) []workload.Port {
	image, p, ok := productOf(c)
	if !ok || len(p.client) == 0 {
		return nil
	}
	ports := portsOn(workload.TCP, p.client[0])
	r.report(c.origin, idPortOfImage, report.Info, c.kind.path("spec.containers"),
		"nothing declares a serving port, so %s is taken, the usual one of image %s: declare containerPort", ports[0], image)
	return ports
}

// usualPort is the Service's port that a client means who knows the host alone: the one that leads to the usual port of
// the store behind it; 0 where it is no store, or the Service does not lead there.
func (s *service) usualPort() int32 {
	if len(s.selected) == 0 || len(s.Ports) < 2 {
		return 0
	}
	_, p, ok := productOf(s.selected[0])
	if !ok || len(p.client) == 0 {
		return 0
	}
	for _, sp := range s.Ports {
		if s.leadsTo(sp, p.client[0]) {
			return sp.Port
		}
	}
	return 0
}
