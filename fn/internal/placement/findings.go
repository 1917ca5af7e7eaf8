package placement

import "tierwall.dev/fn/internal/report"

// The findings of this package.
const (
	LayerTwoFiles   report.ID = "layer-two-files"  // a directory with two kustomization files
	LayerCycle      report.ID = "layer-cycle"      // kustomizations that include each other in a circle
	LayerUnreadable report.ID = "layer-unreadable" // a kustomization that cannot be read

	// SelectorAmbiguous is for pods that no label tells apart from others.
	SelectorAmbiguous report.ID = "selector-ambiguous"
	// PolicyNotPlaced is for a rule that is meant and that no layer can hold.
	PolicyNotPlaced report.ID = "policy-not-placed"
	// PolicyHandWritten is for a policy of the user's that has the name of one of ours.
	PolicyHandWritten report.ID = "policy-hand-written"
)
