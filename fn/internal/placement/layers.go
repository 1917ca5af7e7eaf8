package placement

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
)

// Layer is a kustomization of the package: a base, an overlay or a component.
type Layer struct {
	// Dir is the slash-separated directory below the package's root, "." for the root itself.
	Dir string
	// File is the kustomization file's path.
	File string
	// Component is true for kind Component, which is no environment of its own.
	Component bool
	// Files are the files listed under resources, in order, without those that are no part of the package.
	Files []string
	// Namespace is the namespace that the kustomization sets, empty where it sets none.
	Namespace string

	includes []*Layer
	// closure holds the layer and all layers that it includes, however deep.
	closure map[*Layer]bool
	// included counts the layers of the package that list this one.
	included int
	// beyond are the entries that the package's files do not hold: remote resources, directories outside the root.
	beyond []string
	// generated are generator inputs (files and envs) that the package does not hold.
	generated []string
	object    *manifest.Object
}

// String is the layer's directory.
func (l *Layer) String() string { return l.Dir }

// kustomizationNames are the names that kustomize recognises, in its order.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

func isKustomization(file string) bool { return slices.Contains(kustomizationNames, path.Base(file)) }

// readLayers reads the kustomizations among the package's files, sorted by directory, and how they include one another.
func readLayers(files Files) ([]*Layer, report.Findings) {
	byDir := map[string]*Layer{}
	var findings report.Findings
	for _, file := range files.Names() {
		if !isKustomization(file) {
			continue
		}
		dir := path.Dir(file)
		if other := byDir[dir]; other != nil {
			findings = append(findings, report.Finding{ID: LayerTwoFiles, Severity: report.Error, File: file,
				Message: fmt.Sprintf("the directory holds %s too; kustomize takes only one: remove one of them", path.Base(other.File))})
			continue
		}
		layer, fs := readLayer(files, file)
		findings = append(findings, fs...)
		if layer != nil {
			byDir[dir] = layer
		}
	}
	layers := slices.SortedFunc(maps.Values(byDir), func(a, b *Layer) int { return cmp.Compare(a.Dir, b.Dir) })
	for _, l := range layers {
		l.link(byDir, files)
	}
	for _, l := range layers {
		if cycle := l.close(); cycle != "" {
			findings = append(findings, report.Finding{ID: LayerCycle, Severity: report.Error, File: l.File, Field: "resources",
				Message: fmt.Sprintf("the kustomizations include each other in a circle (%s): take one of the entries out", cycle)})
			return nil, findings
		}
	}
	return layers, findings
}

func readLayer(files Files, file string) (*Layer, report.Findings) {
	content, err := files.Read(file)
	if err != nil {
		return nil, report.Findings{{ID: LayerUnreadable, Severity: report.Error, File: file, Message: err.Error()}}
	}
	objects, err := manifest.ReadFile(file, content)
	if err != nil {
		return nil, asFindings(err, LayerUnreadable, file)
	}
	if len(objects) == 0 {
		return &Layer{Dir: path.Dir(file), File: file, object: manifest.NewObject(nil, sourceOf(file))}, nil
	}
	if len(objects) > 1 {
		return nil, report.Findings{{ID: LayerUnreadable, Severity: report.Error, File: file,
			Message: fmt.Sprintf("holds %d documents; a kustomization is one document: split the file", len(objects))}}
	}
	o := objects[0]
	l := &Layer{Dir: path.Dir(file), File: file, object: o, Component: o.Kind == "Component"}
	l.Namespace, _ = o.At("namespace").Text()
	return l, nil
}

// link resolves the entries of resources, bases and components.
func (l *Layer) link(byDir map[string]*Layer, files Files) {
	for _, key := range []string{"resources", "bases", "components", "crds"} {
		for _, item := range l.object.At(key).Items() {
			entry, ok := item.Text()
			if !ok {
				continue
			}
			target := path.Join(l.Dir, entry)
			switch {
			case remote(entry):
				l.beyond = append(l.beyond, entry)
			case byDir[target] != nil:
				if other := byDir[target]; key != "crds" && !slices.Contains(l.includes, other) {
					l.includes = append(l.includes, other)
					other.included++
				}
			case files.Has(target):
				if key == "resources" || key == "bases" {
					l.Files = append(l.Files, target)
				}
			default:
				l.beyond = append(l.beyond, entry)
			}
		}
	}
	for _, key := range []string{"configMapGenerator", "secretGenerator"} {
		for _, g := range l.object.At(key).Items() {
			l.generated = append(l.generated, absentInputs(l.Dir, g, files)...)
		}
	}
}

