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

// announce makes the run's own cgroup, by which other runs see that this one goes on.
func announce() error {
	hierarchies, err := filepath.Glob(filepath.Join(cgroupRoot, "*", "cgroup.procs")) // version 1
	if err != nil {
		return err
	}
	folder := filepath.Join(cgroupRoot, Cgroup())
	if len(hierarchies) > 0 {
		folder = filepath.Join(filepath.Dir(hierarchies[0]), Cgroup())
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the run's cgroup: %w", err)
	}
	return nil
}

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

// removeContainerCgroups removes the containers' cgroups that have no processes, unless another run goes on: one of those
// may be its container's that is about to start. The last run to end, which has removed its own cgroup as each does
// before this, sees no other.
func removeContainerCgroups() error {
	others, err := runCgroups()
	if err != nil || len(others) > 0 {
		return err
	}
	_, err = removeEmptyCgroups(containerCgroup)
	return err
}

// runCgroups returns the folders of all runs' cgroups in all hierarchies.
func runCgroups() ([]string, error) {
	var all []string
	for _, pattern := range []string{"*/" + cgroupPrefix + "*", cgroupPrefix + "*"} {
		found, err := filepath.Glob(filepath.Join(cgroupRoot, pattern))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// removeStaleCgroups removes the cgroups of runs whose outer process was killed before it could.
func removeStaleCgroups() error {
	all, err := runCgroups()
	if err != nil {
		return err
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
