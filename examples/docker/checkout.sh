#!/bin/sh
# In a checkout of the GitOps repository, with the token in a file.
set -eu
docker run --rm --read-only --cap-drop=ALL --user "$(id -u):$(id -g)" \
	--volume "$PWD:/workspace:ro" --volume "$TOKEN_FILE:/run/secrets/token:ro" \
	acme/update-gitops-repo:v2 \
	-token-file=/run/secrets/token -scm-provider=github \
	-app=shop -git-revision="$REVISION" -set="charts/shop/values.prod.yaml:.image.tag=$VERSION"
