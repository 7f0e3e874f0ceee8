# Needs Go, git and make; everything else comes with the module.
GO ?= go

# The race detector needs cgo, and so a C compiler.
RACE := $(if $(shell command -v $$($(GO) env CC)),-race)

.PHONY: all
all: bin/update-gitops-repo

# Static, without paths and symbol tables.
.PHONY: bin/update-gitops-repo
bin/update-gitops-repo:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $@ ./cmd/update-gitops-repo

# The main job on the embedded forge: no account, no token, no network.
.PHONY: demo
demo: bin/update-gitops-repo
	@$(GO) run ./integration/demo bin/update-gitops-repo

# All tests, with the race detector where goroutines run. The rooms must stay covered above 85 % by their own tests.
.PHONY: test
test:
	$(GO) vet ./...
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) ./gitrepo ./integration/forge
	$(GO) test ./integration
	@mkdir -p bin
	@$(GO) test -cover ./cmd/... ./gitrepo ./scm/... ./template >bin/test.log; status=$$?; cat bin/test.log; \
		test $$status -eq 0 && awk -f .ci/coverage.awk bin/test.log

# YAML edits, and whole runs timed against git's own ways.
.PHONY: bench
bench: bin/update-gitops-repo
	$(GO) test ./template -run '^$$' -bench .
	$(GO) run ./integration/bench bin/update-gitops-repo

# The table in the README: what other programs make of the torture suite.
.PHONY: compare
compare:
	@mkdir -p bin/torture
	TORTURE_OUT=$(CURDIR)/bin/torture $(GO) test ./template -run '^TestTorture$$' -count=1
	cd template/compare && $(GO) run . ../testdata/torture $(CURDIR)/bin/torture

# What is made from the program: the README's recording and table of flags, the man page, the completion of bash, zsh and fish.
# The tests fail when any of it is out of date.
.PHONY: docs
docs:
	UPDATE_DOCS=1 $(GO) test -count=1 ./integration -run '^TestRecording$$'
	UPDATE_DOCS=1 $(GO) test -count=1 ./cmd -run '^TestDocs$$'

.PHONY: clean
clean:
	rm -rf bin
