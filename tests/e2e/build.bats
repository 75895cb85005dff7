# What a user sees of `build`, beyond the story.
load common

setup_file() {
  use_own_store
  build_busybox
}
teardown_file() { remove_own_store; }
setup() {
  mkdir -p "$BATS_TEST_TMPDIR/context"
  cd "$BATS_TEST_TMPDIR/context"
}
teardown() { assert_nothing_left; }

in_image() { strata run --rm --network none "$@"; }

@test "plain progress counts steps, shows output and what is cached" {
  cat >Dockerfile <<'END'
FROM busybox
ENV who=me
RUN echo "I am $who"
COPY file /
END
  echo 1 >file
  run strata build --progress plain -t plain .
  [ "$status" -eq 0 ]
  assert_match "$output" '^#[0-9]+ \[1/3\] FROM docker.io/library/busybox:latest$'
  assert_match "$output" '^#[0-9]+ \[2/3\] RUN echo "I am me"$'
  assert_match "$output" '^#[0-9]+ [0-9.]+ I am me$'
  assert_match "$output" '^#[0-9]+ DONE [0-9.]+s$'
  assert_match "$output" '^#[0-9]+ writing image sha256:[0-9a-f]{64}$'
  assert_match "$output" '^#[0-9]+ naming to docker.io/library/plain:latest$'
  id=$(strata images -q --no-trunc plain)
  touch file
  run strata build -t plain .
  [ "$(grep -c CACHED <<<"$output")" -eq 2 ]
  [ "$(strata images -q --no-trunc plain)" = "$id" ]
}

@test "a step that is not cached says why" {
  printf 'FROM busybox\nARG V=1\nRUN echo $V\nCOPY . /app\n' >Dockerfile
  echo 1 >main.c
  strata build -q .
  run strata build --build-arg V=2 .
  assert_match "$output" '^#[0-9]+ not cached: V: 1 → 2$'
  chmod 600 main.c
  run strata build --build-arg V=2 .
  assert_match "$output" '^#[0-9]+ not cached: changed: /main.c \(metadata\)$'
  echo 2 >main.c
  run strata build --build-arg V=2 .
  assert_match "$output" '^#[0-9]+ not cached: changed: /main.c \(content\)$'
}

@test "stages: COPY --from, --target, and what the target does not need is not built" {
  cat >Dockerfile <<'END'
FROM busybox AS tools
RUN echo made > /out && chmod 4711 /out
FROM busybox AS broken
RUN false
FROM scratch AS result
COPY --from=tools /out /bin/busybox /
COPY --from=busybox /bin/busybox /bin/sh
END
  strata build -q -t staged .
  [ "$(in_image staged /bin/sh -c '/busybox stat -c "%a %u" /out')" = "4711 0" ]
  strata build -q --target tools -t tools .
  [ "$(in_image tools cat /out)" = made ]
  run strata build --target brokn .
  [ "$status" -eq 1 ]
  assert_match "$output" 'target stage "brokn" could not be found \(did you mean broken\?\)'
}

@test "ADD unpacks archives of every kind and copies the rest" {
  mkdir in
  echo inside >in/file
  ln -s file in/link
  tar cf plain.tar in
  tar czf gzip.tar.gz in
  tar cjf bzip2.tar.bz2 in
  tar cJf xz.tar.xz in
  zstd -q plain.tar -o zstd.tar.zst || skip "no zstd"
  cat >Dockerfile <<'END'
FROM busybox
ADD plain.tar /plain/
ADD gzip.tar.gz /gzip
ADD bzip2.tar.bz2 /bzip2
ADD xz.tar.xz /xz/
ADD zstd.tar.zst /zstd/
ADD in/file /copied
COPY gzip.tar.gz /kept.tar.gz
END
  strata build -q -t added .
  run in_image added sh -c 'for d in plain gzip bzip2 xz zstd; do cat /$d/in/link; done; cat /copied; gunzip -t /kept.tar.gz && echo kept'
  [ "$output" = $'inside\ninside\ninside\ninside\ninside\ninside\nkept' ]
}

@test "owners, modes and ignored files" {
  mkdir -p src/sub
  echo a >src/a; echo b >src/b.log; echo c >src/sub/c.log; echo keep >src/keep.log
  printf '**/*.log\n!src/keep.log\nDockerfile\n' >.dockerignore
  printf 'FROM busybox\nRUN mkdir -p /etc && echo "web:x:33:34::/:" > /etc/passwd\nCOPY --chown=web --chmod=0640 src /src/\n' >Dockerfile
  strata build -q -t owned .
  run in_image owned sh -c 'cd /src && find . | sort && stat -c "%a %u:%g" a sub'
  [ "$output" = $'.\n./a\n./keep.log\n./sub\n640 33:34\n640 33:34' ]
  printf 'FROM busybox\nCOPY src/b.log /\n' >Dockerfile
  run strata build .
  [ "$status" -eq 1 ]
  assert_match "$output" '"/src/b.log": not found'
}

