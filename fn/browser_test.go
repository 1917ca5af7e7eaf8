//go:build browser

package main

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/picture"
)

var shots = flag.String("shots", "", "folder for pictures of the pages, to look at")

var schemes = []string{"light", "dark"}

// pageOf is the page of a folder.
func pageOf(t *testing.T, dir string) []byte {
	t.Helper()
	var page, stderr bytes.Buffer
	code, err := drawMap(dir, mapping{format: picture.HTML}, nil, &page, &stderr)
	if err != nil || code != exitGood {
		t.Fatalf("map %s: exit code %d, %v\n%s", dir, code, err, stderr.String())
	}
	return page.Bytes()
}

// many is an application of 300 workloads in five tiers and six namespaces. Flat means that everything is open.
func many(flat bool) *picture.Map {
	tiers := []string{"frontend", "backend", "database", "cache", "worker"}
	e := picture.Environment{Name: "prod"}
	name := func(i int) string { return fmt.Sprintf("team-%d/%s-%d", i/50, tiers[i/5%5], i) }
	for i := range 300 {
		e.Nodes = append(e.Nodes, picture.Node{Name: name(i), Kind: "Deployment", Namespace: fmt.Sprintf("team-%d", i/50), Tier: tiers[i/5%5]})
	}
	slices.SortStableFunc(e.Nodes, func(a, b picture.Node) int { return slices.Index(tiers, a.Tier) - slices.Index(tiers, b.Tier) })
	e.Nodes = append(e.Nodes, picture.Node{Name: "dns", Peer: true})
	opener := func(direction string) picture.Opener {
		return picture.Opener{Direction: direction, Policy: "team/policy", File: "base/network-policies.yaml", Field: "spec." + direction + "[0]"}
	}
	for i := range 300 {
		for j := range 300 {
			if flat || j == (i*7+3)%300 || j == (i+50)%300 {
				e.Connections = append(e.Connections, picture.Connection{From: name(i), To: name(j), Ports: []picture.Port{{Port: "8080/TCP", Verdict: picture.Allowed, Meant: i%11 > 0}},
					OpenedBy: []picture.Opener{opener("egress"), opener("ingress")}})
			}
		}
		e.Connections = append(e.Connections, picture.Connection{From: name(i), To: "dns", Ports: []picture.Port{{Port: "53/UDP", Verdict: picture.Allowed, Meant: true}}})
	}
	e.Sort()
	return &picture.Map{Environments: []picture.Environment{e}}
}

func pageOfMap(t *testing.T, m *picture.Map) []byte {
	t.Helper()
	var page bytes.Buffer
	if err := m.Write(&page, picture.HTML); err != nil {
		t.Fatal(err)
	}
	return page.Bytes()
}

// wellDrawn is what is wrong with the drawing: text that cannot be read, boxes that overlap, lines that end nowhere.
const wellDrawn = `
const wrong = [];
const rgb = (s) => s.match(/[\d.]+/g).map(Number);
const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
for (const selector of ['h1', '#status', '.column h2', '.node b', '.node i', '.link span', '#panel p', 'footer span', '#environments span', 'legend', '.bad']) {
  const e = document.querySelector(selector);
  if (!e) continue;
  const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) wrong.push(selector + ' has a contrast of ' + ((a + 0.05) / (b + 0.05)).toFixed(1));
}
for (const column of document.querySelectorAll('.column')) {
  let bottom = -1;
  for (const n of column.querySelectorAll('.node')) {
    const r = n.getBoundingClientRect();
    if (r.top < bottom) wrong.push(n.innerText + ' overlaps the one above');
    if (r.width < 10 || r.height < 10) wrong.push(n.innerText + ' has no size');
    bottom = r.bottom;
  }
}
const board = document.getElementById('board').getBoundingClientRect();
for (const line of document.querySelectorAll('#lines .line')) {
  const d = line.getAttribute('d'), r = line.getBoundingClientRect();
  if (/NaN|undefined/.test(d)) wrong.push('a line: ' + d);
  if (r.left < board.left - 1 || r.right > board.right + 1 || r.top < board.top - 1 || r.bottom > board.bottom + 1) wrong.push('a line leaves the board: ' + d);
}
const loaded = performance.getEntriesByType('resource').map((e) => e.name);
if (loaded.length) wrong.push('loads ' + loaded);
return wrong;`

