# Everything here runs on a fresh machine with Go and make, except the targets that say which tools they need.
# `make help` lists the targets; each is a few lines of shell that can be run by hand.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION   ?= v0.1.0
IMAGE     ?= tierwall.dev/tierwall:$(VERSION)
CONTAINER ?= $(shell command -v podman || command -v docker || echo podman)
DIR       ?= kustomize
FUZZTIME  ?= 20s
CORPUS    ?=
TESTFLAGS ?=
SIZES     ?= 10,100,1000,10000
CLUSTERS  ?= 300
BESIDE    ?=
SOAK      ?= 2000
FIRST     ?= 1000
TOOLS     := $(CURDIR)/.cache/tools
GO        ?= go
RELEASE   := -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

# Everything of e2e/cluster is built with the same settings, so that the compiler's cache is shared. Without its version
# the API server says one that kubectl cannot read.
E2E        := $(CURDIR)/.cache/e2e
E2EGO      := CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false' $(GO) -C e2e/cluster
KUBERNETES := v1.36.3
E2ELDFLAGS := -s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES) -X k8s.io/component-base/version.gitMajor=1 \
  -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/client-go/pkg/version.gitVersion=$(KUBERNETES)

.PHONY: help build demo render kubectl-file check test test-tools test-browser opinion e2e e2e-packages e2e-build e2e-harness e2e-story e2e-engine e2e-soak e2e-roads lint fuzz corpus bench tools image release test-release examples docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

build: ## Build bin/tierwall
	@CGO_ENABLED=0 $(GO) build $(RELEASE) -o bin/tierwall ./fn

demo: build ## Render kustomize/ and show which policies each environment gets
	@examples/demo.sh bin/tierwall kustomize

render: build ## Render DIR (default kustomize): write what has changed
	bin/tierwall render $(DIR)

kubectl-file: build ## Render examples/kubectl/20_network_policy_complete.yaml again: the policies of prod in one file
	bin/tierwall render kustomize --environment prod --to examples/kubectl/20_network_policy_complete.yaml

examples: build tools kubectl-file ## Render kustomize/ and every example again, for reading the difference
	@for dir in kustomize examples/three-tier examples/many-workloads examples/openshift examples/no-kustomization; do \
	  echo "$$dir:"; bin/tierwall render $$dir; \
	done
	@cd examples/component && ../../bin/tierwall render workloads --to network-policies/policies.yaml
	@export PATH="$(CURDIR)/bin:$$PATH"; \
	for overlay in prod staging; do \
	  $(TOOLS)/kustomize build --enable-alpha-plugins --enable-exec examples/inline-component/overlays/$$overlay > examples/inline-component/expected/$$overlay.yaml; \
	done; \
	cd examples/helm-post-renderer; \
	export HELM_DATA_HOME="$$(mktemp -d)" HELM_CONFIG_HOME="$$(mktemp -d)" HELM_CACHE_HOME="$$(mktemp -d)"; \
	$(TOOLS)/helm3 template shop chart --post-renderer tierwall > expected/helm-v3.yaml; \
	$(TOOLS)/helm4 plugin install plugin >/dev/null; \
	$(TOOLS)/helm4 template shop chart --post-renderer tierwall > expected/helm-v4.yaml

docs: tools ## Run the commands of README.md and docs/, and write what they print there (needs kpt, kubectl, podman)
	UPDATE=1 $(GO) test -count=1 -run VerificationPage ./fn
	UPDATE=1 $(GO) test -tags realtools -count=1 -timeout 15m -run RealToolsDocs ./examples

check: build ## Fail when DIR (default kustomize) is not what a render would give
	bin/tierwall render $(DIR) --check

test: ## Run the tests that need nothing but Go
	$(GO) test $(TESTFLAGS) ./...

test-tools: tools image ## Run the tests with the real kpt, kubectl, kustomize, helm and podman (needs kpt, kubectl, podman, runc, pre-commit)
	$(GO) test -tags realtools -count=1 -timeout 15m -run RealTools -v ./examples

