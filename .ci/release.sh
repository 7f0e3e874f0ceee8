#!/usr/bin/env bash
# Makes a snapshot of a release from what is committed, without the image, the SBOMs and the signatures, which need
# docker, syft and cosign. The program in it must be the one that make builds, byte for byte.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT

if ! command -v goreleaser >/dev/null; then
	# Building it takes gigabytes, which nothing else needs.
	GOFLAGS=-modcacherw GOMODCACHE=$dir/mod GOCACHE=$dir/cache GOBIN=$dir/bin \
		go install github.com/goreleaser/goreleaser/v2@v2.16.0
	rm -rf --one-file-system "$dir/mod" "$dir/cache"
	PATH=$dir/bin:$PATH
fi

# In a clone, because goreleaser needs a remote.
git clone --quiet . "$dir/clone"
cd "$dir/clone"
goreleaser check
goreleaser release --snapshot --skip=docker,sbom,sign

make bin/update-gitops-repo VERSION="v$(sed -E 's/.*"version":"([^"]*)".*/\1/' bin/dist/metadata.json)"
cmp bin/update-gitops-repo bin/dist/update-gitops-repo_"$(go env GOOS)_$(go env GOARCH)"_*/update-gitops-repo
