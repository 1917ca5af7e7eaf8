package discovery

import (
	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/workload"
)

type configMap struct{ object *manifest.Object }

func (r *reader) references() []workload.Reference { return nil }
