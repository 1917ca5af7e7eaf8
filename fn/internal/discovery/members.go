package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tierwall.dev/fn/internal/workload"
)

// memberships are the signs that workloads, or the pods of one, are members of one store or mesh, sorted, one for each
// two: of several, the first by its place, with the ports of all.
func (r *Reader) memberships(f *finder) []workload.Membership {
	var out []workload.Membership
	for i := range f.selves {
		if m, ok := f.selves[i].membership(); ok {
			out = append(out, m)
		}
	}
	for _, c := range r.candidates {
		if m, ok := r.clusterWords(c); ok {
			out = append(out, m)
		}
	}
	out = append(out, r.sameStore(f.references)...)
	out = append(out, r.replicas()...)
	return oneForEach(out)
}

// oneForEach makes the signs of each two one.
func oneForEach(signs []workload.Membership) []workload.Membership {
	slices.SortStableFunc(signs, func(a, b workload.Membership) int {
		return cmp.Or(a.Workload.Compare(b.Workload), a.Peer.Compare(b.Peer),
			compareSources(a.Source, b.Source), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Why, b.Why))
	})
	var out []workload.Membership
	for _, m := range signs {
		if n := len(out); n > 0 && out[n-1].Workload == m.Workload && out[n-1].Peer == m.Peer {
			out[n-1].Ports = workload.MergePorts(append(out[n-1].Ports, m.Ports...))
			continue
		}
		m.Ports = workload.MergePorts(slices.Clone(m.Ports))
		out = append(out, m)
	}
	return out
}

// single reports whether the workload has one pod, which has no other member to call.
func (c *candidate) single() bool {
	return c.Client || c.Kind == "Pod" || c.Kind != "DaemonSet" && c.replicas == 1
}

// membership is what the address of a workload's own Service says: that its pods find each other by it, where the Service
// is headless, or the workload a StatefulSet or a product known to make clusters. Any other gives its address to others.
func (s *selfReference) membership() (workload.Membership, bool) {
	c := s.from
	_, known, isKnown := productOf(c)
	clusters := isKnown && len(known.members) > 0
	if c.single() || !s.to.Headless && c.Kind != "StatefulSet" && !clusters {
		return workload.Membership{}, false
	}
	return workload.Membership{
		Workload: c.Workload, Peer: c.Workload, Ports: c.memberPorts(s.to, s.port), Where: s.where, Source: s.source,
		Why: "names its own Service " + s.to.Name,
	}, true
}

// memberPorts are the ports that the workload's pods use among themselves: those of the product that a container declares,
// else all of the product's; of an unknown one, the port that the address names, else those behind the Service.
func (c *candidate) memberPorts(s *service, port int32) []workload.Port {
	if _, p, ok := productOf(c); ok && len(p.members) > 0 {
		var declared []workload.Port
		for _, m := range p.members {
			if is, _ := c.declares(m.Number, m.Protocol); is {
				declared = append(declared, m)
			}
		}
		if len(declared) > 0 {
			return declared
		}
		return p.members
	}
	if s == nil {
		return nil
	}
	return c.behind(s.Service, port)
}

// behind are the workload's ports that a port of the Service leads to; those of all its ports for 0.
func (c *candidate) behind(s *workload.Service, port int32) []workload.Port {
	var ports []workload.Port
	for _, sp := range s.Ports {
		if target, ok := c.resolve(sp); ok && (port == 0 || sp.Port == port) {
			ports = append(ports, target)
		}
	}
	return ports
}

// clusterHints are words in the configuration of well-known products that make their pods members of one cluster.
var clusterHints = []string{
	"--cluster.peer", "--initial-cluster", "initial_cluster", "discovery.seed", "seed_hosts", "initial_master_nodes", "_seeds", "replset", "replica_set",
	"replicationset", "cluster-enabled yes", "--cluster-enabled", "cluster_formation", "peer_discovery", "erlang_cookie", "gcomm://", "wsrep_cluster",
	"group_replication", "repmgr_partner", "zoo_servers", "quorum.voters", "quorum_voters", "zookeeper.connect", "zookeeper_connect", "--join", "retry-join",
	"memberlist", "--routes", "--cluster_name", "replicaof", "slaveof", "replication_mode", "retry_join", "jgroups", "dns_ping", "kube_ping",
}

// clusterWords is what the configuration of a well-known product says of a cluster of its pods.
func (r *Reader) clusterWords(c *candidate) (workload.Membership, bool) {
	image, p, ok := productOf(c)
	if !ok || len(p.members) == 0 || c.single() {
		return workload.Membership{}, false
	}
	where, source := r.clusterHint(c)
	if where == "" {
		return workload.Membership{}, false
	}
	return workload.Membership{
		Workload: c.Workload, Peer: c.Workload, Ports: c.memberPorts(nil, 0), Where: where, Source: source,
		Why: "makes its pods a cluster of " + image,
	}, true
}

// clusterHint is the place of the first such word; empty where there is none.
func (r *Reader) clusterHint(c *candidate) (where string, source workload.Source) {
	own := c.Name + "-1"
	hints := func(text string) bool {
		return isClusterHint(text) || c.Kind == "StatefulSet" && strings.Contains(text, own)
	}
	for i := range c.containers {
		in := &c.containers[i]
		for j := range len(in.command) + len(in.args) {
			if hints(in.word(j)) {
				return in.path(c.kind, in.wordField(j)), c.Source
			}
		}
		for _, v := range in.env {
			if hints(v.name + "=" + v.value) {
				return in.path(c.kind, "env["+v.name+"]"), c.Source
			}
		}
	}
	for _, at := range c.mounted {
		m := r.configs[configName{scope(c.Namespace), at.config, at.secret}]
		if m == nil {
			continue
		}
		for i := range m.entries {
			if (at.keys == nil || slices.Contains(at.keys, m.entries[i].key)) && m.entries[i].isClusterHint() {
				return m.where(i), m.origin.source
			}
		}
	}
	return "", workload.Source{}
}

