package truth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mapOutput = `{"environments": [{"name": "prod",
  "nodes": [{"name": "internet", "peer": true}, {"name": "shop/web"}, {"name": "shop/db"}, {"name": "dns", "peer": true}],
  "connections": [
    {"from": "internet", "to": "shop/web", "ports": [{"port": "8080/TCP", "verdict": "allowed"}]},
    {"from": "shop/web", "to": "shop/db", "ports": [{"port": "5430-5440/TCP", "verdict": "allowed"}, {"port": "all other ports", "verdict": "unknown"}]},
    {"from": "shop/web", "to": "dns", "ports": [{"port": "all ports", "verdict": "allowed"}]}
  ]}]}`

func readMap(t *testing.T) Map {
	t.Helper()
	m, err := ReadMap([]byte(mapOutput), "prod")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEnds(t *testing.T) {
	m := readMap(t)
	if diff := cmp.Diff([]string{"internet", "shop/web", "shop/db"}, m.Sources()); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shop/web", "shop/db", "dns"}, m.Destinations()); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
}

func TestSpeaks(t *testing.T) {
	cases := map[[2]string]bool{
		{"internet", "shop/web"}: true, {"shop/web", "shop/db"}: true, {"shop/web", "dns"}: true, {"internet", "dns"}: false,
	}
	for pair, want := range cases {
		if got := readMap(t).Speaks(pair[0], pair[1]); got != want {
			t.Errorf("the map speaks of %s -> %s: %t, want %t", pair[0], pair[1], got, want)
		}
	}
}

func TestPredict(t *testing.T) {
	m := readMap(t)
	cases := []struct {
		from, to, port string
		want           bool
	}{
		{"internet", "shop/web", "8080/TCP", true},
		{"internet", "shop/web", "8080/UDP", false},
		{"internet", "shop/web", "8081/TCP", false},
		{"internet", "shop/db", "5432/TCP", false},
		{"shop/web", "shop/db", "5430/TCP", true},
		{"shop/web", "shop/db", "5440/TCP", true},
		{"shop/web", "dns", "53/UDP", true},
		{"shop/db", "shop/web", "8080/TCP", false},
	}
	for _, c := range cases {
		cell := Cell{c.from, c.to, c.port, IPv6}
		got, err := m.Predict([]Cell{cell})
		if err != nil {
			t.Errorf("%s: %v", cell, err)
		}
		if diff := cmp.Diff(Table{cell: c.want}, got); diff != "" {
			t.Errorf("prediction (-want +got):\n%s", diff)
		}
	}
}

func TestPredictWantsEveryCellDecided(t *testing.T) {
	cases := map[string]Cell{
		"it is to be decided":             {"shop/web", "shop/db", "5441/TCP", IPv4},
		"the map does not have both ends": {"shop/web", "shop/cache", "6379/TCP", IPv4},
	}
	for want, cell := range cases {
		if _, err := readMap(t).Predict([]Cell{cell}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", cell, err, want)
		}
	}
}

func TestReadMapWantsTheEnvironment(t *testing.T) {
	if _, err := ReadMap([]byte(mapOutput), "staging"); err == nil {
		t.Error("there is no staging in the map")
	}
	if m, err := ReadMap([]byte(mapOutput), ""); err != nil || m.Name != "prod" {
		t.Errorf("the only environment is %q, %v", m.Name, err)
	}
}

func TestCompareAndSideBySide(t *testing.T) {
	same := Cell{"shop/web", "shop/api", "8080/TCP", IPv4}
	opened := Cell{"shop/web", "shop/db", "5432/TCP", IPv4}
	unseen := Cell{"shop/web", "shop/db", "5432/TCP", IPv6}
	denied := Cell{"shop/db", "shop/web", "8080/TCP", IPv4}
	predicted := Table{same: true, opened: false, unseen: false, denied: false}
	observed := Table{same: true, opened: true, denied: false}
	want := []Difference{{opened, "denied", "open"}, {unseen, "denied", "missing"}}
	if diff := cmp.Diff(want, Compare(predicted, observed)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	text := strings.Fields(SideBySide(predicted, observed))
	wantText := strings.Fields(`
from -> to predicted observed
shop/web -> shop/api IPv4 8080/TCP 8080/TCP
! shop/web -> shop/db IPv4 . 5432/TCP
! shop/web -> shop/db IPv6 . .`)
	if diff := cmp.Diff(wantText, text); diff != "" {
		t.Errorf("side by side (-want +got):\n%s", diff)
	}
}