test-browser: ## Run the tests of the map's page in headless Chromium (needs chromium and chromium-driver)
	$(GO) test -tags browser -count=1 -timeout 10m -run Browser -v ./fn

opinion: ## Ask programs of others: cyclonus about CLUSTERS random clusters (default 300), the OASIS schema about our SARIF
	$(GO) -C e2e/opinion test -count=1 -timeout 30m $(TESTFLAGS) ./... -clusters $(CLUSTERS)

e2e: e2e-packages ## Run the shipped package and the engine on a real Kubernetes, in namespaces of its own (as root, on Debian; needs kubectl and kpt)
	$(E2EGO) test $(TESTFLAGS) ./...
	$(MAKE) --no-print-directory e2e-harness
	@echo "e2e-story, e2e-engine and e2e-roads run at the same time, some minutes; each prints what it did when it is done"
	$(MAKE) --no-print-directory -j3 --output-sync=target e2e-story e2e-engine e2e-roads

e2e-packages: ## Install the Debian packages of the test cluster that are missing
	e2e/cluster/packages.sh

e2e-build: ## Build the components of the test cluster and the tests into .cache/e2e (about 10 CPU minutes at first)
	@mkdir -p $(E2E)
	$(E2EGO) build -ldflags '$(E2ELDFLAGS)' -o $(E2E)/onenode ./onenode
	CGO_ENABLED=0 $(GO) -C e2e/cluster/coredns build -trimpath -buildvcs=false -o $(E2E)/coredns .
	$(E2EGO) build -o $(E2E)/inpod ./inpod
	CGO_ENABLED=0 $(GO) build $(RELEASE) -o $(E2E)/tierwall ./fn
	for part in isolate lab story engine roads; do $(E2EGO) test -c -tags cluster -o $(E2E)/$$part.test ./$$part; done

e2e-harness: e2e-build ## Try what the other e2e targets stand on: that nothing is left behind, that a pod is a pod (as root)
	cd e2e/cluster/isolate && $(E2E)/isolate.test -test.v -test.count 1 -test.timeout 5m
	cd e2e/cluster/lab && $(E2E)/lab.test -test.v -test.count 1 -test.timeout 5m

e2e-story: e2e-build ## Apply the package to a whole cluster, look at every connection, print a table of every check
	cd e2e/cluster/story && $(E2E)/story.test -test.v -test.count 1 -test.parallel 32 -test.timeout 20m

e2e-engine: e2e-build ## Set the proof against the real engine: random clusters, the upstream suite; the API server against policies (as root; needs iptables, ipset, nftables; CORPUS is given to the server too)
	cd e2e/cluster/engine && TIERWALL_E2E_TIERWALL=$(E2E)/tierwall TIERWALL_E2E_CORPUS=$(if $(CORPUS),$(abspath $(CORPUS))) \
	  $(E2E)/engine.test -test.v -test.count 1 -test.timeout 20m

e2e-soak: e2e-build ## Compare SOAK random clusters (default 2000) from seed FIRST (default 1000) on the real engine with the proof (as root)
	cd e2e/cluster/engine && $(E2E)/engine.test -test.v -test.count 1 -test.timeout 12h -test.run 'TestRandom$$' -clusters $(SOAK) -first $(FIRST)

e2e-roads: tools image e2e-build ## Apply the policies by every road to the test cluster, look at the wire, run helm test (as root; needs kpt, podman, kubectl, containerd, runc, iptables, ipset, busybox)
	cd e2e/cluster/roads && $(E2E)/roads.test -test.v -test.count 1 -test.timeout 20m

lint: tools ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l fn examples e2e release); if [ -n "$$unformatted" ]; then echo "not gofmt'ed: $$unformatted" >&2; exit 1; fi
	$(GO) vet -tags realtools,bench,corpus,browser ./...
	$(TOOLS)/staticcheck -tags realtools,bench,corpus,browser ./...
	$(GO) -C e2e/opinion vet -tags bench ./...
	$(GO) -C release vet ./...
	cd e2e/opinion && $(TOOLS)/staticcheck -tags bench ./...
	@: "onenode is left out: it is little more than imports, of all of Kubernetes, and each linter would read that too"; \
	packages=$$($(E2EGO) list -tags cluster ./... | grep -v '/onenode$$'); cd e2e/cluster; \
	export CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false'; \
	$(GO) vet -tags cluster $$packages; $(TOOLS)/staticcheck -tags cluster $$packages
	cd release && $(TOOLS)/staticcheck ./...

