package probe

import (
	"testing"
	"time"
)

// here is the network namespace of the test itself.
const here Namespace = "/proc/self/ns/net"

// patience is far longer than loopback takes.
const patience = 5 * time.Second

func TestDialOverLoopback(t *testing.T) {
	const tcpPort, udpPort, closedPort = 45871, 45872, 45873
	for protocol, port := range map[string]int{TCP: tcpPort, UDP: udpPort} {
		closer, err := here.Serve(protocol, port)
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
	}
	cases := []struct {
		protocol string
		port     int
		want     Outcome
	}{
		{TCP, tcpPort, Open},
		{UDP, udpPort, Open},
		{TCP, udpPort, Refused},
		{UDP, tcpPort, Refused},
		{TCP, closedPort, Refused},
	}
	for _, c := range cases {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if got, err := here.Dial(t.Context(), c.protocol, host, c.port, patience); got != c.want {
				t.Errorf("%s to %s port %d: %s (%v), want %s", c.protocol, host, c.port, got, err, c.want)
			}
		}
	}
}

func TestDialFromNowhere(t *testing.T) {
	if got, err := Namespace("/proc/self/ns/no-such").Dial(t.Context(), TCP, "127.0.0.1", 1, patience); got != Failed || err == nil {
		t.Errorf("from a namespace that does not exist: %s, %v; want failed and why", got, err)
	}
}

func TestGotThrough(t *testing.T) {
	want := map[Outcome]bool{Open: true, Refused: true, Timeout: false, Unreachable: false, Failed: false}
	for outcome, through := range want {
		if outcome.GotThrough() != through {
			t.Errorf("%s got through: %t, want %t", outcome, outcome.GotThrough(), through)
		}
	}
}
