package isolate

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// shadowedSysctls are those that a kubelet writes and that are the whole machine's: the inside gets copies.
var shadowedSysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom",
	"kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// prepare makes the namespaces a place to run a cluster in. It runs as their PID 1.
func prepare() error {
	if os.Getpid() != 1 {
		return fmt.Errorf("%s=%s is not for use by hand", stageVariable, stageInit)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	for _, dir := range []string{"/run/lock", "/run/netns", StateDir + "/tmp"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Setenv("TMPDIR", StateDir+"/tmp"); err != nil {
		return err
	}
	if err := shadowVar(); err != nil {
		return err
	}
	if err := shadowSysctls(); err != nil {
		return err
	}
	return onlyLoopback()
}

// shadowVar makes what is written below /var go to memory: a kubelet and the network plugins have folders there
// (/var/log/pods, /var/lib/kubelet, /var/lib/cni) that no option moves.
func shadowVar() error {
	upper, work := StateDir+"/var-upper", StateDir+"/var-work"
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	options := "lowerdir=/var,upperdir=" + upper + ",workdir=" + work
	if err := syscall.Mount("overlay", "/var", "overlay", 0, options); err != nil {
		return fmt.Errorf("in front of /var: %w", err)
	}
	return nil
}

// shadowSysctls puts a file in front of each sysctl, so that what is written goes nowhere.
func shadowSysctls() error {
	for _, name := range shadowedSysctls {
		sysctl := filepath.Join("/proc/sys", name)
		value, err := os.ReadFile(sysctl)
		if err != nil {
			return err
		}
		copied := filepath.Join(StateDir, "sysctl-"+strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(copied, value, 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(copied, sysctl, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("in front of %s: %w", sysctl, err)
		}
	}
	return nil
}

// onlyLoopback fails when there is a link by which a packet could leave.
func onlyLoopback() error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, link := range links {
		if link.Flags&net.FlagLoopback == 0 {
			return fmt.Errorf("the network namespace has a link %s: it must be empty", link.Name)
		}
	}
	return nil
}
