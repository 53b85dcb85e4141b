# The image of both programs: they, the C library they are linked with, and CA certificates; nothing else, no shell.
#
#   docker build .         compiles in a container, for the architecture it is asked for (--platform linux/amd64,linux/arm64)
#   make image             packs what `make build` made on this machine: the target `prebuilt`, with helm/image/root as the context
#
# What is in the image is decided in one place for both: helm/image/root.
FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Ingora" \
      org.opencontainers.image.description="Kubernetes ingress gateway built on Pingora" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/ingora-gateway"]

FROM base AS prebuilt
COPY root/ /

FROM docker.io/library/rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake perl ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN cargo build --release --locked --bin ingora --bin ingora-gateway && helm/image/root target/release /root-of-image

FROM base
COPY --from=build /root-of-image/ /
