// Package manifest turns bytes into Kubernetes objects and back: KRM ResourceLists, plain YAML streams and files are
// read item by item, and what is not this tool's own passes through as the bytes it came in.
//
// Reading happens in two ways that give the same answer. Canonical YAML, as kustomize, kpt and kubectl write it, is
// recognised line by line (walker.go) and neither copied nor parsed until somebody asks for an item's Object. Any
// other shape goes through the YAML library and is written the way kyaml's framework writes it. The walker accepts
// only what is certain; a differential fuzz test holds the two equal.
//
// Writing never loses an item: List.Encode wants an Entry for each item that came in, EditResources parses its own
// result before it hands it out, and WriteFiles changes all files or none.
package manifest
