package placement

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// GeneratedFile is the file beside a layer's kustomization that holds its policies.
const GeneratedFile = "network-policies.yaml"

// Layer is a kustomization of the package: a base, an overlay or a component.
type Layer struct {
	// Dir is the slash-separated directory below the package's root, "." for the root itself.
	Dir string
	// Files are the files that it lists under resources.
	Files []string
	// Component is true for kind Component, which is no environment of its own.
	Component bool
	// Closure holds the directories of the layer itself and of all layers that it includes, however deep.
	Closure map[string]bool
}

// Environment is an outermost overlay as it is built, or several that are one environment: the overlays of one name of an
// application whose parts have their bases and overlays apart.
type Environment struct {
	// Roots are the directories of the kustomizations that are built, at least one.
	Roots []string
	// RootOf gives the root that builds a workload.
	RootOf map[*workload.Workload]string
	// Model is what is meant in it. Its workloads' sources are the files that declare them.
	Model *tier.Model
	// Layers is what becomes of the policies of each layer, once for each time that a root includes it.
	Layers map[string][]Transformed
	// Existing are the policies in it that are not this set's own.
	Existing []workload.ExistingPolicy
}

// Declared gives the namespace that the manifest of a workload names, empty where it names none.
type Declared func(file, kind, name string) string

// Layered decides where each policy stands: a layer's policies hold what is common to all environments that include the
// layer, and what differs is an additional policy in the environment's own overlay, since policies add up. The policies
// are sorted by layer; the findings are those of Flat.
func Layered(owner Owner, layers []*Layer, environments []Environment, declared Declared) ([]Placed, []Clash, report.Findings) {
	l := &layering{layers: layers, environments: environments, covered: map[coverKey]bool{}, sites: map[string]*site{}}
	l.declare(declared)
	l.plan = newPlan(owner, l.declarations)
	for i, e := range environments {
		sc := l.plan.newScene(e.Model, l.built[i])
		for _, root := range e.Roots {
			for _, t := range e.Layers[root] {
				sc.overlaySets = sc.overlaySets || t.Namespace != ""
			}
		}
		l.scenes = append(l.scenes, sc)
	}
	l.shared()
	for i := range environments {
		l.plan.leftover(l.scenes[i], l.ownPolicies(i))
		l.plan.notIsolated(l.scenes[i], l.declarations, func(namespace string) bool { return l.covered[coverKey{l.scenes[i], namespace}] })
	}
	slices.SortStableFunc(l.plan.placed, func(a, b Placed) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(readingOrder(a), readingOrder(b)))
	})
	l.distinctNames()
	return l.plan.placed, l.clashes(), l.plan.findings
}

// readingOrder puts the default deny first and Prometheus last.
func readingOrder(p Placed) int {
	switch {
	case strings.HasPrefix(p.Policy.Name, "default-deny-all"):
		return 0
	case strings.HasPrefix(p.Policy.Name, "prometheus-network-policy"):
		return 2
	}
	return 1
}

type layering struct {
	layers       []*Layer
	environments []Environment
	declarations []*declaration
	// built is, for each environment, what each declaration is built to, by number; nil where it is not part of it.
	built  [][]*workload.Workload
	scenes []*scene
	sites  map[string]*site
	// covered are the namespaces that have their default deny.
	covered map[coverKey]bool
	plan    *plan
}

type coverKey struct {
	scene     *scene
	namespace string
}

// declare finds out which layer declares each built workload, and which workloads of the environments are the same one.
func (l *layering) declare(declared Declared) {
	type key struct{ file, layer, kind, name, tier, only string }
	listing := map[string][]string{}
	for _, layer := range l.layers {
		for _, f := range layer.Files {
			listing[f] = append(listing[f], layer.Dir)
		}
	}
	byKey := map[key]*declaration{}
	found := make([]map[*declaration]*workload.Workload, len(l.environments))
	for i, e := range l.environments {
		found[i] = map[*declaration]*workload.Workload{}
		for _, w := range e.Model.Workloads {
			dir, known := declaring(e, listing[w.Source.File])
			k := key{w.Source.File, dir, w.Kind, w.Name, w.Tier, ""}
			if all := e.Layers[dir]; known {
				k.name = strings.TrimSuffix(strings.TrimPrefix(w.Name, all[0].Prefix), all[0].Suffix)
			} else {
				// Generated, or built in twice: no layer's policy can be for this one alone.
				dir, k.layer, k.only = "", "", fmt.Sprintf("%d %s", i, w.ID())
			}
			d := byKey[k]
			if d == nil {
				d = &declaration{layer: dir, kind: w.Kind, name: k.name, tier: w.Tier, namespace: declared(w.Source.File, w.Kind, k.name)}
				byKey[k] = d
				l.declarations = append(l.declarations, d)
			}
			found[i][d] = w
		}
	}
	slices.SortFunc(l.declarations, func(a, b *declaration) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.tier, b.tier), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.name, b.name), cmp.Compare(a.layer, b.layer))
	})
	for i := range l.environments {
		built := make([]*workload.Workload, len(l.declarations))
		for n, d := range l.declarations {
			built[n] = found[i][d]
		}
		l.built = append(l.built, built)
	}
}

