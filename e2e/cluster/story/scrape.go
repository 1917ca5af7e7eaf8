package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scrapeLimit is the time within which Prometheus has to have scraped every pod: a few of its intervals.
const scrapeLimit = 60 * time.Second

// sample is an item of Prometheus' answer.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // time, number as text
}

// query asks Prometheus, from the pod beside it.
func (w *World) query(ctx context.Context, expression string) ([]sample, error) {
	pods, err := w.Client.CoreV1().Pods(monitoring).List(ctx, meta.ListOptions{LabelSelector: "app=" + prometheusName})
	if err != nil {
		return nil, err
	}
	if len(pods.Items) == 0 || pods.Items[0].Status.PodIP == "" {
		return nil, fmt.Errorf("there is no pod of Prometheus")
	}
	address := fmt.Sprintf("http://%s:9090/api/v1/query?query=%s", pods.Items[0].Status.PodIP, url.QueryEscape(expression))
	out, err := w.exec(ctx, monitoring, "deploy/"+clientName, curl(address)...)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		return nil, fmt.Errorf("the answer of Prometheus: %w: %s", err, out)
	}
	return answer.Data.Result, nil
}

// scraped waits until Prometheus has scraped every pod of the namespace, and returns how many.
func (w *World) scraped(ctx context.Context, namespace string) (int, error) {
	var count int
	err := w.Until(ctx, "Prometheus has scraped every pod of "+namespace, scrapeLimit, func(ctx context.Context) error {
		pods, err := w.Client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
		if err != nil {
			return err
		}
		samples, err := w.query(ctx, fmt.Sprintf("up{namespace=%q}", namespace))
		if err != nil {
			return err
		}
		count = len(pods.Items)
		return allUp(pods.Items, samples)
	})
	return count, err
}

// allUp fails when a pod has no sample, or one that says that it could not be scraped.
func allUp(pods []core.Pod, samples []sample) error {
	up := map[string]bool{}
	for _, s := range samples {
		up[s.Metric["pod"]] = s.Value[1] == "1"
	}
	var not []string
	for _, pod := range pods {
		if !up[pod.Name] {
			not = append(not, pod.Name)
		}
	}
	if len(not) > 0 || len(pods) == 0 {
		slices.Sort(not)
		return fmt.Errorf("of %d pods these were not scraped: %s", len(pods), strings.Join(not, ", "))
	}
	return nil
}
