package build

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// BillOfMaterialsType is the media type of a bill of materials.
const BillOfMaterialsType = "application/vnd.cyclonedx+json"

// BillOfMaterials is the modules that the binary says it was built from, with Go's own standard library, in CycloneDX
// JSON. Its time is the release's, and its serial number is made of its content, so that it can be made again.
func BillOfMaterials(binary, version string, when time.Time) ([]byte, error) {
	generator, err := bin.NewGenerator(binary, bin.WithLogger(zerolog.Nop()), bin.WithIncludeStdlib(true), bin.WithVersionOverride(version))
	if err != nil {
		return nil, err
	}
	bom, err := generator.Generate()
	if err != nil {
		return nil, err
	}
	bom.Metadata.Timestamp = when.Format(time.RFC3339)
	content, err := encoded(bom)
	if err != nil {
		return nil, err
	}
	bom.SerialNumber = serialNumber(content)
	return encoded(bom)
}

func encoded(bom *cdx.BOM) ([]byte, error) {
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

// serialNumber is a UUID of version 8 (RFC 9562: made as one likes), of a hash of the content.
func serialNumber(content []byte) string {
	u := sha256.Sum256(content)
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
