package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

// rbacGroup is the API group of roles and their bindings.
const rbacGroup = "rbac.authorization.k8s.io"

// binding is a RoleBinding or ClusterRoleBinding.
type binding struct {
	origin   origin
	role     roleName
	subjects []subject
}

// roleName names a Role, or with an empty scope a ClusterRole.
type roleName struct{ scope, name string }

// subject is one of a binding's subjects. The namespace is empty where it names none.
type subject struct{ kind, namespace, name string }

// identity is how a workload's pods come before the API.
type identity struct {
	// account is the name of their ServiceAccount; empty means "default".
	account string
	// automount is what the pod says of mounting its token: "true", "false", or empty for what its ServiceAccount says.
	automount string
	// projected is true where a volume holds a token of its own.
	projected bool
}

// readAccess takes a role or a binding in.
func (r *Reader) readAccess(o *manifest.Object) {
	if o.Kind == "Role" || o.Kind == "ClusterRole" {
		r.readRole(o)
		return
	}
	r.readBinding(o)
}

func (r *Reader) readBinding(o *manifest.Object) {
	b := binding{origin: r.originOf(o)}
	ref := child(o.Root, "roleRef")
	b.role.name = r.text(child(ref, "name"))
	if text(child(ref, "kind")) == "Role" {
		b.role.scope = scope(b.origin.ref.Namespace)
	}
	b.subjects = each(child(o.Root, "subjects"), func(n *yaml.Node) subject {
		s := subject{r.text(child(n, "kind")), r.text(child(n, "namespace")), r.text(child(n, "name"))}
		if account, ok := strings.CutPrefix(s.name, "system:serviceaccount:"); ok && s.kind == "User" {
			namespace, name, _ := strings.Cut(account, ":")
			s = subject{"ServiceAccount", namespace, name}
		}
		return s
	})
	r.bindings = append(r.bindings, b)
}

// readRole notes whether a role lets anyone call the API. Those whose only verb is "use" let pods be made in some way.
func (r *Reader) readRole(o *manifest.Object) {
	name := roleName{name: r.keep(o.Name)}
	if o.Kind == "Role" {
		name.scope = scope(r.keep(o.Namespace))
	}
	calls := child(o.Root, "aggregationRule") != nil
	for _, rule := range items(child(o.Root, "rules")) {
		for _, verb := range items(child(rule, "verbs")) {
			calls = calls || text(verb) != "use"
		}
	}
	if r.roles == nil {
		r.roles = map[roleName]bool{}
	}
	r.roles[name] = r.roles[name] || calls
}

// readServiceAccount notes a ServiceAccount whose pods get no token of their own.
func (r *Reader) readServiceAccount(o *manifest.Object) {
	if automount := child(o.Root, "automountServiceAccountToken"); automount != nil && text(automount) == "false" {
		if r.tokenless == nil {
			r.tokenless = map[objectName]bool{}
		}
		r.tokenless[objectName{scope(r.keep(o.Namespace)), r.keep(o.Name)}] = true
	}
}

// readIdentity reads what the pod says of how it comes before the API.
func (r *Reader) readIdentity(id *identity, key string, value *yaml.Node) {
	switch key {
	case "serviceAccountName":
		id.account = r.text(value)
	case "serviceAccount": // "DeprecatedServiceAccount is a deprecated alias for ServiceAccountName." (core/v1, PodSpec)
		if id.account == "" {
			id.account = r.text(value)
		}
	case "automountServiceAccountToken":
		id.automount = r.text(value)
	case "volumes":
		for _, volume := range items(value) {
			for _, source := range items(child(volume, "projected", "sources")) {
				id.projected = id.projected || child(source, "serviceAccountToken") != nil
			}
		}
	}
}

// hasToken reports whether the workload's pods can prove who they are: "You can opt out of automounting ... the pod spec
// takes precedence over the ServiceAccount" (kubernetes.io, Configure Service Accounts for Pods).
func (r *Reader) hasToken(c *candidate, account objectName) bool {
	switch {
	case c.identity.projected, c.identity.automount == "true":
		return true
	case c.identity.automount == "false":
		return false
	}
	return !r.tokenless[account]
}

