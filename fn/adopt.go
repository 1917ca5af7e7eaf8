package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/placement"
	"tierwall.dev/fn/internal/report"
)

// settle decides what becomes of policies of the user's that bear the name of one of ours: one that says the same stays,
// and ours is left out; one that the user gives up is taken out of its file; any other is an error.
func (f *folder) settle(placed []placement.Placed, clashes []placement.Clash) ([]placement.Placed, report.Findings) {
	left := map[int]bool{}
	var findings report.Findings
	for _, c := range clashes {
		ours := placed[c.Placed]
		o := f.objectAt(c)
		finding := report.Finding{ID: placement.PolicyHandWritten, File: c.Existing.Source.File, Object: report.Object{
			APIVersion: ours.Policy.APIVersion, Kind: ours.Policy.Kind, Name: ours.Policy.Name}, Field: "metadata.name"}
		if o != nil {
			finding.Index = o.Source.Index
		}
		switch {
		case o != nil && slices.Contains(f.adopt, ours.Policy.Name):
			f.adopted[o.Source] = true
		case o != nil && saysTheSame(o, ours.Policy):
			left[c.Placed] = true
			finding.Severity = report.Info
			finding.Message = "is the name of a policy of ours, and says the same: it stays, and ours is left out"
			findings = append(findings, finding)
		default:
			finding.Severity = report.Error
			finding.Message = fmt.Sprintf("is the name of a policy that goes to %s: rename the hand-written one, take it out, or let tierwall render --adopt %s do so",
				path.Join(ours.Layer, placement.GeneratedFile), ours.Policy.Name)
			findings = append(findings, finding)
		}
	}
	findings = append(findings, f.unadopted(placed, clashes)...)
	var kept []placement.Placed
	for i, p := range placed {
		if !left[i] {
			kept = append(kept, p)
		}
	}
	return kept, findings
}

// unadopted says of the names that the user gives up which no hand-written policy bears.
func (f *folder) unadopted(placed []placement.Placed, clashes []placement.Clash) report.Findings {
	var findings report.Findings
	for _, name := range f.adopt {
		if !slices.ContainsFunc(clashes, func(c placement.Clash) bool { return placed[c.Placed].Policy.Name == name }) {
			findings = append(findings, report.Finding{ID: AdoptUnmatched, Severity: report.Error,
				Message: fmt.Sprintf("--adopt %s: no hand-written policy has that name and stands in the way of one of ours", name)})
		}
	}
	return findings
}

// objectAt is the user's policy as its file has it; nil where it comes from no file of the folder.
func (f *folder) objectAt(c placement.Clash) *manifest.Object {
	objects, err := f.read(c.Existing.Source.File)
	if err != nil {
		return nil
	}
	var best *manifest.Object
	for _, o := range objects {
		// kustomize may have put a prefix and a suffix around the name.
		if isPolicy(o) && strings.Contains(c.Existing.Name, o.Name) && (best == nil || len(best.Name) < len(o.Name)) {
			best = o
		}
	}
	return best
}

func isPolicy(o *manifest.Object) bool {
	return o.Kind == "NetworkPolicy" && o.Group() == networkingv1.GroupName
}

func saysTheSame(o *manifest.Object, ours *networkingv1.NetworkPolicy) bool {
	theirs, err := manifest.DecodePolicy(o)
	return err == nil && equality.Semantic.DeepEqual(theirs.Spec, ours.Spec)
}
