package discovery

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// environment is the variables of one container, read when first asked for.
type environment struct {
	configs map[configName]*config
	scope   string
	// pod is the name of one of the workload's pods, empty where a controller makes it up.
	pod       string
	container *container
	// values are the variables of env, sources those of envFrom.
	values  map[string]string
	sources []envSource
	// hidden are the variables that hold what a Secret does; revealed is set once one of them is looked up.
	hidden   map[string]bool
	revealed bool
	// ports are the variables that hold a port, found when first asked for.
	ports []portVariable
}

// envSource is a ConfigMap or Secret whose entries are variables, with a prefix before their keys.
type envSource struct {
	*config
	prefix string
}

// lookup is the value of a variable; false where the input does not tell it. env overrides envFrom, in which "the value
// associated with the last source will take precedence" (core/v1, Container.envFrom).
func (e *environment) lookup(name string) (string, bool) {
	if e.values == nil {
		e.read()
	}
	if value, ok := e.values[name]; ok {
		e.revealed = e.revealed || e.hidden[name]
		return value, true
	}
	for _, s := range slices.Backward(e.sources) {
		if key, ok := strings.CutPrefix(name, s.prefix); ok {
			if value, ok := s.value(key); ok {
				e.revealed = e.revealed || s.secret
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
		switch {
		case v.config != "":
			if m := e.configs[configName{e.scope, v.config, v.secret}]; m != nil {
				if value, ok := m.value(v.key); ok {
					e.values[v.name] = value
					e.hide(v.name, v.secret)
				}
			}
		case v.field != "":
			if value := e.fieldValue(v.field); value != "" {
				e.values[v.name] = value
			}
		default:
			value, secret := e.expandSecret(v.value)
			e.values[v.name] = value
			e.hide(v.name, secret)
		}
	}
}

// hide notes whether a variable holds what a Secret does.
func (e *environment) hide(name string, secret bool) {
	if !secret {
		delete(e.hidden, name)
		return
	}
	if e.hidden == nil {
		e.hidden = map[string]bool{}
	}
	e.hidden[name] = true
}

// expandSecret is expand, and whether the value then holds what a Secret does.
func (e *environment) expandSecret(value string) (expanded string, secret bool) {
	before := e.revealed
	e.revealed = false
	expanded = e.expand(value)
	secret, e.revealed = e.revealed, before || e.revealed
	return expanded, secret
}

// fieldValue is what the downward API gives for a field, empty where the input does not tell.
func (e *environment) fieldValue(field string) string {
	switch field {
	case "metadata.namespace":
		return e.scope
	case "metadata.name":
		return e.pod
	}
	return ""
}

// names calls yield for each variable with its value.
func (e *environment) names(yield func(name, value string)) {
	if e.values == nil {
		e.read()
	}
	for _, v := range e.container.env {
		if value, ok := e.values[v.name]; ok {
			yield(v.name, value)
		}
	}
	for _, s := range e.sources {
		for _, entry := range s.entries {
			yield(s.prefix+entry.key, entry.text)
		}
	}
}

// source is the ConfigMap or Secret of an entry of envFrom; nil where it is none of the input's.
func (e *environment) source(from envFrom) *config {
	if from.config == "" {
		return nil
	}
	return e.configs[configName{e.scope, from.config, from.secret}]
}

// envFrom is an entry of a container's envFrom. The name is empty where it is neither ConfigMap nor Secret.
type envFrom struct {
	config string
	secret bool
	prefix string
}

func (r *Reader) readEnvFrom(n *yaml.Node) envFrom {
	var from envFrom
	for key, value := range fields(n) {
		switch key {
		case "prefix":
			from.prefix = r.text(value)
		case "configMapRef":
			from.config = r.text(child(value, "name"))
		case "secretRef":
			from.config, from.secret = r.text(child(value, "name")), true
		}
	}
	return from
}

// variable is an entry of a container's env: a value, the ConfigMap or Secret and the key that hold it, or the field of
// the pod that does.
type variable struct {
	name, value string
	config, key string
	secret      bool
	field       string
}

func (r *Reader) readVariable(n *yaml.Node) variable {
	var v variable
	for key, value := range fields(n) {
		switch key {
		case "name":
			v.name = r.text(value)
		case "value":
			v.value = r.text(value)
		case "valueFrom":
			r.readValueFrom(&v, value)
		}
	}
	return v
}

func (r *Reader) readValueFrom(v *variable, n *yaml.Node) {
	for from, ref := range fields(n) {
		switch from {
		case "configMapKeyRef", "secretKeyRef":
			v.config, v.key, v.secret = r.text(child(ref, "name")), r.text(child(ref, "key")), from == "secretKeyRef"
		case "fieldRef":
			v.field = r.text(child(ref, "fieldPath"))
		}
	}
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
