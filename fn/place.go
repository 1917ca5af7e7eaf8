package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/policy"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/workload"
)

// rendering is what a render would write below the root.
type rendering struct {
	write  map[string][]byte
	remove []string
	// policies are the policies of each generated file, written or not.
	policies map[string][]*networkingv1.NetworkPolicy
	findings report.Findings
}

// place writes each layer's policies into its generated file and its entry into the kustomization; policies of ours that
// are no longer meant go, wherever they stand.
func (f *folder) place(r *rendering, tree *placement.Tree, plan *planned) error {
	for _, p := range plan.placed {
		file := path.Join(p.Layer, placement.GeneratedFile)
		r.policies[file] = append(r.policies[file], p.Policy)
	}
	edits := map[string]*edit{}
	for _, file := range f.generatedFiles(r, tree) {
		dir := path.Dir(file)
		if plan.frozen[dir] {
			continue
		}
		foreign, err := f.foreign(file)
		if err != nil {
			return err
		}
		text := joined(foreign, r.policies[file])
		old, exists := f.files[file]
		switch {
		case len(text) == 0 && exists && f.marked(file):
			r.remove = append(r.remove, file)
			editOf(edits, dir).remove = append(editOf(edits, dir).remove, path.Base(file))
		case len(text) == 0:
		default:
			if !bytes.Equal(old, text) {
				r.write[file] = text
			}
			if path.Base(file) == placement.GeneratedFile && len(r.policies[file]) > 0 {
				editOf(edits, dir).add = []string{placement.GeneratedFile}
			}
		}
	}
	return f.editKustomizations(r, tree, edits)
}

type edit struct{ add, remove []string }

func editOf(edits map[string]*edit, dir string) *edit {
	if edits[dir] == nil {
		edits[dir] = &edit{}
	}
	return edits[dir]
}

// generatedFiles are the files that policies go to or may have to leave, sorted: the layers' generated files, and every
// other file that holds a policy of ours.
func (f *folder) generatedFiles(r *rendering, tree *placement.Tree) []string {
	files := map[string]bool{}
	for file := range r.policies {
		files[file] = true
	}
	for file := range f.files {
		if f.marked(file) {
			files[file] = true
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// marked reports whether a file holds a policy of ours.
func (f *folder) marked(file string) bool {
	adopted := slices.ContainsFunc(slices.Collect(maps.Keys(f.adopted)), func(s workload.Source) bool { return s.File == file })
	if placement.IsKustomization(file) || !adopted && !bytes.Contains(f.files[file], []byte(policy.SetLabel)) {
		return false
	}
	objects, err := f.read(file)
	return err == nil && slices.ContainsFunc(objects, f.owns)
}

// foreign are the documents of a file that are not ours, as they stand there.
func (f *folder) foreign(file string) ([][]byte, error) {
	content, exists := f.files[file]
	if !exists || len(bytes.TrimSpace(content)) == 0 {
		return nil, nil
	}
	stream, err := manifest.ReadStream(content)
	if err != nil {
		return nil, inFile(err, file)
	}
	var out [][]byte
	for _, it := range stream.Items {
		o, err := it.Object()
		if err != nil {
			return nil, inFile(err, file)
		}
		o.Source.File = file
		if !f.owns(o) {
			out = append(out, it.Bytes())
		}
	}
	return out, nil
}

// joined is a file of documents: the user's first, then the policies.
func joined(foreign [][]byte, policies []*networkingv1.NetworkPolicy) []byte {
	documents := slices.Clone(foreign)
	for _, p := range policies {
		documents = append(documents, manifest.EncodePolicy(p))
	}
	var out []byte
	for i, d := range documents {
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = append(out, d...)
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out
}

func (f *folder) editKustomizations(r *rendering, tree *placement.Tree, edits map[string]*edit) error {
	for _, dir := range slices.Sorted(maps.Keys(edits)) {
		kustomization := tree.KustomizationFile[dir]
		if kustomization == "" {
			continue
		}
		edited, err := manifest.EditResources(f.files[kustomization], edits[dir].add, edits[dir].remove)
		if err != nil {
			return inFile(err, kustomization)
		}
		if !bytes.Equal(edited, f.files[kustomization]) {
			r.write[kustomization] = edited
		}
	}
	return nil
}

// inFile puts the file into findings that do not name one.
func inFile(err error, file string) error {
	var fs report.Findings
	if !errors.As(err, &fs) {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i := range fs {
		if fs[i].File == "" {
			fs[i].File = file
		}
	}
	return fs
}
