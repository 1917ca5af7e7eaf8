package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierwall.dev/fn/internal/report"
)

// parseDocument is the root node of a single document; nil where the document is empty or null. Duplicate keys and
// aliases without bounds are problems.
func parseDocument(text []byte) (*yaml.Node, *problem) { return new(builder).parse(text) }

// parse is parseDocument, with the nodes of the document before.
func (b *builder) parse(text []byte) (*yaml.Node, *problem) {
	root, ok := b.build(text)
	if !ok {
		var p *problem
		if root, p = parseWithLibrary(text); root == nil || p != nil {
			return nil, p
		}
	}
	if p := checkAliases(root); p != nil {
		return nil, p
	}
	if p := checkKeys(root, ""); p != nil {
		return nil, p
	}
	return root, nil
}

// parseWithLibrary parses the only document of text.
func parseWithLibrary(text []byte) (*yaml.Node, *problem) {
	docs, p := decodeAll(text)
	switch {
	case p != nil:
		return nil, p
	case len(docs) == 0:
		return nil, nil
	case len(docs) > 1:
		return nil, &problem{id: InputDocuments, line: docs[1].Line,
			message: fmt.Sprintf("%d documents where one is expected; leave only one", len(docs))}
	}
	return docs[0], nil
}

// decodeAll parses the documents of text, those that are empty or null left out. The library panics on no input that
// is known; if it does, that is a problem of the document.
func decodeAll(text []byte) (docs []*yaml.Node, p *problem) {
	defer func() {
		if r := recover(); r != nil {
			docs, p = nil, &problem{id: InputYAML, message: fmt.Sprintf("the YAML parser gave up: %v", r)}
		}
	}()
	if json := jsonWithoutTabs(text); json != nil {
		text = json
	}
	if bytes.Contains(text, []byte("%YAML 1.2")) {
		text = newVersion.ReplaceAll(text, []byte("%YAML 1.1"))
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, parseProblem(err)
		}
		if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Tag == "!!null" {
			continue
		}
		docs = append(docs, doc.Content[0])
	}
}

// The library refuses "%YAML 1.2", which is what it reads.
var newVersion = regexp.MustCompile(`(?m)^%YAML 1\.2\b`)

var errorLine = regexp.MustCompile(`^line ([0-9]+): `)

// parseProblem is the library's error with its line apart.
func parseProblem(err error) *problem {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	p := &problem{id: InputYAML}
	if m := errorLine.FindStringSubmatch(message); m != nil {
		p.line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	p.message = fmt.Sprintf("not valid YAML: %s", strings.ReplaceAll(message, "\n", " "))
	return p
}

// checkText is a problem with bytes that are not text.
func checkText(in []byte) *problem {
	if len(trimBlank(bytes.TrimPrefix(in, bom))) == 0 {
		return &problem{id: InputEmpty, message: "the input is empty; expected YAML documents"}
	}
	return checkUTF8(in)
}

func checkUTF8(in []byte) *problem {
	if i := invalidUTF8(in); i >= 0 {
		return &problem{id: InputEncoding, line: 1 + bytes.Count(in[:i], []byte("\n")),
			message: fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", in[i])}
	}
	return nil
}

// bom is the byte order mark that some editors put before UTF-8 text.
var bom = []byte("\xef\xbb\xbf")

// findings are the problem as the error of a reader without a source.
func (p *problem) findings() report.Findings {
	message := p.message
	if p.line > 0 {
		message = fmt.Sprintf("line %d: %s", p.line, message)
	}
	return failure(p.id, p.field, "%s", message)
}
