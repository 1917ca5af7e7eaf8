package prober

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"
)

// freePort is a port that nothing listens on at the moment of the call.
func freePort(t *testing.T) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return int32(l.Addr().(*net.TCPAddr).Port)
}

// ask gives the requests to one prober.
func ask(t *testing.T, requests ...Request) []Answer {
	t.Helper()
	var in, out bytes.Buffer
	for _, r := range requests {
		if err := json.NewEncoder(&in).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Run(&in, &out); err != nil {
		t.Fatal(err)
	}
	var answers []Answer
	for d := json.NewDecoder(&out); d.More(); {
		var a Answer
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	return answers
}

func TestOutcomes(t *testing.T) {
	served, unserved := freePort(t), freePort(t)
	probe := func(protocol, address string, port int32, name string) Probe {
		return Probe{Protocol: protocol, Address: address, Port: port, From: address, Name: name}
	}
	cases := []struct {
		name  string
		probe Probe
		want  Outcome
		why   string
	}{
		{name: "tcp", probe: probe("TCP", "127.0.0.1", served, "me"), want: Open},
		{name: "udp", probe: probe("UDP", "127.0.0.1", served, "me"), want: Open},
		{name: "sctp", probe: probe("SCTP", "127.0.0.1", served, "me"), want: Open},
		{name: "tcp over IPv6", probe: probe("TCP", "::1", served, "me"), want: Open},
		{name: "udp over IPv6", probe: probe("UDP", "::1", served, "me"), want: Open},
		{name: "sctp over IPv6", probe: probe("SCTP", "::1", served, "me"), want: Open},
		{name: "nobody listens on tcp", probe: probe("TCP", "127.0.0.1", unserved, "me"), want: Rejected},
		{name: "nobody listens on udp", probe: probe("UDP", "127.0.0.1", unserved, "me"), want: Rejected},
		{name: "nobody listens on sctp", probe: probe("SCTP", "127.0.0.1", unserved, "me"), want: Silent},
		{name: "another answers", probe: probe("TCP", "127.0.0.1", served, "you"), want: Failed, why: `not "you 127.0.0.1"`},
		{name: "another protocol", probe: probe("ICMP", "127.0.0.1", served, "me"), want: Failed, why: "none of TCP, UDP and SCTP"},
		{name: "no address", probe: probe("TCP", "localhost", served, "me"), want: Failed, why: "localhost"},
	}
	var probes []Probe
	for _, c := range cases {
		probes = append(probes, c.probe)
	}
	answers := ask(t, Request{Serve: &Serve{Name: "me", Ports: []int32{served}}}, Request{Probes: probes, Timeout: 200 * time.Millisecond})
	if len(answers) != 2 || answers[0].Error != "" || len(answers[1].Outcomes) != len(cases) {
		t.Fatalf("answers %+v", answers)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, why := answers[1].Outcomes[i], answers[1].Failures[i]; got != c.want || !strings.Contains(why, c.why) {
				t.Errorf("%s %q, want %s %q", got, why, c.want, c.why)
			}
		})
	}
}

func TestServeTwiceIsAnError(t *testing.T) {
	serve := Request{Serve: &Serve{Name: "me", Ports: []int32{freePort(t)}}}
	answers := ask(t, serve, serve)
	if len(answers) != 2 || !strings.Contains(answers[1].Error, "address already in use") {
		t.Errorf("answers %+v", answers)
	}
}

func TestRunRefusesWhatIsNoRequest(t *testing.T) {
	if err := Run(strings.NewReader("probe\n"), &bytes.Buffer{}); err == nil {
		t.Error("no error")
	}
}

// FuzzDecode: what comes off the wire does not panic, and what was encoded is read again.
func FuzzDecode(f *testing.F) {
	f.Add(packet{from: 1, to: 2, chunk: sctpInit, initiate: 3}.encode())
	f.Add(packet{from: 1, to: 2, tag: 3, chunk: sctpInitAck, initiate: 4, cookie: []byte("pod 10.0.0.1")}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(p.encode())
		if err != nil || again.from != p.from || again.to != p.to || again.tag != p.tag || !bytes.Equal(again.cookie, p.cookie) {
			t.Errorf("%+v is read as %+v: %v", p, again, err)
		}
	})
}
