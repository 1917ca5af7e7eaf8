package node

import (
	"fmt"
	"os"
	"path/filepath"

	"tierwall.dev/fn/e2e/cluster/image"
)

// Images that are not the package's.
const (
	sandboxImage    = "docker.io/tierwall/sandbox:e2e"
	DNSImage        = "registry.k8s.io/coredns/coredns:v1.15.0"
	PrometheusImage = "docker.io/prom/prometheus:v2.42.0"
	// ClientImage waits, and has the client programs.
	ClientImage = "docker.io/tierwall/client:e2e"
)

// postgresBin is where Debian keeps the programs of PostgreSQL 15.
const postgresBin = "/usr/lib/postgresql/15/bin"

// busybox is every applet by the name that it is called by.
const busybox = "/usr/bin/busybox"

// Users of the images, as the package's manifests name them.
const databaseUser = 999

const passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:PostgreSQL:/var/lib/postgresql:/bin/sh\nshop:x:10001:10001:shop:/:/bin/sh\n"

// Binaries are programs that `make e2e` builds.
type Binaries struct {
	// InPod is the servers of the containers, CoreDNS the cluster's DNS.
	InPod, CoreDNS string
}

// Images are the images of the cluster and of the package, made of Debian's programs. The package's names are those that
// its manifests use: it is applied as it is.
func Images(binaries Binaries) []image.Image {
	base := &image.Layer{
		Texts: map[string]string{"/etc/passwd": passwd, "/etc/group": "root:x:0:\npostgres:x:999:\nshop:x:10001:\n", "/etc/nsswitch.conf": "hosts: files dns\n"},
		Dirs:  []image.Dir{{Path: "/tmp", Mode: 0o1777}, {Path: "/root", Mode: 0o700}},
	}
	inPod := &image.Layer{Programs: map[string]string{"/bin/inpod": binaries.InPod}}
	clients := &image.Layer{Programs: map[string]string{
		"/bin/psql": postgresBin + "/psql", "/bin/pg_isready": postgresBin + "/pg_isready",
		"/bin/redis-cli": "/usr/bin/redis-cli", "/bin/curl": "/usr/bin/curl", "/bin/getent": "/usr/bin/getent",
		"/bin/timeout": "/usr/bin/timeout",
	}}
	postgres := &image.Layer{
		Programs: map[string]string{"/bin/sh": "/bin/sh", "/bin/getent": "/usr/bin/getent"},
		Trees:    []string{"/usr/lib/postgresql/15/lib", "/usr/share/postgresql/15", "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"},
		Dirs: []image.Dir{
			{Path: "/var/lib/postgresql", Mode: 0o755, Owner: databaseUser},
			{Path: "/var/lib/postgresql/data", Mode: 0o700, Owner: databaseUser},
			{Path: "/var/run/postgresql", Mode: 0o755, Owner: databaseUser},
		},
	}
	// PostgreSQL finds its libraries by the path that it is run from.
	for _, name := range []string{"postgres", "initdb", "pg_isready", "psql"} {
		postgres.Programs[postgresBin+"/"+name] = postgresBin + "/" + name
	}
	redis := &image.Layer{
		Programs: map[string]string{"/bin/redis-server": "/usr/bin/redis-server", "/bin/redis-cli": "/usr/bin/redis-cli", "/bin/getent": "/usr/bin/getent"},
		Dirs:     []image.Dir{{Path: "/data", Mode: 0o755, Owner: databaseUser}},
	}
	program := func(path, source string) *image.Layer {
		return &image.Layer{Programs: map[string]string{path: source}}
	}
	const path = "PATH=/bin"
	shop := func(name string) image.Image {
		return image.Image{
			Names: []string{
				"registry.example.com/shop/" + name + ":2.4.1",
				"registry.example.com/shop/" + name + ":2.5.0-rc.1",
			},
			Layers: []*image.Layer{base, inPod, clients}, Entrypoint: []string{"/bin/inpod", "shop"}, Env: []string{path}, User: "10001",
		}
	}
	return []image.Image{
		{Names: []string{sandboxImage}, Layers: []*image.Layer{inPod}, Entrypoint: []string{"/bin/inpod", "pause"}},
		shop("frontend"),
		shop("backend"),
		{Names: []string{ClientImage}, Layers: []*image.Layer{base, inPod, clients}, Entrypoint: []string{"/bin/inpod", "pause"}, Env: []string{path}, User: "10001"},
		{
			Names: []string{"docker.io/library/postgres:17.6-bookworm"}, Layers: []*image.Layer{base, inPod, postgres},
			Entrypoint: []string{"/bin/inpod", "postgres-entrypoint"}, Env: []string{path + ":" + postgresBin, "LC_ALL=C.UTF-8"},
		},
		{
			Names: []string{"docker.io/library/redis:8.2.1-bookworm"}, Layers: []*image.Layer{base, inPod, redis}, WorkingDir: "/data",
			// The image that bears this name is built without protected mode.
			Entrypoint: []string{"/bin/redis-server", "--protected-mode", "no"}, Env: []string{path},
		},
		{
			Names:      []string{"quay.io/prometheuscommunity/postgres-exporter:v0.17.1"},
			Layers:     []*image.Layer{base, program("/bin/postgres_exporter", "/usr/bin/prometheus-postgres-exporter")},
			Entrypoint: []string{"/bin/postgres_exporter"}, User: "65534",
		},
		{
			Names:      []string{"docker.io/oliver006/redis_exporter:v1.77.0"},
			Layers:     []*image.Layer{base, program("/bin/redis_exporter", "/usr/bin/prometheus-redis-exporter")},
			Entrypoint: []string{"/bin/redis_exporter"}, User: "59000",
		},
		{
			Names:      []string{PrometheusImage},
			Layers:     []*image.Layer{base, program("/bin/prometheus", "/usr/bin/prometheus")},
			Entrypoint: []string{"/bin/prometheus"}, User: "65534",
		},
		{
			Names: []string{"docker.io/library/busybox:1.37"}, // the pods of the chart's `helm test`, and probes of `map -o shell`
			Layers: []*image.Layer{base, {Programs: map[string]string{
				"/bin/sh": busybox, "/bin/nslookup": busybox, "/bin/timeout": busybox, "/bin/sleep": busybox,
				"/bin/nc": busybox, "/bin/sed": busybox, "/bin/head": busybox, "/bin/true": busybox,
			}}},
			Env: []string{path},
		},
		{Names: []string{DNSImage}, Layers: []*image.Layer{base, program("/bin/coredns", binaries.CoreDNS)}, Entrypoint: []string{"/bin/coredns"}},
	}
}

// writeImages writes the images to a file and returns its path.
func writeImages(dir string, binaries Binaries) (string, error) {
	path := filepath.Join(dir, "images.tar")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if err := image.Write(file, Images(binaries)); err != nil {
		return "", fmt.Errorf("making images: %w", err)
	}
	return path, file.Close()
}
