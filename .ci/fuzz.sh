#!/usr/bin/env bash
# fuzz.sh TIME runs every fuzz target of the module for that time, one after the other, in bounded memory. It searches
# the tests for the targets, and fails if go test does not find the same, because of a build tag or a module of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

written=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|/[^/]*:func | |' | sort)
found=$(cut -d' ' -f1 <<<"$written" | uniq | while read -r dir; do
	list=$("$go" test -list '^Fuzz' "$dir")
	sed -n "s|^Fuzz|$dir &|p" <<<"$list"
done | sort)
if ! diff <(echo "$written") <(echo "$found") >&2; then
	echo 'the fuzz targets above are not found by go test' >&2
	exit 1
fi

# The Go runtime tries to stay below its limit; the other limit ends what does not.
ulimit -v 8388608
export GOMEMLIMIT=1GiB
failed=()
while read -r dir target; do
	echo "$dir $target"
	"$go" test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -parallel 2 </dev/null || failed+=("$dir $target")
done <<<"$found"
if [ ${#failed[@]} -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
