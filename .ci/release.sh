#!/usr/bin/env bash
# Checks the configuration of releases. To build goreleaser takes minutes and gigabytes; where it is installed, it builds a snapshot.
set -euo pipefail
cd "$(dirname "$0")/.."

make bin/update-gitops-repo
go -C .ci/release run . "$PWD/.goreleaser.yaml" "$PWD/bin/update-gitops-repo"
if command -v goreleaser >/dev/null; then
	goreleaser check
	goreleaser build --snapshot --clean --single-target
fi
