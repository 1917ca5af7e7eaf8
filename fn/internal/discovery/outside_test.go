package discovery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is a host outside: only what is an address in form, and a bare host only where the variable's name says so.
func TestOutside(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		// URLs, with the scheme's usual port
		{"X", "https://api.stripe.com/v1", "api.stripe.com:443"},
		{"X", "postgres://u:p@prod.abc.eu-west-1.rds.amazonaws.com/shop", "prod.abc.eu-west-1.rds.amazonaws.com:5432"},
		{"X", "postgresql+psycopg://u:p@db.example.com:5433/shop", "db.example.com:5433"},
		{"X", "jdbc:mysql://db.example.com/shop", "db.example.com:3306"},
		{"X", "mongodb+srv://u:p@cluster0.mongodb.net/shop", "cluster0.mongodb.net:27017"},
		{"X", "mongodb://a.example.com:27018,b.example.com/x", "a.example.com:27018 b.example.com:27017"},
		{"X", "amqps://b-1.mq.eu-west-1.amazonaws.com:5671", "b-1.mq.eu-west-1.amazonaws.com:5671"},
		{"X", "redis://192.0.2.7:6379", "192.0.2.7:6379"},
		{"X", "http://firepit:4317", "firepit:4317"},
		{"X", "u:p@tcp(db.example.com:3306)/shop", "db.example.com:3306"},
		// bare hosts behind a key that says so
		{"DB_HOST", "prod.abc.eu-west-1.rds.amazonaws.com", "prod.abc.eu-west-1.rds.amazonaws.com"},
		{"SMTP_HOST", "smtp.sendgrid.net:587", "smtp.sendgrid.net:587"},
		{"KAFKA_BROKERS", "b-1.kafka.example.com:9094,b-2.kafka.example.com:9094", "b-1.kafka.example.com:9094 b-2.kafka.example.com:9094"},
		{"DB_HOST", "192.0.2.7", "192.0.2.7"},
		{"DB_HOST", "postgres:5432", "postgres:5432"},
		{"", "--db-host=db.example.com --name=x.example.com", "db.example.com"},
		{"", "--listen-urls=https://127.0.0.1:2379,https://192.0.2.1:2379 --peer-urls=https://192.0.2.2:2380,https://192.0.2.3:2380", "192.0.2.2:2380 192.0.2.3:2380"},
		{"", "--advertise-client-urls=https://192.0.2.1:2379", ""},
		{"DSN", "host=db.example.com port=5432 dbname=shop", "db.example.com:5432"},
		// Services' full names, of namespaces that are not here, are hosts by themselves
		{"ZIPKIN", "zipkin.tracing.svc.cluster.local", "zipkin.tracing.svc.cluster.local"},
		{"X", "gone.shop.svc:80", "gone.shop.svc:80"},
		{"SCHEMA_REGISTRY_URL", "https://psrc.eu.confluent.cloud", "psrc.eu.confluent.cloud:443"},
		{"CONNECTION", "Server=tcp:db.example.com,1433;Database=x", "db.example.com:1433"},
		// the pod itself, every address, the cluster's DNS
		{"X", "http://localhost:8080", ""},
		{"X", "http://127.0.0.1:8080", ""},
		{"DB_HOST", "::1", ""},
		{"BIND_ADDR", "0.0.0.0:80", ""},
		{"X", "http://0.0.0.0:80", ""},
		{"RESOLVER_HOST", "kube-dns.kube-system.svc.cluster.local", ""},
		// never a part of a password
		{"X", "postgres://user:pass/word@db.example.com/shop", ""},
		{"X", "postgres://user:pa.ss@wo.rd.com@db.example.com/shop", "db.example.com:5432"},
		{"DSN", "user:pass.example.com@tcp(db.example.com:3306)/shop", "db.example.com:3306"},
		{"X", "--password=pass.example.com", ""},
		// what is no address in form, or is filled in later
		{"DB_HOST", "db", ""},
		{"DB_NAME", "db.example.com", ""},
		{"DB_HOST", "nginx.conf", ""},
		{"DB_HOST", "com.example.DbHost", ""},
		{"DB_HOST", "$(DB).example.com", ""},
		{"X", "http://api.$(DOMAIN)/x", ""},
		{"X", "http://{{ .Host }}.example.com", ""},
		{"X", "https://<tenant>.example.com", ""},
		{"X", "https://*.example.com", ""},
		{"X", "http://HOST:PORT", ""},
		{"X", "s3://bucket.example.com/x", ""},
		{"X", "file://etc.example.com/x", ""},
		{"X", "unix:///run/x.sock", ""},
		{"IMAGE", "ghcr.io/example/app:1", ""},
		{"TRIVY_DB_REPOSITORY", "ghcr.io/aquasecurity/trivy-db", ""},
		{"MAIL_FROM_ADDRESS", "noreply@example.com", ""},
		{"CONTACT_ADDRESS", "noreply@example.com", ""},
		{"AUTH_SERVICE", "com.example.auth", ""},
		// what is told to browsers, or compared with
		{"CORS_ALLOWED_ORIGINS", "https://shop.example.com", ""},
		{"NEXT_PUBLIC_API_URL", "https://api.example.com", ""},
		{"VITE_API", "https://api.example.com", ""},
		{"ALLOWED_HOSTS", "shop.example.com", ""},
		{"OAUTH_REDIRECT_URI", "https://shop.example.com/cb", ""},
		{"GF_SERVER_ROOT_URL", "https://grafana.example.com", ""},
		{"HOST", "shop.example.com", ""},
		{"HOSTNAME", "shop.example.com", ""},
		{"NO_SUCH", "https://own.example.com", ""}, // a route's host
		{"$schema", "https://json-schema.org/draft", ""},
	} {
		t.Run(c.key+"="+c.text, func(t *testing.T) {
			if diff := cmp.Diff(c.want, outsideFor(t, c.key, c.text, outsideValue)); diff != "" {
				t.Errorf("hosts outside (-want +got):\n%s", diff)
			}
		})
	}
}

// In a file, a host counts behind a key that says so, and a word alone never.
func TestOutsideInFiles(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"url", "https://api.stripe.com/v1", "api.stripe.com:443"},
		{"host", "db.example.com", "db.example.com"},
		{"text", "see https://docs.example.com", ""},
		{"url", "http://firepit:4317", ""},
		{"runbook_url", "https://runbooks.example.com", ""},
		{"host", "db", ""},
	} {
		t.Run(c.key+"="+c.text, func(t *testing.T) {
			if diff := cmp.Diff(c.want, outsideFor(t, c.key, c.text, outsideKeyed)); diff != "" {
				t.Errorf("hosts outside (-want +got):\n%s", diff)
			}
		})
	}
}

// outsideFor is the hosts outside in a text as a workload in the namespace shop reads it.
func outsideFor(t *testing.T, key, text string, rule outsideRule) string {
	t.Helper()
	book := newAddressBook(nil)
	book.own = map[string]bool{"own.example.com": true}
	var found []string
	f := file{book: book, scope: "shop", found: func(a address) {
		s := a.host
		if a.port != 0 {
			s += fmt.Sprintf(":%d", a.port)
		}
		found = append(found, s)
	}}
	f.value(key, text, rule, place{}, func(string) (string, bool) { return "", false })
	return strings.Join(found, " ")
}
