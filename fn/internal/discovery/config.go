package discovery

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
)

// config is a ConfigMap or a Secret of the input. What a Secret holds is read for the Services' names in it, and never
// becomes part of a message or of the inventory.
type config struct {
	origin origin
	secret bool
	labels map[string]string
	// entries are the texts in data, and a Secret's stringData, in the order of the document.
	entries []configEntry
	// users are the workloads that take it whole, by envFrom or as a volume.
	users []*candidate
	// byKey are the positions of the entries, made when first asked for.
	byKey map[string]int
	// addresses are those in the entries, in their order, found when first asked for.
	addresses []configAddress
	scanned   bool
}

type configEntry struct {
	// field is data or stringData, or the field of what a controller makes a Secret of.
	field, key, text string
	// unknown is true where the value is not in the input.
	unknown bool
	// users are the workloads that mount just this entry.
	users []*candidate
	// discovers is true for a Prometheus configuration that finds its targets by the Kubernetes API.
	discovers bool
	// hints is true where it has words of a cluster, hinted once that is looked for.
	hints, hinted bool
}

// configAddress is an address in an entry of a config.
type configAddress struct {
	entry int
	address
	// shared is whether several workloads have it in hand, once that is judged.
	shared, judged bool
}

// configName names a ConfigMap or a Secret of a scope.
type configName struct {
	scope, name string
	secret      bool
}

// maxSecretEntry bounds the entries of a Secret that are decoded, in bytes.
const maxSecretEntry = 256 << 10

// opaqueTypes are the types of Secrets that hold no addresses: credentials, certificates, and what Helm keeps.
var opaqueTypes = []string{
	"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg", "kubernetes.io/service-account-token", "kubernetes.io/tls",
	"kubernetes.io/ssh-auth", "bootstrap.kubernetes.io/token", "helm.sh/release.v1",
}

// addConfig takes a ConfigMap or Secret in. Of two with one name, the first by source counts.
func (r *Reader) addConfig(o *manifest.Object) {
	name := configName{scope(r.keep(o.Namespace)), r.keep(o.Name), o.Kind == "Secret"}
	if known := r.configs[name]; known != nil && compareSources(o.Source, known.origin.source) >= 0 {
		return
	}
	if name.secret && slices.Contains(opaqueTypes, text(child(o.Root, "type"))) {
		return
	}
	if r.configs == nil {
		r.configs = map[configName]*config{}
	}
	r.configs[name] = r.readConfig(o, name.secret)
}

func (r *Reader) readConfig(o *manifest.Object, secret bool) *config {
	m := &config{origin: r.originOf(o), secret: secret, labels: r.stringMap(child(o.Root, "metadata", "labels"))}
	parts := []string{"data"}
	if secret {
		// "All keys and values are merged into the data field on write, overwriting any existing values." (core/v1,
		// Secret.stringData)
		parts = []string{"stringData", "data"}
	}
	for _, part := range parts {
		merges := len(m.entries) > 0
		for key, value := range fields(child(o.Root, part)) {
			if value == nil || value.Kind != yaml.ScalarNode {
				continue
			}
			if merges {
				if _, known := m.position(key); known {
					continue
				}
			}
			content := text(value)
			if secret && part == "data" {
				content = decoded(content)
			}
			m.entries = append(m.entries, configEntry{field: part, key: r.keep(key), text: r.keep(content)})
		}
	}
	return m
}

// decoded is the text in a Secret's data, empty where it is no text.
func decoded(encoded string) string {
	if len(encoded) > maxSecretEntry {
		return ""
	}
	content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil || !utf8.Valid(content) || strings.ContainsRune(string(content), 0) {
		return ""
	}
	return strings.TrimRight(string(content), "\n")
}

// position is the index of the entry of a key.
func (m *config) position(key string) (int, bool) {
	if m.byKey == nil {
		m.byKey = make(map[string]int, len(m.entries))
		for i, e := range m.entries {
			m.byKey[e.key] = i
		}
	}
	i, ok := m.byKey[key]
	return i, ok
}

// value is the text of a key, as far as the input holds it.
func (m *config) value(key string) (string, bool) {
	if i, ok := m.position(key); ok && !m.entries[i].unknown {
		return m.entries[i].text, true
	}
	return "", false
}

// where is the place of an entry, for Reference.Where.
func (m *config) where(entry int) string {
	e := m.entries[entry]
	return e.field + "[" + e.key + "]"
}

// withUser adds a workload to a list that is filled one workload after another.
func withUser(users []*candidate, c *candidate) []*candidate {
	if n := len(users); n > 0 && users[n-1] == c {
		return users
	}
	return append(users, c)
}
