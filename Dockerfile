# One static binary and the certificates for TLS. It is cross-compiled on the builder's platform: nothing is emulated.
FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS build
WORKDIR /src
COPY . .
ARG GOPROXY
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
ARG REVISION
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH VERSION=$VERSION REVISION=$REVISION \
    cmd/update-gitops-repo/build.sh /out/update-gitops-repo
RUN mkdir -p /out/etc && echo 'nonroot:x:65532:65532::/home/nonroot:/sbin/nologin' >/out/etc/passwd

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/etc/passwd /etc/
COPY --from=build /out/update-gitops-repo /usr/local/bin/
ARG VERSION=devel
ARG REVISION
LABEL org.opencontainers.image.title="update-gitops-repo" \
      org.opencontainers.image.description="Puts a new image into a GitOps repository, as a pull request" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 65532:65532
WORKDIR /workspace
ENTRYPOINT ["/usr/local/bin/update-gitops-repo"]
