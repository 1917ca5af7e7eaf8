package discovery

import (
	"path"
	"slices"
	"strings"
)

// format is how the text of a ConfigMap's or Secret's entry is read.
type format int

const (
	valueFormat    format = iota // one line: the value of a variable
	noFormat                     // a text for people or for browsers
	yamlFormat                   // YAML or JSON
	settingsFormat               // KEY=VALUE lines, with sections: properties, INI, TOML
	nginxFormat
	textFormat // anything else: a script, another program's configuration
)

// unreadEndings are those of files whose addresses the pod does not call: people and browsers read them.
var unreadEndings = []string{".md", ".rst", ".html", ".htm", ".css", ".svg", ".pem", ".crt", ".key"}

// formatOf is the format of an entry, by the ending of its key, else by the look of its text.
func formatOf(key, text string) format {
	ending := strings.ToLower(path.Ext(strings.TrimSuffix(strings.TrimSuffix(key, ".template"), ".tmpl")))
	switch {
	case slices.Contains(unreadEndings, ending):
		return noFormat
	case ending == ".yaml", ending == ".yml", ending == ".json":
		return yamlFormat
	case !strings.Contains(strings.TrimSpace(text), "\n") && !isFileEnding(ending):
		return valueFormat
	case ending == ".properties", ending == ".ini", ending == ".toml", ending == ".env", ending == ".cnf":
		return settingsFormat
	case strings.Contains(text, "_pass ") && strings.Contains(text, "{"), strings.Contains(text, "upstream ") && strings.Contains(text, "server "):
		return nginxFormat
	case ending != "" && ending != ".conf" && ending != ".cfg" && ending != ".config":
		return textFormat
	}
	return formatByLook(text)
}

// isFileEnding reports whether an ending is a file's, and not a part of a key such as redis.url.
func isFileEnding(ending string) bool {
	return ending != "" && slices.Contains(fileEndings, ending[1:])
}

// lookAt bounds how much of a text is looked at to tell its format, in bytes.
const lookAt = 4096

// formatByLook tells the format of a text from its first lines.
func formatByLook(text string) format {
	text = text[:min(len(text), lookAt)]
	sections, settings, pairs, lines := 0, 0, 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line == "---" || line[0] == ';' || strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#!") {
			continue
		}
		if lines == 0 && beginsYAML(line) {
			return yamlFormat
		}
		lines++
		key, _, isSetting := strings.Cut(line, "=")
		switch {
		case isSection(line):
			sections++
		case isSetting && !strings.ContainsAny(strings.TrimSpace(key), " \t$(){}"):
			settings++
		case len(strings.Fields(line)) > 1 && !strings.ContainsAny(line, "{};"):
			pairs++
		}
	}
	// KEY VALUE lines are settings only where sections say that it is no script.
	if settings+sections == lines && settings > 0 || sections > 0 && settings+sections+pairs == lines {
		return settingsFormat
	}
	return textFormat
}

// beginsYAML reports whether the first line of a text is one of YAML or JSON.
func beginsYAML(line string) bool {
	key, rest, isMapping := strings.Cut(line, ":")
	return line[0] == '{' || isMapping && (rest == "" || rest[0] == ' ') && !strings.ContainsAny(key, " =(){};")
}

// isSection reports whether a line begins or ends a section of settings: [OUTPUT], <match **>, </match>.
func isSection(line string) bool {
	return line[0] == '[' && line[len(line)-1] == ']' || line[0] == '<' && line[len(line)-1] == '>'
}

// file is an entry of a ConfigMap or Secret that is read for addresses.
type file struct {
	book  *addressBook
	scope string
	// secret says that its hosts outside are not to be told.
	secret bool
	found  func(address)
	// shadows are names that the file itself gives to something, as nginx does to upstreams; they are no Services here.
	shadows map[string]bool
	// nodes counts the YAML nodes read, so that aliases of aliases end.
	nodes int
	// discovers is set where a Prometheus configuration finds its targets by the Kubernetes API.
	discovers bool
}

// read finds the addresses of the entry.
func (f *file) read(key, text string, lookup func(string) (string, bool)) {
	kind := formatOf(key, text)
	switch {
	case kind == noFormat, isDashboard(text):
	case kind == valueFormat:
		f.value(key, text, outsideValue, place{}, lookup)
	case !f.book.mentions(f.scope, text) && !strings.Contains(text, "kubernetes_sd_configs"):
	case kind == yamlFormat && f.yaml(text):
	case kind == settingsFormat:
		f.settings(text)
	case kind == nginxFormat:
		f.nginx(text)
	default:
		f.prose(withoutComments(text, commentsOf(key)))
	}
}

// isDashboard reports whether a text is one of Grafana's dashboards, whose links people follow.
func isDashboard(text string) bool {
	return strings.Contains(text, `"panels"`) && strings.Contains(text, `"schemaVersion"`)
}

// value finds the addresses in a value whose key is known.
func (f *file) value(key, text string, rule outsideRule, at place, lookup func(string) (string, bool)) {
	f.book.scan(passage{scope: f.scope, key: key, text: text, outside: rule}, func(a address) {
		a = withSibling(a, key, lookup)
		a.scrape, a.datasource = at.scrape, at.datasource
		if a.to == nil && a.port == 0 && !strings.Contains(a.host, ".") {
			return
		}
		f.tell(a)
	})
}

// prose finds the Services in a text of no known structure.
func (f *file) prose(text string) {
	f.book.scan(passage{scope: f.scope, text: text}, f.tell)
}

func (f *file) tell(a address) {
	if a.to != nil && f.shadows[a.to.Name] || a.to == nil && f.shadows[a.host] {
		return
	}
	if f.secret && !isAPIServer(a.host) {
		a.host = ""
	}
	f.found(a)
}

// mentions reports whether a text may hold an address at all, so that most files are not read any closer.
func (book *addressBook) mentions(in, text string) bool {
	if strings.Contains(text, "://") || strings.Contains(text, ".svc") {
		return true
	}
	local := book.scopes[in]
	for i := 0; i < len(text); {
		if !isHostByte[text[i]] {
			i++
			continue
		}
		end, dots := i, 0
		for end < len(text) && isHostByte[text[end]] {
			if text[end] == '.' {
				dots++
			}
			end++
		}
		if dots > 0 || local[text[i:end]] != nil || strings.HasPrefix(text[i:end], "-h") || strings.Contains(text[i:end], "_PORT_") || strings.Contains(text[i:end], "_SERVICE_") {
			return true
		}
		i = end
	}
	return false
}
