package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tierwall.dev/fn/internal/tier"
)

// schemaCommand is `tierwall schema`.
func schemaCommand(stdout io.Writer) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the schema of NetworkPolicySet and SegmentationTest",
		Long: `schema prints what a configuration may hold, for editors (JSON Schema, draft 7) or for tools of the
KRM functions (KRMFunctionDefinition).`,
		Example: `  tierwall schema > networkpolicyset.schema.json
  # then, as the first line of networkpolicyset.yaml:
  # yaml-language-server: $schema=networkpolicyset.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := tier.JSONSchema()
			switch format {
			case "json":
			case "krm":
				text = tier.FunctionDefinition()
			default:
				return fmt.Errorf("-o %s: must be json or krm", format)
			}
			_, err := stdout.Write(text)
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "json", "json for a JSON Schema, krm for a KRMFunctionDefinition")
	return cmd
}
