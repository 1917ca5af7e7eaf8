package proposal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/tier"
)

// noScrape is what every application without metrics ports gets.
const noScrape = `{from: prometheus, to: "*"}`

func TestProposals(t *testing.T) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			environments := func() []Environment {
				if tc.other == "" {
					return []Environment{{Inventory: inventory(t, tc.application)}}
				}
				return []Environment{{Name: "prod", Inventory: inventory(t, tc.application)}, {Name: "staging", Inventory: inventory(t, tc.other)}}
			}
			p := Propose(environments(), tc.answers)
			if !p.exact {
				t.Error("opens something else than what is meant")
			}
			text := string(p.Write())
			if again := string(Propose(environments(), tc.answers).Write()); again != text {
				t.Errorf("the second time it is another:\n%s", cmp.Diff(text, again))
			}
			if diff := cmp.Diff(lines(tc.want), body(text)); diff != "" {
				t.Errorf("the configuration (-want +got):\n%s", diff)
			}
			asked := unwrapped(text)
			for _, q := range tc.asks {
				if !strings.Contains(asked, ". "+q) {
					t.Errorf("does not ask: %s\n%s", q, asked)
				}
			}
			for _, q := range tc.silent {
				if strings.Contains(asked, q) {
					t.Errorf("asks: %s\n%s", q, asked)
				}
			}
		})
	}
}

// TestKeptFlows holds what the file says of the preset's flows.
func TestKeptFlows(t *testing.T) {
	for _, tc := range []struct{ application, want string }{
		{"web label=tier:frontend port=80 metrics=9090", "internet to frontend; frontend to internet on 443; prometheus to all on metrics; all to dns"},
		{"web label=tier:frontend port=80\napi label=tier:backend port=1\ndb label=tier:db port=5432",
			"internet to frontend; frontend to backend; backend to database; frontend, backend to internet on 443; all to dns"},
		{"web label=tier:frontend port=80\napi label=tier:backend port=1\nb label=tier:backend port=2\nweb > api env A",
			"internet to frontend; frontend, backend to internet on 443; all to dns"},
		{"web label=tier:frontend port=80\napi label=tier:backend port=1\nout Ingress x > api", "frontend to backend; frontend, backend to internet on 443; all to dns"},
	} {
		p := Propose([]Environment{{Inventory: inventory(t, tc.application)}}, nil)
		if diff := cmp.Diff(tc.want, strings.Join(p.kept, "; ")); diff != "" {
			t.Errorf("%s: what stays of the preset (-want +got):\n%s", tc.application, diff)
		}
	}
}

// TestConfirmedFlows holds that evidence is named for what the preset opens too.
func TestConfirmedFlows(t *testing.T) {
	p := Propose([]Environment{{Inventory: inventory(t, `
		web label=tier:frontend port=80
		api label=tier:backend port=1
		db label=tier:db port=5432
		web > api env API_URL
		out Ingress shop > web`)}}, nil)
	if diff := cmp.Diff([]string{"internet to web (high: Ingress shop)", "web to api (high: env API_URL)"}, p.confirmed); diff != "" {
		t.Errorf("what the manifests say of the preset's flows (-want +got):\n%s", diff)
	}
}

// TestPresetFlows holds the words of the preset equal to the preset: a flow that is added there must be added here.
func TestPresetFlows(t *testing.T) {
	inv := inventory(t, `
		web label=tier:frontend port=80
		api label=tier:backend port=1
		w label=tier:worker
		db label=tier:database port=5432
		kv label=tier:cache port=6379
		mq label=tier:queue port=5672`)
	set := tier.Default()
	set.AssignTiers(inv)
	model, findings := set.Model("", inv)
	if findings.Failed() {
		t.Fatal(findings)
	}
	var want, got []string
	for _, g := range model.Groups {
		want = append(want, g.Declared...)
	}
	for i, f := range presetFlows {
		got = append(got, fmt.Sprintf("preset flow %d (%s to %s)", i+1, strings.Join(f.from, ", "), strings.Join(f.to, ", ")))
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("flows of the preset (-preset +words):\n%s", diff)
	}
}

// body are the lines of the file between the preset and the questions. What every application has is left out: the
// preset's scrape is taken away where no metrics port is known.
func body(text string) []string {
	_, text, _ = strings.Cut(text, "preset: three-tier\n")
	text, _, _ = strings.Cut(text, "# Questions\n")
	out := lines(text)
	for len(out) > 0 && (strings.HasPrefix(out[0], "# Of ") || strings.HasPrefix(out[0], "#   ")) {
		out = out[1:]
	}
	for i, l := range out {
		if strings.HasSuffix(l, noScrape) {
			out = append(out[:i], out[i+1:]...)
			if (i == len(out) || !strings.HasPrefix(out[i], "- ")) && strings.HasPrefix(out[i-1], "without:") {
				out = append(out[:i-1], out[i:]...)
			}
			return out
		}
	}
	return out
}

func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// unwrapped are the questions with the breaks of their lines undone.
func unwrapped(text string) string {
	_, text, _ = strings.Cut(text, "# Questions\n")
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "# ")
		out.WriteString(" " + strings.TrimSpace(line))
	}
	return out.String()
}
