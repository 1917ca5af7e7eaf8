package tier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// object parses one document.
func object(t testing.TB, text string) *manifest.Object {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("the test's own YAML: %v\n%s", err, text)
	}
	return manifest.NewObject(&n, workload.Source{File: "set.yaml"})
}

// setDocument is a NetworkPolicySet with the given spec, whose lines are indented by nothing.
func setDocument(spec string) string {
	return "apiVersion: tierwall.dev/v1alpha1\nkind: NetworkPolicySet\nmetadata: {name: shop}\nspec:\n" + indent(spec)
}

func indent(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

// set decodes a spec that is right.
func set(t testing.TB, spec string) *Set {
	t.Helper()
	if strings.TrimSpace(spec) == "" {
		return Default()
	}
	s, findings := Decode(object(t, setDocument(spec)))
	if findings.Failed() {
		t.Fatalf("the test's own set: %v", findings)
	}
	return s
}

// inventory reads workloads, a line each: [NAMESPACE/]NAME[:KIND] TIER and then, in any order,
//
//	8080 53/UDP        serving ports
//	http=8080          a serving port with a name
//	8080<80            a serving port behind a Service's port
//	metrics=9100       a metrics port; annotated=9100 and monitored=9100 say by what
//	image:redis:7      an image
//	label:KEY=VALUE    a label of the pods;  object:KEY=VALUE of the object alone
//	declared:NAME      the name in the manifest
//	host noscrape      hostNetwork, prometheus.io/scrape: "false"
//
// A tier of - is none. Each workload's file is its name.
func inventory(t testing.TB, text string) *workload.Inventory {
	t.Helper()
	inv := &workload.Inventory{}
	for _, line := range strings.Split(text, "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			inv.Workloads = append(inv.Workloads, parseWorkload(t, words))
		}
	}
	slices.SortFunc(inv.Workloads, func(a, b *workload.Workload) int {
		return firstOf(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return inv
}

func parseWorkload(t testing.TB, words []string) *workload.Workload {
	t.Helper()
	w := &workload.Workload{APIVersion: "apps/v1", Kind: "Deployment", PodLabels: map[string]string{}, Labels: map[string]string{}}
	name, kind, found := strings.Cut(words[0], ":")
	if found {
		w.Kind = kind
	}
	w.Client = kind == "Job" || kind == "CronJob"
	w.Name = name
	if namespace, rest, found := strings.Cut(name, "/"); found {
		w.Namespace, w.Name = namespace, rest
	}
	w.Source.File = w.Name + ".yaml"
	if len(words) > 1 && words[1] != "-" {
		w.Tier = words[1]
	}
	for _, word := range words[min(2, len(words)):] {
		parseAttribute(t, w, word)
	}
	return w
}

func parseAttribute(t testing.TB, w *workload.Workload, word string) {
	t.Helper()
	key, value, _ := strings.Cut(word, ":")
	k, v, _ := strings.Cut(value, "=")
	switch {
	case word == "host":
		w.HostNetwork = true
	case word == "noscrape":
		w.NoScrape = true
	case key == "declared":
		w.Declared = value
	case key == "image":
		w.Images = append(w.Images, value)
	case key == "label":
		w.PodLabels[k] = v
	case key == "object":
		w.Labels[k] = v
	case scrapedBy[strings.Split(word, "=")[0]] != "":
		by, number, _ := strings.Cut(word, "=")
		p := parsePodPort(t, number)
		p.Origin = scrapedBy[by]
		w.Metrics = append(w.Metrics, p)
	default:
		name, number, found := strings.Cut(word, "=")
		if !found {
			name, number = "", word
		}
		p := parsePodPort(t, number)
		p.Name = name
		if name != "" {
			w.NamedPorts = append(w.NamedPorts, p)
		}
		w.Ports = append(w.Ports, p)
	}

}

var scrapedBy = map[string]workload.PortOrigin{
	"metrics": workload.FromContainer, "annotated": workload.FromAnnotation, "monitored": workload.FromMonitor,
}

func parsePodPort(t testing.TB, text string) workload.Port {
	t.Helper()
	p := workload.Port{Protocol: workload.TCP}
	if number, protocol, found := strings.Cut(text, "/"); found {
		text, p.Protocol = number, workload.Protocol(protocol)
	}
	if number, service, found := strings.Cut(text, "<"); found {
		n, err := strconv.Atoi(service)
		if err != nil {
			t.Fatalf("the test's own port %q: %v", text, err)
		}
		text, p.ServicePort = number, int32(n)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("the test's own port %q: %v", text, err)
	}
	p.Number = int32(n)
	return p
}

// short names an endpoint: NAMESPACE/NAME, or a peer's name.
func short(e Endpoint) string {
	switch {
	case e.Peer != nil:
		return e.Peer.Name
	case e.Workload.Namespace == "":
		return e.Workload.Name
	}
	return e.Workload.Namespace + "/" + e.Workload.Name
}

// lines are flows, one a line: web -> api 8080/TCP.
func lines(flows []Flow) []string {
	var out []string
	for _, f := range flows {
		line := fmt.Sprintf("%s -> %s %s", short(f.From), short(f.To), f.Ports)
		if f.EgressPorts != nil {
			line += " egress " + f.EgressPorts.String()
		}
		out = append(out, line)
	}
	return out
}

// words are the lines of a test's table, trimmed, without comments and empty ones.
func words(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, " //")
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func diff(t testing.TB, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, d)
	}
}

// brief is each finding as SEVERITY ID PLACE.
func brief(findings report.Findings) []string {
	var out []string
	for _, f := range findings {
		place := f.Field
		if f.Object.Kind != "" && f.Object.Kind != SetKind {
			place = strings.TrimSpace(f.Object.Name + " " + f.Field)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.ID, place)))
	}
	return out
}

func diffInOrder(t testing.TB, what string, want, got []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, d)
	}
}

// firstOf is the first comparison that is not equal.
func firstOf(comparisons ...int) int {
	for _, c := range comparisons {
		if c != 0 {
			return c
		}
	}
	return 0
}
