package proposal

import (
	"cmp"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// Names of tiers: the preset's, and those that a proposal adds for what the preset has none for.
const (
	frontend = "frontend"
	backend  = "backend"
	database = "database"
	cache    = "cache"
	queue    = "queue"
	worker   = "worker"

	// client opens connections and accepts none: load generators, Jobs.
	client = "client"
	// monitoring is metrics, logs and traces: what watches, not what is watched.
	monitoring = "monitoring"
	// controller is what talks to the Kubernetes API: operators, webhooks.
	controller = "controller"
	// ingress is an ingress controller or gateway that runs in the package.
	ingress = "ingress"
)

// presetTiers are the tiers that the preset brings.
var presetTiers = []string{frontend, backend, database, cache, queue, worker}

// stores are the tiers that are called and call nobody.
var stores = []string{database, cache, queue}

func isStore(t string) bool { return slices.Contains(stores, t) }

// assignRoles gives each unit its tier: by what a person answered, by its labels as the preset reads them, by its image,
// its ports, its name, and last by whether it serves anything.
func (d *draft) assignRoles() {
	set := tier.Default()
	for _, e := range d.environments {
		set.AssignTiers(e.Inventory)
	}
	for _, u := range d.units {
		u.role = d.roleOf(u.first())
	}
	d.findFronts()
	for _, u := range d.units {
		w := u.first()
		r := d.sameImage(u)
		if answer := d.answers[tierKey(u)]; answer != "" {
			r = Role{Tier: answer, Evidence: Evidence{Text: "as answered", Confidence: High}}
		}
		r.Workload, r.unit = w, u
		r.Labelled = r.Tier == w.Tier
		u.role = r
	}
	d.leaveOutBlind()
	d.leaveOutHomeless()
}

// roleOf is the tier that the evidence tells, in the order label, image, port, name.
func (d *draft) roleOf(w *workload.Workload) Role {
	labelled, label := w.Tier, d.labelOf(w, w.Tier)
	if labelled != "" && !d.overruled(labelled, w) {
		return Role{Tier: labelled, Evidence: Evidence{Text: "label " + label, Confidence: High}}
	}
	if labelled == "" {
		if key, value := unknownLabel(w); key != "" {
			if t := roleValues[strings.ToLower(value)]; t != "" {
				return Role{Tier: t, Evidence: Evidence{Text: "label " + key + ": " + value, Confidence: High}}
			}
		}
	}
	if w.Client {
		return Role{Tier: client, Evidence: Evidence{Text: w.Kind, Confidence: High}}
	}
	if t := imageRole(w); t != "" {
		text := "image " + shortImage(w.Images[0])
		if labelled != "" {
			text += ", though label " + label
		}
		return Role{Tier: t, Evidence: Evidence{Text: text, Confidence: High}}
	}
	if t, port := portRole(w); t != "" {
		text := "port " + port
		if labelled != "" {
			text += " and name, though label " + label
		}
		return Role{Tier: t, Evidence: Evidence{Text: text, Confidence: Medium}}
	}
	if t, word := nameRole(w.Name); t != "" && !(isStore(t) && servesWeb(w)) {
		return Role{Tier: t, Evidence: Evidence{Text: "name: " + word, Confidence: Medium}}
	}
	if len(w.Images) > 0 && slices.Contains(webServers, workload.ImageName(w.Images[0])) && len(w.Ports) > 0 {
		return Role{Tier: frontend, Evidence: Evidence{Text: "image " + shortImage(w.Images[0]), Confidence: Medium}}
	}
	if d.reachesAPI[w] && len(d.exposed[w]) == 0 {
		return Role{Tier: controller, Evidence: Evidence{Text: d.apiWhy[w], Confidence: Medium}}
	}
	return d.shapeRole(w)
}

// findFronts makes a frontend of what users reach in a namespace that has no frontend and no store, where nothing says what
// its workloads are: the others are what it calls.
func (d *draft) findFronts() {
	type content struct {
		settled bool
		front   []*unit
		others  int
	}
	in := map[string]*content{}
	for _, u := range d.units {
		w := u.first()
		c := in[w.Namespace]
		if c == nil {
			c = &content{}
			in[w.Namespace] = c
		}
		switch {
		case u.role.Tier == frontend || isStore(u.role.Tier):
			c.settled = true
		case u.role.Tier != backend || u.role.Evidence.Confidence != Low:
		case len(d.exposed[w]) > 0:
			c.front = append(c.front, u)
		default:
			c.others++
		}
	}
	for _, c := range in {
		if c.settled || c.others == 0 {
			continue
		}
		for _, u := range c.front {
			u.role = Role{Tier: frontend, Evidence: Evidence{Text: d.exposed[u.first()][0].text + " exposes it, and nothing says more", Confidence: Low}}
		}
	}
}

// sameImage is the unit's role, or backend for a frontend that runs the image of workers and Jobs and no backend does: the
// web process of an application whose other processes are those.
func (d *draft) sameImage(u *unit) Role {
	w := u.first()
	if u.role.Tier != frontend || len(w.Images) == 0 {
		return u.role
	}
	process := ""
	for _, o := range d.units {
		v := o.first()
		if o == u || len(v.Images) == 0 || v.Images[0] != w.Images[0] || v.Namespace != w.Namespace {
			continue
		}
		switch {
		case o.role.Tier == worker || v.Client:
			process = cmp.Or(process, o.name)
		case o.role.Tier != client:
			return u.role
		}
	}
	if process == "" {
		return u.role
	}
	return Role{Tier: backend, Evidence: Evidence{Text: "the image of " + process + ", though " + u.role.Evidence.Text, Confidence: Medium}}
}

// shapeRole is the tier that is left: who serves is a backend, who serves metrics alone watches, who
// serves nothing and calls a store is a worker, and else a client.
func (d *draft) shapeRole(w *workload.Workload) Role {
	if len(w.Ports) > 0 {
		return Role{Tier: backend, Evidence: Evidence{Text: "serves " + w.Ports[0].String() + ", and nothing says more", Confidence: Low}}
	}
	if len(w.Metrics) > 0 {
		return Role{Tier: monitoring, Evidence: Evidence{Text: "serves nothing but metrics", Confidence: Medium}}
	}
	if store := d.usesStore[w]; store != "" {
		return Role{Tier: worker, Evidence: Evidence{Text: "serves no port, and calls " + store, Confidence: Medium}}
	}
	return Role{Tier: client, Evidence: Evidence{Text: "serves no port", Confidence: Low}}
}

// overruled reports whether a label's tier is not what runs: an image of a known program that the label calls a tier that
// calls others, such as redis with tier: backend.
func (d *draft) overruled(labelled string, w *workload.Workload) bool {
	if labelled != frontend && labelled != backend && labelled != worker || w.Client {
		return false
	}
	t := imageRole(w)
	if port, _ := portRole(w); port != "" {
		if name, _ := nameRole(w.Name); name == port {
			return true // the two agree: redis-replica on 6379 is no backend
		}
	}
	return isStore(t) || t == monitoring || t == controller && labelled == backend || t == ingress
}

// imageRole is the tier that the first container's image tells; those after it are sidecars.
func imageRole(w *workload.Workload) string {
	if len(w.Images) == 0 {
		return ""
	}
	image := w.Images[0]
	if t := tier.StoreImage(image); t != "" {
		return t
	}
	name := workload.ImageName(image)
	if t := roleImages[name]; t != "" {
		return t
	}
	for _, suffix := range []string{"-exporter", "_exporter"} {
		if strings.HasSuffix(name, suffix) {
			return monitoring
		}
	}
	path := strings.Split(image, "/")
	if name == "controller" && slices.Contains(path, "ingress-nginx") {
		return ingress
	}
	for _, suffix := range []string{"-operator", "-controller"} {
		if strings.HasSuffix(name, suffix) {
			return controller
		}
	}
	return ""
}

// portRole is the tier that a workload's serving ports tell, where all of them tell one.
func portRole(w *workload.Workload) (role, port string) {
	for _, p := range w.Ports {
		t := ""
		if p.Protocol == workload.TCP {
			t = tier.StorePort(p.Number)
		}
		if t == "" || role != "" && role != t {
			return "", ""
		}
		role, port = t, p.String()
	}
	return role, port
}

// nameRole is the tier that a name tells by its last word, or by its first.
func nameRole(name string) (role, word string) {
	if t := nameWords[strings.ReplaceAll(name, "-", "")]; t != "" {
		return t, name
	}
	words := strings.Split(name, "-")
	for i := len(words) - 1; i >= 0; i-- {
		if t := nameWords[words[i]]; t != "" {
			return t, words[i]
		}
	}
	for _, word := range joinedWords {
		if strings.HasSuffix(words[len(words)-1], word) {
			return nameWords[word], word
		}
	}
	return "", ""
}

// joinedWords are the words that names are also written together with: cartservice, authserver.
var joinedWords = []string{"service", "server", "backend", "frontend", "worker", "gateway"}

// webPorts are ports that no store serves.
var webPorts = []int32{80, 443, 3000, 5000, 8000, 8080, 8443}

func servesWeb(w *workload.Workload) bool {
	return slices.ContainsFunc(w.Ports, func(p workload.Port) bool { return slices.Contains(webPorts, p.Number) })
}

// unknownLabel is the first of the tier labels that a workload wears.
func unknownLabel(w *workload.Workload) (key, value string) {
	for _, key := range tier.Default().TierLabels {
		for _, labels := range []map[string]string{w.PodLabels, w.Labels} {
			if v := labels[key]; v != "" && roleValues[strings.ToLower(v)] != "" {
				return key, v
			}
		}
	}
	return "", ""
}

// shortImage is an image without registry and digest.
func shortImage(image string) string {
	image, _, _ = strings.Cut(image, "@")
	return image[strings.LastIndexByte(image, '/')+1:]
}

func tierKey(u *unit) string { return "tier " + u.id() }
