package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
)

// renderCommand is `tierwall render DIR [--check]`.
func renderCommand(stdout, stderr io.Writer, code *int) *cobra.Command {
	var check bool
	var adopt []string
	var one oneFile
	cmd := &cobra.Command{
		Use:   "render DIR",
		Short: "Write the NetworkPolicies of a kustomize package into its base and overlays",
		Long: `render reads the kustomizations below DIR, builds every environment in process, and writes the
policies: what all environments share beside the base, what differs beside the overlays. Only files
that change are written, all of them or none, and only once it is proved that the environments, as
kustomize builds them with the new policies, open exactly the connections that are meant.

With --to the policies of one environment go to one file, a comment before each, for kubectl apply -f;
it is proved in the same way, and the folder stays as it is.`,
		Example: `  tierwall render kustomize
  tierwall render kustomize --adopt default-deny-all,allow-dns
  tierwall render kustomize --check   # in CI: fails when the folder is out of date
  tierwall render kustomize --environment prod --to policies.yaml
  tierwall render kustomize --environment prod --to - | kubectl apply -f -`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case one.file != "" && len(adopt) > 0:
				return fmt.Errorf("--adopt takes policies out of the folder, and --to leaves the folder as it is: choose one of the two")
			case one.file != "":
				one.dir, one.check = args[0], check
				*code = one.run(stdout, stderr)
				return nil
			case one.environment != "":
				return fmt.Errorf("--environment goes with --to: the files of the folder are those of all environments together")
			}
			*code = render(args[0], check, stdout, stderr, adopt...)
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing, and fail when something would be written")
	cmd.Flags().StringSliceVar(&adopt, "adopt", nil, "`NAME`s of hand-written policies to take over: they go from their files, and the generated ones take their place")
	cmd.Flags().StringVar(&one.file, "to", "", "write the policies of one environment to `FILE` instead, - for standard output")
	cmd.Flags().StringVarP(&one.environment, "environment", "e", "", "with --to: this environment, by `NAME`; not needed where there is only one")
	return cmd
}

func render(dir string, check bool, stdout, stderr io.Writer, adopt ...string) int {
	f, findings, err := readFolder(dir)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, findings)
	if findings.Failed() {
		return exitFindings
	}
	f.adopt = adopt
	f.progress = func(what string, done, total int) { progress(stderr, what, done, total) }
	r, err := f.render()
	progressDone(stderr)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, r.findings)
	changes := append(slices.Sorted(maps.Keys(r.write)), r.remove...)
	if check {
		for _, name := range changes {
			fmt.Fprintf(stderr, "tierwall: error: %s: is not what the configuration gives: run tierwall render on the folder [%s]\n", name, PackageOutOfDate)
		}
		if len(changes) > 0 {
			return exitFindings
		}
		return exitGood
	}
	if err := manifest.WriteFiles(f.root, r.write, r.remove); err != nil {
		return fail(stderr, err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.write)) {
		fmt.Fprintln(stdout, "wrote", name)
	}
	for _, name := range r.remove {
		fmt.Fprintln(stdout, "removed", name)
	}
	if len(changes) == 0 {
		fmt.Fprintln(stdout, "nothing to change")
	}
	return exitGood
}

// fail says why the run failed, and gives the exit code.
func fail(stderr io.Writer, err error) int {
	var fs report.Findings
	if errors.As(err, &fs) {
		say(stderr, fs)
		return exitFindings
	}
	fmt.Fprintf(stderr, "tierwall: %v\n", err)
	return exitUsage
}
