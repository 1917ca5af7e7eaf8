package tier

import (
	_ "embed" // for the schemas
	"slices"
)

// The schemas are generated from the types of the configuration and their doc comments, and compared with the decoder, by
// schema_test.go: go test ./fn/internal/tier -run Schema -update
var (
	//go:embed schema/tierwall.schema.json
	jsonSchema []byte
	//go:embed schema/functions.yaml
	functionDefinition []byte
)

// JSONSchema is the JSON Schema (draft-07) of NetworkPolicySet and SegmentationTest, for editors.
func JSONSchema() []byte { return slices.Clone(jsonSchema) }

// FunctionDefinition is the KRMFunctionDefinition (config.kubernetes.io/v1alpha1) of each kind, two YAML documents.
func FunctionDefinition() []byte { return slices.Clone(functionDefinition) }
