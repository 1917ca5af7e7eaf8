package isolate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"
)

const (
	cgroupRoot = "/sys/fs/cgroup"
	// containerCgroup is where containerd puts pods when the kubelet names no parent.
	containerCgroup = "k8s.io"
	// emptying is how long the kernel may take to empty the cgroups of killed processes.
	emptying = 10 * time.Second
)

// snapshot is what of the machine a run could change in spite of its namespaces.
type snapshot struct {
	cgroups    []string
	mounts     []string
	namespaces []string // named network namespaces
	sysctls    map[string]string
}

// takeSnapshot reads the machine's state.
func takeSnapshot() (snapshot, error) {
	var s snapshot
	var err error
	if s.cgroups, err = cgroups(); err != nil {
		return s, err
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return s, err
	}
	s.mounts = strings.Split(strings.TrimSpace(string(mounts)), "\n")
	names, err := filepath.Glob("/run/netns/*")
	if err != nil {
		return s, err
	}
	s.namespaces = names
	s.sysctls = map[string]string{}
	for _, name := range shadowedSysctls {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil {
			return s, err
		}
		s.sysctls[name] = string(value)
	}
	return s, nil
}

// cgroups returns the folders of containerd's cgroups, of all hierarchies, deepest last.
func cgroups() ([]string, error) {
	roots, err := filepath.Glob(filepath.Join(cgroupRoot, "*", containerCgroup))
	if err != nil {
		return nil, err
	}
	roots = append(roots, filepath.Join(cgroupRoot, containerCgroup)) // version 2 alone
	var found []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	sort.Strings(found)
	return found, nil
}

// cleanUp removes the empty cgroups that the run's containers left, and fails when anything differs from before.
func cleanUp(before snapshot) error {
	if err := removeCgroups(before.cgroups); err != nil {
		return err
	}
	after, err := takeSnapshot()
	if err != nil {
		return err
	}
	return errors.Join(
		nothingNew("cgroup", before.cgroups, after.cgroups),
		nothingNew("mount", before.mounts, after.mounts),
		nothingNew("network namespace", before.namespaces, after.namespaces),
		sameSysctls(before.sysctls, after.sysctls),
	)
}

// removeCgroups removes containerd's cgroups, but those in keep.
func removeCgroups(keep []string) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(emptying)
	for {
		busy, err := removeEmptyCgroups(keep)
		if err != nil || len(busy) == 0 {
			return err
		}
		select {
		case <-poll.C:
		case <-deadline:
			return fmt.Errorf("cgroup %s still has processes after %v", busy[0], emptying)
		}
	}
}

// removeEmptyCgroups makes one round, and returns those that still have processes.
func removeEmptyCgroups(keep []string) (busy []string, err error) {
	folders, err := cgroups()
	if err != nil {
		return nil, err
	}
	slices.Reverse(folders)
	for _, folder := range folders {
		if slices.Contains(keep, folder) {
			continue
		}
		switch err := syscall.Rmdir(folder); {
		case err == nil, errors.Is(err, syscall.ENOENT):
		case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.ENOTEMPTY):
			busy = append(busy, folder)
		default:
			return nil, fmt.Errorf("removing cgroup %s: %w", folder, err)
		}
	}
	return busy, nil
}

// nothingNew fails when after has what before has not.
func nothingNew(what string, before, after []string) error {
	var left []string
	for _, one := range after {
		if !slices.Contains(before, one) {
			left = append(left, one)
		}
	}
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
