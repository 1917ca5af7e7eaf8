package tier

import (
	"fmt"
	"slices"

	"tierwall.dev/fn/internal/workload"
)

// Names of the preset's tiers.
const (
	frontend = "frontend"
	backend  = "backend"
	database = "database"
	cache    = "cache"
	queue    = "queue"
	worker   = "worker"
)

// presetTiers are the tiers of the preset three-tier.
func presetTiers() []TierSpec {
	return []TierSpec{
		{frontend, []string{"frontend", "front-end", "web", "ui", "webapp", "spa", "portal", "dashboard"}, tcpPorts(80, 443)},
		{backend, []string{"backend", "back-end", "api", "app", "application", "server", "service", "middletier",
			"gateway", "api-gateway"}, tcpPorts(8080)},
		{database, []string{"database", "db", "data", "datastore", "sql", "postgres", "postgresql", "mysql", "mariadb",
			"mongo", "mongodb"}, tcpPorts(5432)},
		{cache, []string{"cache", "redis", "valkey", "memcached"}, tcpPorts(6379)},
		{queue, []string{"queue", "messaging", "message-queue", "broker", "rabbitmq", "kafka"}, tcpPorts(5672)},
		{worker, []string{"worker", "jobs", "processing", "consumer"}, nil},
	}
}

// presetFlows are the flows of the preset three-tier.
func presetFlows() []FlowSpec {
	return asPreset("flow", []FlowSpec{
		{From: names(Internet), To: names(frontend)},
		{From: names(frontend), To: names(backend)},
		{From: names(backend, worker), To: names(database, cache, queue)},
		{From: names(frontend, backend, worker), To: names(Internet), Ports: tcpPorts(443)},
		{From: names(Prometheus), To: names(everything), Ports: []PortSpec{{Name: metrics}}},
		{From: names(everything), To: names(DNS)},
	})
}

// presetNever are the invariants of the preset three-tier.
func presetNever() []FlowSpec {
	return asPreset("never", []FlowSpec{
		{From: names(frontend), To: names(database, cache)},
		{From: names(database, cache), To: names(Internet)},
	})
}

func asPreset(kind string, flows []FlowSpec) []FlowSpec {
	for i := range flows {
		flows[i].preset = true
		flows[i].Field = fmt.Sprintf("preset %s %d (%s to %s)", kind, i+1, flows[i].From, flows[i].To)
	}
	return flows
}

func names(words ...string) Refs {
	refs := make(Refs, len(words))
	for i, w := range words {
		refs[i].Name = w
	}
	return refs
}

func tcpPorts(numbers ...int32) []PortSpec {
	ports := make([]PortSpec, len(numbers))
	for i, n := range numbers {
		ports[i].Range = PortRange{workload.TCP, n, n}
	}
	return ports
}

// AllTiers are the tiers that hold: the preset's, without the values that the user's take, and the user's.
func (s *Set) AllTiers() []TierSpec {
	var out []TierSpec
	if s.Preset != PresetNone {
		out = presetTiers()
	}
	position := positions(out)
	taken := map[string]bool{}
	for _, t := range s.Tiers {
		for _, v := range t.ownValues(position) {
			taken[v] = true
		}
	}
	for i := range out {
		out[i].Values = slices.DeleteFunc(out[i].Values, func(v string) bool { return taken[v] })
	}
	for _, t := range s.Tiers {
		t.Values = t.ownValues(position)
		i, known := position[t.Name]
		if !known {
			out = append(out, t)
			continue
		}
		if len(t.Values) > 0 {
			out[i].Values = t.Values
		}
		if len(t.Ports) > 0 {
			out[i].Ports = t.Ports
		}
	}
	return out
}

func positions(tiers []TierSpec) map[string]int {
	out := map[string]int{}
	for i, t := range tiers {
		out[t.Name] = i
	}
	return out
}

// ownValues are the values that a tier of the user takes: none where it leaves a preset's tier its values.
func (t TierSpec) ownValues(preset map[string]int) []string {
	if _, overrides := preset[t.Name]; len(t.Values) == 0 && !overrides {
		return []string{t.Name}
	}
	return t.Values
}

// TierNames are the names of the tiers that hold, in their order.
func (s *Set) TierNames() []string {
	var out []string
	for _, t := range s.AllTiers() {
		out = append(out, t.Name)
	}
	return out
}

// startFlows are the flows that the set starts from.
func (s *Set) startFlows() []FlowSpec {
	if s.Preset == PresetNone {
		return nil
	}
	return presetFlows()
}

// startNever are the invariants that the set starts from.
func (s *Set) startNever() []FlowSpec {
	if s.Preset == PresetNone {
		return nil
	}
	return presetNever()
}
