# For every end-to-end test: a store of its own, a registry on loopback, and the proof that nothing is
# left behind. The real programs, the real kernel; needs root.
#
#   STRATA_BIN            the directory of strata and its companions
#   STRATA_TEST_ROOTFS    a Debian root file system as a tar
#   STRATA_TEST_REGISTRY  the docker-registry program

bats_require_minimum_version 1.5.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${STRATA_BIN:=$here/build/release/bin}"
: "${STRATA_TEST_ROOTFS:=$here/build/fixtures/rootfs.tar}"
: "${STRATA_TEST_REGISTRY:=$(command -v docker-registry || echo "$here/build/fixtures/registry/usr/bin/docker-registry")}"
export PATH=$STRATA_BIN:$PATH

# A store for the whole file. Call it in setup_file.
use_own_store() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  export STRATA_ROOT=$BATS_FILE_TMPDIR/root STRATA_RUN_ROOT=$BATS_FILE_TMPDIR/run
  export STRATA_CONFIG=$BATS_FILE_TMPDIR/config.toml DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
  mkdir -p "$DOCKER_CONFIG"
  touch "$STRATA_CONFIG"
}

# Ends whatever the tests of a file left running. Call it in teardown_file.
remove_own_store() {
  strata ps -aq | xargs -r strata rm -f >/dev/null || true
  strata system prune -af >/dev/null || true
  [ ! -e "$BATS_FILE_TMPDIR/registry.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/registry.pid")" || true
  stores_are_settled
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# until_true SECONDS COMMAND…: polls a condition of another process, which has no event to wait for.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "never true: $*" >&2; return 1; }
    sleep 0.05
  done
}

# Processes of any store of this run: they were started with its directory in their environment.
our_processes() {
  local id
  for id in $(pgrep '^strata'); do
    ! grep -qF "${BATS_RUN_TMPDIR:-$BATS_FILE_TMPDIR}/" "/proc/$id/environ" 2>/dev/null || echo "$id $(cat "/proc/$id/comm" 2>/dev/null)"
  done
}
no_process_is_left() { [ -z "$(our_processes)" ]; }

# Waits until what commands left behind has done with this run's stores: background processes (store/store.h), monitors and
# their teardowns. Only then can the stores be deleted: any of them may make a file.
stores_are_settled() { until_true 60 no_process_is_left || { our_processes >&2; return 1; }; }

# What was deleted is gone from the disk too.
trash_is_empty() { [ -z "$(ls "$STRATA_ROOT/trash" 2>/dev/null)" ]; }

# docker-registry on a free loopback port: REGISTRY=127.0.0.1:PORT, its log in $ACCESS_LOG. With "-", more
# lines of its configuration come on standard input.
start_registry() {
  local port more=
  port=$(free_port)
  [ "${1:-}" != - ] || more=$(cat)
  export REGISTRY=127.0.0.1:$port ACCESS_LOG=$BATS_FILE_TMPDIR/registry.log
  cat >"$BATS_FILE_TMPDIR/registry.yml" <<YML
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $BATS_FILE_TMPDIR/registry}, delete: {enabled: true}}
http:
  addr: $REGISTRY
$more
YML
  OTEL_TRACES_EXPORTER=none "$STRATA_TEST_REGISTRY" serve "$BATS_FILE_TMPDIR/registry.yml" >"$ACCESS_LOG" 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/registry.pid"
  until_true 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
}

# The registry stands for Docker Hub.
mirror_docker_hub() { printf '[registry."docker.io"]\nmirrors = ["http://%s"]\n' "$REGISTRY" >"$STRATA_CONFIG"; }

# debian:bookworm from the root file system, without a network.
build_debian() {
  local context=$BATS_FILE_TMPDIR/debian
  mkdir -p "$context"
  ln -sf "$STRATA_TEST_ROOTFS" "$context/rootfs.tar" 2>/dev/null
  rm "$context/rootfs.tar" && cp --reflink=auto "$STRATA_TEST_ROOTFS" "$context/rootfs.tar"
  printf 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n' >"$context/Dockerfile"
  strata build -q -t debian:bookworm "$context" >/dev/null
  rm -r "$context"
}

# busybox, about a megabyte, for whatever needs no Debian.
build_busybox() {
  local context=$BATS_FILE_TMPDIR/busybox
  mkdir -p "$context"
  cp "$(command -v busybox)" "$context/busybox"
  printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -m 1777 /tmp && mkdir /mnt"]\nCMD ["sh"]\n' >"$context/Dockerfile"
  strata build -q -t busybox "$context" >/dev/null
}

# Our mounts, cgroups, interfaces, processes and files of work in flight, one a line.
leftovers() {
  awk -v root="$STRATA_ROOT" -v run="$STRATA_RUN_ROOT" '
    index($5, root "/") == 1 || index($5, run "/containers/") == 1 { print "mount " $5 }' /proc/self/mountinfo
  local id link live
  live=$(strata ps -q --no-trunc)
  for id in $(find /sys/fs/cgroup -mindepth 2 -type d -path '*strata*' -regex '.*/[0-9a-f]+' -printf '%f\n' 2>/dev/null | sort -u); do
    # Cgroups of other stores' containers are none of ours.
    [ -e "$STRATA_ROOT/containers/$id" ] && ! grep -q "$id" <<<"$live" && echo "cgroup $id"
  done
  for id in $(ls "$STRATA_RUN_ROOT/containers" 2>/dev/null); do
    grep -q "$id" <<<"$live" || echo "run directory $id"
  done
  local all
  all=$(strata ps -aq --no-trunc)
  for id in $(ls "$STRATA_ROOT/containers" 2>/dev/null); do
    [ ${#id} -ne 64 ] || grep -q "$id" <<<"$all" || echo "container directory $id"
  done
  for link in "$STRATA_ROOT"/leases/*/; do [ ! -e "$link" ] || echo "lease $link"; done
  for id in $(pgrep -x strata-monitor); do
    { tr '\0' '\n' <"/proc/$id/environ"; } 2>/dev/null | grep -qxF "STRATA_ROOT=$STRATA_ROOT" || continue
    [ -n "$live" ] || echo "monitor $id"
  done
}

assert_nothing_left() {
  local left
  left=$(leftovers)
  [ -z "$left" ] || { echo "left behind:"; echo "$left"; return 1; } >&2
}

# assert_match TEXT REGEX
assert_match() { grep -qE -- "$2" <<<"$1" || { printf 'no match for %s in:\n%s\n' "$2" "$1" >&2; return 1; }; }
refute_match() { ! grep -qE -- "$2" <<<"$1" || { printf '%s matches:\n%s\n' "$2" "$1" >&2; return 1; }; }