@test "heredocs" {
  cat >Dockerfile <<'END'
FROM busybox
ARG name=world
RUN <<EOF
set -e
echo "hello $name" > /greeting
EOF
COPY <<one <<'two' /etc/
$name
one
$name
two
END
  strata build -q -t heredocs .
  [ "$(in_image heredocs cat /greeting /etc/one /etc/two)" = $'hello world\nworld\n$name' ]
}

@test "the configuration is what the Dockerfile says" {
  cat >Dockerfile <<'END'
FROM busybox
LABEL a=1
USER 1000:1000
WORKDIR /work/dir
EXPOSE 80 53/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["echo", "entry"]
CMD ["cmd"]
END
  strata build -q --label b=2 -t configured .
  run bash -c "strata inspect configured | jq -cS '.[0].Config | [.Labels, .User, .WorkingDir, .ExposedPorts, .Volumes, .StopSignal, .Healthcheck, .Entrypoint, .Cmd]'"
  [ "$output" = '[{"a":"1","b":"2"},"1000:1000","/work/dir",{"53/udp":{},"80/tcp":{}},{"/data":{}},"SIGINT",{"Interval":5000000000,"Test":["CMD-SHELL","true"]},["echo","entry"],["cmd"]]' ]
  [ "$(in_image configured)" = "entry cmd" ]
}

@test "the Dockerfile from standard input, several tags, --iidfile, -q" {
  printf 'FROM busybox\nRUN true\n' >"$BATS_TEST_TMPDIR/text"
  run --separate-stderr strata build -q -t one -t two:2 --iidfile "$BATS_TEST_TMPDIR/id" - <"$BATS_TEST_TMPDIR/text"
  [ "$status" -eq 0 ]
  assert_match "$output" '^sha256:[0-9a-f]{64}$'
  [ "$(cat "$BATS_TEST_TMPDIR/id")" = "$output" ]
  [ "$(strata images -q --no-trunc one)" = "$(strata images -q --no-trunc two:2)" ]
  echo x >file
  printf 'FROM busybox\nCOPY file /\n' | strata build -q -f - -t three .
  [ "$(in_image three cat /file)" = x ]
}

@test "--network none, of the build and of one RUN" {
  printf 'FROM busybox\nRUN ip addr | grep -q " lo:" && ! ip addr | grep -q eth0\n' >Dockerfile
  strata build -q --network none .
  printf 'FROM busybox\nRUN --network=none ! ip addr | grep -q eth0\nRUN ip addr | grep -q eth0\n' >Dockerfile
  strata build -q .
}

@test "what is not executed yet is refused by name" {
  printf 'FROM busybox\n\nRUN --mount=type=cache,target=/c true\n' >Dockerfile
  run strata build .
  [ "$status" -eq 1 ]
  assert_match "$output" 'Dockerfile:3:1: RUN --mount is not supported yet'
  assert_match "$output" '>>> RUN --mount'
}

@test "an interrupted build ends its step and leaves nothing" {
  printf 'FROM busybox\nRUN echo started && sleep 1000\n' >Dockerfile
  strata build --progress plain . >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
  pid=$!
  until_true 60 grep -q 'started$' "$BATS_TEST_TMPDIR/log"
  kill -TERM "$pid"
  code=0
  wait "$pid" || code=$?
  [ "$code" -eq 143 ]
  assert_match "$(cat "$BATS_TEST_TMPDIR/log")" 'CANCELED'
}

@test "the cache outlives rmi and goes with builder prune" {
  printf 'FROM busybox\nRUN echo once\n' >Dockerfile
  strata build -q -t gone .
  strata rmi gone
  run strata build -t gone .
  assert_match "$output" CACHED
  strata rmi gone
  run strata builder prune -f
  assert_match "$output" '^Total:'
  run strata build -t gone .
  refute_match "$output" CACHED
}

@test "two builds of the same at once both succeed" {
  printf 'FROM busybox\nRUN echo same > /same\nCOPY Dockerfile /\n' >Dockerfile
  strata build -q -t left . 3>&- &
  first=$!
  strata build -q -t right .
  wait "$first"
  [ "$(in_image left cat /same)" = same ]
  [ "$(in_image right cat /same)" = same ]
}

@test "/etc/resolv.conf may be a link to where nothing is, in a run, a build step and its layer" {
  mkdir -p etc && ln -s ../run/systemd/stub.conf etc/resolv.conf
  tar -cf etc.tar etc
  printf 'FROM busybox\nADD etc.tar /\nRUN grep -q nameserver /etc/resolv.conf && echo ran > /ran\n' >Dockerfile
  strata build -q -t dangling .
  [ "$(in_image dangling cat /ran)" = ran ]
  [ "$(strata run --rm dangling grep -c nameserver /etc/resolv.conf)" -ge 1 ]
  layer=$(strata inspect dangling | jq -r '.[0].RootFS.Layers[-1]')
  tar -tf "$STRATA_ROOT/layers/${layer#sha256:}.tar" >list
  assert_match "$(cat list)" '^ran$'
  refute_match "$(cat list)" 'run/|etc/.'
}
