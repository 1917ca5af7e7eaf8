package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// hostile are manifests whose names and texts try to get out of the comments and lists that a proposal is made of.
const hostile = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "a: b, c}\n- x", namespace: "n]\n#"}
spec:
  selector: {matchLabels: {app: "x\ny"}}
  template:
    metadata: {labels: {app: "x\ny", tier: "front\nend: {", component: "] #"}}
    spec:
      containers:
      - name: c
        image: "nginx\n  flows: []"
        ports: [{containerPort: 80, name: "p\n"}]
        env: [{name: "A\nspec:", value: "http://db:5432"}, {name: HOST, value: "evil\u2028.example.com:1"}, {name: NULL, value: "http://true:80"}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: "n]\n#"}
spec: {selector: {app: "x\ny"}, ports: [{port: 5432}], type: LoadBalancer}
---
apiVersion: v1
kind: Pod
metadata: {name: "true", labels: {app: "null"}}
spec: {containers: [{name: c, image: "postgres", command: ["psql", "-h", "db"]}]}
`

// longestSeed keeps the seeds so short that the fuzzer spends its time on running them.
const longestSeed = 4000

// FuzzInit holds that whatever the manifests say, what init writes decodes, is one document, and is the same the next time.
func FuzzInit(f *testing.F) {
	files, err := filepath.Glob("testdata/init/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no applications: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var all []string
		for _, part := range archive.Files {
			if strings.HasPrefix(part.Name, "input/") {
				all = append(all, string(part.Data))
			}
		}
		if seed := strings.Join(all, "\n---\n"); len(seed) < longestSeed {
			f.Add([]byte(seed))
		}
	}
	f.Add([]byte(hostile))
	f.Fuzz(func(t *testing.T, manifests []byte) {
		code, first := proposed(manifests)
		if code == exitUsage && strings.Contains(first, "please report") {
			t.Fatal(first)
		}
		if _, again := proposed(manifests); again != first {
			t.Errorf("the second time it is another:\n%s\n%s", first, again)
		}
	})
}

// proposed is what init writes for a stream, or what it says where it writes nothing.
func proposed(manifests []byte) (int, string) {
	var out, messages bytes.Buffer
	code := run([]string{"init", "-"}, bytes.NewReader(manifests), &out, &messages, false)
	if code != exitGood {
		return code, messages.String()
	}
	return code, out.String()
}
