package main

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	apiyaml "k8s.io/apimachinery/pkg/util/yaml"

	"tierwall.dev/e2e/apirules"
	"tierwall.dev/fn/internal/placement"
)

// The laws that hold for every package, tried on random ones. A run that is refused must change nothing, and is no case:
// most must not be, so that the laws are surely tried.
const (
	// randomFolders are few: each is written to disk, and synced, four times.
	randomFolders = 20
	randomStreams = 200
)

// checkEnough holds the runs that were good to two thirds.
func checkEnough(t *testing.T, good, of int) {
	t.Helper()
	if 3*good < 2*of {
		t.Errorf("%d of %d random packages are good, want two thirds", good, of)
	}
}

// TestEveryRenderedPackage: what a folder's render does, on disk.
func TestEveryRenderedPackage(t *testing.T) {
	rendered := 0
	for seed := range uint64(randomFolders) {
		p := newRandomPackage(seed)
		before := p.files()
		dir := t.TempDir()
		writeTree(t, dir, before)
		o := execute("", "render", dir)
		after := snapshotFiles(t, dir)
		if o.code != exitGood {
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("seed %d: refused, and yet (-before +after):\n%s", seed, diff)
			}
			continue
		}
		rendered++
		checkForeignFiles(t, seed, before, after)
		checkRules(t, fmt.Sprint("seed ", seed), policiesIn(t, after))
		if o := execute("", "render", dir); o.stdout != "nothing to change\n" {
			t.Errorf("seed %d: the second run: %+v", seed, o)
		}
		if diff := cmp.Diff(after, snapshotFiles(t, dir)); diff != "" {
			t.Errorf("seed %d: render twice is not render once (-once +twice):\n%s", seed, diff)
		}
		checkOrderOfFiles(t, seed, p, after)
	}
	checkEnough(t, rendered, randomFolders)
}

// checkForeignFiles holds every file that is not ours to its bytes; a kustomization may have an entry more.
func checkForeignFiles(t *testing.T, seed uint64, before, after map[string]string) {
	t.Helper()
	for name, content := range after {
		old, existed := before[name]
		switch {
		case path.Base(name) == placement.GeneratedFile && !existed:
		case placement.IsKustomization(name):
			var kept strings.Builder
			for line := range strings.Lines(content) {
				if strings.TrimSpace(line) != "- "+placement.GeneratedFile {
					kept.WriteString(line)
				}
			}
			if diff := cmp.Diff(old, kept.String()); diff != "" {
				t.Errorf("seed %d: %s without our entry (-before +after):\n%s", seed, name, diff)
			}
		case old != content:
			t.Errorf("seed %d: %s changed (-before +after):\n%s", seed, name, cmp.Diff(old, content))
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			t.Errorf("seed %d: %s is gone", seed, name)
		}
	}
}

// checkOrderOfFiles renders the package with other file names, and its entries in another order.
func checkOrderOfFiles(t *testing.T, seed uint64, p *randomPackage, want map[string]string) {
	t.Helper()
	p.shuffle()
	dir := t.TempDir()
	writeTree(t, dir, p.files())
	if o := execute("", "render", dir); o.code != exitGood {
		t.Errorf("seed %d: refused in another order of files: %s", seed, o.stderr)
	}
	if diff := cmp.Diff(generated(want), generated(snapshotFiles(t, dir))); diff != "" {
		t.Errorf("seed %d: policies in one order of files and in another (-one +other):\n%s", seed, diff)
	}
}

// TestEveryStream: what the function does with a plain stream and with items, without files.
func TestEveryStream(t *testing.T) {
	good := 0
	for seed := range uint64(randomStreams) {
		p := newRandomPackage(seed)
		documents := p.documents()
		in := strings.Join(documents, "---\n")
		o := execute(in)
		if o.code != exitGood {
			if o.stdout != "" {
				t.Errorf("seed %d: refused, and yet: %.200q", seed, o.stdout)
			}
			continue
		}
		good++
		added, found := strings.CutPrefix(o.stdout, in)
		if !found {
			t.Errorf("seed %d: the stream is not as it came (-in +out):\n%s", seed, cmp.Diff(in, o.stdout))
			continue
		}
		policies := decodePolicies(t, added)
		checkRules(t, fmt.Sprint("stream of seed ", seed), policies)
		p.random.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
		other := strings.Join(documents, "---\n")
		addedToOther, _ := strings.CutPrefix(execute(other).stdout, other)
		if diff := cmp.Diff(added, addedToOther); diff != "" {
			t.Errorf("seed %d: policies for one order of documents and for another (-one +other):\n%s", seed, diff)
		}
		if p.asOrchestratorsWrite(); len(p.objects) == len(documents) {
			checkList(t, seed, p.documents(), policies)
		}
	}
	checkEnough(t, good, randomStreams)
}

