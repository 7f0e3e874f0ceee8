#!/bin/sh
# From anywhere: nothing is mounted, nothing is written.
set -eu
docker run --rm --read-only --cap-drop=ALL \
	--env UPDATE_GITOPS_REPO_TOKEN \
	acme/update-gitops-repo:v2 \
	-repo="$GITOPS_REPO" -scm-provider=github \
	-app=shop -git-revision="$REVISION" -set="charts/shop/values.prod.yaml:.image.tag=$VERSION"
