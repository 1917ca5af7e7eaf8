# The image of the function: one static binary and nothing else. `make image` builds the binaries first, one for each
# architecture, so nothing is compiled here and no base image is pulled.
FROM scratch
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tierwall" \
      org.opencontainers.image.description="KRM function that derives NetworkPolicies from tier labels and places them in a kustomize package" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://tierwall.dev" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# kpt and kustomize run functions with `--user nobody`; a name needs a passwd file, a USER line does not help.
COPY bin/image/passwd /etc/passwd
COPY bin/image/tierwall-linux-${TARGETARCH} /tierwall
USER 65534:65534
ENTRYPOINT ["/tierwall"]
