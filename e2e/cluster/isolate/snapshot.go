package isolate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// watchedFolders are those of the whole machine in which the components of a cluster like to write.
var watchedFolders = []string{
	"/run/containerd", "/opt/containerd", "/opt/cni", "/etc/cni/net.d",
	"/usr/libexec/kubernetes", "/usr/libexec/kubernetes/kubelet-plugins",
	"/var/lib/cni", "/var/lib/cni/results", "/var/lib/kubelet", "/var/lib/kubelet/device-plugins", "/var/lib/containerd",
	"/var/log/pods", "/var/log/containers",
}

// snapshot is what of the machine a run could change in spite of its namespaces.
type snapshot struct {
	files   []string
	mounts  []string
	sysctls map[string]string
}

// takeSnapshot reads the machine's state. Another user of the machine may change it meanwhile, but not by such names.
func takeSnapshot() (snapshot, error) {
	s := snapshot{sysctls: map[string]string{}}
	for _, folder := range watchedFolders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return s, err
		}
		s.files = append(s.files, folder)
		for _, entry := range entries {
			s.files = append(s.files, filepath.Join(folder, entry.Name()))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return s, err
	}
	for _, mount := range strings.Split(strings.TrimSpace(string(mounts)), "\n") {
		if strings.Contains(mount, StateDir) {
			s.mounts = append(s.mounts, mount)
		}
	}
	for _, name := range shadowedSysctls {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil {
			return s, err
		}
		s.sysctls[name] = string(value)
	}
	return s, nil
}

// cleanUp removes the cgroups that the run's containers left, and fails when anything else is left or differs.
func cleanUp(before snapshot) error {
	if err := errors.Join(removeCgroup(Cgroup()), removeContainerCgroups()); err != nil {
		return err
	}
	after, err := takeSnapshot()
	if err != nil {
		return err
	}
	processes, err := processesOf(os.Getenv(runVariable))
	if err != nil {
		return err
	}
	return errors.Join(
		nothingNew("process", nil, processes),
		nothingNew("file", before.files, after.files),
		nothingNew("mount", before.mounts, after.mounts),
		sameSysctls(before.sysctls, after.sysctls),
	)
}

// processesOf returns the processes, other than this, that have the run in their environment.
func processesOf(run string) ([]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, file := range files {
		environment, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid := filepath.Base(filepath.Dir(file))
		if pid != fmt.Sprint(os.Getpid()) && slices.ContainsFunc(bytes.Split(environment, []byte{0}), func(variable []byte) bool {
			return string(variable) == runVariable+"="+run
		}) {
			found = append(found, pid)
		}
	}
	return found, nil
}

// nothingNew fails when after has what before has not.
func nothingNew(what string, before, after []string) error {
	left := slices.DeleteFunc(slices.Clone(after), func(one string) bool { return slices.Contains(before, one) })
	if len(left) > 0 {
		return fmt.Errorf("%s left behind: %s", what, strings.Join(left, ", "))
	}
	return nil
}

func sameSysctls(before, after map[string]string) error {
	for name, value := range before {
		if after[name] != value {
			return fmt.Errorf("sysctl %s was %q and is %q", name, value, after[name])
		}
	}
	return nil
}
