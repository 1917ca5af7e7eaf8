package discovery

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mount is a ConfigMap or Secret among a pod's volumes.
type mount struct {
	config string
	secret bool
	// keys are the entries that the containers see. Nil means all of them.
	keys []string
	// init is true where init containers alone mount it.
	init bool
}

// volume is a source of one of a pod's volumes that is a ConfigMap or Secret.
type volume struct {
	name   string
	config string
	secret bool
	// keys and paths are the items: which entries are there, and as which files. Nil means each entry as a file.
	keys, paths []string
}

// volumeMount is an entry of a container's volumeMounts. A subPath is the one file that it sees.
type volumeMount struct{ volume, subPath string }

// readVolumes reads the ConfigMaps and Secrets in a pod's volumes, or in parts of them, in their order.
func (r *Reader) readVolumes(volumes *yaml.Node) []volume {
	var out []volume
	for _, n := range items(volumes) {
		name := text(child(n, "name"))
		for key, source := range fields(n) {
			switch key {
			case "configMap":
				out = append(out, r.readVolume(name, "name", source, false))
			case "secret":
				out = append(out, r.readVolume(name, "secretName", source, true))
			case "projected":
				for _, part := range items(child(source, "sources")) {
					if m := child(part, "configMap"); m != nil {
						out = append(out, r.readVolume(name, "name", m, false))
					}
					if s := child(part, "secret"); s != nil {
						out = append(out, r.readVolume(name, "name", s, true))
					}
				}
			}
		}
	}
	return out
}

func (r *Reader) readVolume(name, nameField string, source *yaml.Node, secret bool) volume {
	v := volume{name: r.keep(name), secret: secret}
	for key, value := range fields(source) {
		switch key {
		case nameField:
			v.config = r.text(value)
		case "items":
			for _, item := range items(value) {
				v.keys = append(v.keys, r.text(child(item, "key")))
				v.paths = append(v.paths, r.text(child(item, "path")))
			}
		}
	}
	return v
}

// readVolumeMounts reads which of the pod's volumes with configuration a container mounts.
func (r *Reader) readVolumeMounts(n *yaml.Node, volumes []volume) []volumeMount {
	if len(volumes) == 0 {
		return nil
	}
	var out []volumeMount
	for _, m := range items(n) {
		name := text(child(m, "name"))
		if slices.ContainsFunc(volumes, func(v volume) bool { return v.name == name }) {
			out = append(out, volumeMount{r.keep(name), r.text(child(m, "subPath"))})
		}
	}
	return out
}

// mountsOf is what the containers see of the volumes. A volume that none mounts counts as seen: a sidecar that is added
// later may be meant.
func mountsOf(volumes []volume, containers []container) []mount {
	var out []mount
	for _, v := range volumes {
		m := mount{config: v.config, secret: v.secret, keys: v.keys, init: true}
		var seen []string
		used, whole := false, false
		for i := range containers {
			c := &containers[i]
			for _, at := range c.mounts {
				if at.volume != v.name {
					continue
				}
				used = true
				m.init = m.init && !c.listens()
				if key := v.keyAt(at.subPath); key != "" {
					seen = append(seen, key)
				} else {
					whole = true
				}
			}
		}
		m.init = m.init && used
		if used && !whole {
			m.keys = seen
		}
		out = append(out, m)
	}
	return out
}

// keyAt is the entry that a subPath of the volume is; empty for the whole volume, or a folder of it.
func (v volume) keyAt(subPath string) string {
	if subPath == "" || v.keys == nil {
		return strings.TrimPrefix(subPath, "./")
	}
	if i := slices.Index(v.paths, subPath); i >= 0 {
		return v.keys[i]
	}
	return ""
}