// apiAccess are the signs that workloads call the Kubernetes API, sorted. seen are those that their addresses gave.
func (r *Reader) apiAccess(seen []workload.APIAccess) []workload.APIAccess {
	out := seen
	byAccount := map[objectName][]workload.APIAccess{}
	byGroup := map[string][]workload.APIAccess{}
	slices.SortFunc(r.bindings, func(a, b binding) int {
		return cmp.Or(compareSources(a.origin.source, b.origin.source), cmp.Compare(a.origin.ref.Kind, b.origin.ref.Kind),
			cmp.Compare(a.origin.ref.Namespace, b.origin.ref.Namespace), cmp.Compare(a.origin.ref.Name, b.origin.ref.Name))
	})
	for i := range r.bindings {
		r.fileBinding(&r.bindings[i], byAccount, byGroup)
	}
	for _, c := range r.candidates {
		in := scope(c.Namespace)
		account := objectName{in, cmp.Or(c.identity.account, "default")}
		if !r.hasToken(c, account) {
			continue
		}
		before := len(out)
		for _, list := range [][]workload.APIAccess{byAccount[account], byGroup["system:serviceaccounts"], byGroup["system:serviceaccounts:"+in]} {
			for _, sign := range list {
				sign.Workload = c.Workload
				out = append(out, sign)
			}
		}
		if len(out) == before {
			out = append(out, c.commandSigns()...)
		}
	}
	slices.SortFunc(out, func(a, b workload.APIAccess) int {
		return cmp.Or(a.Workload.Compare(b.Workload), compareSources(a.Source, b.Source), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Why, b.Why))
	})
	return slices.Compact(out)
}

// maxSigns bounds how many bindings of one ServiceAccount, and of one group, are told: one is enough.
const maxSigns = 16

// fileBinding files the signs of a binding under those whom it binds. A role that the input lacks counts: such as
// cluster-admin are built in.
func (r *Reader) fileBinding(b *binding, byAccount map[objectName][]workload.APIAccess, byGroup map[string][]workload.APIAccess) {
	if calls, known := r.roles[b.role]; known && !calls {
		return
	}
	role := "ClusterRole " + b.role.name
	if b.role.scope != "" {
		role = "Role " + b.role.name
	}
	for i, s := range b.subjects {
		sign := workload.APIAccess{Where: fmt.Sprintf("subjects[%d]", i), Source: b.origin.source}
		switch s.kind {
		case "ServiceAccount":
			// A binding that names no namespace means its own.
			account := objectName{scope(cmp.Or(s.namespace, b.origin.ref.Namespace)), s.name}
			sign.Why = fmt.Sprintf("%s %s gives its ServiceAccount %s %s", b.origin.ref.Kind, b.origin.ref.Name, s.name, role)
			if len(byAccount[account]) < maxSigns {
				byAccount[account] = append(byAccount[account], sign)
			}
		case "Group":
			sign.Why = fmt.Sprintf("%s %s gives the group %s %s", b.origin.ref.Kind, b.origin.ref.Name, s.name, role)
			if len(byGroup[s.name]) < maxSigns {
				byGroup[s.name] = append(byGroup[s.name], sign)
			}
		}
	}
}

// apiFlags are the flags of programs that call the API, as far as they say nothing else.
var apiFlags = []string{"--leader-elect", "--leader-election", "--enable-leader-election", "--kubeconfig", "--in-cluster", "--apiserver", "--kube-apiserver"}

// commandSigns are the signs in a workload's command lines, for want of better ones: its flags, and kubectl.
func (c *candidate) commandSigns() []workload.APIAccess {
	var out []workload.APIAccess
	sign := func(in *container, field, why string) {
		out = append(out, workload.APIAccess{Workload: c.Workload, Why: why, Weak: true, Where: in.path(c.kind, field), Source: c.Source})
	}
	for i := range c.containers {
		in := &c.containers[i]
		for j := range len(in.command) + len(in.args) {
			if why := apiWord(in.word(j)); why != "" {
				sign(in, in.wordField(j), why)
			}
		}
		if image := workload.ImageName(in.image); image == "kubectl" || image == "k8s-sidecar" || image == "kube-state-metrics" {
			sign(in, "image", "runs "+image)
		}
	}
	return out
}

// apiWord is what a word of a command line says of calling the API, empty where it says nothing.
func apiWord(word string) string {
	flag, value, _ := strings.Cut(word, "=")
	switch {
	case slices.Contains(apiFlags, flag) && value != "false":
		return "has the flag " + flag
	case word == "kubectl" || strings.HasSuffix(word, "/kubectl") || strings.Contains(word, "kubectl "):
		return "runs kubectl"
	}
	return ""
}
