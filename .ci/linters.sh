#!/usr/bin/env bash
# What staticcheck does not check: how complex functions are, ignored errors, repeated strings, long lines.
# golangci-lint has all of these, but takes four minutes of processor time and 1 GB to build; these take half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
tags=$(sed -n 's/^tags=//p' cmd/update-gitops-repo/build.sh)
mapfile -t program < <(go list -tags="$tags" -deps ./cmd | grep '^update-gitops-repo/')
failed=

# check NAME COMMAND... notes a failure if the command prints anything. A tool that cannot run says so.
check() {
	local name=$1 found
	shift
	found=$("$@" 2>&1 | grep -Ev '^go: downloading |^gocognit: note:|^goconst: ') || true
	if [ -n "$found" ]; then
		printf '%s:\n%s\n' "$name" "$found" >&2
		failed=1
	fi
}

gocognit=github.com/uudashr/gocognit/cmd/gocognit@v1.3.0
check 'cognitive complexity, program' go run $gocognit -over 20 -ignore '_test\.go|/testdata/|^integration/|/compare/' .
check 'cognitive complexity, tests' go run $gocognit -test -over 41 -ignore '/testdata/' .

# In tests and the embedded forge, what a write to a client returns and what closing returns may be ignored.
errcheck=github.com/kisielk/errcheck@v1.30.0
check 'ignored errors, program' go run $errcheck -ignoretests -tags="$tags" "${program[@]}"
check 'ignored errors, tests' go run $errcheck -exclude .ci/lint/errcheck.txt -tags="$tags" ./...

# Verbs of fmt, headers and YAML's tags are clearer where they stand, and so is a word that is a flag in one place, a
# key of an API in another.
check 'repeated strings' go run github.com/jgautheron/goconst/cmd/goconst@v1.11.0 -ignore-tests -grouped \
	-ignore 'integration/|/compare/|resttest' -ignore-strings '%[sw]|^Content-Type$|^!!|^(?:branch|digest)$' \
	-min-length 6 -min-occurrences 9 ./...

# A tab counts 4. Tables and commands in Markdown, addresses and digests cannot be wrapped; what is made from the flags
# is not written by hand.
# shellcheck disable=SC2016 # The dollars are perl's.
long_lines() {
	git ls-files -z -- '*.go' '*.sh' '*.awk' '*.md' '*.yml' '*.yaml' '*Makefile' '*Dockerfile' .ci/run |
		grep -zEv '/testdata/|^cmd/docs/|^examples/(github-actions/action|tekton/task|codefresh/step)\.ya?ml$' |
		xargs -0 perl -CSD -ne '
			chomp;
			1 while s/^([^\t]*)\t/$1 . " " x (4 - length($1) % 4)/e;
			print "$ARGV:$.: ", length, " columns\n"
				if length > 120 && !m{https?://|\@sha256:} && !($ARGV =~ /\.md$/ && /^\||^    |^update-gitops-repo /);
			close ARGV if eof;'
}

check 'lines of more than 120 columns' long_lines

[ -z "$failed" ]
