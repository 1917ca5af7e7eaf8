package placement

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"

	"tierwall.dev/fn/internal/manifest"
)

// blindSpots are the entries of a kustomization that a build in process cannot take part in, in the order of the fields
// below. Inputs of generators are none of them: they cannot change a NetworkPolicy.
func (k *kustomization) blindSpots(byDir map[string]*kustomization, files Files) []Blind {
	var out []Blind
	add := func(f manifest.Field, entry string, reason Reason) {
		out = append(out, Blind{File: k.file, Field: f.Path, Entry: entry, Reason: reason})
	}
	for _, f := range k.fileFields() {
		entry, ok := f.Text()
		if !ok || inline(entry) {
			continue
		}
		target := path.Join(k.Dir, entry)
		_, file := files[target]
		switch {
		case remote(entry):
			add(f, entry, Remote)
		case !file && byDir[target] == nil:
			add(f, entry, Absent)
		}
	}
	for _, key := range []string{"helmCharts", "helmChartInflationGenerator"} {
		for _, f := range k.object.At(key).Items() {
			name, _ := f.At("name").Text()
			add(f, "helm chart "+name, Plugin)
		}
	}
	for _, key := range []string{"generators", "transformers", "validators"} {
		for _, f := range k.object.At(key).Items() {
			if entry, ok := f.Text(); ok && k.plugin(entry, files) {
				add(f, entry, Plugin)
			}
		}
	}
	return out
}

// fileFields are the fields of a kustomization that name files or directories.
func (k *kustomization) fileFields() []manifest.Field {
	var out []manifest.Field
	for _, key := range []string{"resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge",
		"generators", "transformers", "validators"} {
		out = append(out, k.object.At(key).Items()...)
	}
	for _, key := range []string{"patches", "patchesJson6902", "replacements"} {
		for _, f := range k.object.At(key).Items() {
			out = append(out, f.At("path"))
		}
	}
	return append(out, k.object.At("openapi", "path"))
}

// inline reports whether an entry is a document rather than a path, as kustomize allows for patches and transformers.
func inline(entry string) bool {
	return strings.Contains(entry, "\n") || strings.HasPrefix(strings.TrimSpace(entry), "{")
}

// remote reports whether kustomize would fetch the entry: it is an URL, or kustomize's own parser takes it for a repository.
func remote(entry string) bool {
	return strings.Contains(entry, "://") || (&resource.Origin{}).Append(entry).Repo != ""
}

// plugin reports whether an entry configures anything but what is built into kustomize.
func (k *kustomization) plugin(entry string, files Files) bool {
	content := []byte(entry)
	name := k.file
	if !inline(entry) {
		name = path.Join(k.Dir, entry)
		file, ok := files[name]
		if !ok {
			return false
		}
		content = file
	}
	objects, err := manifest.ReadFile(name, content)
	return err == nil && slices.ContainsFunc(objects, func(o *manifest.Object) bool { return o.APIVersion != "builtin" })
}
