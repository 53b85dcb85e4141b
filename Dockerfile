# The image of both programs: nothing but them, the C library they were linked with, and the certificates of the public
# authorities. No shell, no package manager.
#
#   docker build -t ingora .                     compiles in the first stage; needs a registry for its base image
#   make image                                   compiles here and packs the result, with docker, podman or buildah
#   docker buildx build --platform linux/amd64,linux/arm64 …    both architectures, from the first stage
#
# `helm/image/stage` decides what is in it, for both ways.

# `compiled` or `host`: where the programs come from.
ARG PROGRAMS=compiled

FROM docker.io/library/rust:1.95-bookworm AS compiled
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --workspace --bin ingora --bin ingora-gateway --bin ingora-echo --release --locked \
 && helm/image/stage target/release /rootfs

FROM scratch AS host
COPY target/image/rootfs/ /rootfs/

FROM ${PROGRAMS} AS programs

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
COPY --from=programs /rootfs/ /
LABEL org.opencontainers.image.title="Ingora" \
      org.opencontainers.image.description="Kubernetes ingress gateway on Pingora, for Ingresses of ingress-nginx" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Where OpenSSL finds the public authorities.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# Without a name, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080 8443 10254
CMD ["/usr/bin/ingora", "--help"]