// declaring is the one layer of those listing a file through which the environment has it; a file may be listed by a base
// and by another kustomization that the environment does not include. False where it has it twice, or not by a probed layer.
func declaring(e Environment, listing []string) (string, bool) {
	var dirs []string
	for _, dir := range listing {
		if len(e.Layers[dir]) > 0 {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) != 1 || len(e.Layers[dirs[0]]) != 1 {
		return "", false
	}
	return dirs[0], true
}

// shared writes what several environments have in common, into the lowest layer where it all meets.
func (l *layering) shared() {
	byScenes := map[string][]*declaration{}
	for _, d := range l.declarations {
		var in strings.Builder
		for i, sc := range l.scenes {
			if w := sc.built[d.number]; w != nil && !w.HostNetwork {
				fmt.Fprintf(&in, "%04d ", i)
			}
		}
		if d.layer != "" && in.Len() > 0 {
			byScenes[in.String()] = append(byScenes[in.String()], d)
		}
	}
	// What more environments share comes first, so that a workload of one overlay leaves the base's policies where they are.
	keys := slices.SortedFunc(maps.Keys(byScenes), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, k := range keys {
		members := byScenes[k]
		across := &site{scenes: l.including(members[0])}
		for _, part := range across.partitions(members, true) {
			l.sharedPartition(part)
		}
	}
}

func (l *layering) including(d *declaration) []*scene {
	var out []*scene
	for _, sc := range l.scenes {
		if sc.built[d.number] != nil {
			out = append(out, sc)
		}
	}
	return out
}

func (l *layering) sharedPartition(part partition) {
	if s := l.home(part.members); s != nil && !l.anyCovered(s, part) && l.plan.defaultDeny(s, part) {
		l.cover(s, part)
		l.plan.scrape(s, part)
	}
	byTier := map[string][]*declaration{}
	for _, d := range part.members {
		byTier[d.tier] = append(byTier[d.tier], d)
	}
	for _, t := range slices.Sorted(maps.Keys(byTier)) {
		for _, members := range together(t, byTier[t]) {
			if s := l.home(members); s != nil {
				l.plan.subjectPolicies(s, partition{part.declared, part.namespaces, members})
			}
		}
	}
}

// together are the members of a tier as one; workloads without a tier have nothing in common.
func together(t string, members []*declaration) [][]*declaration {
	if t != "" {
		return [][]*declaration{members}
	}
	var out [][]*declaration
	for _, d := range members {
		out = append(out, []*declaration{d})
	}
	return out
}

func (l *layering) anyCovered(s *site, part partition) bool {
	for i, sc := range s.scenes {
		if l.covered[coverKey{sc, part.namespaces[i]}] {
			return true
		}
	}
	return false
}

func (l *layering) cover(s *site, part partition) {
	for i, sc := range s.scenes {
		l.covered[coverKey{sc, part.namespaces[i]}] = true
	}
}

// home is the lowest layer that includes the layers of all members and that every environment with one of them includes
// just once; nil where there is none.
func (l *layering) home(members []*declaration) *site {
	scenes := l.including(members[0])
	var best *Layer
	for _, layer := range l.layers {
		if l.meets(layer, members, scenes) && (best == nil || len(layer.Closure) < len(best.Closure)) {
			best = layer
		}
	}
	if best == nil {
		return nil
	}
	key := best.Dir
	if l.sites[key] == nil {
		s := &site{dir: best.Dir}
		for i, sc := range l.scenes {
			if l.environments[i].Layers[best.Dir] != nil {
				s.scenes = append(s.scenes, sc)
				s.transformed = append(s.transformed, l.environments[i].Layers[best.Dir][0])
			}
		}
		l.sites[key] = s
	}
	return l.sites[key]
}

func (l *layering) meets(layer *Layer, members []*declaration, scenes []*scene) bool {
	for _, d := range members {
		if !layer.Closure[d.layer] {
			return false
		}
	}
	for i, sc := range l.scenes {
		times := len(l.environments[i].Layers[layer.Dir])
		if wanted := slices.Contains(scenes, sc); (wanted && times != 1) || (!wanted && times != 0) {
			return false
		}
	}
	return true
}

// ownPolicies writes what an environment has beyond what its layers hold, into its own overlays, which it gives.
func (l *layering) ownPolicies(i int) []*site {
	var sites []*site
	e, sc := l.environments[i], l.scenes[i]
	for _, root := range e.Roots {
		s := &site{dir: root, scenes: []*scene{sc}, transformed: e.Layers[root][:1], suffix: "-" + ownName(e)}
		sites = append(sites, s)
		var members []*declaration
		for _, d := range bound(l.declarations, sc) {
			if e.RootOf[sc.built[d.number]] == root {
				members = append(members, d)
			}
		}
		for _, part := range s.partitions(members, false) {
			if !l.anyCovered(s, part) && l.plan.defaultDeny(s, part) {
				l.cover(s, part)
			}
			l.plan.scrape(s, part)
			l.plan.subjectPolicies(s, part)
		}
	}
	return sites
}

// ownName is the environment's name as policies bear it.
func ownName(e Environment) string {
	name := e.Model.Environment
	if name == "" {
		name = path.Base(e.Roots[0])
	}
	if name == "." || name == "" {
		name = "local"
	}
	return strings.ToLower(strings.ReplaceAll(name, "/", "-"))
}

// distinctNames tells policies apart that would be one object: kustomize refuses to build them, and two overlays that
// are applied to one namespace would overwrite each other's. The later one gets its layer's directory into the name.
func (l *layering) distinctNames() {
	taken := map[string]int{}
	for i, placed := range l.plan.placed {
		name := placed.Policy.Name
		for n := 0; l.taken(taken, placed, name); n++ {
			name = placed.Policy.Name + "-" + path.Base(placed.Layer)
			if n > 0 {
				name += fmt.Sprintf("-%d", n+1)
			}
		}
		for _, id := range l.ids(placed, name) {
			taken[id] = i
		}
		renamed := *placed.Policy
		renamed.Name = name
		l.plan.placed[i].Policy = &renamed
	}
}

// Clash is a policy of the user's that bears the name of one of ours: kustomize would not build the two.
type Clash struct {
	// Placed is the place of our policy in the result.
	Placed   int
	Existing workload.ExistingPolicy
}

// clashes are sorted by the place of the user's policy, which is named once however many environments hold it.
func (l *layering) clashes() []Clash {
	bearers := map[string]int{}
	for i, placed := range l.plan.placed {
		for _, id := range l.ids(placed, placed.Policy.Name) {
			bearers[id] = i
		}
	}
	var out []Clash
	for _, e := range l.environments {
		for _, x := range e.Existing {
			i, clash := bearers[strings.Join([]string{e.Model.Environment, x.Namespace, x.Name}, "\x00")]
			if clash && !slices.ContainsFunc(out, func(c Clash) bool { return c.Placed == i && c.Existing.Source == x.Source }) {
				out = append(out, Clash{i, x})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Clash) int {
		return cmp.Or(cmp.Compare(a.Existing.Source.File, b.Existing.Source.File), cmp.Compare(a.Placed, b.Placed))
	})
	return out
}

func (l *layering) taken(taken map[string]int, placed Placed, name string) bool {
	for _, id := range l.ids(placed, name) {
		if _, ok := taken[id]; ok {
			return true
		}
	}
	return false
}

// ids are the identities that a policy of the name has in the environments.
func (l *layering) ids(placed Placed, name string) []string {
	var out []string
	for _, e := range l.environments {
		for _, t := range e.Layers[placed.Layer] {
			namespace := t.Namespace
			if placed.Policy.Namespace != "" && t.Kept {
				namespace = placed.Policy.Namespace
			}
			out = append(out, strings.Join([]string{e.Model.Environment, namespace, t.Prefix + name + t.Suffix}, "\x00"))
		}
	}
	return out
}
