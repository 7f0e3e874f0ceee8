#!/usr/bin/env bash
# Builds and tests the image. Without docker or podman, it installs podman (as root, on Debian). If the base image
# cannot be pulled, it makes a stand-in of Debian and Go.
set -euo pipefail
cd "$(dirname "$0")/.."

install() {
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "the image is not tested: it takes docker, or podman and debootstrap, and only root can install $*" >&2
		exit 1
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" >/dev/null
}

base=$(awk '$1 == "FROM" && /golang/ { print $3 }' Dockerfile) # golang:1.26.8-bookworm@sha256:…
tag=${base%@*}
version=${tag##*:}
export GOTOOLCHAIN=go${version%%-*} # The binaries are compared, so both are made by the same Go.

if docker info >/dev/null 2>&1; then
	make image-test ENGINE=docker
	exit
fi
command -v podman >/dev/null || install podman runc
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
if [ "$(id -u)" = 0 ] && command -v runc >/dev/null; then
	# Limits below the usual ones, which only CAP_SYS_RESOURCE can raise; and no systemd.
	cat >"$dir/containers.conf" <<-'EOF'
		[containers]
		default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
		[engine]
		cgroup_manager = "cgroupfs"
		runtime = "runc"
	EOF
	export CONTAINERS_CONF=$dir/containers.conf
fi

flags=(--network=host)
standin=
if ! podman image exists "$base" && ! podman pull --quiet "$base"; then
	echo "cannot pull $base: building a stand-in"
	standin=localhost/standin/${tag##*/}
fi
if [ -n "$standin" ] && ! podman image exists "$standin"; then
	command -v debootstrap >/dev/null || install debootstrap
	if ! debootstrap --variant=minbase --include=ca-certificates "${version#*-}" "$dir/root" >"$dir/log"; then
		cat "$dir/log" >&2
		exit 1
	fi
	mkdir -p "$dir/root/usr/local/go"
	tar -C "$(go env GOROOT)" --exclude=./api --exclude=./doc --exclude=./test -c . | tar -C "$dir/root/usr/local/go" -x
	tar -C "$dir/root" -c . | podman import --quiet --change=ENV=PATH=/usr/local/go/bin:/usr/bin:/bin \
		--change=ENV=GOPATH=/go --change=ENV=GOTOOLCHAIN=local - "$standin"
fi
if [ -n "$standin" ]; then
	# The stand-in does not know this machine's certificate authorities, so the modules come from here.
	go mod download
	flags+=(--from="$standin" --build-arg=GOPROXY=file:///modules)
	flags+=(--volume="$(go env GOMODCACHE)/cache/download:/modules:ro")
fi
IMAGE_FLAGS="${flags[*]}" make image-test ENGINE=podman
