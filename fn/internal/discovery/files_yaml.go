package discovery

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFileNodes bounds how many YAML nodes of one file are read, and maxFileDepth how deep.
const (
	maxFileNodes = 200_000
	maxFileDepth = 64
)

// maxMappingPorts is the number of keys up to which a mapping is looked through for the port of a host in it.
const maxMappingPorts = 200

// place is where in a YAML file a node is.
type place struct {
	// key is the key of the nearest mapping above.
	key string
	// siblings is that mapping.
	siblings *yaml.Node
	// scrape is true below scrape_configs, with the targets of Prometheus.
	scrape bool
	// datasource is true in a data source of Grafana.
	datasource bool
	depth      int
}

// yaml reads a YAML or JSON file, each of its documents; false where the first is none.
func (f *file) yaml(text string) bool {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for first := true; ; first = false {
		var n yaml.Node
		if err := decoder.Decode(&n); err != nil {
			return !first
		}
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
			root := resolve(n.Content[0])
			if first && (root == nil || root.Kind == yaml.ScalarNode) {
				return false
			}
			f.node(root, place{})
		}
	}
}

func (f *file) node(n *yaml.Node, at place) {
	if n == nil || at.depth > maxFileDepth || f.nodes > maxFileNodes {
		return
	}
	f.nodes++
	at.depth++
	switch n.Kind {
	case yaml.MappingNode:
		f.mapping(n, at)
	case yaml.SequenceNode:
		for _, item := range items(n) {
			f.node(item, at)
		}
	case yaml.ScalarNode:
		f.scalar(n, at)
	}
}

func (f *file) mapping(n *yaml.Node, at place) {
	targets := at.scrape && probesOthers(n)
	at.datasource = at.datasource || isDatasource(n)
	for key, value := range fields(n) {
		below := place{key: key, siblings: n, scrape: at.scrape || key == "scrape_configs", datasource: at.datasource, depth: at.depth}
		switch {
		case key == "kubernetes_sd_configs" || key == "k8s_observer":
			f.discovers = true
		case targets && (key == "static_configs" || strings.HasSuffix(key, "_sd_configs")):
			continue
		case isUncalledSection(key):
			continue
		}
		f.node(value, below)
	}
}

// isUncalledSection reports whether what is below a key is compared with or told to others, and not called.
func isUncalledSection(key string) bool {
	switch strings.ToLower(key) {
	case "cors", "cors_policy", "external_labels", "annotations", "server_names", "allowed_origins", "tls_context", "expr", "description":
		return true
	}
	return false
}

func (f *file) scalar(n *yaml.Node, at place) {
	if n.Value == "" || n.Tag == "!!int" || n.Tag == "!!bool" || n.Tag == "!!null" {
		return
	}
	if strings.Contains(n.Value, "\n") {
		f.prose(withoutComments(n.Value, []string{"#"}))
		return
	}
	lookup := func(name string) (string, bool) {
		if at.siblings == nil || len(at.siblings.Content) > 2*maxMappingPorts {
			return "", false
		}
		port := child(at.siblings, name)
		return text(port), port != nil && port.Kind == yaml.ScalarNode
	}
	f.value(at.key, n.Value, outsideKeyed, at, lookup)
}

// probesOthers reports whether a scrape job has its targets probed by an exporter: its relabeling replaces the address by
// the exporter's, and Prometheus calls that alone.
func probesOthers(job *yaml.Node) bool {
	for _, rule := range items(child(job, "relabel_configs")) {
		replacement := text(child(rule, "replacement"))
		if text(child(rule, "target_label")) == "__address__" && replacement != "" && !strings.Contains(replacement, "$") {
			return true
		}
	}
	return false
}
