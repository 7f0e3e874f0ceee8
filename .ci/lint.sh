#!/usr/bin/env bash
# Lints the examples and the workflows: yamllint all YAML, shellcheck all shell, actionlint and action-validator the
# files for GitHub, gitlab-ci-local those for GitLab. Tekton's own types are in integration/tekton.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/bin/lint
rm -rf "$out"
mkdir -p "$out/shell"

# Fish, mandoc and zsh are for the tests of what is made from the flags.
missing=()
for program in fish mandoc npm shellcheck yamllint zsh; do
	command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
cp .ci/lint/package.json .ci/lint/package-lock.json "$out"
npm ci --prefix "$out" --silent --no-audit --no-fund
PATH=$out/node_modules/.bin:$PATH

# The templates of a Helm chart are no YAML before they are rendered.
find .github examples -name '*.y*ml' -not -path '*/charts/*/templates/*' -print0 |
	xargs -0 yamllint --strict --config-file .ci/yamllint.yaml

# The tests leave the shell that they find within other files, as they run it.
EXAMPLES_SHELL=$out/shell go test -timeout=10m ./integration -count=1 -run '^TestExample'
make --no-print-directory -n -f examples/travis/Makefile image stag-commit prod-pr VERSION=1.7.0 \
	GITOPS_REPO=https://github.com/acme/gitops.git >"$out/shell/travis.sh"
shellcheck --shell=sh examples/docker/*.sh "$out"/shell/*.sh
shellcheck .ci/run .ci/*.sh

# With shellcheck on the PATH, actionlint has it look at each run: too.
go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/*.yml examples/github-actions/workflow.yml
action-validator examples/github-actions/action.yml
action-validator examples/github-actions/workflow.yml

# It finds what is included by asking git, and keeps a folder of its own beside it.
cp -R examples/gitlab-ci "$out"
git -C "$out/gitlab-ci" init --quiet
git -C "$out/gitlab-ci" add .
if ! gitlab-ci-local --cwd bin/lint/gitlab-ci --home "$out" --preview >"$out/gitlab-ci.log" 2>&1; then
	cat "$out/gitlab-ci.log" >&2
	exit 1
fi
