package discovery

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata; review the difference")

// TestCases runs the cases of testdata/*.txtar. A case is a folder: NAME/*.yaml is the input, and each other file is a
// view of what Read gives, as views below prints it. Findings are compared whether or not the case has a file for them.
func TestCases(t *testing.T) {
	areas, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(areas) == 0 {
		t.Fatalf("no cases in testdata (%v)", err)
	}
	for _, area := range areas {
		archive, err := txtar.ParseFile(area)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range casesOf(archive) {
			t.Run(strings.TrimSuffix(filepath.Base(area), ".txtar")+"/"+c.name, func(t *testing.T) { c.run(t) })
		}
		if *update {
			if err := os.WriteFile(area, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type testCase struct {
	name  string
	input []*txtar.File
	wants []*txtar.File
}

func casesOf(archive *txtar.Archive) []*testCase {
	var cases []*testCase
	byName := map[string]*testCase{}
	for i := range archive.Files {
		f := &archive.Files[i]
		name, file, _ := strings.Cut(f.Name, "/")
		c := byName[name]
		if c == nil {
			c = &testCase{name: name}
			byName[name] = c
			cases = append(cases, c)
		}
		if strings.HasSuffix(file, ".yaml") {
			c.input = append(c.input, f)
		} else {
			c.wants = append(c.wants, f)
		}
	}
	return cases
}

func (c *testCase) run(t *testing.T) {
	if len(c.input) == 0 || len(c.wants) == 0 {
		t.Fatalf("a case needs input and a view, this one has %d and %d", len(c.input), len(c.wants))
	}
	inv, findings := Read(c.objects(t))
	silent := true
	for _, want := range c.wants {
		_, view, _ := strings.Cut(want.Name, "/")
		show := views[view]
		if show == nil {
			t.Fatalf("no view %q: have %v", view, slices.Sorted(maps.Keys(views)))
		}
		silent = silent && view != "findings"
		got := lines(show(inv, findings))
		if *update {
			want.Data = []byte(got)
		} else if diff := cmp.Diff(string(want.Data), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
	}
	if silent && len(findings) > 0 {
		t.Errorf("findings not expected:\n%s", lines(views["findings"](inv, findings)))
	}
}

func (c *testCase) objects(t *testing.T) []*manifest.Object {
	var objects []*manifest.Object
	for _, f := range c.input {
		_, file, _ := strings.Cut(f.Name, "/")
		parsed, err := parse(file, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, parsed...)
	}
	return objects
}

// parse is the documents of a file as objects, up to the first that is no YAML.
func parse(file string, data []byte) ([]*manifest.Object, error) {
	var objects []*manifest.Object
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for i := 0; ; i++ {
		var node yaml.Node
		if err := decoder.Decode(&node); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return objects, err
		}
		objects = append(objects, manifest.NewObject(&node, workload.Source{File: file, Index: i}))
	}
}

func lines(ls []string) string {
	if len(ls) == 0 {
		return ""
	}
	return strings.Join(ls, "\n") + "\n"
}

// views print what Read gives, a line each thing.
var views = map[string]func(*workload.Inventory, report.Findings) []string{
	"workloads":  showWorkloads,
	"pods":       showPods,
	"services":   showServices,
	"exposures":  showExposures,
	"references": showReferences,
	"externals":  showExternals,
	"access":     showAccess,
	"webhooks":   showWebhooks,
	"members":    showMembers,
	"policies":   showPolicies,
	"namespaces": showNamespaces,
	"findings":   showFindings,
}

// showWorkloads is each workload with its ports.
func showWorkloads(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, w := range inv.Workloads {
		line := w.String()
		if w.Client {
			line += " client"
		}
		if w.HostNetwork {
			line += " on the host's network"
		}
		if w.NoScrape {
			line += " not scraped"
		}
		out = append(out, line+portsOf(" ports", w.Ports)+portsOf(" metrics", w.Metrics))
	}
	return out
}

// portsOf is the ports with name, origin and the Service's port, after a word; nothing where there are none.
func portsOf(word string, ports []workload.Port) string {
	if len(ports) == 0 {
		return ""
	}
	for _, p := range ports {
		word += " " + p.String() + "("
		if p.Name != "" {
			word += p.Name + " "
		}
		word += string(p.Origin)
		if p.ServicePort != 0 {
			word += fmt.Sprintf(" <- %d", p.ServicePort)
		}
		word += ")"
	}
	return word
}

// showPods is each workload with what its pods are known by.
func showPods(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, w := range inv.Workloads {
		out = append(out, fmt.Sprintf("%s %s from %s", w.APIVersion, w, w.Source))
		for _, part := range []struct {
			word  string
			pairs map[string]string
		}{{"labels", w.Labels}, {"pod labels", w.PodLabels}, {"pod annotations", w.PodAnnotations}, {"selector", w.Selector}} {
			if part.pairs != nil {
				out = append(out, "  "+part.word+" "+pairsOf(part.pairs))
			}
		}
		if len(w.Images) > 0 {
			out = append(out, "  images "+strings.Join(w.Images, " "))
		}
		if len(w.NamedPorts) > 0 {
			out = append(out, portsOf("  named", w.NamedPorts))
		}
	}
	return out
}

func pairsOf(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+"="+m[key])
	}
	return strings.Join(parts, ",")
}

func showServices(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, s := range inv.Services {
		line := fmt.Sprintf("%s %s/%s", s.Type, s.Namespace, s.Name)
		if s.Headless {
			line += " headless"
		}
		if s.LocalTraffic {
			line += " local traffic"
		}
		for _, p := range s.Ports {
			line += strings.TrimRight(fmt.Sprintf(" %s:%d/%s->%s", p.Name, p.Port, p.Protocol, targetOf(p)), " ")
		}
		line += " selects"
		for _, w := range s.Workloads {
			line += " " + w.Kind + "/" + w.Name
		}
		out = append(out, line)
	}
	return out
}

func targetOf(p workload.ServicePort) string {
	if p.TargetName != "" {
		return p.TargetName
	}
	return fmt.Sprint(p.TargetPort)
}

func showExposures(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, e := range inv.Exposures {
		to := e.Workload.String
		if e.Service != nil {
			to = func() string { return "Service " + e.Service.Namespace + "/" + e.Service.Name }
		}
		out = append(out, fmt.Sprintf("%s %s/%s -> %s%s", e.Kind, e.Namespace, e.Name, to(), portsOf(" ports", e.Ports)))
	}
	return out
}

func showReferences(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, r := range inv.References {
		line := fmt.Sprintf("%s -> %s/%s", r.From, r.To.Namespace, r.To.Name)
		if r.Port != 0 {
			line += fmt.Sprintf(":%d", r.Port)
		}
		line += " by " + string(r.Via) + " " + r.Source.String() + " " + r.Where
		if r.Weak {
			line += " (weak)"
		}
		out = append(out, line)
	}
	return out
}

func showExternals(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, x := range inv.Externals {
		line := fmt.Sprintf("%s -> %q", x.From, x.Host)
		if x.Port != 0 {
			line += fmt.Sprintf(":%d", x.Port)
		}
		line += " by " + x.Source.String() + " " + x.Where
		if x.Weak {
			line += " (weak)"
		}
		out = append(out, line)
	}
	return out
}

func showAccess(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, a := range inv.APIAccess {
		line := fmt.Sprintf("%s: %s (%s %s)", a.Workload, a.Why, a.Source, a.Where)
		if a.Weak {
			line += " (weak)"
		}
		out = append(out, line)
	}
	return out
}

func showWebhooks(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, w := range inv.Webhooks {
		out = append(out, fmt.Sprintf("%s %s -> %s/%s:%d (%s %s)", w.Kind, w.Name, w.Service.Namespace, w.Service.Name, w.Port, w.Source, w.Where))
	}
	return out
}

func showMembers(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, m := range inv.Memberships {
		out = append(out, fmt.Sprintf("%s -> %s%s: %s (%s %s)", m.Workload, m.Peer, portsOf(" on", m.Ports), m.Why, m.Source, m.Where))
	}
	return out
}

func showPolicies(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, p := range inv.Policies {
		out = append(out, fmt.Sprintf("%s/%s in %s", p.Namespace, p.Name, p.Source))
	}
	return out
}

func showNamespaces(inv *workload.Inventory, _ report.Findings) (out []string) {
	for _, n := range inv.Namespaces {
		out = append(out, strings.TrimSpace(n.Name+" "+pairsOf(n.Labels)))
	}
	return out
}

func showFindings(_ *workload.Inventory, findings report.Findings) (out []string) {
	for _, f := range findings {
		out = append(out, string(f.Severity)+" "+f.String())
	}
	return out
}
