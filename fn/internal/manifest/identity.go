package manifest

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// identity fills an Item from the keys that a walker finds, as a sink for a document of its own and as a part of the
// sink for a list.
type identity struct {
	in   []byte
	item *Item
	// seen has a bit for each tracked key.
	seen uint16
	// section is the tracked mapping that the walker is in.
	metadata, annotations bool
	// legacyPath and legacyIndex hold what counts only where the current annotations are missing.
	path, legacyPath, index, legacyIndex string
}

// Tracked keys of an item, each once at most.
const (
	seenAPIVersion = 1 << iota
	seenKind
	seenMetadata
	seenNamespace
	seenName
	seenAnnotations
	seenPath
	seenPathLegacy
	seenIndex
	seenIndexLegacy
	seenPackagePath
	seenKustomizeID
)

// The annotations in which kpt and kustomize say where an item comes from.
const (
	annotationPath        = "internal.config.kubernetes.io/path"
	annotationPathLegacy  = "config.kubernetes.io/path"
	annotationIndex       = "internal.config.kubernetes.io/index"
	annotationIndexLegacy = "config.kubernetes.io/index"
	annotationPackagePath = "internal.config.kubernetes.io/package-path"
	annotationKustomizeID = "kustomize.config.k8s.io/id"
)

func (id *identity) begin(it *Item) {
	*id = identity{in: id.in, item: it}
}

// key takes a key at the depth below the item's own mapping; false where it is there twice, or is not surely read.
func (id *identity) key(depth int, key, value scalar) bool {
	switch depth {
	case 0:
		id.metadata, id.annotations = false, false
		return id.topKey(key, value)
	case 1:
		id.annotations = false
		return !id.metadata || id.metadataKey(key, value)
	case 2:
		return !id.annotations || id.annotation(key, value)
	}
	return true
}

func (id *identity) topKey(key, value scalar) bool {
	switch string(id.in[key.start:key.end]) {
	case "apiVersion":
		return id.once(seenAPIVersion) && id.text(value, &id.item.APIVersion)
	case "kind":
		return id.once(seenKind) && id.text(value, &id.item.Kind)
	case "metadata":
		id.metadata = true
		// A flow mapping may hold what is looked for; an empty one does not.
		return id.once(seenMetadata) && !holdsKeys(value)
	}
	return true
}

func (id *identity) metadataKey(key, value scalar) bool {
	switch string(id.in[key.start:key.end]) {
	case "namespace":
		return id.once(seenNamespace) && id.text(value, &id.item.Namespace)
	case "name":
		return id.once(seenName) && id.text(value, &id.item.Name)
	case "annotations":
		id.annotations = true
		return id.once(seenAnnotations) && !holdsKeys(value)
	}
	return true
}

func (id *identity) annotation(key, value scalar) bool {
	switch string(id.in[key.start:key.end]) {
	case annotationPath:
		return id.once(seenPath) && id.text(value, &id.path)
	case annotationPathLegacy:
		return id.once(seenPathLegacy) && id.text(value, &id.legacyPath)
	case annotationIndex:
		return id.once(seenIndex) && id.text(value, &id.index)
	case annotationIndexLegacy:
		return id.once(seenIndexLegacy) && id.text(value, &id.legacyIndex)
	case annotationPackagePath:
		return id.once(seenPackagePath) && id.text(value, &id.item.PackagePath)
	case annotationKustomizeID:
		id.item.KustomizeID = true
		return id.once(seenKustomizeID)
	}
	return true
}

func holdsKeys(value scalar) bool { return value.kind == flow && value.end-value.start > len("{}") }

func (id *identity) once(bit uint16) bool {
	first := id.seen&bit == 0
	id.seen |= bit
	return first
}

// text reads a scalar that stands on its line without escapes.
func (id *identity) text(s scalar, into *string) bool {
	span := id.in[s.start:s.end]
	switch s.kind {
	case absent:
		return true
	case plain:
		if !isNull(span) {
			*into = string(span)
		}
		return true
	case single, double:
		*into = string(span)
		return !s.escaped
	}
	return false
}

func isNull(plain []byte) bool {
	switch string(plain) {
	case "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// end takes over the place once all annotations are read.
func (id *identity) end() {
	setPlace(id.item, id.path, id.legacyPath, id.index, id.legacyIndex)
}

// setPlace sets path and index, from the legacy annotations where the current ones are missing.
func setPlace(it *Item, path, legacyPath, index, legacyIndex string) {
	it.Path = path
	if path == "" {
		it.Path = legacyPath
	}
	if index == "" {
		index = legacyIndex
	}
	it.Index = place(index)
}

// place is the number in an index annotation, 0 where it is none.
func place(index string) int {
	n, err := strconv.Atoi(index)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// identify fills an item from its parsed mapping, which is at path in the input. A tracked key that is there twice is
// a problem.
func identify(it *Item, root *yaml.Node, path string) *problem {
	o := NewObject(root, it.Source())
	it.APIVersion, it.Kind, it.Namespace, it.Name = o.APIVersion, o.Kind, o.Namespace, o.Name
	annotations := o.At("metadata", "annotations")
	text := func(key string) string {
		value, _ := annotations.At(key).Text()
		return value
	}
	it.KustomizeID = annotations.At(annotationKustomizeID).Node() != nil
	it.PackagePath = text(annotationPackagePath)
	setPlace(it, text(annotationPath), text(annotationPathLegacy), text(annotationIndex), text(annotationIndexLegacy))
	return firstProblem(
		checkTracked(Field{node: o.Root}, path, "apiVersion", "kind", "metadata"),
		checkTracked(o.At("metadata"), join(path, "metadata"), "namespace", "name", "annotations"),
		checkTracked(annotations, join(path, "metadata.annotations"), annotationPath, annotationPathLegacy,
			annotationIndex, annotationIndexLegacy, annotationPackagePath, annotationKustomizeID),
	)
}

func firstProblem(ps ...*problem) *problem {
	for _, p := range ps {
		if p != nil {
			return p
		}
	}
	return nil
}

// checkTracked is checkMapping for some keys only.
func checkTracked(f Field, path string, keys ...string) *problem {
	n := f.Node()
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for _, key := range keys {
		first := findKey(n.Content, key)
		if first == nil {
			continue
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i]; k != first && k.Kind == yaml.ScalarNode && k.Value == key {
				return duplicateKey(k, path)
			}
		}
	}
	return nil
}
