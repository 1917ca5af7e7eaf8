package discovery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The Services that the cases below are about, as seen from the namespace shop.
const addressServices = `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {ports: [{name: pg, port: 5432}, {name: admin, port: 8081, targetPort: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: redis-headless, namespace: shop}
spec: {clusterIP: None, ports: [{port: 80, targetPort: 6379}]}
---
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: money}
spec: {ports: [{port: 443}]}
`

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		// a name alone is a word; a key that ends in one of the suffixes makes it a host
		{"DB_HOST", "db", "shop/db"},
		{"dbHost", "db", "shop/db"},
		{"DB_ADDR", "db", "shop/db"},
		{"DB_ADDRESS", "db", "shop/db"},
		{"DATABASE_URL", "db", "shop/db"},
		{"DATABASE_URI", "db", "shop/db"},
		{"SERVER", "db", "shop/db"},
		{"BACKEND_SERVICE", "api", "shop/api"},
		{"ENDPOINT", "api", "shop/api"},
		{"DSN", "db", "shop/db"},
		{"REDIS_NODES", "redis-headless", "shop/redis-headless"},
		{"KAFKA_BROKERS", "api", "shop/api"},
		{"DB_HOST", ` "db" `, "shop/db"},
		{"DB_NAME", "db", ""},
		{"SERVICE_NAME", "api", ""},
		{"DB_HOSTILE", "db", ""},
		{"", "db", ""},
		// whole hosts only
		{"DB_HOST", "db2", ""},
		{"DB_HOST", "my-db", ""},
		{"DB_HOST", "my_db", ""},
		{"DB_HOST", "DB", ""},
		{"DB_HOST", "db.example.com", ""},
		{"DB_HOST", "db.conf", ""},
		{"DB_HOST", "-db", ""},
		{"DB_HOST", "pay", ""}, // another namespace's
		// a port of the Service's; another's is no sign, but does no harm where there is one
		{"X", "db:5432", "shop/db:5432"},
		{"X", "db:8081", "shop/db:8081"},
		{"X", "db:9000", ""}, // the pods' port
		{"X", "db:7", ""},    // an image's tag
		{"X", "db:latest", ""},
		{"X", "db:54321", ""},
		{"X", "db:5432x", ""},
		{"X", "db:0", ""},
		{"DB_HOST", "db:9000", "shop/db"},
		{"DB_HOST", "db:latest", ""},
		{"X", "redis-headless:6379", "shop/redis-headless:80"}, // a headless Service's clients use the pods' port
		{"X", "redis-headless:80", "shop/redis-headless:80"},
		{"X", "registry.example.com/db:5432", ""},
		{"X", "/srv/db:5432", ""},
		{"X", `C:\db:5432`, ""},
		{"X", "$db:5432", ""},
		{"X", "${db:5432}", ""},
		{"X", "$(db:5432)", ""},
		{"X", "${DB:-db:5432}", "shop/db:5432"},
		// a domain
		{"X", "db.shop", "shop/db"},
		{"X", "pay.money", "money/pay"},
		{"X", "pay.money:443", "money/pay:443"},
		{"X", "pay.money.svc", "money/pay"},
		{"X", "pay.money.svc.cluster.local", "money/pay"},
		{"X", "pay.money.svc.cluster.local.", "money/pay"},
		{"X", "pay.money.svc.corp.example:443", "money/pay:443"},
		{"X", "pay.money.com", ""},
		{"X", "pay.shop", ""},
		{"X", "pay.money=1", ""},
		{"X", "pay.money: 1", ""},
		{"X", "redis-headless-0.redis-headless", "shop/redis-headless"},
		{"X", "db-0.redis-headless:6379", "shop/redis-headless:80"},
		{"X", "pay-12.pay.money.svc.cluster.local", "money/pay"},
		{"X", "pay-x.pay.money.svc.cluster.local", ""},
		// a scheme, whatever it is
		{"X", "http://api", "shop/api:80"},
		{"X", "http://api:80/v1?next=db", "shop/api:80"},
		{"X", "http://api:8080/v1", "shop/api"},
		{"X", "https://api/db:5432", "shop/api"},
		{"X", "http://api.example.com", ""},
		{"X", "http://example.com/api", ""},
		{"X", "http://api.shop.svc:80", "shop/api:80"},
		{"X", "postgres://user:secret@db:5432/shop?sslmode=disable", "shop/db:5432"},
		{"X", "postgres://db:5432@api/db", "shop/api"}, // the user and password look like an address
		{"X", "postgres://api:api@db/api", "shop/db:5432"},
		{"X", "postgres://api@db", "shop/db:5432"},
		{"X", "mongodb://u:p@db:5432,api:80,db-0.redis-headless/x", "shop/db:5432 shop/api:80 shop/redis-headless"},
		{"X", "mongodb://db,api", "shop/db shop/api"},
		{"X", "jdbc:postgresql://db:5432/db", "shop/db:5432"},
		{"X", "jdbc:sqlserver://db;database=api", "shop/db"},
		{"X", "jdbc:mysql:loadbalance://db:5432,api:80/x", "shop/db:5432 shop/api:80"},
		{"X", "PLAINTEXT://db:5432,SASL://api:80", "shop/db:5432 shop/api:80"},
		{"X", "tcp://db:5432,tcp://api:80", "shop/db:5432 shop/api:80"},
		{"X", "tcp://db:5432,db://api:80", "shop/db:5432 shop/api:80"}, // a scheme is no host
		{"X", "dns:///pay.money:443", "money/pay:443"},
		{"X", "dnssrv+_admin._tcp.db.shop.svc.cluster.local", "shop/db:8081"},
		{"X", "_gone._tcp.db", "shop/db"},
		{"X", "_pg.db", ""},
		{"X", "_pg._tcp", ""},
		{"X", "file:///pay.money", ""},
		{"X", "http://${API:-api}:80", ""},
		{"X", "${API_URL:-http://api}/v1", "shop/api"},
		{"X", "://db", "shop/db"},
		// DSNs
		{"X", "user:secret@tcp(db:5432)/shop", "shop/db:5432"},
		{"X", "user:secret@db/shop", "shop/db"},
		{"X", "user@db", ""},
		{"X", "db:5432@elsewhere", ""},
		{"X", "host=db port=5432 user=api dbname=db", "shop/db:5432"},
		{"X", "Server=db;Port=5432;Database=db;User Id=api", "shop/db:5432"},
		{"X", "Host=db;Username=api", "shop/db"},
		{"X", "Server=tcp:db,5432;Database=api", "shop/db:5432"},
		{"X", "Data Source=db;Initial Catalog=api", "shop/db"},
		{"X", "Data Source=tcp:db,8081;Initial Catalog=api", "shop/db:8081"},
		{"X", "type=tcp:db", ""},
		{"X", "1@db:5432", "shop/db:5432"},
		// lists
		{"X", "db:5432,api:80", "shop/db:5432 shop/api:80"},
		{"DB_HOSTS", "other,db, api", "shop/db shop/api"},
		{"DB_HOSTS", "other:1234,db", "shop/db"},
		{"DB_NAMES", "other,db", ""},
		{"DB_HOSTS", `["db", "api"]`, "shop/db shop/api"},
		// command lines
		{"", "nc -z db 5432", "shop/db:5432"},
		{"", "nc -z db 80", ""},
		{"", "until nslookup db; do sleep 2; done", "shop/db"},
		{"", "pg_isready -h db -p 5432", "shop/db:5432"},
		{"", "mysql --host db --port=8081", "shop/db:8081"},
		{"", "server --db-host=db --name=api", "shop/db"},
		{"", "server --db-host db --name api", "shop/db"},
		{"", "curl -fsS http://api/v1", "shop/api:80"},
		{"", "echo api db", ""},
		{"", "mysqladmin ping -hdb", "shop/db"},
		{"", "mysqladmin ping -hotel", ""},
		{"", "echo > /dev/tcp/db/5432", "shop/db:5432"},
		{"", "cat /dev/db/5432", ""},
		{"", `socket.connect(("db", 5432))`, "shop/db:5432"},
		{"", `print("db", 5431)`, ""},
		{"config.php", "$cfg['Servers'][1]['host'] = 'db';\n$cfg['db'] = 'api';", "shop/db"},
		{"config.php", "define('DB_HOST', 'db'); define('DB_NAME', 'api');", "shop/db"},
		{"app.py", `redis.Redis(os.environ.get("REDIS_HOST", "redis-headless"), port=80)`, "shop/redis-headless:80"},
		{"X", "hosts,db", ""},
		{"", "wait-for-it db:5432 -- run", "shop/db:5432"},
		{"", "x --replicaof db 5432", "shop/db:5432"},
		// variables that Kubernetes gives; those of a Service that is not there are others'
		{"", "nc $DB_SERVICE_HOST $DB_SERVICE_PORT_ADMIN", "shop/db shop/db:8081"},
		{"", "nc ${DB_PORT_5432_TCP_ADDR}", "shop/db:5432"},
		{"", "tcp $DB_PORT_5432_TCP", "shop/db:5432"},
		{"", "nc $DB_PORT_5432_TCP_TIME", ""},
		{"", "nc $PAY_SERVICE_HOST $NO_SERVICE_HOST db_service_host", ""},
		{"", "REDIS_HEADLESS_PORT_6379_TCP_PROTO", "shop/redis-headless:80"},
		// a pod's own name before the Service that it is a member of, which is headless
		{"", "http://$(POD_NAME).redis-headless:6379", "shop/redis-headless:80"},
		{"", "join ${HOSTNAME}.redis-headless.shop.svc.cluster.local", "shop/redis-headless"},
		{"", "join $HOSTNAME.redis-headless", "shop/redis-headless"},
		{"", "join $(POD_NAME).db:5432", ""},
		{"", "redis-cli -h redis-headless ping", "shop/redis-headless"},
		// the text of a file
		{"nginx.conf", "upstream x {\n  server api:80;\n}\nlocation / { proxy_pass http://api/db; }", "shop/api:80 shop/api:80"},
		{"application.properties", "db.host=db\ndb.name=db\nspring.datasource.url=jdbc:postgresql://db:5432/db", "shop/db shop/db:5432"},
		{"config.yaml", "db:\n  host: db\n  name: db\n  port: 8081\n", "shop/db"},
		{"config.json", `{"host": "db", "name": "db", "url": "http://api"}`, "shop/db shop/api:80"},
		{"rules.yaml", `up{job="api"} == 0`, ""},
		{"README", "The api talks to the db.", ""},
	} {
		t.Run(c.key+"="+c.text, func(t *testing.T) {
			if diff := cmp.Diff(c.want, scanFor(t, c.key, c.text)); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

// scanFor is the addresses in a text as a workload in the namespace shop reads it.
func scanFor(t *testing.T, key, text string) string {
	t.Helper()
	objects, err := parse("services.yaml", []byte(addressServices))
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{}
	for _, o := range objects {
		r.object(o, 0)
	}
	var found []string
	newAddressBook(r.services).scan(passage{scope: "shop", key: key, text: text}, func(a address) {
		s := a.to.Namespace + "/" + a.to.Name
		if a.port != 0 {
			s += fmt.Sprintf(":%d", a.port)
		}
		found = append(found, s)
	})
	return strings.Join(found, " ")
}

func TestSiblingPort(t *testing.T) {
	for key, want := range map[string]string{
		"DB_HOST":    "DB_PORT",
		"PGHOST":     "PGPORT",
		"redis.host": "redis.port",
		"redisHost":  "redisPort",
		"DB_ADDR":    "DB_PORT",
		"HOST":       "PORT",
		"DB_NAME":    "",
		"":           "",
	} {
		if got := siblingPort(key); got != want {
			t.Errorf("siblingPort(%q) = %q, want %q", key, got, want)
		}
	}
}
