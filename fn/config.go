package main

import (
	"fmt"
	"os"
	"strings"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
	"tierwall.dev/fn/internal/tier"
)

// readConfig reads the one configuration of a file, a set or a test; nil without a file.
func readConfig(file string) (*manifest.Object, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	objects, err := manifest.ReadFile(file, content)
	if err != nil {
		return nil, err
	}
	var sets, tests []*manifest.Object
	for _, o := range objects {
		switch {
		case isSet(o):
			sets = append(sets, o)
		case isTest(o):
			tests = append(tests, o)
		}
	}
	switch {
	case len(sets) == 1 && len(tests) == 0:
		return sets[0], nil
	case len(sets) == 0 && len(tests) == 1:
		return tests[0], nil
	}
	return nil, report.Findings{{ID: ModeConfig, Severity: report.Error, File: file,
		Message: fmt.Sprintf("holds %d documents of kind NetworkPolicySet and %d of kind SegmentationTest; --config takes a file with one of either", len(sets), len(tests))}}
}

// configOf is the configuration of a ResourceList: its functionConfig, or else the one set among the items; nil for none.
// kpt passes the functionConfig's file among the items too. Any other set would own the same layers.
func configOf(list *manifest.List) (*manifest.Object, error) {
	config := list.FunctionConfig
	for _, it := range list.Items {
		if it.Kind != tier.SetKind && !strings.HasPrefix(it.APIVersion, configGroup+"/") {
			continue
		}
		o, err := it.Object()
		switch {
		case err != nil:
			return nil, err
		case !isSet(o):
		case config == nil:
			config = o
		case !sameConfig(config, o):
			return nil, report.Findings{twoSets(config, o)}
		}
	}
	return config, nil
}

// sameConfig reports whether an item is the configuration itself: by its place, where both have one.
func sameConfig(config, item *manifest.Object) bool {
	if config.Source.File != "" && item.Source.File != "" {
		return config.Source == item.Source && config.Name == item.Name
	}
	return config.Kind == item.Kind && config.Name == item.Name
}

func twoSets(config, other *manifest.Object) report.Finding {
	where := config.Source.String()
	if config.Source.File == "" {
		where = "the functionConfig"
	}
	return report.Finding{ID: ConfigTwoSets, Severity: report.Error, File: other.Source.File, Index: other.Source.Index, Object: other.Ref(),
		Message: fmt.Sprintf("%s holds a %s too, and both would own the same layers: put them into one, or render a folder that holds only one",
			where, config.Kind)}
}
