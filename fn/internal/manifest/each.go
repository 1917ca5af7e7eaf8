package manifest

import "tierwall.dev/fn/internal/report"

// EachObject parses the items of the list one after another, calls visit with each object and keeps none: the nodes of
// a document take many times the memory of its text. It ends at the first item that cannot be read. The error is
// report.Findings.
func (l *List) EachObject(visit func(*Object)) error {
	for _, it := range l.Items {
		o, err := it.take()
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
		members []*Object
		found   report.Findings
	)
	for _, it := range s.Items {
		o, err := it.take()
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

// take is Object, of which the item keeps nothing.
func (it *Item) take() (*Object, error) {
	o, err := it.Object()
	it.object, it.err = nil, nil
	return o, err
}
