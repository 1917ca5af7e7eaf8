# The image of the function: one static binary on nothing. `make image` builds it without this file and without an engine,
# bit for bit the same each time; this is the same for those who build images with podman or docker. It takes the files
# that `make image` leaves in bin/image, so nothing is compiled here and no base image is pulled.
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
# /etc/passwd is there for the user nobody: kpt and kustomize run functions with `--user nobody`, and a USER line does not help.
COPY bin/image/${TARGETARCH}/ /
USER 65534:65534
ENTRYPOINT ["/tierwall"]
