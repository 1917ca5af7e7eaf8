package main

import (
	"errors"
	"net/http"
	"os"
)

// offline takes the network, and programs to run, from kustomize's library, which would fetch what a kustomization out of
// sight of the package's own check names: a base outside of the folder, say.
func offline() {
	http.DefaultTransport = refusing{}
	// kustomize looks git up there. Nothing else is run.
	_ = os.Unsetenv("PATH")
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("tierwall fetches nothing: keep a copy in the package")
}
