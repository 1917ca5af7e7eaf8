// Command build builds each kustomization that it is given once, as `kustomize build` does, and throws the result away.
// It is what `make bench` measures `tierwall render` beside.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	for _, dir := range os.Args[1:] {
		result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		if err == nil {
			_, err = result.AsYaml()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			os.Exit(1)
		}
	}
}
