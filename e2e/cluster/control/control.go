// Package control runs the control plane of the test cluster: a real etcd, a real kube-apiserver and the policy engine,
// in the network namespace that package isolate made.
package control

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"tierwall.dev/fn/e2e/cluster/isolate"
	"tierwall.dev/fn/e2e/cluster/process"
)

// Addresses of the cluster. All of them are private ones: a policy that lets a pod reach the internet must not let it
// reach the node, the API server or another pod.
const (
	NodeName  = "node-1"
	NodeIPv4  = "172.31.0.10"
	NodeIPv6  = "fd00:31::10"
	PodsIPv4  = "10.244.0.0/24"
	PodsIPv6  = "fd00:244::/64"
	ClusterIP = "10.96.0.1" // of the API server's Service

	ServicesIPv4 = "10.96.0.0/16"
	ServicesIPv6 = "fd00:96::/112"
	APIPort      = 6443
	etcdURL      = "http://127.0.0.1:2379"
	engineListen = "127.0.0.1:9440"
	token        = "e2e" // of the administrator; nobody outside of the network namespace can use it
)

// Times within which a component has to be ready. On two busy cores the API server takes up to 20 s.
const (
	etcdLimit   = 30 * time.Second
	apiLimit    = 90 * time.Second
	engineLimit = 30 * time.Second
	syncLimit   = 30 * time.Second
)

// Plane is a running control plane.
type Plane struct {
	// Client may do everything.
	Client kubernetes.Interface
	// Config is what Client was made of.
	Config *rest.Config
	// Kubeconfig is a file for kubectl and for the components.
	Kubeconfig string
	// Dir holds all state, in memory. It goes when the namespaces go.
	Dir string
	// Binary is the multi-call binary of the components.
	Binary string
	// Processes runs the components; whoever adds one starts it here.
	Processes *process.Group

	engine *process.Process
}

// Options say what differs between the clusters.
type Options struct {
	// Binary is the multi-call binary; empty means BinaryPath.
	Binary string
	// DisableAdmission names the admission plugins to go without.
	DisableAdmission []string
	// Verbosity is that of the components' logs.
	Verbosity int
}

// BinaryPath is where `make e2e` builds the components' binary: TIERWALL_E2E_BINARY, or .cache/e2e/onenode in the
// repository around the working directory.
func BinaryPath() (string, error) {
	if path := os.Getenv("TIERWALL_E2E_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".cache", "e2e", "onenode")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the components are not built: run make e2e-build, or set TIERWALL_E2E_BINARY")
}

