package discovery

import "strings"

// settings reads KEY=VALUE lines in sections, and KEY VALUE.
func (f *file) settings(text string) {
	section := map[string]string{}
	var keys []string
	flush := func() {
		for _, key := range keys {
			f.value(key, section[key], outsideKeyed, place{}, func(name string) (string, bool) { v, ok := section[name]; return v, ok })
		}
		section, keys = map[string]string{}, nil
	}
	for line := range strings.Lines(withoutComments(text, []string{"#", ";", "!"})) {
		line = strings.TrimSpace(line)
		if line != "" && isSection(line) {
			flush()
			continue
		}
		i := strings.IndexByte(line, '=')
		if colon := strings.Index(line, ": "); i < 0 || colon >= 0 && colon < i {
			i = colon
		}
		if words := strings.Fields(line); i < 0 && len(words) == 2 {
			i = len(words[0]) // Host elasticsearch, as Fluent Bit has it
		}
		if i < 0 {
			f.prose(line)
			continue
		}
		key := strings.TrimSpace(strings.TrimPrefix(line[:i], "export "))
		if _, again := section[key]; !again {
			keys = append(keys, key)
		}
		section[key] = strings.Trim(strings.TrimSpace(line[i+1:]), `"'`)
	}
	flush()
}
