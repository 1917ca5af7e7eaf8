package manifest

import "tierwall.dev/fn/internal/report"

// EachObject parses the items of the list one after another and calls visit with each object, which is gone when visit
// returns: the nodes of a document take many times the memory of its text, and the next one is made of them. It ends at
// the first item that cannot be read. The error is report.Findings.
func (l *List) EachObject(visit func(*Object)) error {
	var p itemParser
	for _, it := range l.Items {
		o, err := p.take(it)
		if err != nil {
			return err
		}
		visit(o)
	}
	return nil
}

// EachObject is the same for a stream, with the members of lists in place of the list. The error has a finding for each
// document that cannot be read; the others have been visited nevertheless.
func (s *Stream) EachObject(visit func(*Object)) error {
	var (
		p       itemParser
		members []*Object
		found   report.Findings
	)
	for _, it := range s.Items {
		o, err := p.take(it)
		if err != nil {
			found = append(found, err.(report.Findings)...)
			continue
		}
		members = appendMembers(members[:0], o, 0)
		for _, m := range members {
			visit(m)
		}
	}
	return asError(found)
}

// itemParser parses items in the memory of the one before.
type itemParser struct {
	builder  builder
	document []byte
}

// take is the item's Object, of which the item keeps nothing.
func (p *itemParser) take(it *Item) (*Object, error) {
	if o := it.object; o != nil {
		// It was parsed for its identity.
		it.object = nil
		return o, nil
	}
	document := it.document
	if document == nil {
		p.document = unindent(p.document[:0], it.list)
		document = p.document
	}
	return it.parse(&p.builder, document)
}
