package discovery

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// allCases are the cases of all areas.
func allCases(t testing.TB) []*testCase {
	areas, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(areas) == 0 {
		t.Fatalf("no cases in testdata (%v)", err)
	}
	var cases []*testCase
	for _, area := range areas {
		archive, err := txtar.ParseFile(area)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, casesOf(archive)...)
	}
	return cases
}

// everything is all views of what Read gives, one after another.
func everything(objects []*manifest.Object) string {
	inv, findings := Read(objects)
	var b strings.Builder
	for _, view := range slices.Sorted(maps.Keys(views)) {
		fmt.Fprintf(&b, "-- %s --\n%s", view, lines(views[view](inv, findings)))
	}
	return b.String()
}

// The order of items and files does not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	for i, c := range allCases(t) {
		objects := c.objects(t)
		want := everything(objects)
		for seed := range uint64(5) {
			shuffled := slices.Clone(objects)
			rand.New(rand.NewPCG(seed, uint64(i))).Shuffle(len(shuffled), func(a, b int) {
				shuffled[a], shuffled[b] = shuffled[b], shuffled[a]
			})
			if diff := cmp.Diff(want, everything(shuffled)); diff != "" {
				t.Fatalf("%s: another order, another result (-in order +shuffled):\n%s", c.name, diff)
			}
		}
	}
}

// Read takes anything that YAML can say: it never panics, and says the same twice.
func FuzzRead(f *testing.F) {
	for _, c := range allCases(f) {
		var all []byte
		for _, in := range c.input {
			all = append(append(all, in.Data...), "\n---\n"...)
		}
		f.Add(all)
	}
	f.Add([]byte("apiVersion: v1\nkind: List\nitems: &a\n- *a\n- {kind: List, apiVersion: v1, items: *a}\n"))
	f.Add([]byte("apiVersion: v1\nkind: Pod\nmetadata: &m {name: a, labels: {<<: [*m, *m]}}\nspec: {containers: [{env: [{name: A_HOST, value: $(A_HOST)}]}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, _ := parse("fuzz.yaml", data)
		if diff := cmp.Diff(everything(objects), everything(objects)); diff != "" {
			t.Errorf("the same input, another result:\n%s", diff)
		}
	})
}

// Any text may be the value of a variable: reading it never panics and finds hosts within it, in order.
func FuzzAddresses(f *testing.F) {
	for _, text := range []string{"http://db:5432", "user:pw@tcp(db:5432)", `["db", "db"]`, "-h db -p 5432", "${X:-db:5432}", "db-0.db.shop.svc."} {
		f.Add("DB_HOST", text)
	}
	objects, err := parse("services.yaml", []byte(addressServices))
	if err != nil {
		f.Fatal(err)
	}
	r := &Reader{}
	for _, o := range objects {
		r.object(o, 0)
	}
	book := newAddressBook(r.services)
	f.Fuzz(func(t *testing.T, key, text string) {
		last := -1
		book.scan(passage{scope: "shop", key: key, text: text}, func(a address) {
			if a.offset <= last || !strings.Contains(text[a.offset:], a.to.Name) {
				t.Errorf("%q: %s found at %d after %d", text, a.to.Name, a.offset, last)
			}
			if a.port != 0 && !slices.ContainsFunc(a.to.Ports, func(p workload.ServicePort) bool { return p.Port == a.port }) {
				t.Errorf("%q: %s has no port %d", text, a.to.Name, a.port)
			}
			last = a.offset
		})
	})
}

