package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
	"tierwall.dev/fn/internal/workload"
)

// readFolder reads the YAML files below a directory, hidden directories left out, and the NetworkPolicySet among them.
// Symbolic links are not followed, but for the directory itself.
func readFolder(dir string) (*folder, report.Findings, error) {
	root, err := resolveDir(dir)
	if err != nil {
		return nil, nil, err
	}
	f := &folder{root: root, fsys: filesys.MakeFsOnDisk(), files: placement.Files{}, objects: map[string][]*manifest.Object{},
		adopted: map[workload.Source]bool{}, progress: func(string, int, int) {}}
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(at, root), string(filepath.Separator)))
		if err != nil {
			return unreadable(rel, err)
		}
		if !entry.Type().IsRegular() && rel != "" && (placement.IsKustomization(rel) || path.Base(rel) == placement.GeneratedFile) {
			return fmt.Errorf("%s is no regular file: policies, or the entry that lists them, are written there; make it a file", rel)
		}
		if entry.IsDir() {
			if rel != "" && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		ext := path.Ext(rel)
		if !entry.Type().IsRegular() || (ext != ".yaml" && ext != ".yml" && ext != ".json" && !placement.IsKustomization(rel)) {
			return nil
		}
		if f.files[rel], err = os.ReadFile(at); err != nil {
			return unreadable(rel, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(f.files) == 0 {
		return nil, nil, fmt.Errorf("%s holds no YAML files: give the folder of the manifests", dir)
	}
	findings := f.readSet()
	return f, findings, nil
}

// resolveDir is the absolute path of the directory that the user names; kustomize follows links too.
func resolveDir(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", unreadable(dir, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is a file: give the folder that holds it", dir)
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", unreadable(dir, err)
	}
	return filepath.Abs(root)
}

// unreadable says which file cannot be read, by the name that the user knows it by.
func unreadable(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}

// configKind is how a document says that it is a configuration.
var configKind = regexp.MustCompile(`\bkind["']?\s*:\s*["']?NetworkPolicySet\b|\bapiVersion["']?\s*:\s*["']?tierwall\.dev/`)

// meantAsConfig reports whether a file is meant to hold a configuration, whether it can be read or not, UTF-16 included:
// to render without it would open what it closes.
func meantAsConfig(content []byte) bool {
	return configKind.Match(bytes.ReplaceAll(content, []byte{0}, nil))
}

// readSet finds the one NetworkPolicySet of the folder; without one the preset holds.
func (f *folder) readSet() report.Findings {
	var sets []*manifest.Object
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if !meantAsConfig(f.files[name]) {
			continue
		}
		objects, err := f.read(name)
		var fs report.Findings
		if errors.As(err, &fs) {
			return fs
		}
		for _, o := range objects {
			if isSet(o) {
				sets = append(sets, o)
			}
		}
	}
	config, findings := oneSet(sets)
	if findings.Failed() {
		return findings
	}
	f.set, findings = setOf(config)
	return findings
}

// configGroup is the API group of the configuration's kinds.
var configGroup, _, _ = strings.Cut(tier.APIVersion, "/")

// isSet reports whether an object is a NetworkPolicySet, or is meant as one: decoding says what is wrong with its kind.
func isSet(o *manifest.Object) bool {
	return o.Kind == tier.SetKind || o.Group() == configGroup && o.Kind != tier.TestKind
}

// isTest reports whether an object is a SegmentationTest. Nil is none.
func isTest(o *manifest.Object) bool {
	return o != nil && o.Kind == tier.TestKind && o.Group() == configGroup
}

// oneSet is the only set, nil for none.
func oneSet(sets []*manifest.Object) (*manifest.Object, report.Findings) {
	switch len(sets) {
	case 0:
		return nil, nil
	case 1:
		return sets[0], nil
	}
	return nil, report.Findings{twoSets(sets[0], sets[1])}
}

func (f *folder) read(name string) ([]*manifest.Object, error) {
	if objects, ok := f.objects[name]; ok {
		return objects, nil
	}
	objects, err := manifest.ReadFile(name, f.files[name])
	if err != nil {
		return nil, err
	}
	f.objects[name] = objects
	return objects, nil
}
