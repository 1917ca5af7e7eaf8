package netpold

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
)

// syncer tells when the rules in the kernel are those of what the API server holds, so that a test need not guess.
type syncer struct {
	client                     kubernetes.Interface
	pods, policies, namespaces cache.Store
	request                    func()        // asks the controller for a full sync
	started                    chan struct{} // one item for each full sync that has begun
	// one is held by the request that is answered: the controller makes one of two requests for a full sync at once, so
	// that of two that wait for its start one would wait for the next that nobody asks for.
	one sync.Mutex
}

// forward makes an item of started of each heartbeat: the controller sends one at the start of each full sync, and
// blocks until it is taken. An item that nobody waits for is dropped.
func (s *syncer) forward(beats <-chan *healthcheck.ControllerHeartbeat) {
	for range beats {
		select {
		case s.started <- struct{}{}:
		default:
		}
	}
}

// ServeHTTP answers when everything that the API server held at the start of the request is in the kernel's rules.
func (s *syncer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.sync(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "synced")
}

func (s *syncer) sync(ctx context.Context) error {
	s.one.Lock()
	defer s.one.Unlock()
	errorsBefore := klog.Stats.Error.Lines()
	if err := s.caughtUp(ctx); err != nil {
		return err
	}
	select {
	case <-s.started: // of an earlier sync
	default:
	}
	// Full syncs run one after the other. The first that begins now may have been under way with older contents, the
	// second has begun with the present ones, and when the third begins the second has ended.
	for range 3 {
		s.request()
		select {
		case <-s.started:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a sync of the rules: %w", ctx.Err())
		}
	}
	// kube-router says that it has given up a sync in its log, and nowhere else.
	if n := klog.Stats.Error.Lines() - errorsBefore; n > 0 {
		return fmt.Errorf("kube-router logged %d errors during the sync", n)
	}
	return nil
}

// caughtUp waits until the informers hold what the API server holds.
func (s *syncer) caughtUp(ctx context.Context) error {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		same, err := s.upToDate(ctx)
		if err != nil {
			return err
		}
		if same {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the informers: %w", ctx.Err())
		}
	}
}

func (s *syncer) upToDate(ctx context.Context) (bool, error) {
	pods, err := s.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	policies, err := s.client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	namespaces, err := s.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	return sameVersions(s.pods, pods.Items) && sameVersions(s.policies, policies.Items) &&
		sameVersions(s.namespaces, namespaces.Items), nil
}

// object is a pointer to an API type, which has the metadata's methods.
type object[T any] interface {
	*T
	metav1.Object
}

// sameVersions reports whether the store holds exactly these items, each in this version.
func sameVersions[T any, P object[T]](store cache.Store, items []T) bool {
	want, have := map[string]string{}, map[string]string{}
	for i := range items {
		item := P(&items[i])
		want[item.GetNamespace()+"/"+item.GetName()] = item.GetResourceVersion()
	}
	for _, item := range store.List() {
		if meta, ok := item.(metav1.Object); ok {
			have[meta.GetNamespace()+"/"+meta.GetName()] = meta.GetResourceVersion()
		}
	}
	return maps.Equal(want, have)
}
