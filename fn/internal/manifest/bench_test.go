package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/kio"
)

// benchList is a canonical list of n Deployments and Services as kpt hands it over.
func benchList(n int) string {
	var items []string
	for i := range n {
		items = append(items,
			strings.ReplaceAll(webItem, "web", fmt.Sprintf("web-%04d", i)),
			strings.ReplaceAll(kustomizeItem, "web", fmt.Sprintf("web-%04d", i)))
	}
	return list(items...) + configPart
}

// BenchmarkList compares ways through a list of 10, 100 and 1000 workloads, each with a Service: as the function goes
// through it (canonical), with every item parsed (parsed), through the fallback (foreign: indented items), and a no-op
// on kyaml's framework.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		canonical := []byte(benchList(n))
		foreign := []byte(strings.Replace(string(canonical), "kind: ResourceList\n", "kind: ResourceList # foreign\n", 1))
		through := func(in []byte, parse bool) func(b *testing.B) {
			return func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					passThrough(b, in, parse)
				}
			}
		}
		b.Run(fmt.Sprintf("canonical/%d", n), through(canonical, false))
		b.Run(fmt.Sprintf("parsed/%d", n), through(canonical, true))
		b.Run(fmt.Sprintf("foreign/%d", n), through(foreign, false))
		b.Run(fmt.Sprintf("framework/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(canonical)))
			b.ReportAllocs()
			for b.Loop() {
				frameworkNoop(b, canonical)
			}
		})
	}
}

func passThrough(b *testing.B, in []byte, parse bool) {
	l, err := ReadList(in)
	if err != nil {
		b.Fatal(err)
	}
	if parse {
		for _, it := range l.Items {
			if _, err := it.Object(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if _, err := l.Encode(l.Unchanged(), nil); err != nil {
		b.Fatal(err)
	}
}

func frameworkNoop(b *testing.B, in []byte) {
	rw := &kio.ByteReadWriter{Reader: bytes.NewReader(in), Writer: &bytes.Buffer{}, KeepReaderAnnotations: true}
	nodes, err := rw.Read()
	if err != nil {
		b.Fatal(err)
	}
	if err := rw.Write(nodes); err != nil {
		b.Fatal(err)
	}
}