fuzz: ## Run each fuzz test for FUZZTIME (default 20s)
	@ran=0; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	for pkg in $$($(GO) list ./...); do \
	  listed=$$($(GO) test -list '^Fuzz' $$pkg); \
	  for target in $$(grep '^Fuzz' <<<"$$listed" || true); do \
	    echo "fuzz: $$pkg $$target for $(FUZZTIME)"; \
	    if ! $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg 2>&1 | tee "$$log"; then \
	      if grep -q 'Failing input' "$$log" || ! grep -qx '    context deadline exceeded' "$$log"; then exit 1; fi; \
	      echo "fuzz: $$target had its time and found nothing; Go 1.26 takes the end of the time for an error now and then (golang/go#75804)"; \
	    fi; \
	    ran=$$((ran + 1)); \
	  done; \
	done; \
	echo "fuzz: $$ran targets"; \
	[ "$$ran" -gt 0 ]

corpus: ## Render every case of CORPUS (a folder of applications with tables of right answers) and compare
	@[ -n "$(CORPUS)" ] || { echo "say which: make corpus CORPUS=DIR" >&2; exit 2; }
	$(GO) test -tags corpus -count=1 -timeout 15m $(TESTFLAGS) -run Corpus ./fn -corpus "$(abspath $(CORPUS))"

bench: ## Measure the binary with SIZES workloads beside a no-op on kyaml's framework, and the proof beside cyclonus and BESIDE
	$(GO) test -tags bench -count=1 -timeout 30m $(TESTFLAGS) -v ./e2e/bench -sizes "$(SIZES)"
	$(GO) -C e2e/opinion test -tags bench -count=1 -timeout 30m $(TESTFLAGS) -v -run Bench ./... -beside "$(BESIDE)"

tools: $(TOOLS)/kustomize $(TOOLS)/staticcheck $(TOOLS)/helm4 $(TOOLS)/helm3 ## Build the pinned kustomize, helm v3, helm v4 and staticcheck into .cache/tools

$(TOOLS)/kustomize: e2e/tools/go.mod
	$(GO) -C e2e/tools build -o $@ sigs.k8s.io/kustomize/kustomize/v5
$(TOOLS)/staticcheck: e2e/tools/go.mod
	$(GO) -C e2e/tools build -o $@ honnef.co/go/tools/cmd/staticcheck
$(TOOLS)/helm4: e2e/tools/go.mod
	$(GO) -C e2e/tools build -o $@ helm.sh/helm/v4/cmd/helm
$(TOOLS)/helm3: e2e/tools/helm3/go.mod
	$(GO) -C e2e/tools/helm3 build -o $@ helm.sh/helm/v3/cmd/helm

image: ## Build the image for amd64 and arm64 without an engine, and load it into podman or docker; IMAGE names it
	@$(GO) -C release run ./image -root .. -out ../bin/image -name $(IMAGE) -version $(VERSION)
	@for arch in amd64 arm64; do $(CONTAINER) load --quiet --input bin/image/image-$$arch.tar >/dev/null; done
	@$(CONTAINER) tag $(IMAGE)-$$($(GO) env GOARCH) $(IMAGE)
	@echo "loaded $(IMAGE) for this machine, and $(IMAGE)-amd64 and $(IMAGE)-arm64; both in one index are in bin/image/oci"

release: ## Build archives for linux, darwin and windows, bills of materials and checksums into dist/
	@rm -rf dist
	@$(GO) -C release run ./archives -root .. -out ../dist -version $(VERSION)

test-release: ## Build a release twice and compare; look into what it holds
	$(GO) -C release test -count=1 -timeout 30m $(TESTFLAGS) ./...

clean: ## Remove what was built
	rm -rf bin dist .cache
