// Command tierwall closes a flat Kubernetes network: it finds the workloads of an application by tier label and emits
// the NetworkPolicies that open exactly the connections that are meant.
//
// Output rules: standard output is the ResourceList or the YAML stream and nothing else, written once and only when all
// went well. What there is to say goes to standard error, a line each. Exit codes: 0 good, 1 findings of severity error,
// 2 usage, or what cannot be read or written.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/report"
)

// The exit codes.
const (
	exitGood     = 0
	exitFindings = 1
	exitUsage    = 2
)

// version is set by the linker.
var version = "dev"

func main() {
	// The run is short and its memory is a small multiple of its input: collect less often.
	debug.SetGCPercent(400)
	offline()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, newConsole(os.Stderr), terminal(os.Stdin)))
}

// run is the whole program; interactive says that standard input is a terminal, so that there is nothing to read.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, interactive bool) int {
	code := exitGood
	var config string
	root := &cobra.Command{
		Use:   "tierwall",
		Short: "Emit the NetworkPolicies that open exactly the connections an application means",
		Long: `tierwall reads a ResourceList (as a KRM function of kustomize) or a plain YAML stream on standard
input, finds the workloads by their tier label, and writes the input back with the NetworkPolicies
that close the network but for the connections that are meant.

Exit codes: 0 good, 1 findings of severity error (nothing is written), 2 usage, or what cannot be
read or written.`,
		Example: `  helm template shop ./chart | tierwall
  kubectl kustomize overlays/prod | tierwall --config networkpolicyset.yaml > all.yaml
  kustomize build --enable-alpha-plugins --enable-exec inline/prod`,
		Version:       version,
		Args:          noSuchCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interactive {
				return cmd.Help()
			}
			code = function(config, stdin, stdout, stderr)
			return nil
		},
	}
	root.Flags().StringVar(&config, "config", "", "`FILE` with the NetworkPolicySet for a plain stream, without which the preset holds; or with a SegmentationTest, which is checked")
	root.AddCommand(initCommand(stdin, stdout, stderr, interactive, &code), renderCommand(stdout, stderr, &code), schemaCommand(stdout), verifyCommand(stdin, stdout, stderr, &code),
		explainCommand(stdin, stdout, stderr, &code), mapCommand(stdin, stdout, stderr, &code), diffCommand(stdin, stdout, stderr, &code))
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if cmd, err := root.ExecuteC(); err != nil {
		fmt.Fprintf(stderr, "tierwall: %v; see %s --help\n", err, cmd.CommandPath())
		return exitUsage
	}
	return code
}

func function(configFile string, stdin io.Reader, stdout, stderr io.Writer) int {
	config, err := readConfig(configFile)
	if err != nil {
		return fail(stderr, err)
	}
	in, err := readInput(stdin)
	if err != nil {
		return fail(stderr, err)
	}
	out, findings, err := runFunction(in, config)
	if err != nil {
		return fail(stderr, err)
	}
	say(stderr, findings)
	if _, err := out.WriteTo(stdout); err != nil {
		return fail(stderr, fmt.Errorf("standard output cannot be written: %w", err))
	}
	return exitGood
}

// noSuchCommand refuses arguments that are no command, with the command that is near.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s?", args[0], near[0])
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// say prints the findings, a line each, errors first.
func say(stderr io.Writer, findings report.Findings) {
	for _, f := range findings.Sorted() {
		fmt.Fprintf(stderr, "tierwall: %s: %s\n", severityText(stderr, f.Severity), f)
	}
}

// terminal reports whether a person sits at the file. The null device is a character device too, and holds an empty input.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
