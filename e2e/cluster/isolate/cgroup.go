package isolate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	cgroupRoot = "/sys/fs/cgroup"
	// containerCgroup is where containerd puts every container; no option moves it.
	containerCgroup = "k8s.io"
	// emptying is how long the kernel may take to empty the cgroups of killed processes.
	emptying = 20 * time.Second
)

// cgroups returns the folders of a run's cgroup in every hierarchy, those above first.
func cgroups(name string) ([]string, error) {
	roots, err := filepath.Glob(filepath.Join(cgroupRoot, "*", name)) // version 1, and both
	if err != nil {
		return nil, err
	}
	roots = append(roots, filepath.Join(cgroupRoot, name)) // version 2 alone
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
	return found, nil
}

// removeCgroup removes a run's cgroup, once the kernel has emptied it.
func removeCgroup(name string) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(emptying)
	for {
		busy, err := removeEmptyCgroups(name)
		if err != nil || busy == "" {
			return err
		}
		select {
		case <-poll.C:
		case <-deadline:
			return fmt.Errorf("cgroup %s still has processes after %v", busy, emptying)
		}
	}
}

// removeEmptyCgroups makes one round, the deepest first, and returns one that still has processes.
func removeEmptyCgroups(name string) (busy string, err error) {
	folders, err := cgroups(name)
	if err != nil {
		return "", err
	}
	for _, folder := range slices.Backward(folders) {
		switch err := syscall.Rmdir(folder); {
		case err == nil, errors.Is(err, syscall.ENOENT):
		case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.ENOTEMPTY):
			busy = folder
		default:
			return "", fmt.Errorf("removing cgroup %s: %w", folder, err)
		}
	}
	return busy, nil
}

// removeContainerCgroups removes the containers' cgroups that have no processes: the run's have none, for its PID
// namespace has ended. Those that have belong to another run, which goes on.
func removeContainerCgroups() error {
	_, err := removeEmptyCgroups(containerCgroup)
	return err
}

// removeStaleCgroups removes the cgroups of runs whose outer process was killed before it could.
func removeStaleCgroups() error {
	var all []string
	for _, pattern := range []string{"*/" + cgroupPrefix + "*", cgroupPrefix + "*"} {
		found, err := filepath.Glob(filepath.Join(cgroupRoot, pattern))
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	for _, folder := range all {
		name := filepath.Base(folder)
		if _, err := os.Stat("/proc/" + strings.TrimPrefix(name, cgroupPrefix)); err == nil {
			continue // the run goes on
		}
		if err := removeCgroup(name); err != nil {
			return err
		}
	}
	return nil
}
