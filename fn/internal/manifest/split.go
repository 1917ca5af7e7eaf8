package manifest

import "slices"

// listSink slices a canonical ResourceList into its parts, without parsing them.
type listSink struct {
	w    *walker
	list *List
	id   identity
	// part is the key at the top that the walker is under, start where its lines, or those of its current item, begin,
	// with the comments before them.
	part  string
	start int
	// item is the item that the walker is in, nil between items.
	item *Item
	// parts are the keys at the top so far.
	parts []string
	// next is where the next part must begin, so that nothing stands between those that have no place for comments; -1
	// where the part before takes all up to the next.
	next int
}

// readCanonicalList reads a list whose every line is canonical; false for any other.
func readCanonicalList(in []byte) (*List, bool) {
	var w walker
	s := &listSink{w: &w, list: &List{}, id: identity{in: in}}
	if !walk(in, s, &w) || !s.endPart(len(in)) || !s.complete() {
		return nil, false
	}
	if s.list.config != nil && s.list.setConfig(s.list.config, 0) != nil {
		// Read again, so that the finding names the place in the whole input.
		return nil, false
	}
	return s.list, true
}

func (s *listSink) complete() bool {
	for _, name := range []string{"apiVersion", "kind", "items"} {
		if !slices.Contains(s.parts, name) {
			return false
		}
	}
	return true
}

func (s *listSink) key(depth, col int, key, value scalar) bool {
	if depth == 0 {
		return col == 0 && key.kind == plain && s.beginPart(string(s.w.in[key.start:key.end]), value)
	}
	if s.item != nil {
		return s.id.key(depth-2, key, value)
	}
	return true
}

func (s *listSink) element(depth, col int, value scalar) bool {
	if depth != 1 || s.part != "items" {
		// The item itself must be a mapping.
		return s.item == nil || depth != 2
	}
	if col != 0 || value.kind != absent {
		return false
	}
	start := s.lineStart()
	if s.item == nil && start != s.next {
		return false
	}
	s.endItem(start)
	s.start = start
	s.item = &Item{position: len(s.list.Items)}
	s.id.begin(s.item)
	s.list.Items = append(s.list.Items, s.item)
	return true
}

// lineStart is the start of the current line, or of the comments at column 0 right before it.
func (s *listSink) lineStart() int {
	if s.w.lead >= 0 {
		return s.w.lead
	}
	return s.w.pos
}

func (s *listSink) beginPart(name string, value scalar) bool {
	start := s.lineStart()
	if slices.Contains(s.parts, name) || !s.endPart(start) {
		return false
	}
	s.part, s.start = name, start
	s.parts = append(s.parts, name)
	lineEnd := s.w.end + 1
	s.next = -1
	switch name {
	case "apiVersion":
		s.next = lineEnd
		s.list.apiVersion = string(s.w.in[value.start:value.end])
		return start == s.w.pos && value.kind == plain && value.end == s.w.end && slices.Contains(listVersions, s.list.apiVersion)
	case "kind":
		s.next = lineEnd
		return start == s.w.pos && value.kind == plain && value.end == s.w.end && string(s.w.in[value.start:value.end]) == listKind
	case "items":
		s.next = lineEnd
		empty := value.kind == flow && string(s.w.in[value.start:s.w.end]) == "[]"
		return start == s.w.pos && (empty || value.kind == absent && value.col == len("items:"))
	case "functionConfig", "results":
		return value.kind == absent
	}
	return false
}

// endPart ends the part that the walker was under, at the place end.
func (s *listSink) endPart(end int) bool {
	switch s.part {
	case "items":
		if s.item != nil {
			s.next = -1
		}
		s.endItem(end)
	case "functionConfig":
		s.list.config = s.w.in[s.start:end]
	case "results":
		s.list.results = s.w.in[s.start:end]
	}
	return s.next < 0 || s.next == end
}

func (s *listSink) endItem(end int) {
	if s.item == nil {
		return
	}
	s.id.end()
	s.item.list = s.w.in[s.start:end:end]
	s.item = nil
}
