package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
)

// Entry is one item of the output. Every item of the input needs exactly one Entry, so that none is lost by accident.
type Entry struct {
	// Item is an item of the list that is encoded; nil for a new one.
	Item *Item
	// Text is the YAML document to write. Nil writes the Item as it came, byte for byte.
	Text []byte
	// Remove leaves the Item out of the output.
	Remove bool
}

// Unchanged is the entries that write all items as they came.
func (l *List) Unchanged() []Entry {
	entries := make([]Entry, len(l.Items))
	for i, it := range l.Items {
		entries[i].Item = it
	}
	return entries
}

// Encode is the ResourceList with the entries as its items, in their order, and the findings as its results. Without
// findings the results of the input stay, as with kyaml's framework. It refuses entries that miss an item of the list
// or have it twice, and a Text that is no single mapping.
func (l *List) Encode(entries []Entry, results report.Findings) ([]byte, error) {
	p, err := l.Pieces(entries, results)
	if err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}

// Pieces is Encode without a copy of the items that stay as they came.
func (l *List) Pieces(entries []Entry, results report.Findings) (Pieces, error) {
	if err := l.checkEntries(entries); err != nil {
		return nil, err
	}
	const around = 3 // head, config and results
	items := make(Pieces, 1, len(entries)+around)
	alone := l.sharesAnchors() && !l.isUnchanged(entries)
	empty := true
	for i, e := range entries {
		text, err := entryText(e, alone)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		items = append(items, text)
		empty = empty && len(text) == 0
	}
	head := "apiVersion: " + l.apiVersion + "\nkind: " + listKind + "\nitems:"
	if empty {
		head += " []"
	}
	items[0] = []byte(head + "\n")
	items = append(items, l.config)
	if len(results) > 0 {
		return append(items, appendResults(nil, results)), nil
	}
	return append(items, l.results), nil
}

func (l *List) checkEntries(entries []Entry) error {
	found := make([]bool, len(l.Items))
	for i, e := range entries {
		switch it := e.Item; {
		case it == nil && (e.Remove || e.Text == nil):
			return fmt.Errorf("entry %d: neither an item nor a text", i)
		case it == nil:
		case it.position >= len(l.Items) || l.Items[it.position] != it:
			return fmt.Errorf("entry %d: %s is no item of this list", i, it)
		case found[it.position]:
			return fmt.Errorf("entry %d: %s is there twice", i, it)
		case e.Remove && e.Text != nil:
			return fmt.Errorf("entry %d: %s is both removed and replaced", i, it)
		default:
			found[it.position] = true
		}
	}
	for i, it := range l.Items {
		if !found[i] {
			return fmt.Errorf("%s would be lost: it has no entry", it)
		}
	}
	return nil
}

// String names the item for an error.
func (it *Item) String() string {
	name := it.Name
	if it.Namespace != "" {
		name = it.Namespace + "/" + name
	}
	return fmt.Sprintf("%s: %s %s", it.Source(), it.Kind, name)
}

func (l *List) sharesAnchors() bool {
	for _, it := range l.Items {
		if it.shared {
			return true
		}
	}
	return false
}

func (l *List) isUnchanged(entries []Entry) bool {
	for i, e := range entries {
		if i >= len(l.Items) || e.Item != l.Items[i] || e.Text != nil || e.Remove {
			return false
		}
	}
	return true
}

// entryText is one entry as it stands in the list. alone writes items that share anchors as documents of their own,
// because the item with the anchor may be gone.
func entryText(e Entry, alone bool) ([]byte, error) {
	switch {
	case e.Remove:
		return nil, nil
	case e.Text != nil:
		text, err := embeddable(e.Text)
		if err != nil {
			return nil, err
		}
		return appendIndented(nil, text), nil
	case e.Item.shared && alone:
		return appendIndented(nil, e.Item.document), nil
	}
	return e.Item.list, nil
}

// nothing is the sink that takes everything.
type nothing struct{}

func (nothing) key(int, int, scalar, scalar) bool { return true }
func (nothing) element(int, int, scalar) bool     { return true }

var errNoMapping = errors.New("the text is not one YAML mapping")

// embeddable is a document that can be indented into a list: as it is where it is canonical, else written anew.
func embeddable(text []byte) ([]byte, error) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if n := len(text); n > 0 && text[n-1] != '\n' {
		text = append(text[:n:n], '\n')
	}
	var w walker
	if walk(text, nothing{}, &w) && w.stack[0].col == 0 {
		return text, nil
	}
	root, p := parseWithLibrary(text)
	if p != nil {
		return nil, errors.New(p.message)
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, errNoMapping
	}
	return encode(root)
}
