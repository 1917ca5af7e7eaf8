package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tierwall.dev/fn/e2e/cluster/control"
)

// volumes is how many claims can be bound while the cluster runs: a volume is not used twice.
const volumes = 12

// createVolumes makes local volumes for the claims of the package's database.
func (c *Cluster) createVolumes(ctx context.Context) error {
	for i := range volumes {
		name := fmt.Sprintf("local-%d", i)
		path := filepath.Join(c.Dir, "volumes", name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if _, err := c.Client.CoreV1().PersistentVolumes().Create(ctx, localVolume(name, path), meta.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func localVolume(name, path string) *core.PersistentVolume {
	onThisNode := core.NodeSelectorTerm{MatchExpressions: []core.NodeSelectorRequirement{
		{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{control.NodeName}},
	}}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: resource.MustParse("20Gi")},
			AccessModes:                   []core.PersistentVolumeAccessMode{core.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity:                  &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{onThisNode}}},
		},
	}
}
