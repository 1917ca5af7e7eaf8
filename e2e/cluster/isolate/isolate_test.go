//go:build cluster

package isolate_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tierwall.dev/fn/e2e/cluster/isolate"
)

// roleVariable makes this binary a run that a test starts.
const roleVariable = "ISOLATE_TEST_ROLE"

const (
	roleFail = "fail" // changes what it can, and fails
	roleHang = "hang" // starts what would go on for ever, and waits
)

// failing is the exit code of roleFail.
const failing = 7

const sysctl = "/proc/sys/kernel/panic"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(isolate.Main(func() int { return play(role) }))
	}
	os.Exit(m.Run())
}

// play is what happens inside. What it prints is read by the test.
func play(role string) int {
	links, err := net.Interfaces()
	if err != nil || len(links) != 1 {
		fmt.Println("links:", links, err)
		return 1
	}
	cgroup := filepath.Join("/sys/fs/cgroup", cgroupBelow(), isolate.Cgroup(), "below")
	for _, err := range []error{
		os.WriteFile(sysctl, []byte("42\n"), 0),
		os.WriteFile("/var/lib/tierwall-e2e-test", []byte("here"), 0o600),
		os.MkdirAll(cgroup, 0o755),
		exec.Command("sleep", "600").Start(),
	} {
		if err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("ready")
	if role == roleHang {
		_ = exec.Command("sleep", "600").Run()
	}
	return failing
}

// cgroupBelow is a hierarchy of version 1, or empty where there is none.
func cgroupBelow() string {
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		return "memory"
	}
	return ""
}

// run starts this binary in a role and returns when it is ready.
func run(t *testing.T, role string) (*exec.Cmd, func() int) {
	t.Helper()
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	if line, err := reader.ReadString('\n'); line != "ready\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	return command, func() int {
		_, _ = io.Copy(io.Discard, reader)
		err := command.Wait()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return command.ProcessState.ExitCode()
	}
}

// nothingLeft fails when the machine is not as it was.
func nothingLeft(t *testing.T, sysctlBefore string, run int, cgroupsToo bool) {
	t.Helper()
	if after := read(t, sysctl); after != sysctlBefore {
		t.Errorf("%s was %q and is %q", sysctl, sysctlBefore, after)
	}
	for _, path := range []string{"/var/lib/tierwall-e2e-test", isolate.StateDir} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
	if left := sleepers(t, run); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if left := cgroupsOf(t, run); cgroupsToo && len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

func cgroupsOf(t *testing.T, run int) []string {
	t.Helper()
	found, err := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/*/tierwall-e2e-%d", run))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sleepers are the processes of a run.
func sleepers(t *testing.T, run int) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		environment, _ := os.ReadFile(file)
		return !strings.Contains(string(environment), fmt.Sprintf("TIERWALL_E2E_RUN=%d\x00", run))
	})
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestAfterAFailureNothingIsLeft(t *testing.T) {
	before := read(t, sysctl)
	command, wait := run(t, roleFail)
	if code := wait(); code != failing {
		t.Errorf("exit code %d, want that of the inside, %d", code, failing)
	}
	nothingLeft(t, before, command.Process.Pid, true)
}

func TestAfterCtrlCNothingIsLeft(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			before := read(t, sysctl)
			command, wait := run(t, roleHang)
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := wait(); code == 0 {
				t.Error("exit code 0, and it was interrupted")
			}
			nothingLeft(t, before, command.Process.Pid, true)
		})
	}
}

// The cgroups of containers stay as long as another run goes on, whose container may be about to start in one, and go with
// the last run.
func TestContainerCgroupsAreTheLastRunsToRemove(t *testing.T) {
	folder := filepath.Join("/sys/fs/cgroup", cgroupBelow(), "k8s.io", fmt.Sprintf("test-%d", os.Getpid()))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(folder) })
	other, stopped := run(t, roleHang)
	_, wait := run(t, roleFail)
	wait()
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("while another run goes on: %v", err)
	}
	if err := other.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	stopped()
	others, err := filepath.Glob("/sys/fs/cgroup/*/tierwall-e2e-*") // of another checkout's, which then removes it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); len(others) == 0 && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the last run: %v", err)
	}
}

// After kill -9 nobody is there to remove the cgroups: the next run does.
func TestAfterKillNothingButCgroupsIsLeft(t *testing.T) {
	before := read(t, sysctl)
	command, wait := run(t, roleHang)
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wait()
	for deadline := time.Now().Add(20 * time.Second); len(sleepers(t, command.Process.Pid)) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	nothingLeft(t, before, command.Process.Pid, false)

	_, wait = run(t, roleFail)
	wait()
	if left := cgroupsOf(t, command.Process.Pid); len(left) > 0 {
		t.Errorf("the next run left the cgroups of a killed one: %v", left)
	}
}
