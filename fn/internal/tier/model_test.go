package tier

import (
	"testing"
)

// shop is an application of the preset's shape.
const shop = `
	web frontend 8080 metrics=9090
	api backend 8080 metrics=9090
	db:StatefulSet database 5432 metrics=9090
	redis cache 6379 metrics=9090`

var modelCases = []struct {
	name        string
	spec        string
	environment string
	workloads   string
	flows       string
	never       string // not compared where empty
	findings    string // info and exposure findings included, sorted; see brief
}{
	{
		name: "the preset", workloads: shop,
		flows: `
			internet -> web 8080/TCP
			web -> api 8080/TCP
			api -> db 5432/TCP
			api -> redis 6379/TCP
			api -> internet 443/TCP
			web -> internet 443/TCP
			prometheus -> api 9090/TCP
			prometheus -> db 9090/TCP
			prometheus -> redis 9090/TCP
			prometheus -> web 9090/TCP
			api -> dns 53/TCP, 53/UDP
			db -> dns 53/TCP, 53/UDP
			redis -> dns 53/TCP, 53/UDP
			web -> dns 53/TCP, 53/UDP`,
		never: `
			web -> db all ports
			web -> redis all ports
			db -> internet all ports
			redis -> internet all ports`,
		findings: `
			info pod-cidrs-assumed
			info flow-without-exposure web`,
	},
}

func TestModel(t *testing.T) {
	for _, tc := range modelCases {
		t.Run(tc.name, func(t *testing.T) {
			s := set(t, tc.spec)
			m, findings := s.Model(tc.environment, inventory(t, tc.workloads))
			diff(t, "flows", words(tc.flows), lines(m.Flows))
			if tc.never != "" {
				diff(t, "invariants", words(tc.never), lines(m.Never))
			}
			diff(t, "findings", words(tc.findings), brief(findings))
			if t.Failed() {
				for _, f := range findings {
					t.Log(f)
				}
			}
		})
	}
}
