package main

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/discovery"
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// builtRoot is a kustomization that no other includes, as kustomize builds it.
type builtRoot struct {
	name  string
	layer *placement.Layer
	built *placement.Built
	// objects are what it applies, without this set's own policies.
	objects []*manifest.Object
}

// environment is one or several roots that are applied together.
type environment struct {
	name  string
	roots []*builtRoot
}

// planned is where the policies of a folder of kustomizations go.
type planned struct {
	placed []placement.Placed
	// frozen are the layers whose policies stay as they are, since an environment that includes them cannot be built here.
	frozen map[string]bool
	// roots are what was built, before anything is written.
	roots []*builtRoot
}

// layered plans the policies of a folder of kustomizations, each environment as kustomize builds it.
func (f *folder) layered(tree *placement.Tree) (*planned, report.Findings, error) {
	frozen, findings := f.freeze(tree)
	p := &planned{frozen: frozen}
	roots, err := f.buildRoots(tree, frozen)
	if err != nil {
		return nil, nil, err
	}
	p.roots = roots
	var environments []placement.Environment
	var names []string
	var said []report.Findings
	for _, e := range together(roots) {
		names = append(names, e.name)
		meant, fs := f.meant(e)
		said = append(said, fs)
		environments = append(environments, meant)
	}
	findings = append(findings, tier.Joined(said)...)
	if len(frozen) == 0 {
		findings = append(findings, f.set.CheckEnvironments(names)...)
	}
	if findings.Failed() || len(environments) == 0 {
		return p, findings, nil
	}
	placed, clashes, fs := placement.Layered(placement.Owner{Set: f.set.Name, Labels: f.set.Labels}, tree.Layers, environments, f.declared)
	findings = append(findings, fs...)
	p.placed, fs = f.settle(placed, clashes)
	return p, append(findings, fs...), nil
}

// freeze finds the environments that cannot be built here, and with them all that share a layer with one of those.
func (f *folder) freeze(tree *placement.Tree) (map[string]bool, report.Findings) {
	frozen := map[string]bool{}
	stays := map[string]bool{}
	var findings report.Findings
	for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
		root := tree.Roots[name]
		for _, b := range tree.BlindIn(root) {
			if b.Reason == placement.Absent && !f.partial {
				continue // kustomize itself will say so
			}
			findings = append(findings, f.notProven(name, root, b))
			stays[name] = true
			maps.Copy(frozen, root.Closure)
			break
		}
	}
	for changed := len(frozen) > 0; changed; {
		changed = false
		for _, name := range slices.Sorted(maps.Keys(tree.Roots)) {
			root := tree.Roots[name]
			if stays[name] || !overlap(root.Closure, frozen) {
				continue
			}
			stays[name], changed = true, true
			maps.Copy(frozen, root.Closure)
			findings = append(findings, report.Finding{ID: EnvironmentNotProven, Severity: f.proofSeverity(name), File: tree.KustomizationFile[root.Dir],
				Message: "shares a layer with an environment that is not proven, so its policies stay as they are"})
		}
	}
	return frozen, findings
}

func overlap(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

func (f *folder) proofSeverity(environment string) report.Severity {
	if f.set.Proof == tier.ProofRequired || f.needed != nil && f.needed(environment) {
		return report.Error
	}
	return report.Warning
}

func (f *folder) notProven(name string, root *placement.Layer, b placement.Blind) report.Finding {
	why := map[placement.Reason]string{
		placement.Remote: "would be fetched from the network: keep a copy of it in the package",
		placement.Plugin: "runs a program: give what it makes to tierwall in a pipe, as in kustomize build --enable-alpha-plugins " + root.Dir + " | tierwall",
		placement.Absent: "is not passed to a function: run tierwall render on the folder instead",
	}[b.Reason]
	return report.Finding{ID: EnvironmentNotProven, Severity: f.proofSeverity(name), File: b.File, Field: b.Field,
		Message: fmt.Sprintf("environment %s is not proven and its policies stay as they are, since %s %s", root.Dir, b.Entry, why)}
}

// buildRoots builds every root that is not frozen, in the order of their names.
func (f *folder) buildRoots(tree *placement.Tree, frozen map[string]bool) ([]*builtRoot, error) {
	var out []*builtRoot
	names := slices.Sorted(maps.Keys(tree.Roots))
	for i, name := range names {
		root := tree.Roots[name]
		if frozen[root.Dir] {
			continue
		}
		f.progress("building "+root.Dir, i, len(names))
		built, err := f.build(tree, root)
		if err != nil {
			return nil, report.Findings{f.notBuilt(root.Dir, tree, err)}
		}
		out = append(out, f.newRoot(name, root, built))
	}
	return out, nil
}

func (f *folder) newRoot(name string, layer *placement.Layer, built *placement.Built) *builtRoot {
	b := &builtRoot{name: name, layer: layer, built: built}
	for _, o := range built.Objects {
		if !f.owns(o) {
			b.objects = append(b.objects, o)
		}
	}
	return b
}

// build builds a root with its layers probed; where that fails, with a probe in the root alone: a layer that kustomize
// takes twice holds no policy of ours anyway.
func (f *folder) build(tree *placement.Tree, root *placement.Layer) (*placement.Built, error) {
	built, err := placement.Build(f.fsys, f.root, root.Dir, tree.Probed(root))
	if err == nil {
		return built, nil
	}
	if alone, errAlone := placement.Build(f.fsys, f.root, root.Dir, []string{root.Dir}); errAlone == nil {
		return alone, nil
	}
	return nil, err
}

// together puts roots of one directory name into one environment, unless two of them apply the same object.
func together(roots []*builtRoot) []environment {
	byName := map[string][]*builtRoot{}
	for _, r := range roots {
		name := path.Base(r.layer.Dir)
		if r.layer.Dir == "." {
			name = ""
		}
		byName[name] = append(byName[name], r)
	}
	var out []environment
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		same := byName[name]
		if disjoint(same) {
			out = append(out, environment{name, same})
			continue
		}
		for _, r := range same {
			out = append(out, environment{r.name, []*builtRoot{r}})
		}
	}
	return out
}

