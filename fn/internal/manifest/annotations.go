package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// isOrchestrators reports whether an annotation belongs to the run and not to the file: kpt and kustomize set these on
// the way to a function and take them off before they write.
func isOrchestrators(key string) bool {
	switch key {
	case annotationPathLegacy, annotationIndexLegacy, annotationKustomizeID, "config.k8s.io/id":
		return true
	}
	return strings.HasPrefix(key, "internal.config.kubernetes.io/")
}

// File is the item as its file holds it: Bytes without the orchestrator's annotations. The caller must not change it.
func (it *Item) File() []byte {
	document := it.Bytes()
	a, ok := findAnnotations(document)
	if !ok {
		return withoutAnnotationsViaLibrary(document)
	}
	var cut []span
	for _, e := range a.entries {
		if isOrchestrators(e.key) {
			cut = append(cut, e.span)
		}
	}
	switch {
	case len(cut) == 0:
		return document
	case len(cut) == len(a.entries) && a.metadataKeys == 1:
		cut = append(cut, a.metadata, a.annotations)
	case len(cut) == len(a.entries):
		cut = append(cut, a.annotations)
	}
	return cutSpans(document, cut)
}

// WithText is a document edited by the caller, with the item's orchestrator's annotations put back: for the Text of the
// item's Entry. An annotation that the text has already stays.
func (it *Item) WithText(text []byte) []byte {
	document := it.Bytes()
	from, ok := findAnnotations(document)
	to, okTo := findAnnotations(text)
	if !ok || !okTo || to.annotationsFlow {
		return withAnnotationsViaLibrary(text, document)
	}
	col := to.annotationCol()
	var lines []byte
	for _, e := range from.entries {
		if isOrchestrators(e.key) && !to.has(e.key) {
			if e.block && e.col != col {
				return withAnnotationsViaLibrary(text, document)
			}
			lines = append(lines, strings.Repeat(" ", col)...)
			lines = append(lines, document[e.start+e.col:e.end]...)
		}
	}
	if len(lines) == 0 {
		return text
	}
	at := to.annotations.end
	switch {
	case to.annotations.end > 0:
	case to.metadata.end > 0:
		at = to.metadata.end
		lines = append([]byte(strings.Repeat(" ", to.metadataCol())+"annotations:\n"), lines...)
	default:
		at = len(text)
		lines = append([]byte("metadata:\n  annotations:\n"), lines...)
	}
	return bytes.Join([][]byte{text[:at], lines, text[at:]}, nil)
}

// span is a run of whole lines of a document.
type span struct{ start, end int }

// annotationLines is where a canonical document has its annotations. A span with end 0 is not there.
type annotationLines struct {
	w  *walker
	in []byte
	// metadata and annotations are the lines of these keys alone.
	metadata, annotations span
	// metadataKeys counts the keys of metadata.
	metadataKeys                int
	entries                     []annotationLine
	inMetadata, inAnnotations   bool
	annotationsFlow             bool
	metadataIndent, entryIndent int
}

type annotationLine struct {
	span
	key string
	col int
	// block is set for a value of several lines, which cannot be moved to another column.
	block bool
}

// findAnnotations reads the annotations' lines; false where the document is not canonical, or one of the
// orchestrator's annotations is no scalar.
func findAnnotations(document []byte) (*annotationLines, bool) {
	var w walker
	a := &annotationLines{w: &w, in: document}
	return a, walk(document, a, &w)
}

func (a *annotationLines) key(depth, col int, key, value scalar) bool {
	name := string(a.in[key.start:key.end])
	line := span{a.w.pos, a.w.end + 1}
	switch {
	case depth == 0:
		a.inMetadata, a.inAnnotations = name == "metadata", false
		if a.inMetadata {
			a.metadata = line
			return value.kind == absent
		}
	case depth == 1 && a.inMetadata:
		a.metadataKeys++
		a.metadataIndent = col
		a.inAnnotations = name == "annotations"
		if a.inAnnotations {
			a.annotations = line
			a.annotationsFlow = value.kind != absent
			return !holdsKeys(value)
		}
	case depth == 2 && a.inAnnotations:
		a.entryIndent = col
		a.entries = append(a.entries, annotationLine{span: line, key: name, col: col, block: value.kind == literal || value.kind == folded})
		return !isOrchestrators(name) || value.kind != absent && value.kind != flow
	}
	return true
}

func (a *annotationLines) element(depth, _ int, _ scalar) bool {
	return depth != 1 && depth != 2 || !a.inMetadata && !a.inAnnotations || depth == 2 && !a.inAnnotations
}

func (a *annotationLines) has(key string) bool {
	for _, e := range a.entries {
		if e.key == key {
			return true
		}
	}
	return false
}

func (a *annotationLines) metadataCol() int {
	if a.metadataKeys > 0 {
		return a.metadataIndent
	}
	return 2
}

func (a *annotationLines) annotationCol() int {
	if len(a.entries) > 0 {
		return a.entryIndent
	}
	return a.metadataCol() + 2
}

// cutSpans is the document without some of its lines.
func cutSpans(document []byte, cut []span) []byte {
	out := make([]byte, 0, len(document))
	for start := 0; start < len(document); {
		end := len(document)
		next := len(document)
		for _, s := range cut {
			if s.start >= start && s.start < end {
				end, next = s.start, s.end
			}
		}
		out = append(out, document[start:end]...)
		start = next
	}
	return out
}

// withoutAnnotationsViaLibrary is File for a document that is not canonical.
func withoutAnnotationsViaLibrary(document []byte) []byte {
	root, p := parseWithLibrary(document)
	if p != nil || root == nil {
		return document
	}
	annotations := lookup(lookup(root, "metadata", mergeDepth), "annotations", mergeDepth)
	if annotations == nil || annotations.Kind != yaml.MappingNode {
		return document
	}
	kept := annotations.Content[:0:0]
	for i := 0; i+1 < len(annotations.Content); i += 2 {
		if !isOrchestrators(annotations.Content[i].Value) {
			kept = append(kept, annotations.Content[i:i+2]...)
		}
	}
	if len(kept) == len(annotations.Content) {
		return document
	}
	annotations.Content = kept
	dropEmptyAnnotations(root)
	out, err := encode(root)
	if err != nil {
		return document
	}
	return out
}

// withAnnotationsViaLibrary is WithText where one of the two is not canonical. A text that cannot be parsed stays as it
// is: Encode refuses it.
func withAnnotationsViaLibrary(text, document []byte) []byte {
	root, p := parseWithLibrary(text)
	source, ps := parseWithLibrary(document)
	if p != nil || ps != nil || root == nil || root.Kind != yaml.MappingNode {
		return text
	}
	from := Field{node: source}.At("metadata", "annotations").Node()
	if from == nil || from.Kind != yaml.MappingNode {
		return text
	}
	to := mappingAt(mappingAt(root, "metadata"), "annotations")
	for i := 0; i+1 < len(from.Content); i += 2 {
		if k := from.Content[i]; isOrchestrators(k.Value) && findKey(to.Content, k.Value) == nil {
			to.Content = append(to.Content, k, from.Content[i+1])
		}
	}
	if len(to.Content) == 0 {
		return text
	}
	out, err := encode(root)
	if err != nil {
		return text
	}
	return out
}

// mappingAt is the mapping under a key, which is made where there is none.
func mappingAt(n *yaml.Node, key string) *yaml.Node {
	if m := lookup(n, key, mergeDepth); m != nil && m.Kind == yaml.MappingNode {
		return m
	}
	removeKey(n, key)
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, m)
	return m
}
