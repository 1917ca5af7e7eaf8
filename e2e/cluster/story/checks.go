package story

import (
	"context"
	"fmt"
	"strings"

	"tierwall.dev/fn/e2e/cluster/control"
)

// execCheck is a command in a pod of the package, and whether its connection has to get through.
type execCheck struct {
	name     string
	workload string // deploy/NAME, sts/NAME
	allowed  bool
	command  []string
	// output is what has to be in the answer of a command that gets through. Empty: nothing in particular.
	output string
}

// The commands that open a connection give up after so many seconds.
const patience = "2"

func curl(url string) []string {
	return []string{"curl", "--silent", "--show-error", "--insecure", "--max-time", patience, url}
}

func pgIsReady(host string) []string { return []string{"pg_isready", "-h", host, "-t", patience} }

// psql connects, and queries, as the backend is configured to.
func psql(query string) []string {
	connection := "host=database user=shop dbname=shop password=" + password + " connect_timeout=" + patience
	return []string{"psql", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname", connection, "--command", query}
}

func redis(command ...string) []string {
	return append([]string{"timeout", patience, "redis-cli", "-h", "redis"}, command...)
}

// dial opens a connection where the image has no client that could.
func dial(address string) []string {
	return []string{"/bin/inpod", "dial", address}
}

// commonChecks hold in every environment.
func commonChecks() []execCheck {
	const frontend, backend, database, cache = "deploy/frontend", "deploy/backend", "sts/database", "deploy/redis"
	outside4, outside6 := "https://"+internetIPv4+"/", "https://["+internetIPv6+"]/"
	checks := []execCheck{
		{"frontend reaches backend:8080", frontend, true, curl("http://backend:8080/"), "hello from backend-"},
		{"frontend cannot reach the database's metrics", frontend, false, curl("http://database:9090/metrics"), ""},
		{"frontend cannot reach PostgreSQL (pg_isready)", frontend, false, pgIsReady("database"), ""},
		{"frontend cannot reach PostgreSQL (psql)", frontend, false, psql("select 1"), ""},
		{"frontend cannot reach Redis", frontend, false, redis("ping"), ""},
		{"backend reaches PostgreSQL (pg_isready)", backend, true, pgIsReady("database"), "accepting connections"},
		{"backend queries PostgreSQL", backend, true, psql("create temp table orders (id int); insert into orders values (41), (1); select sum(id) from orders"), "42"},
		{"backend writes to Redis", backend, true, redis("set", "cart", "3 apples"), "OK"},
		{"backend reads from Redis", backend, true, redis("incr", "orders"), ""},
		{"backend cannot reach the frontend", backend, false, curl("http://frontend/"), ""},
		{"database cannot reach the backend", database, false, dial("backend:8080"), ""},
		{"database cannot reach the cache", database, false, dial("redis:6379"), ""},
		{"cache cannot reach the database", cache, false, dial("database:5432"), ""},
	}
	for _, from := range []string{frontend, backend} {
		_, name, _ := strings.Cut(from, "/")
		checks = append(checks,
			execCheck{name + " reaches HTTPS outside, IPv4", from, true, curl(outside4), "hello from the internet"},
			execCheck{name + " reaches HTTPS outside, IPv6", from, true, curl(outside6), "hello from the internet"},
			execCheck{name + " cannot reach HTTP outside", from, false, curl("http://" + internetIPv4 + "/"), ""},
			execCheck{name + " cannot reach the metadata address", from, false, curl("http://" + metadataIPv4 + "/"), ""},
			execCheck{name + " cannot reach the metadata address by HTTPS", from, false, curl("https://" + metadataIPv4 + "/"), ""},
			execCheck{name + " cannot reach the API server's Service", from, false, curl("https://" + control.ClusterIP + "/version"), ""},
			execCheck{name + " cannot reach the API server", from, false, curl(fmt.Sprintf("https://%s:%d/version", control.NodeIPv4, control.APIPort)), ""},
			execCheck{name + " resolves names", from, true, []string{"getent", "ahosts", "redis"}, ""},
		)
	}
	for _, from := range []string{database, cache} {
		_, name, _ := strings.Cut(from, "/")
		checks = append(checks,
			execCheck{name + " cannot reach the internet, IPv4", from, false, dial(internetIPv4 + ":443"), ""},
			execCheck{name + " cannot reach the internet, IPv6", from, false, dial("[" + internetIPv6 + "]:443"), ""},
			execCheck{name + " cannot reach the API server's Service", from, false, dial(control.ClusterIP + ":443"), ""},
			execCheck{name + " resolves names", from, true, []string{"getent", "ahosts", "backend"}, ""},
		)
	}
	return checks
}

// environmentChecks hold in one environment: the payment provider's ends.
func environmentChecks(e Environment) []execCheck {
	const frontend, backend = "deploy/frontend", "deploy/backend"
	isProd := e == prod
	return []execCheck{
		{"backend and the payment provider", backend, isProd, dial(providerIPv4 + ":8443"), ""},
		{"backend and the provider's sandbox", backend, !isProd, dial(sandboxIPv4 + ":8443"), ""},
		{"frontend cannot reach the payment provider", frontend, false, dial(providerIPv4 + ":8443"), ""},
		{"frontend cannot reach the provider's sandbox", frontend, false, dial(sandboxIPv4 + ":8443"), ""},
	}
}

// strangerChecks are run in the pod of another namespace.
func strangerChecks(e Environment) []execCheck {
	at := func(host string) string { return host + "." + e.Namespace }
	const client = "deploy/" + clientName
	return []execCheck{
		{"a pod of another namespace reaches the frontend, which is open to anyone", client, true, curl("http://" + at("frontend") + "/"), "hello from frontend-"},
		{"a pod of another namespace cannot reach the backend", client, false, curl("http://" + at("backend") + ":8080/"), ""},
		{"a pod of another namespace cannot reach the database", client, false, pgIsReady(at("database")), ""},
		{"a pod of another namespace cannot reach the cache", client, false, dial(at("redis") + ":6379"), ""},
		{"a pod of another namespace cannot reach the database's metrics", client, false, dial(at("database") + ":9090"), ""},
	}
}

// run runs the command and fails when its connection fared otherwise than it has to; open says that nothing is denied.
func (c execCheck) run(ctx context.Context, w *World, namespace string, open bool) (string, error) {
	out, err := w.exec(ctx, namespace, c.workload, c.command...)
	switch through := err == nil; {
	case (c.allowed || open) && !through:
		return "", fmt.Errorf("denied, and it has to get through: %w", err)
	case !c.allowed && !open && through:
		return "", fmt.Errorf("got through, and it has to be denied; the answer: %s", out)
	case through && c.allowed && !strings.Contains(out, c.output):
		return "", fmt.Errorf("the answer lacks %q: %s", c.output, out)
	case through:
		return "gets through", nil
	default:
		return "denied", nil
	}
}