// checkList gives the documents to the function as items.
func checkList(t *testing.T, seed uint64, documents []string, want []*networkingv1.NetworkPolicy) {
	t.Helper()
	in := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"
	for _, d := range documents {
		in += "- " + strings.TrimPrefix(indented(d), "  ")
	}
	o := execute(in)
	added, found := strings.CutPrefix(o.stdout, in)
	if o.code != exitGood || !found {
		t.Errorf("seed %d: exit code %d, and items are not as they came (-in +out):\n%s%s", seed, o.code, cmp.Diff(in, o.stdout), o.stderr)
		return
	}
	added, _, _ = strings.Cut(added, "results:\n")
	var list struct{ Items []*networkingv1.NetworkPolicy }
	if err := apiyaml.UnmarshalStrict([]byte("items:\n"+added), &list); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if diff := cmp.Diff(want, list.Items); diff != "" {
		t.Errorf("seed %d: policies of the stream and of the items (-stream +items):\n%s", seed, diff)
	}
}

// TestEveryPackageList: package mode gives the files that render writes.
func TestEveryPackageList(t *testing.T) {
	for seed := range uint64(randomFolders) {
		p := newRandomPackage(seed)
		p.asOrchestratorsWrite()
		files := p.files()
		dir := t.TempDir()
		writeTree(t, dir, files)
		if o := execute("", "render", dir); o.code != exitGood {
			continue
		}
		o := execute(packageList(files, p.config))
		if o.code != exitGood {
			t.Errorf("seed %d: render is good, the function is not: %s", seed, o.stderr)
			continue
		}
		for name, content := range files {
			if item := indented(placed(content, name)); !placement.IsKustomization(name) && !strings.Contains(o.stdout, "- "+strings.TrimPrefix(item, "  ")) {
				t.Errorf("seed %d: the item of %s is not as it came", seed, name)
			}
		}
		for name, content := range generated(snapshotFiles(t, dir)) {
			for d := range strings.SplitSeq(content, "---\n") {
				spec := d[strings.Index(d, "spec:\n"):]
				if !strings.Contains(o.stdout, indented(spec)) {
					t.Errorf("seed %d: a policy of %s is not among the items:\n%s", seed, name, d)
				}
			}
		}
	}
}

func checkRules(t *testing.T, what string, policies []*networkingv1.NetworkPolicy) {
	t.Helper()
	if len(policies) == 0 {
		t.Errorf("%s: no policies", what)
	}
	ids := map[string]bool{}
	for _, p := range policies {
		for _, broken := range apirules.Broken(p) {
			t.Errorf("%s: NetworkPolicy %s/%s: the API server refuses %s", what, p.Namespace, p.Name, broken)
		}
		if p.APIVersion != "networking.k8s.io/v1" || p.Kind != "NetworkPolicy" {
			t.Errorf("%s: %s is %s %s", what, p.Name, p.APIVersion, p.Kind)
		}
		ids[p.Namespace+"/"+p.Name] = true
	}
}

// policiesIn are the policies of the generated files.
func policiesIn(t *testing.T, files map[string]string) []*networkingv1.NetworkPolicy {
	t.Helper()
	var out []*networkingv1.NetworkPolicy
	for _, content := range generated(files) {
		out = append(out, decodePolicies(t, content)...)
	}
	return out
}

func generated(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, content := range files {
		if path.Base(name) == placement.GeneratedFile {
			out[name] = content
		}
	}
	return out
}

