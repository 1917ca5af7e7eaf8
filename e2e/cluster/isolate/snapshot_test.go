package isolate

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestNothingNew(t *testing.T) {
	cases := []struct {
		name          string
		before, after []string
		want          string // empty: no error
	}{
		{"the same", []string{"/opt/a"}, []string{"/opt/a"}, ""},
		{"something went", []string{"/opt/a", "/opt/b"}, []string{"/opt/a"}, ""},
		{"something came", []string{"/opt/a"}, []string{"/opt/a", "/opt/b", "/opt/c"}, "file left behind: /opt/b, /opt/c"},
	}
	for _, c := range cases {
		err := nothingNew("file", c.before, c.after)
		if (err == nil) != (c.want == "") || (err != nil && err.Error() != c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSameSysctls(t *testing.T) {
	before := map[string]string{"kernel/panic": "0\n"}
	if err := sameSysctls(before, map[string]string{"kernel/panic": "0\n"}); err != nil {
		t.Error(err)
	}
	err := sameSysctls(before, map[string]string{"kernel/panic": "10\n"})
	if err == nil || !strings.Contains(err.Error(), "kernel/panic") {
		t.Errorf("a changed sysctl: %v", err)
	}
}

func TestProcessesOfARun(t *testing.T) {
	const run = "a-run-of-this-test"
	command := exec.Command("sleep", "60")
	command.Env = append(os.Environ(), runVariable+"="+run)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	got, err := processesOf(run)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{strconv.Itoa(command.Process.Pid)}; !slices.Equal(got, want) {
		t.Errorf("processes of the run: %v, want %v", got, want)
	}
	if got, err := processesOf("another"); err != nil || len(got) > 0 {
		t.Errorf("processes of another run: %v, %v", got, err)
	}
}

func TestExitCode(t *testing.T) {
	for status, want := range map[syscall.WaitStatus]int{0: 0, 3 << 8: 3, syscall.WaitStatus(syscall.SIGKILL): 137} {
		if got := exitCode(status); got != want {
			t.Errorf("status %d: exit code %d, want %d", status, got, want)
		}
	}
}