// good fails where the page is not well drawn, or the console complains.
func (b *browser) good(what string) {
	b.t.Helper()
	var wrong []string
	b.eval(wellDrawn, &wrong)
	if wrong = append(wrong, b.complaints()...); len(wrong) > 0 {
		b.t.Errorf("%s: %d things are wrong:\n%s", what, len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n"))
	}
}

func (b *browser) count(selector string) (n int) {
	b.t.Helper()
	b.eval(fmt.Sprintf("return document.querySelectorAll(%q).length", selector), &n)
	return n
}

// holds fails where the text lacks one of the parts.
func holds(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

func nodeOf(name string) string { return fmt.Sprintf(".node[data-name=%q]", name) }

func TestBrowserShippedPackage(t *testing.T) {
	b := openBrowser(t, 1500, 800)
	page := pageOf(t, "../kustomize")
	for _, scheme := range schemes {
		b.open(page, scheme)
		b.good(scheme)
		b.shoot("shipped-" + scheme)
		holds(t, scheme, b.text("#status"), "4 workloads, 16 connections")
		if got := b.count("#lines g"); got != 16 {
			t.Errorf("%s: %d lines, want 16", scheme, got)
		}
		var ground string
		b.eval("return getComputedStyle(document.body).backgroundColor", &ground)
		if dark := strings.HasPrefix(ground, "rgb(13,"); dark != (scheme == "dark") {
			t.Errorf("%s: the ground is %s", scheme, ground)
		}

		// A workload shows its connections, and a connection why it is open.
		b.click(nodeOf("app-production/database"))
		holds(t, "the database", b.text("#panel"), "StatefulSet, tier database", "Comes in (2)", "from backend", "Goes out (1)", "to dns")
		b.shoot("shipped-node-" + scheme)
		b.click("#panel li:nth-of-type(2) .link")
		holds(t, "backend to database", b.text("#panel"), "backend → database", "5432/TCP", "allowed", "a flow means it",
			"app-production/backend-network-policy", "app-production/database-network-policy", "spec.egress[0]", "spec.ingress[0]", "base/network-policies.yaml")
		if got := b.count("#lines .lit"); got != 1 {
			t.Errorf("%d lines stand out, want 1", got)
		}
		b.shoot("shipped-connection-" + scheme)
		b.good(scheme + ", a connection")

		// The environments' switch keeps the choice.
		b.click("#environments label:nth-of-type(2)")
		holds(t, "staging", b.text("#panel"), "app-staging/backend-network-policy")
		b.press(escapeKey)
		if got := b.texts(".node b"); !slices.Contains(got, "payments-sandbox") || !slices.Contains(got, "vpn") || slices.Contains(got, "payments") {
			t.Errorf("nodes of staging: %v", got)
		}
		b.good(scheme + ", staging")
		b.shoot("shipped-staging-" + scheme)
	}
}

func TestBrowserLineUnderThePointer(t *testing.T) {
	b := openBrowser(t, 1500, 800)
	b.open(pageOf(t, "../kustomize"), "light")
	var at []float64
	b.eval(`const g = [...document.querySelectorAll('#lines g')].find((g) => g.textContent.startsWith('internet to app-production/frontend'));
const path = g.querySelector('.line'), p = path.getPointAtLength(path.getTotalLength() / 3), board = document.getElementById('board').getBoundingClientRect();
return [p.x + board.left, p.y + board.top]`, &at)
	b.point(int(at[0]), int(at[1]), false)
	if got := b.count("#lines .lit"); got != 1 {
		t.Errorf("%d lines stand out under the pointer, want 1", got)
	}
	b.shoot("hover")
	b.point(int(at[0]), int(at[1]), true)
	holds(t, "internet to frontend", b.text("#panel"), "internet → frontend", "8080/TCP", "app-production/frontend-network-policy", "A peer: what binds it is not known here.")
}

func TestBrowserKeyboardAlone(t *testing.T) {
	b := openBrowser(t, 1500, 800)
	b.open(pageOf(t, "../kustomize"), "light")
	focus := func() (text string) {
		b.eval("return document.activeElement.innerText || document.activeElement.name || document.activeElement.id", &text)
		return text
	}
	b.press(tabKey)
	if got := focus(); got != "environment" {
		t.Fatalf("the first stop is %q, want the environments", got)
	}
	b.press(rightKey)
	holds(t, "the second environment", b.text("#panel"), "staging")
	for range 10 {
		if b.press(tabKey); strings.HasPrefix(focus(), "internet") {
			break
		}
	}
	b.press(rightKey)
	if got := focus(); !strings.HasPrefix(got, "frontend") {
		t.Errorf("right of internet is %q, want the frontend", got)
	}
	b.press(enterKey)
	holds(t, "the frontend", b.text("#panel"), "app-staging/frontend", "Deployment, tier frontend")
	b.press(escapeKey, rightKey, rightKey)
	if got := focus(); !strings.HasPrefix(got, "database") {
		t.Errorf("two to the right of the frontend is %q, want the database", got)
	}
	holds(t, "the panel after Escape", b.text("#panel"), "Choose a workload")
	b.press(downKey)
	if got := focus(); !strings.HasPrefix(got, "database") {
		t.Errorf("below the only one of its column is %q", got)
	}
}

func TestBrowserFilters(t *testing.T) {
	b := openBrowser(t, 1500, 800)
	b.open(pageOf(t, "../examples/many-workloads"), "light")
	b.eval("const s = document.getElementById('namespace'); s.value = 'data'; s.dispatchEvent(new Event('change'));", nil)
	got := b.texts(".node b")
	slices.Sort(got)
	want := []string{"data/events", "data/orders-db", "data/payments-db", "dns", "prometheus", "shop/mailer", "shop/orders", "shop/payments"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes with connections of namespace data (-want +got):\n%s", diff)
	}
	b.good("namespace data")
	b.shoot("filter-namespace")
	b.eval("const s = document.getElementById('namespace'); s.value = ''; s.dispatchEvent(new Event('change'));", nil)
	b.write("#query", "ADMIN")
	got = b.texts(".node b")
	slices.Sort(got)
	want = []string{"dns", "internet", "mail-relay", "office", "prometheus", "shop/admin", "shop/orders", "shop/payments"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes with connections of admin (-want +got):\n%s", diff)
	}
	b.click("#unmeant")
	if got := b.texts(".node b"); len(got) > 0 {
		t.Errorf("nodes of connections that no flow means: %v", got)
	}
	holds(t, "nothing", b.text("#status"), "0 workloads, 0 connections")
	b.open(pageOf(t, "testdata/open"), "dark")
	if got := b.text("header"); strings.Contains(got, "Environment") {
		t.Errorf("there is one environment without a name, and a switch:\n%s", got)
	}
	b.click("#unmeant")
	if b.count("#lines .unmeant") == 0 || b.count("#lines .unmeant") != b.count("#lines g") {
		t.Errorf("%d lines of %d are of what no flow means", b.count("#lines .unmeant"), b.count("#lines g"))
	}
	b.good("what no flow means")
	b.shoot("unmeant-dark")
}

func TestBrowserThreeHundredWorkloads(t *testing.T) {
	b := openBrowser(t, 1500, 900)
	for _, scheme := range schemes {
		b.open(pageOfMap(t, many(false)), scheme)
		b.good(scheme)
		if got := b.count(".node"); got != 301 {
			t.Errorf("%d nodes, want 301", got)
		}
		if got, want := b.count("#lines g"), 900; got != want {
			t.Errorf("%d lines, want %d", got, want)
		}
		b.shoot("many-" + scheme)
		b.click(nodeOf("team-0/backend-5"))
		holds(t, "a workload", b.text("#panel"), "team-0/backend-5", "Comes in (2)", "Goes out (3)")
		b.shoot("many-node-" + scheme)
	}
	b.open(pageOfMap(t, many(true)), "light")
	holds(t, "a flat network", b.text("#status"), "300 workloads, 90300 connections", "lines are drawn for what is chosen")
	b.click(nodeOf("team-0/frontend-0"))
	if got := b.count("#lines .lit"); got != 600 {
		t.Errorf("%d lines of the workload chosen, want 600", got)
	}
	b.good("flat")
	b.shoot("flat-node")
}

func TestBrowserHostileNames(t *testing.T) {
	name := `</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">`
	e := picture.Environment{Name: name, Nodes: []picture.Node{{Name: "shop/" + name, Kind: name, Namespace: name, Tier: name}, {Name: name, Peer: true}},
		Connections: []picture.Connection{{From: "shop/" + name, To: name, Ports: []picture.Port{{Port: name, Verdict: picture.Allowed}},
			OpenedBy: []picture.Opener{{Direction: "egress", Policy: name, File: name, Field: name, Text: name}}}}}
	b := openBrowser(t, 1500, 800)
	b.open(pageOfMap(t, &picture.Map{Environments: []picture.Environment{e}}), "light")
	b.click("#panel .link")
	holds(t, "the panel", b.text("#panel"), name)
	var hacked bool
	b.eval("return Boolean(window.hacked) || document.images.length > 0", &hacked)
	if hacked {
		t.Error("a name became markup")
	}
	b.good("hostile names")
}

func TestBrowserNarrowWindow(t *testing.T) {
	b := openBrowser(t, 600, 900)
	b.open(pageOf(t, "../kustomize"), "dark")
	b.click(nodeOf("app-production/frontend"))
	b.good("narrow")
	var wide bool
	b.eval("return document.documentElement.scrollWidth > window.innerWidth", &wide)
	if wide {
		t.Error("the page is wider than the window; only the board may be")
	}
	b.shoot("narrow-dark")
}

func TestBrowserEmpty(t *testing.T) {
	b := openBrowser(t, 1000, 600)
	for _, m := range []*picture.Map{{}, {Environments: []picture.Environment{{}}}} {
		b.open(pageOfMap(t, m), "light")
		holds(t, "nothing", b.text("#status"), "0 workloads, 0 connections")
		b.good("empty")
	}
}
