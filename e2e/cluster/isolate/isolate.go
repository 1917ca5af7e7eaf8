// Package isolate runs a test binary in network, mount and PID namespaces of its own, as root: without an uplink, with
// memory file systems on /run and in place of the temporary folder, and with copies of the sysctls that a kubelet
// writes. When it ends, however it ends, the kernel takes down every process, namespace, mount and file in there.
//
// A test package uses it so:
//
//	func TestMain(m *testing.M) { os.Exit(isolate.Main(m.Run)) }
package isolate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// stageVariable tells the binary which of the three processes it is.
const stageVariable = "TIERWALL_E2E_STAGE"

const (
	stageInit   = "init"   // PID 1 of the namespaces: prepares them, starts the next, reaps
	stageInside = "inside" // runs the tests
)

const (
	exitFailure = 1
	exitUsage   = 2
	// signalExit is added to a signal's number when it ended the process, as a shell does.
	signalExit = 128
	// grace is how long the inside has to end by itself after a signal, before it is killed.
	grace = 20 * time.Second
)

// runVariable names the run in everything that it starts: the process id of its outer process.
const runVariable = "TIERWALL_E2E_RUN"

// cgroupPrefix begins the name of a run's cgroup.
const cgroupPrefix = "tierwall-e2e-"

// Cgroup is the name of the run's cgroup, in any hierarchy: what is below goes when the run ends.
func Cgroup() string { return cgroupPrefix + os.Getenv(runVariable) }

// StateDir is a folder in memory for everything that the inside writes. It is short: the paths of sockets are limited.
const StateDir = "/run/tierwall"

// Outer reports whether this is the process that was called, on the host, before Main makes the namespaces: what cannot be
// done inside is done here, and passed on by environment variables.
func Outer() bool { return os.Getenv(stageVariable) == "" }

// Main runs inside in new namespaces and returns its exit code. It is to be called once.
func Main(inside func() int) int {
	switch stage := os.Getenv(stageVariable); stage {
	case stageInside:
		return inside()
	case stageInit:
		return initMain()
	case "":
		return outerMain()
	default:
		return fail(exitUsage, fmt.Errorf("%s=%q is not for use by hand", stageVariable, stage))
	}
}

// fail prints the error and returns the code.
func fail(code int, err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return code
}

// outerMain starts the init in new namespaces, passes signals on, and shows afterwards that nothing is left.
func outerMain() int {
	if os.Geteuid() != 0 {
		return fail(exitUsage, errors.New("run this as root: it makes namespaces and cgroups"))
	}
	if err := os.Setenv(runVariable, strconv.Itoa(os.Getpid())); err != nil {
		return fail(exitFailure, err)
	}
	if err := removeStaleCgroups(); err != nil {
		return fail(exitFailure, err)
	}
	before, err := takeSnapshot()
	if err != nil {
		return fail(exitFailure, err)
	}
	if err := announce(); err != nil {
		return fail(exitFailure, err)
	}
	// The kernel kills the init when the thread that started it ends, so this one must not.
	runtime.LockOSThread()
	code := runStage(stageInit, &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // so that Ctrl-C reaches this process alone, which passes it on
	})
	if err := cleanUp(before); err != nil {
		return fail(max(code, exitFailure), err)
	}
	return code
}

// initMain is PID 1 in the namespaces. When it ends, the kernel kills everything else in there.
func initMain() int {
	if err := prepare(); err != nil {
		return fail(exitFailure, err)
	}
	return runStage(stageInside, &syscall.SysProcAttr{})
}

// runStage runs this binary again as the given stage, with the same arguments, and returns its exit code. Signals to
// end are passed on; after the time of grace it is killed. In PID 1 it reaps what others leave.
func runStage(stage string, attributes *syscall.SysProcAttr) int {
	self, err := os.Executable()
	if err != nil {
		return fail(exitFailure, err)
	}
	command := exec.Command(self, os.Args[1:]...)
	command.Env = append(os.Environ(), stageVariable+"="+stage)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = attributes

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return fail(exitFailure, fmt.Errorf("starting stage %s: %w", stage, err))
	}
	ended := make(chan syscall.WaitStatus, 1)
	go func() { ended <- reapUntil(command.Process.Pid) }()

	var kill <-chan time.Time
	for {
		select {
		case status := <-ended:
			return exitCode(status)
		case s := <-signals:
			fmt.Fprintf(os.Stderr, "e2e: %v: taking everything down\n", s)
			_ = command.Process.Signal(syscall.SIGTERM)
			kill = time.After(grace)
		case <-kill:
			_ = command.Process.Kill()
		}
	}
}

// reapUntil waits for every child of this process until the given one has ended, and returns how that one did.
func reapUntil(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return exitFailure << 8 // no child is left, and its status with it
		case ended == pid:
			return status
		}
	}
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return signalExit + int(status.Signal())
	}
	return status.ExitStatus()
}
