package discovery

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
)

// configMap is a ConfigMap of the input.
type configMap struct {
	origin origin
	// entries are the texts in data, in the order of the document.
	entries []configEntry
	// users are how many workloads take it whole, by envFrom or as a volume.
	users int
	// data is entries by key, made when first asked for.
	data map[string]string
	// addresses are those in data, in the order of their keys, found when first asked for.
	addresses []configAddress
	scanned   bool
}

type configEntry struct{ key, text string }

func (r *Reader) readConfigMap(o *manifest.Object) *configMap {
	m := &configMap{origin: r.originOf(o)}
	for key, value := range fields(child(o.Root, "data")) {
		if value != nil && value.Kind == yaml.ScalarNode {
			m.entries = append(m.entries, configEntry{r.keep(key), r.text(value)})
		}
	}
	return m
}

// configAddress is an address in an entry of a ConfigMap.
type configAddress struct {
	key string
	address
}

func (m *configMap) values() map[string]string {
	if m.data == nil {
		m.data = make(map[string]string, len(m.entries))
		for _, e := range m.entries {
			m.data[e.key] = e.text
		}
	}
	return m.data
}

// environment is the variables of one container, read when first asked for.
type environment struct {
	configMaps map[objectName]*configMap
	scope      string
	container  *container
	// values are the variables of env, sources those of envFrom.
	values  map[string]string
	sources []envSource
}

// envSource is a ConfigMap whose entries are variables, with a prefix before their keys.
type envSource struct {
	*configMap
	prefix string
}

// lookup is the value of a variable; false where the input does not tell it. env overrides envFrom, in which "the value
// associated with the last source will take precedence" (core/v1, Container.envFrom).
func (e *environment) lookup(name string) (string, bool) {
	if e.values == nil {
		e.read()
	}
	if value, ok := e.values[name]; ok {
		return value, true
	}
	for _, s := range slices.Backward(e.sources) {
		if key, ok := strings.CutPrefix(name, s.prefix); ok {
			if value, ok := s.values()[key]; ok {
				return value, true
			}
		}
	}
	return "", false
}

// read collects the variables, each of env with those before it expanded.
func (e *environment) read() {
	e.values = map[string]string{}
	for _, from := range e.container.envFrom {
		if m := e.source(from); m != nil {
			e.sources = append(e.sources, envSource{m, from.prefix})
		}
	}
	for _, v := range e.container.env {
		if v.name == "" {
			continue
		}
		if v.configMap == "" {
			e.values[v.name] = e.expand(v.value)
		} else if m := e.configMaps[objectName{e.scope, v.configMap}]; m != nil {
			e.values[v.name] = m.values()[v.key]
		}
	}
}

// source is the ConfigMap of an entry of envFrom; nil where it is none of the input's.
func (e *environment) source(from envFrom) *configMap {
	if from.configMap == "" {
		return nil
	}
	return e.configMaps[objectName{e.scope, from.configMap}]
}

// envFrom is an entry of a container's envFrom. The name is empty where it is no ConfigMap.
type envFrom struct{ configMap, prefix string }

func (r *Reader) readEnvFrom(n *yaml.Node) envFrom {
	var from envFrom
	for key, value := range fields(n) {
		switch key {
		case "prefix":
			from.prefix = r.text(value)
		case "configMapRef":
			from.configMap = r.text(child(value, "name"))
		}
	}
	return from
}

// variable is an entry of a container's env: a value, or the ConfigMap and key that hold it.
type variable struct{ name, value, configMap, key string }

func (r *Reader) readVariable(n *yaml.Node) variable {
	var v variable
	for key, value := range fields(n) {
		switch key {
		case "name":
			v.name = r.text(value)
		case "value":
			v.value = r.text(value)
		case "valueFrom":
			if ref := child(value, "configMapKeyRef"); ref != nil {
				v.configMap, v.key = r.text(child(ref, "name")), r.text(child(ref, "key"))
			}
		}
	}
	return v
}

// maxExpanded bounds a value with its references expanded, in bytes, so that variables that double each other end.
const maxExpanded = 4096

// maxVariableName bounds how far the end of a reference is looked for, in bytes.
const maxVariableName = 256

// expand replaces the references $(NAME) of a value by what the variables hold. "If a variable cannot be resolved, the
// reference in the input string will be unchanged", and $$(NAME) is no reference (core/v1, EnvVar.value).
func (e *environment) expand(value string) string {
	if !strings.Contains(value, "$(") {
		return value
	}
	var b strings.Builder
	for rest := value; rest != ""; {
		i := strings.IndexByte(rest, '$')
		if i < 0 || i+1 == len(rest) {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		end := strings.IndexByte(rest[:min(len(rest), maxVariableName)], ')')
		switch {
		case rest[1] == '$':
			b.WriteByte('$')
			rest = rest[2:]
			continue
		case rest[1] == '(' && end > 0:
			if known, ok := e.lookup(rest[2:end]); ok {
				b.WriteString(known)
				rest = rest[end+1:]
				break
			}
			fallthrough
		default:
			b.WriteByte('$')
			rest = rest[1:]
		}
		if b.Len() > maxExpanded {
			return value
		}
	}
	return b.String()
}