// absentInputs are the paths of a generator's files and envs that the package does not hold.
func absentInputs(dir string, generator manifest.Field, files Files) []string {
	var out []string
	add := func(entry string) {
		if _, file, found := strings.Cut(entry, "="); found {
			entry = file
		}
		if p := path.Join(dir, entry); !files.Has(p) && !strings.HasPrefix(p, "..") {
			out = append(out, p)
		}
	}
	for _, key := range []string{"files", "envs"} {
		for _, item := range generator.At(key).Items() {
			if entry, ok := item.Text(); ok {
				add(entry)
			}
		}
	}
	if entry, ok := generator.At("env").Text(); ok {
		add(entry)
	}
	return out
}

// remote reports whether kustomize would fetch the entry from elsewhere.
func remote(entry string) bool {
	return strings.Contains(entry, "://") || strings.HasPrefix(entry, "git@") ||
		strings.HasPrefix(entry, "github.com/") || strings.Contains(entry, "?ref=")
}

// close computes the closure, and gives the circle's directories where the layers include each other.
func (l *Layer) close() (cycle string) {
	var walk func(at *Layer, trail []*Layer) string
	walk = func(at *Layer, trail []*Layer) string {
		if i := slices.Index(trail, at); i >= 0 {
			var dirs []string
			for _, t := range append(trail[i:], at) {
				dirs = append(dirs, t.Dir)
			}
			return strings.Join(dirs, " -> ")
		}
		if l.closure[at] {
			return ""
		}
		l.closure[at] = true
		for _, next := range at.includes {
			if c := walk(next, append(trail, at)); c != "" {
				return c
			}
		}
		return ""
	}
	l.closure = map[*Layer]bool{}
	return walk(l, nil)
}

// Environment is an outermost overlay as it is applied, or several of one name.
type Environment struct {
	// Name is the overlay's directory name, with its parent's before it where two overlays of one name declare the same
	// objects. It is empty where the package's root is the only kustomization.
	Name string
	// Roots are the kustomizations that are built, sorted by directory.
	Roots []*Layer
}

// includes reports whether a layer is part of the environment.
func (e *Environment) includes(l *Layer) bool {
	return slices.ContainsFunc(e.Roots, func(r *Layer) bool { return r.closure[l] })
}

// environments are the kustomizations that no other includes, put together by name.
func environments(layers []*Layer) []*Environment {
	byName := map[string]*Environment{}
	for _, l := range layers {
		if l.included > 0 || l.Component {
			continue
		}
		name := path.Base(l.Dir)
		if l.Dir == "." {
			name = ""
		}
		e := byName[name]
		if e == nil {
			e = &Environment{Name: name}
			byName[name] = e
		}
		e.Roots = append(e.Roots, l)
	}
	var out []*Environment
	for _, e := range slices.SortedFunc(maps.Values(byName), func(a, b *Environment) int { return cmp.Compare(a.Name, b.Name) }) {
		out = append(out, split(e)...)
	}
	return out
}

// split takes an environment apart whose roots declare the same objects.
func split(e *Environment) []*Environment {
	apart := false
	for i, a := range e.Roots {
		for _, b := range e.Roots[i+1:] {
			for l := range a.closure {
				apart = apart || (b.closure[l] && !l.Component && len(l.Files) > 0)
			}
		}
	}
	if !apart {
		return []*Environment{e}
	}
	var out []*Environment
	for _, r := range e.Roots {
		out = append(out, &Environment{Name: distinctName(r, e.Roots), Roots: []*Layer{r}})
	}
	return out
}

// distinctName is as much of the end of a root's directory as tells it from the others; a "/" is no part of an object's
// name, so policies write it as a hyphen.
func distinctName(r *Layer, roots []*Layer) string {
	parts := strings.Split(r.Dir, "/")
	for n := 2; n <= len(parts); n++ {
		name := strings.Join(parts[len(parts)-n:], "/")
		same := 0
		for _, o := range roots {
			if o.Dir == name || strings.HasSuffix(o.Dir, "/"+name) {
				same++
			}
		}
		if same == 1 {
			return name
		}
	}
	return r.Dir
}