// Any text may be a mounted file: reading it never panics, finds nothing but the Services that there are and hosts that the
// text holds, and tells no host of a Secret.
func FuzzFiles(f *testing.F) {
	for _, c := range allCases(f) {
		for _, in := range c.input {
			f.Add("nginx.conf", string(in.Data))
		}
	}
	for key, text := range map[string]string{
		"prometheus.yml": "scrape_configs: [{static_configs: [{targets: ['db:5432']}], relabel_configs: [{target_label: __address__, replacement: 'api:80'}]}]",
		"nginx.conf":     "upstream a { server db:5432; } server { location / { proxy_pass http://a; set $x ${y}; } }",
		"a.ini":          "[db]\nhost = db\nport=5432\n; x\nexport A=http://b.example.com",
		"a.yaml":         "a: &a [*a, {url: http://x.example.com, <<: *a}]",
		"run.sh":         "#!/bin/sh\n# x\nuntil nc -z $DB_SERVICE_HOST 5432; do :; done; echo > /dev/tcp/db/5432; mysql -hdb",
		"a.json":         `{"access": "proxy", "type": "x", "url": "http://db"}`,
		"x":              "DB_PORT_5432_TCP_ADDR $(POD).redis-headless ${A}.redis-headless._PORT__PORT_",
	} {
		f.Add(key, text)
	}
	objects, err := parse("services.yaml", []byte(addressServices))
	if err != nil {
		f.Fatal(err)
	}
	r := &Reader{}
	for _, o := range objects {
		r.object(o, 0)
	}
	book := newAddressBook(r.services)
	f.Fuzz(func(t *testing.T, key, text string) {
		for _, secret := range []bool{false, true} {
			in := file{book: book, scope: "shop", secret: secret, found: func(a address) {
				if a.to == nil && !isAPIServer(a.host) && (secret != (a.host == "") || !strings.Contains(text, a.host)) {
					t.Errorf("%s: %q is told as a host outside of %q, secret %t", key, a.host, text, secret)
				}
			}}
			in.read(key, text, func(string) (string, bool) { return "", false })
		}
	})
}

// Whatever is found, no value of a Secret is told: neither passwords nor hosts.
func TestSecretsAreNotTold(t *testing.T) {
	told := 0
	for _, c := range allCases(t) {
		for _, in := range c.input {
			told += strings.Count(string(in.Data), "hunter2") + strings.Count(string(in.Data), "secret.example.com")
		}
		for _, value := range []string{"hunter2", "secret.example.com", "db.internal.example.com"} {
			if got := everything(c.objects(t)); strings.Contains(got, value) {
				t.Errorf("%s: %q, which a Secret holds, is told:\n%s", c.name, value, got)
			}
		}
	}
	if told == 0 {
		t.Error("no case has a Secret with such a value")
	}
}

// Of more addresses behind a Service than are told, the same are told whatever the order of the objects.
func TestEndpointsInAnyOrder(t *testing.T) {
	input := "{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {ports: [{port: 5432}]}}\n" +
		"---\n{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{env: [{name: DB_HOST, value: db}]}]}}\n"
	var want []string
	for i := range 2 * maxEndpoints {
		address := fmt.Sprintf("192.0.2.%d", 10+i)
		input += fmt.Sprintf("---\n{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: db-%d, labels: {kubernetes.io/service-name: db}}, endpoints: [{addresses: [%s]}]}\n",
			i, address)
		if i < maxEndpoints {
			want = append(want, address)
		}
	}
	objects, err := parse("input.yaml", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []string{"in order", "reversed"} {
		inv, _ := Read(objects)
		var got []string
		for _, x := range inv.Externals {
			got = append(got, x.Host)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: addresses told (-want +got):\n%s", order, diff)
		}
		slices.Reverse(objects)
	}
}

// Two Services whose variables Kubernetes would name alike: always the same one is meant.
func TestServicesWithVariablesAlike(t *testing.T) {
	services := []*service{{Service: &workload.Service{Name: "my-db"}}, {Service: &workload.Service{Name: "my_db"}}}
	for range 100 {
		if s := newAddressBook(services).link("default", "MY_DB"); s == nil || s.Name != "my_db" {
			t.Fatalf("MY_DB_SERVICE_HOST leads to %+v, want my_db", s)
		}
	}
}
