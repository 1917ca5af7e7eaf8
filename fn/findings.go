package main

import "tierwall.dev/fn/internal/report"

// The findings of the run modes.
const (
	// ModeGenerator is for a configuration listed under kustomize's generators, which see no resources.
	ModeGenerator report.ID = "mode-generator"
	// GeneratorInputAbsent is for a file of a configMapGenerator or secretGenerator that a function cannot see.
	GeneratorInputAbsent report.ID = "generator-input-absent"
	// ModeConfig is for a --config that is of no use.
	ModeConfig report.ID = "mode-config"
	// ConfigTwoSets is for two sets that would own the same layers.
	ConfigTwoSets report.ID = "config-two-sets"
	// EnvironmentNotBuilt is for an environment that kustomize cannot build.
	EnvironmentNotBuilt report.ID = "environment-not-built"
	// EnvironmentNotProven is for an environment whose build needs what this run does not have.
	EnvironmentNotProven report.ID = "environment-not-proven"
	// AdoptUnmatched is for a name given to --adopt that no hand-written policy in the way of ours has.
	AdoptUnmatched report.ID = "adopt-unmatched"
	// PackageOutOfDate is for a file that a render would change.
	PackageOutOfDate report.ID = "package-out-of-date"
	// InitSetExists is for a configuration that init would overwrite, or write another one beside.
	InitSetExists report.ID = "init-set-exists"
	// InitNoWorkloads is for an input in which init finds no workload.
	InitNoWorkloads report.ID = "init-no-workloads"
)