func disjoint(roots []*builtRoot) bool {
	type id struct{ group, kind, namespace, name string }
	seen := map[id]bool{}
	for _, r := range roots {
		for _, o := range r.objects {
			key := id{o.Group(), o.Kind, o.Namespace, o.Name}
			if seen[key] {
				return false
			}
			seen[key] = true
		}
	}
	return true
}

// meant is what is meant in an environment.
func (f *folder) meant(e environment) (placement.Environment, report.Findings) {
	out := placement.Environment{Layers: map[string][]placement.Transformed{}, RootOf: map[*workload.Workload]string{}}
	var objects []*manifest.Object
	rootOf := map[[3]string]string{}
	for _, r := range e.roots {
		out.Roots = append(out.Roots, r.layer.Dir)
		objects = append(objects, r.objects...)
		for dir, all := range r.built.Layers {
			out.Layers[dir] = append(out.Layers[dir], all...)
		}
		for _, o := range r.objects {
			rootOf[[3]string{o.Kind, o.Namespace, o.Name}] = r.layer.Dir
		}
	}
	inventory, findings := discovery.Read(objects)
	giveDeclared(inventory, f.declaredName)
	for _, w := range inventory.Workloads {
		out.RootOf[w] = rootOf[[3]string{w.Kind, w.Namespace, w.Name}]
	}
	model, findings := modelOf(f.set, e.name, inventory, findings)
	for _, w := range inventory.Workloads {
		if w.Operated {
			out.RootOf[w] = e.roots[0].layer.Dir
		}
	}
	out.Model, out.Existing = model, inventory.Policies
	if model != nil {
		model.Environment = e.name
	}
	return out, findings
}

// modelOf is the model of an inventory, and what there is to say beside what was said when it was read.
func modelOf(set *tier.Set, environment string, inventory *workload.Inventory, read report.Findings) (*tier.Model, report.Findings) {
	findings := set.AssignTiers(inventory)
	model, fs := set.Model(environment, inventory)
	return model, slices.Concat(tier.WithoutDeclared(read, inventory), findings, fs)
}

// owns reports whether an object is a policy of this set, or one in a generated file, whose set nobody bears any more: a
// folder holds only one set.
func (f *folder) owns(o *manifest.Object) bool {
	if o.Kind != "NetworkPolicy" || o.Group() != networkingv1.GroupName {
		return false
	}
	set, marked := o.At("metadata", "labels").StringMap()[policy.SetLabel]
	return f.adopted[o.Source] || marked && (set == f.set.Name || path.Base(o.Source.File) == placement.GeneratedFile)
}

// declared is the namespace that a workload's manifest names.
func (f *folder) declared(file, kind, name string) string {
	objects, err := f.read(file)
	if err != nil {
		return ""
	}
	for _, o := range objects {
		if o.Kind == kind && o.Name == name {
			return o.Namespace
		}
	}
	return ""
}

func (f *folder) notBuilt(dir string, tree *placement.Tree, err error) report.Finding {
	message := f.relative(withoutSecondTry(strings.Join(strings.Fields(err.Error()), " ")))
	return report.Finding{ID: EnvironmentNotBuilt, Severity: report.Error, File: tree.KustomizationFile[dir],
		Message: fmt.Sprintf("kustomize cannot build it, so nothing is derived: %s; try kubectl kustomize %s", message, dir)}
}

// secondTry is what kustomize says of an entry that is no file: it tries it as a directory, and says why it is none.
var secondTry = regexp.MustCompile(`accumulation err='(.*)': must build at directory: .*`)

func withoutSecondTry(message string) string { return secondTry.ReplaceAllString(message, "$1") }

// relative is a message with the paths of the machine written from the folder.
func (f *folder) relative(message string) string {
	up := ""
	for at := f.root; at != filepath.Dir(at); at = filepath.Dir(at) {
		message = strings.ReplaceAll(message, at+string(filepath.Separator), up)
		if up == "" {
			message = strings.ReplaceAll(message, at, ".")
		}
		up += "../"
	}
	return message
}
