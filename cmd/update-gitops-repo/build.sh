#!/bin/sh
# build.sh OUTPUT compiles the program as version $VERSION of commit $REVISION, for $GOOS and $GOARCH: static, without
# paths and symbol tables, so that it is the same bytes wherever it is built. The flags stand here alone: make and the
# Dockerfile run this, make takes the tags for the tests, and a test compares .goreleaser.yaml.
set -eu

# Formats that yq speaks and a GitOps repository does not: a sixth of the program.
tags=yq_nohcl,yq_noini,yq_nolua,yq_noshell,yq_notoml,yq_noxml

CGO_ENABLED=0 "${GO:-go}" build -trimpath -buildvcs=false -tags="$tags" \
	-ldflags="-s -w -X update-gitops-repo/cmd.buildVersion=$VERSION -X update-gitops-repo/cmd.buildRevision=$REVISION" \
	-o "$1" ./cmd/update-gitops-repo