func decodePolicies(t *testing.T, stream string) []*networkingv1.NetworkPolicy {
	t.Helper()
	var out []*networkingv1.NetworkPolicy
	for d := range strings.SplitSeq(stream, "---\n") {
		if strings.TrimSpace(d) == "" {
			continue
		}
		p := &networkingv1.NetworkPolicy{}
		if err := apiyaml.UnmarshalStrict([]byte(d), p); err != nil {
			t.Fatalf("%v in\n%s", err, d)
		}
		out = append(out, p)
	}
	return out
}

// snapshotFiles is snapshot without the directories.
func snapshotFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, content := range snapshot(t, dir) {
		if content != "directory" {
			out[name] = content
		}
	}
	return out
}

// randomPackage is a package whose every choice follows from a seed: the workloads of a base or of a flat folder, foreign
// files, overlays and a configuration.
type randomPackage struct {
	random  *rand.Rand
	objects []string
	// names are the files of the objects.
	names    []string
	entries  []string
	overlays map[string]string
	// spec is the configuration's spec; config is its file, empty for none.
	spec, config string
}

func newRandomPackage(seed uint64) *randomPackage {
	p := &randomPackage{random: rand.New(rand.NewPCG(seed, 1)), overlays: map[string]string{}}
	tiers := []string{"frontend", "backend", "database", "cache", "queue", "worker"}
	for i := range 2 + p.random.IntN(7) {
		tier := pick(p, tiers)
		name := pick(p, []string{tier, "svc", "a.b", strings.Repeat("long-", 12) + "name", strings.Repeat("long.", 49) + "n", "0"}) + fmt.Sprint("-", i)
		p.objects = append(p.objects, p.workload(name, tier))
		if p.random.IntN(2) == 0 {
			p.objects = append(p.objects, p.service(name))
		}
	}
	for i := range p.random.IntN(4) {
		p.objects = append(p.objects, p.foreign(i))
	}
	for i := range p.objects {
		p.names = append(p.names, fmt.Sprintf("%c%d.yaml", 'a'+i, i))
	}
	p.entries = slices.Clone(p.names)
	for _, env := range []string{"dev", "prod", "staging"}[:p.random.IntN(4)] {
		p.overlays[env] = p.overlay(env)
	}
	p.configure()
	return p
}

func pick[T any](p *randomPackage, of []T) T { return of[p.random.IntN(len(of))] }

// shuffle gives the files other names, and the entries another order.
func (p *randomPackage) shuffle() {
	p.random.Shuffle(len(p.names), func(i, j int) { p.names[i], p.names[j] = p.names[j], p.names[i] })
	p.random.Shuffle(len(p.entries), func(i, j int) { p.entries[i], p.entries[j] = p.entries[j], p.entries[i] })
}

func (p *randomPackage) workload(name, tier string) string {
	kind := pick(p, []string{"Deployment", "Deployment", "StatefulSet", "DaemonSet", "Job"})
	api, selector := "apps/v1", "  selector:\n    matchLabels:\n      app: "+appLabel(name)+"\n"
	if kind == "Job" {
		api, selector = "batch/v1", ""
	}
	ports := ""
	for _, port := range []string{"containerPort: 8080", "containerPort: 65535\n          protocol: UDP", "name: metrics\n          containerPort: 9102"} {
		if p.random.IntN(2) == 0 {
			ports += "        - " + port + "\n"
		}
	}
	if ports != "" {
		ports = "        ports:\n" + ports
	}
	tierLabel := ""
	if p.random.IntN(8) > 0 {
		tierLabel = "        tier: " + tier + "\n"
	}
	return "# " + name + "\napiVersion: " + api + "\nkind: " + kind + "\nmetadata:\n  name: " + name + "\nspec:\n" + selector +
		"  template:\n    metadata:\n      labels:\n        app: " + appLabel(name) + "\n" + tierLabel +
		"    spec:\n      containers:\n      - name: main\n        image: registry.example.com/" + tier + ":1 # pinned\n" + ports
}

// appLabel is a name cut to what a label value may be.
func appLabel(name string) string {
	if len(name) > 63 {
		name = name[len(name)-63:]
	}
	return strings.Trim(name, "-.")
}

func (p *randomPackage) service(name string) string {
	return "apiVersion: v1\nkind: Service\nmetadata:\n  name: " + strings.ReplaceAll(appLabel(name), ".", "-") + "\nspec:\n  selector:\n    app: " + appLabel(name) +
		"\n  ports:\n  - port: 80\n    targetPort: " + pick(p, []string{"8080", "80", "metrics"}) + "\n"
}

