FROM --platform=linux/amd64 golang:1.22 as build
FROM --platform=$BUILDPLATFORM alpine
COPY --from=build --chown=1000:"my group" --chmod=0755 --link /src /dst
COPY --parents --exclude=*.o --exclude=*.a --link=false a b/
COPY -- --odd /dst
ADD --checksum=sha256:abc --keep-git-dir=true --unpack=false https://x/y /
RUN --mount=type=cache,target=/c --mount=type=bind,target=. --network=none --security=sandbox make
RUN --device=vendor.com/x=0 -- --version
HEALTHCHECK --interval=5s --timeout=1m30s --start-period=500ms --start-interval=1s --retries=3 CMD ["a", "b"]
HEALTHCHECK cmd curl -f http://localhost/ || exit 1
HEALTHCHECK NONE