// isClusterHint reports whether a text has words of a cluster.
func isClusterHint(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(clusterHints, func(hint string) bool { return strings.Contains(text, hint) })
}

// isClusterHint reports whether the entry has words of a cluster, which is looked for once for all who take it.
func (e *configEntry) isClusterHint() bool {
	if !e.hinted {
		e.hinted, e.hints = true, isClusterHint(withoutComments(e.text, commentsOf(e.key)))
	}
	return e.hints
}

// sameStore are the references between workloads that run the same well-known store: a replica names its primary.
func (r *Reader) sameStore(references []workload.Reference) []workload.Membership {
	image := map[*workload.Workload]string{}
	for _, c := range r.candidates {
		if name, p, ok := productOf(c); ok && len(p.members) > 0 && !c.Client {
			image[c.Workload] = name
		}
	}
	services := map[*workload.Service]*service{}
	for _, s := range r.services {
		services[s.Service] = s
	}
	var out []workload.Membership
	for _, ref := range references {
		if image[ref.From] == "" {
			continue
		}
		for _, to := range services[ref.To].selected {
			if image[to.Workload] != image[ref.From] || to.Workload == ref.From {
				continue
			}
			out = append(out, workload.Membership{
				Workload: ref.From, Peer: to.Workload, Ports: to.behind(ref.To, ref.Port), Where: ref.Where, Source: ref.Source,
				Why: fmt.Sprintf("names Service %s of another %s", ref.To.Name, image[ref.From]),
			})
		}
	}
	return out
}

// primaryWords and replicaWords are what the two sides of a replication are called.
var (
	primaryWords = []string{"primary", "master", "leader"}
	replicaWords = []string{"replica", "replicas", "slave", "follower", "secondary", "standby", "read", "readonly"}
)

// roleLabels are the labels that say which side a workload is.
var roleLabels = []string{"role", "app.kubernetes.io/component", "app.kubernetes.io/role", "component", "tier"}

// side says which side of which replication a workload is: the store is all else that is said of it.
type side struct {
	store   string
	primary bool
	// where says it: a label, or the name.
	where string
}

// replicas are the replicas that their labels or names tell, each calling the primaries of the same store, which run the
// same image or serve on the same port.
func (r *Reader) replicas() []workload.Membership {
	primaries := map[string][]*candidate{}
	for _, c := range r.candidates {
		for _, s := range sidesOf(c) {
			if s.primary {
				primaries[s.store] = append(primaries[s.store], c)
			}
		}
	}
	if len(primaries) == 0 {
		return nil
	}
	var out []workload.Membership
	for _, c := range r.candidates {
		for _, s := range sidesOf(c) {
			if s.primary {
				continue
			}
			list := primaries[s.store]
			for _, p := range list[:min(len(list), maxPrimaries)] {
				if p != c && alike(c, p) {
					out = append(out, workload.Membership{
						Workload: c.Workload, Peer: p.Workload, Ports: p.Ports, Where: s.where, Source: c.Source,
						Why: "is the replica of " + p.Name + " by its labels or name",
					})
				}
			}
		}
	}
	return out
}

// maxPrimaries bounds how many primaries one replica calls.
const maxPrimaries = 8

// alike reports whether two workloads run the same image, or serve on the same ports.
func alike(a, b *candidate) bool {
	if len(a.containers) == 0 || len(b.containers) == 0 || len(b.Ports) == 0 {
		return false
	}
	if name := workload.ImageName(a.containers[0].image); name != "" && name == workload.ImageName(b.containers[0].image) {
		return true
	}
	return slices.EqualFunc(a.Ports, b.Ports, func(p, q workload.Port) bool { return p.Number == q.Number && p.Protocol == q.Protocol })
}

// sidesOf are the sides that a workload is by its labels and by its name.
func sidesOf(c *candidate) []side {
	if c.Client {
		return nil
	}
	var out []side
	in := scope(c.Namespace)
	for _, key := range roleLabels {
		value, worn := c.PodLabels[key]
		if primary, ok := sideWord(value); worn && ok {
			if group := cmp.Or(c.PodLabels["app"], c.PodLabels["app.kubernetes.io/name"]); group != "" {
				store := in + "/" + group + "/" + c.PodLabels["app.kubernetes.io/instance"] + "/" + key
				out = append(out, side{store, primary, c.kind.path("metadata.labels[" + key + "]")})
			}
		}
	}
	stem, last := cutLast(c.Name, "-")
	if primary, ok := sideWord(last); ok {
		out = append(out, side{in + "//" + stem, primary, "metadata.name"})
	}
	return out
}

// sideWord is the side that a word is; false where it is neither. An ordinal behind it does not matter.
func sideWord(word string) (primary, ok bool) {
	word = strings.TrimRight(strings.ToLower(word), "0123456789")
	word = strings.TrimSuffix(word, "-")
	switch {
	case slices.Contains(primaryWords, word):
		return true, true
	case slices.Contains(replicaWords, word):
		return false, true
	}
	return false, false
}