// odd marks documents in a shape that the YAML library of the orchestrators does not write. As items they keep what they
// mean, and comments, but not their bytes.
const odd = "# odd\n"

// asOrchestratorsWrite leaves out the odd objects, and the comments before the others.
func (p *randomPackage) asOrchestratorsWrite() {
	var objects, names []string
	for i, o := range p.objects {
		if strings.HasPrefix(o, odd) {
			p.entries = slices.DeleteFunc(p.entries, func(e string) bool { return e == p.names[i] })
			continue
		}
		if strings.HasPrefix(o, "# ") {
			_, o, _ = strings.Cut(o, "\n")
		}
		objects, names = append(objects, o), append(names, p.names[i])
	}
	p.objects, p.names = objects, names
}

// foreign is an object that is none of ours, written as people and tools do.
func (p *randomPackage) foreign(i int) string {
	return fmt.Sprintf(pick(p, []string{
		odd + "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\ndata:\n  a.txt: |\n    one\n\n      two   \n  'quoted': \"x\\ty\"\n",
		odd + "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\n  labels: {a: b, c:   d}   # odd\ndata:   {}\n",
		odd + "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t%d\nspec:\n    four: spaces\n    list:\n        -   a\n        - b # c\n",
		"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: mine-%d\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n",
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\ndata:\n  a.txt: |\n    one\n\n      two\n  'quoted': \"x y\" # c\n",
	}), i)
}

func (p *randomPackage) overlay(env string) string {
	out := "resources:\n- ../../base\n"
	if p.random.IntN(3) > 0 {
		out = "namespace: shop-" + env + "\n" + out
	}
	if p.random.IntN(3) == 0 {
		out += "namePrefix: " + env + "-\n"
	}
	if p.random.IntN(3) == 0 {
		out += "labels: # of the team\n  - pairs: {team: shop}\n    includeSelectors: true\n"
	}
	return out
}

// configure writes a configuration, or none.
func (p *randomPackage) configure() {
	if p.random.IntN(4) == 0 {
		return
	}
	p.config = "tierwall.yaml"
	p.spec = "  peers:\n  - name: vpn\n    cidrs: [203.0.113.0/24, '2001:db8::/32']\n    except: [203.0.113.128/25, '2001:db8:1::/48']\n" +
		"  - name: ops\n    namespace: ops\n    podSelector: {matchLabels: {b: c, a: B_2.x}, matchExpressions: [{key: d, operator: Exists}]}\n  flows:\n" +
		"  - {from: vpn, to: frontend, ports: [" + pick(p, []string{"443", "1-65535", "53/UDP, 8000-8010", "metrics"}) + "]}\n" +
		"  - {from: backend, to: [ops, vpn], ports: [9000-9010]}\n  labels: {team: shop}\n" +
		"  profile: {dns: " + pick(p, []string{"coredns", "openshift", "nodelocal", "gke-cloud-dns"}) + ", cni: " + pick(p, []string{"generic", "aws-vpc-cni"}) + "}\n"
	if _, has := p.overlays["prod"]; has && p.random.IntN(2) == 0 {
		p.spec += "  environments:\n  - name: prod\n    peers:\n    - {name: vpn, cidrs: [198.51.100.0/24]}\n    without:\n    - {from: frontend, to: internet}\n"
	}
}

// files are a base and its overlays; a flat folder without overlays.
func (p *randomPackage) files() map[string]string {
	files := map[string]string{}
	dir := ""
	if len(p.overlays) > 0 {
		dir = "base/"
		files["base/kustomization.yaml"] = "# the base\nresources:\n- " + strings.Join(p.entries, "\n- ") + "\n"
	}
	for i, o := range p.objects {
		files[dir+p.names[i]] = o
	}
	for env, overlay := range p.overlays {
		files["overlays/"+env+"/kustomization.yaml"] = overlay
	}
	if p.config != "" {
		files[p.config] = configuration + p.spec
	}
	return files
}

// documents are the objects alone.
func (p *randomPackage) documents() []string { return slices.Clone(p.objects) }
