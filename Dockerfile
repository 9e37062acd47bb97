# The image of callcache: the program and what it needs to run, and nothing else.
#
#   docker build -t callcache .
#   docker build --target test .      builds and runs the tests, which building the image does not
#
# Build arguments: APT_MIRROR and APT_SECURITY_MIRROR (http://mirror.corp/debian) in place of Debian's own; DEBIAN, the
# image to build on; JOBS, how many compilers at once; VERSION and REVISION for the labels.
ARG DEBIAN=debian:bookworm-slim

FROM ${DEBIAN} AS build
ARG APT_MIRROR
ARG APT_SECURITY_MIRROR
RUN for sources in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do \
        [ -f "$sources" ] || continue; \
        if [ -n "$APT_MIRROR" ]; then sed -i -E "s#[^ ]+/debian/?( |\$)#$APT_MIRROR\1#" "$sources"; fi; \
        if [ -n "$APT_SECURITY_MIRROR" ]; then \
            sed -i -E "s#[^ ]+/debian-security/?( |\$)#$APT_SECURITY_MIRROR\1#" "$sources"; fi; \
    done
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates cmake g++ libboost1.81-dev libcli11-dev libhowardhinnant-date-dev libspdlog-dev \
        libsqlite3-dev libssl-dev libzstd-dev ninja-build prometheus-cpp-dev rapidjson-dev tzdata zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cache cache
COPY config config
COPY server server
ARG JOBS
RUN cmake --preset release -D BUILD_TESTING=OFF \
    && cmake --build --preset release --target callcache ${JOBS:+--parallel $JOBS}

# The tests, on the same sources, compiler and libraries. The image does not depend on it.
FROM build AS test
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends doctest-dev prometheus \
    && rm -rf /var/lib/apt/lists/*
COPY docker docker
COPY docs docs
COPY tests tests
RUN cmake --preset release -D BUILD_TESTING=ON && cmake --build --preset release ${JOBS:+--parallel $JOBS} \
    && build/release/tests/callcache-tests && build/release/tests/program-tests

# /image: the root of the image. /volume: what belongs to the user in it.
FROM build AS collect
RUN mkdir -p /image/etc/ssl/certs /image/usr/share/zoneinfo /volume/data \
    && strip -o /image/callcache build/release/callcache \
    && ldd build/release/callcache | grep -o '/[^ ]*' | while read -r library; do \
        install -D "$library" "/image$library" && strip --strip-unneeded "/image$library"; done \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && tar -C /usr/share/zoneinfo --exclude=./posix --exclude=./right -c . | tar -C /image/usr/share/zoneinfo -x \
    && echo 'callcache:x:65532:65532:callcache:/data:/nonexistent' > /image/etc/passwd \
    && echo 'callcache:x:65532:' > /image/etc/group \
    # Without it glibc asks DNS for names that stand in /etc/hosts.
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="callcache" \
    org.opencontainers.image.description="A local caching proxy for the Gong API's GET /v2/calls/{id}, within the company's budget" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=collect /image/ /
COPY --from=collect --chown=65532:65532 /volume/ /
# The environment comes after a configuration file and before flags: what a file says about these is not heard.
ENV CALLCACHE_SERVER_LISTEN=0.0.0.0:4664 \
    CALLCACHE_SERVER_ADMIN=0.0.0.0:4665 \
    CALLCACHE_CACHE_PATH=/data/callcache.db \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 4664 4665
HEALTHCHECK --interval=2s --timeout=1s --retries=3 CMD ["/callcache", "health"]
ENTRYPOINT ["/callcache"]
CMD ["serve"]
