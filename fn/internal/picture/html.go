package picture

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

// The page's parts. It loads nothing: a browser's policy in its head allows just this style and this script.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageStyle string
	//go:embed page/page.js
	pageScript string
)

// pageData is the map as the page reads it: ports and openers once each, connections by numbers.
type pageData struct {
	Environments []pageEnvironment `json:"environments"`
	Ports        []pagePort        `json:"ports"`
	Openers      []Opener          `json:"openers"`
}

type pageEnvironment struct {
	Name  string     `json:"name"`
	Nodes []pageNode `json:"nodes"`
	// Connections are the numbers of both nodes, of the ports and of the openers.
	Connections [][4]any `json:"connections"`
}

type pageNode struct {
	Node
	// Short is the name without the namespace where all workloads are in one.
	Short string `json:"short"`
}

type pagePort struct {
	Port
	Label string `json:"label"`
}

func (m *Map) pageData() pageData {
	out := pageData{Environments: []pageEnvironment{}, Ports: []pagePort{}, Openers: []Opener{}}
	ports, openers := map[Port]int{}, map[Opener]int{}
	for _, e := range m.Environments {
		names, _ := e.shortNames()
		page := pageEnvironment{Name: e.Name, Nodes: []pageNode{}, Connections: [][4]any{}}
		for _, n := range e.Nodes {
			page.Nodes = append(page.Nodes, pageNode{n, names[n.Name]})
		}
		numbers := e.numbers()
		for _, c := range e.Connections {
			portNumbers, openerNumbers := []int{}, []int{}
			for _, p := range c.Ports {
				if _, known := ports[p]; !known {
					ports[p] = len(out.Ports)
					out.Ports = append(out.Ports, pagePort{p, p.label()})
				}
				portNumbers = append(portNumbers, ports[p])
			}
			for _, o := range c.OpenedBy {
				if _, known := openers[o]; !known {
					openers[o] = len(out.Openers)
					out.Openers = append(out.Openers, o)
				}
				openerNumbers = append(openerNumbers, openers[o])
			}
			page.Connections = append(page.Connections, [4]any{numbers[c.From], numbers[c.To], portNumbers, openerNumbers})
		}
		out.Environments = append(out.Environments, page)
	}
	return out
}

// writeHTML is a page of one file.
func (m *Map) writeHTML(w io.Writer) error {
	data, err := json.Marshal(m.pageData()) // escapes <, > and &, so that no name ends the script element
	if err != nil {
		return err
	}
	page := strings.NewReplacer("{{style-hash}}", hash(pageStyle), "{{script-hash}}", hash(pageScript),
		"{{style}}", pageStyle, "{{script}}", pageScript, "{{data}}", string(data)).Replace(pageHTML)
	_, err = io.WriteString(w, page)
	return err
}

// hash names a style or script in a Content-Security-Policy.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