// Start starts etcd, the API server and nothing else; StartEngine adds the engine once the Node exists. On an error
// everything is stopped again.
func Start(ctx context.Context, options Options) (*Plane, error) {
	if options.Binary == "" {
		path, err := BinaryPath()
		if err != nil {
			return nil, err
		}
		options.Binary = path
	}
	dir, err := os.MkdirTemp(isolate.StateDir, "cluster-")
	if err != nil {
		return nil, fmt.Errorf("%w (outside of the namespaces?)", err)
	}
	p := &Plane{Dir: dir, Binary: options.Binary, Processes: &process.Group{LogDir: dir}, Kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := p.start(ctx, options); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop stops every component and removes the state.
func (p *Plane) Stop() {
	p.Processes.Stop()
	_ = os.RemoveAll(p.Dir)
}

func (p *Plane) start(ctx context.Context, options Options) error {
	if err := os.Chmod(p.Dir, 0o755); err != nil { // some programs in pods run as another user
		return err
	}
	if err := nodeAddresses(); err != nil {
		return err
	}
	etcd, err := p.Component("etcd", "etcd", "--data-dir", filepath.Join(p.Dir, "etcd"), "--listen-client-urls", etcdURL,
		"--advertise-client-urls", etcdURL, "--log-level", "warn", "--unsafe-no-fsync")
	if err != nil {
		return err
	}
	if err := etcd.Ready(ctx, etcdLimit, func(ctx context.Context) error { return httpGet(ctx, etcdURL+"/health") }); err != nil {
		return err
	}
	return p.startAPI(ctx, options)
}

// Component starts a component of the multi-call binary under the given name.
func (p *Plane) Component(name, component string, arguments ...string) (*process.Process, error) {
	return p.Processes.Start(name, nil, p.Binary, append([]string{component}, arguments...)...)
}

func (p *Plane) startAPI(ctx context.Context, options Options) error {
	key, tokens, certificates := filepath.Join(p.Dir, "sa.key"), filepath.Join(p.Dir, "tokens.csv"), filepath.Join(p.Dir, "certs")
	if err := writeKey(key); err != nil {
		return err
	}
	if err := os.WriteFile(tokens, []byte(token+`,admin,admin,"system:masters"`+"\n"), 0o600); err != nil {
		return err
	}
	arguments := []string{
		"--etcd-servers=" + etcdURL, "--bind-address=" + NodeIPv4, fmt.Sprintf("--secure-port=%d", APIPort),
		"--advertise-address=" + NodeIPv4, "--cert-dir=" + certificates,
		"--service-cluster-ip-range=" + ServicesIPv4 + "," + ServicesIPv6,
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key, "--token-auth-file=" + tokens, "--authorization-mode=RBAC",
		"--disable-admission-plugins=" + strings.Join(options.DisableAdmission, ","),
		"--enable-priority-and-fairness=false", "--shutdown-delay-duration=0s", "--kubelet-preferred-address-types=InternalIP",
		fmt.Sprintf("-v=%d", options.Verbosity),
	}
	api, err := p.Component("kube-apiserver", "kube-apiserver", arguments...)
	if err != nil {
		return err
	}
	certificate := filepath.Join(certificates, "apiserver.crt")
	if err := api.Ready(ctx, apiLimit, func(ctx context.Context) error { return p.connect(ctx, certificate) }); err != nil {
		return err
	}
	return p.writeKubeconfig()
}

// connect makes the client, and fails as long as the server is not ready. The server writes its certificate at its start,
// so that the file may be half written: it is read again each time.
func (p *Plane) connect(ctx context.Context, certificate string) error {
	authority, err := os.ReadFile(certificate)
	if err != nil {
		return err
	}
	config := &rest.Config{
		Host: fmt.Sprintf("https://%s:%d", NodeIPv4, APIPort), BearerToken: token, QPS: 500, Burst: 1000,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority},
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return err
	}
	p.Config, p.Client = config, client
	return nil
}

func (p *Plane) writeKubeconfig() error {
	kubeconfig, err := marshalKubeconfig(p.Config.Host, p.Config.CAData)
	if err != nil {
		return err
	}
	return os.WriteFile(p.Kubeconfig, kubeconfig, 0o600)
}

// marshalKubeconfig returns a kubeconfig of the administrator's that needs no other file.
func marshalKubeconfig(server string, certificate []byte) ([]byte, error) {
	const name = "e2e"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: certificate}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.Write(*config)
}

// StartEngine starts the policy engine, in place of the one that runs, with these arguments besides those that it
// always has. The Node NodeName must exist and have addresses and pod ranges.
func (p *Plane) StartEngine(ctx context.Context, arguments ...string) error {
	if p.engine != nil {
		p.engine.Stop()
	}
	engine, err := p.Component("netpold", "netpold", append([]string{"--kubeconfig=" + p.Kubeconfig, "--node=" + NodeName,
		"--listen=" + engineListen, "--services-ipv4=" + ServicesIPv4, "--services-ipv6=" + ServicesIPv6, "-v=1"}, arguments...)...)
	if err != nil {
		return err
	}
	p.engine = engine
	return engine.Ready(ctx, engineLimit, p.sync)
}

// Sync waits until the engine's rules in the kernel are those of everything that the API server holds now: pods with
// their labels and addresses, namespaces, policies. Established connections are not touched.
func (p *Plane) Sync(ctx context.Context) error {
	if err := p.engine.Failure(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	if err := p.sync(ctx); err != nil {
		return fmt.Errorf("the engine's rules: %w; the end of its log:\n%s", err, p.engine.Tail())
	}
	return nil
}

func (p *Plane) sync(ctx context.Context) error {
	return httpGet(ctx, "http://"+engineListen+"/sync")
}

// httpGet fails unless the answer is 200.
func httpGet(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return nil
}

// writeKey writes a new RSA key, with which the API server signs service account tokens.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

// nodeAddresses gives the network namespace the node's addresses, and makes it forward between its pods.
func nodeAddresses() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	for _, address := range []string{NodeIPv4 + "/32", NodeIPv6 + "/128"} {
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := netlink.AddrReplace(loopback, parsed); err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
	}
	for _, sysctl := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", sysctl), []byte("1"), 0); err != nil {
			return err
		}
	}
	return nil
}
