# Needs Go, git and make; everything else comes with the module.
GO ?= go

# The race detector needs cgo, and so a C compiler.
RACE := $(if $(shell command -v $$($(GO) env CC)),-race)

.PHONY: all
all: bin/update-gitops-repo

VERSION ?= $(or $(shell git describe --tags --dirty 2>/dev/null),devel)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)

TAGS := $(shell sed -n 's/^tags=//p' cmd/update-gitops-repo/build.sh)

.PHONY: bin/update-gitops-repo
bin/update-gitops-repo:
	GO='$(GO)' VERSION='$(VERSION)' REVISION='$(REVISION)' cmd/update-gitops-repo/build.sh $@

# The image, for one platform, with docker or podman, whichever works.
ENGINE ?= $(if $(shell docker info >/dev/null 2>&1 && echo yes),docker,podman)
ARCH ?= $(shell $(GO) env GOARCH)
IMAGE ?= update-gitops-repo
# Podman 4 has to be told what it runs on.
IMAGE_FLAGS += $(if $(filter podman,$(ENGINE)),--build-arg=BUILDPLATFORM=linux/$(shell $(GO) env GOHOSTARCH))
.PHONY: image
image:
	$(ENGINE) build --platform=linux/$(ARCH) --build-arg=VERSION=$(VERSION) --build-arg=REVISION=$(REVISION) \
		$(IMAGE_FLAGS) --tag=$(IMAGE):$(ARCH) .

# What is in the image, and whether it works with no rights at all.
.PHONY: image-test
image-test: bin/update-gitops-repo
	$(MAKE) image ARCH=amd64
	$(MAKE) image ARCH=arm64
	$(GO) run ./integration/image $(ENGINE) $(IMAGE):amd64=bin/update-gitops-repo $(IMAGE):arm64=bin/update-gitops-repo

# The main job on the embedded forge: no account, no token, no network.
.PHONY: demo
demo: bin/update-gitops-repo
	@$(GO) run ./integration/demo bin/update-gitops-repo

# test takes minutes: each fault meets one request of each kind. test-all has every fault at every request, and the race
# detector where goroutines run. go test vets what it compiles, so nothing is compiled for go vet alone, and what a test
# builds has the tags in GOFLAGS, for which all has been compiled. Each package that the program is made of must stay
# covered above 85 % by its own tests. Four scripts run at once, because some wait.
RACED = ./gitrepo/... ./integration/forge ./integration/memnet
TESTENV = GOFLAGS='$(strip $(shell $(GO) env GOFLAGS) -tags=$(TAGS))'
GOTEST = $(TESTENV) $(GO) test -vet=all $(TESTFLAGS)
.PHONY: test test-all
test: RACE =
test: TESTFLAGS = -short -timeout=10m
test-all: TESTFLAGS = -timeout=20m
test test-all:
	@mkdir -p bin
	@$(TESTENV) $(GO) list -deps ./cmd >bin/packages
	@$(GO) list ./integration/... | grep -v -e '/forge$$' -e '/memnet$$' >bin/integration
	@$(if $(RACE),CGO_ENABLED=1) $(GOTEST) $(RACE) -cover $(RACED) >bin/test.log; \
		status=$$?; cat bin/test.log; exit $$status
	@$(GOTEST) -cover ./cmd/... ./scm/... ./secret/... ./template/... >bin/test2.log; \
		status=$$?; cat bin/test2.log; exit $$status
	@$(GOTEST) -parallel=4 $$(cat bin/integration)
	@awk -f .ci/coverage.awk bin/packages bin/test.log bin/test2.log

# Every fuzz target of the module, each for FUZZTIME. Inputs that fail are left in the package's testdata/fuzz, where
# make test runs them.
FUZZTIME ?= 10s
.PHONY: fuzz
fuzz:
	GO='$(GO)' GOFLAGS=-tags=$(TAGS) .ci/fuzz.sh $(FUZZTIME)

# 300 updates by eight workers against a forge that fails a tenth of its requests; make test has 40 of them.
.PHONY: soak
soak:
	SOAK=300 $(GO) test -timeout=30m -tags=$(TAGS) -count=1 ./integration -run '^TestSoak$$' -v

# YAML edits, and whole runs against git's own ways, beside the goals. BENCH is for flags
.PHONY: bench
bench: bin/update-gitops-repo
	$(GO) test -timeout=30m ./template/yamledit -run '^$$' -bench .
	GO='$(GO)' $(GO) run ./integration/bench $(BENCH) bin/update-gitops-repo

# The table in the README: what other programs make of the torture suite.
.PHONY: compare
compare:
	@mkdir -p bin/torture
	TORTURE_OUT=$(CURDIR)/bin/torture $(GO) test -timeout=10m ./template/yamledit -run '^TestTorture$$' -count=1
	cd template/yamledit/compare && $(GO) run . ../testdata/torture $(CURDIR)/bin/torture

# What is made from the program: the README's recording and table of flags, the man page, the completions.
# The tests fail when any of it is out of date.
.PHONY: docs
docs:
	UPDATE_DOCS=1 $(GO) test -timeout=10m -count=1 ./integration -run '^TestRecording$$'
	UPDATE_DOCS=1 $(GO) test -timeout=10m -count=1 ./cmd -run '^TestDocs$$'

.PHONY: clean
clean:
	rm -rf bin
