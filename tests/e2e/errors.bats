# Bad input gets one or two clear lines, docker's exit code, and leaves nothing behind.
load common

setup_file() {
  use_own_store
  start_registry
  mirror_docker_hub
  build_busybox
}
teardown_file() { remove_own_store; }
teardown() { assert_nothing_left; }

# fails CODE REGEX COMMAND…
fails() {
  local code=$1 text=$2
  shift 2
  run "$@"
  [ "$status" -eq "$code" ] || { echo "exit code $status: $output"; return 1; }
  assert_match "$output" "$text"
}

@test "an unknown image" {
  fails 1 'nosuch' strata pull "$REGISTRY/nosuch"
  assert_match "$output" 'not found|does not exist'
  fails 125 "Unable to find image 'nosuch:latest' locally" strata run nosuch
  fails 1 'No such object: nosuch' strata inspect nosuch
  fails 1 'No such image: nosuch' strata rmi nosuch
}

@test "an unreachable registry" {
  start=$SECONDS
  fails 1 '127\.0\.0\.1:1' strata pull 127.0.0.1:1/x
  [ $((SECONDS - start)) -lt 20 ]
  [ "$(wc -l <<<"$output")" -le 3 ]
}

@test "an invalid reference" {
  fails 1 'invalid reference format' strata pull 'Not A/ref::'
  fails 1 'must be lowercase' strata pull UPPER
}

@test "an image that is there for another platform only" {
  run strata run --rm --pull never --platform linux/s390x busybox true
  [ "$status" -eq 125 ]
  [ "$output" = "strata: image with reference busybox was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)" ]
  strata run --rm --pull never --platform linux/amd64 busybox true
}

@test "an unknown command, flag and missing argument" {
  fails 1 'unknown command: strata frobnicate' strata frobnicate
  fails 125 'unknown flag: --nope' strata pull --nope x
  fails 125 'unknown flag: --nope' strata run --nope x
  fails 1 'requires 1 argument' strata pull
  fails 1 "'strata run' requires at least 1 argument" strata run
  fails 125 '^strata: unknown flag: --nope$' strata --nope images
  fails 125 '^strata: flag needs an argument: --format$' strata images --format
  fails 125 'invalid argument "x" for "-q, --quiet" flag: strconv.ParseBool' strata images --quiet=x
  fails 125 'invalid argument "dangling" for "-f, --filter" flag: bad format of filter' strata images -f dangling
  fails 1 'strata image tree IMAGE' strata images --tree
  fails 1 'unknown command: strata image frobnicate' strata image frobnicate
  fails 1 'unknown help topic: frobnicate' strata help frobnicate
}

@test "help for a verb goes by the name it was called with" {
  assert_match "$(strata help image ls)" '^Usage:  strata image ls '
  assert_match "$(strata image rmi --help)" '^Usage:  strata image rmi '
  assert_match "$(strata help images)" '^Usage:  strata images '
  assert_match "$(strata help image)" '^Usage:  strata image COMMAND'
  fails 125 '^Usage:  strata image ls ' strata image ls --nope
}

@test "a command that is not there, cannot be run, or fails" {
  fails 127 'exec: "nosuch": executable file not found in \$PATH' strata run --rm busybox nosuch
  fails 126 'permission denied' strata run --rm busybox /etc/resolv.conf
  fails 126 '(is a directory|permission denied)' strata run --rm busybox /bin
  fails 3 '' strata run --rm busybox sh -c 'exit 3'
  fails 137 '' strata run --rm busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
  strata run -d --name up busybox sleep 1000
  fails 127 'nosuch' strata exec up nosuch
  fails 5 '' strata exec up sh -c 'exit 5'
  strata rm -f up
}

@test "a name in use and a container that is not there" {
  strata create --name taken busybox true
  fails 125 'The container name "/taken" is already in use by container' strata run --name taken busybox true
  fails 1 'No such container: nosuch' strata stop nosuch
  fails 1 'No such container: nosuch' strata rm nosuch
  fails 0 '^strata: No such container: nosuch$' strata rm -f nosuch taken
}

@test "a port in use" {
  port=$(free_port)
  strata run -d --name first -p "$port:80" busybox sleep 1000
  fails 125 "$port.*port is already allocated" strata run --name other -p "127.0.0.1:$port:80" busybox true
  refute_match "$(strata ps -a)" other
  strata rm -f first
  fails 125 "port is already allocated" strata run --rm -p "${REGISTRY#*:}:80" busybox true
}

@test "a running container is not removed without -f, nor its image" {
  strata run -d --name up busybox sleep 1000
  fails 1 'container is running: stop the container before removing or force remove' strata rm up
  fails 1 'busybox.*must (be forced|force)|is using|being used' strata rmi busybox
  strata exec up true
  strata rm -f up
}

@test "a Dockerfile error names the file, the line and what was meant" {
  cd "$BATS_TEST_TMPDIR"
  printf 'FROM busybox\nCPY a b\n' >Dockerfile
  fails 1 'Dockerfile:2' strata build .
  assert_match "$output" 'unknown instruction: CPY'
  assert_match "$output" 'did you mean COPY\?'
  printf 'FROM busybox\nCOPY nosuch /\n' >Dockerfile
  fails 1 '"/nosuch": not found' strata build .
  printf 'FROM busybox\nRUN exit 7\n' >Dockerfile
  fails 1 'did not complete successfully: exit code: 7' strata build .
  fails 1 'nosuch' strata build -f nosuch .
}

@test "broken JSON, a wrong digest and a truncated blob from a registry" {
  strata tag busybox "$REGISTRY/damaged"
  strata push -q "$REGISTRY/damaged"
  strata rmi "$REGISTRY/damaged"
  strata tag busybox kept
  strata rmi busybox
  strata rmi kept
  strata builder prune -af
  blob=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
    "http://$REGISTRY/v2/damaged/manifests/latest" | jq -r '.layers[0].digest')
  file=$BATS_FILE_TMPDIR/registry/docker/registry/v2/blobs/sha256/$(cut -c8-9 <<<"$blob")/${blob#sha256:}/data
  cp "$file" "$BATS_TEST_TMPDIR/good"

  printf 'x' | dd of="$file" bs=1 seek=1000 conv=notrunc status=none
  fails 1 "$(cut -c1-19 <<<"$blob")" strata pull "$REGISTRY/damaged"
  truncate -s 5000 "$file"
  fails 1 "$(cut -c1-19 <<<"$blob")" strata pull "$REGISTRY/damaged"
  cp "$BATS_TEST_TMPDIR/good" "$file"
  strata pull -q "$REGISTRY/damaged"

  link=$BATS_FILE_TMPDIR/registry/docker/registry/v2/repositories/damaged/_manifests/tags/latest/current/link
  digest=$(cat "$link")
  manifest=$BATS_FILE_TMPDIR/registry/docker/registry/v2/blobs/sha256/$(cut -c8-9 <<<"$digest")/${digest#sha256:}/data
  cp "$manifest" "$BATS_TEST_TMPDIR/manifest"
  echo '{"schemaVersion": 2, ' >"$manifest"
  strata rmi "$REGISTRY/damaged"
  fails 1 "$REGISTRY" strata pull "$REGISTRY/damaged"
  cp "$BATS_TEST_TMPDIR/manifest" "$manifest"
  build_busybox
}

@test "a layer that inflates beyond what is allowed" {
  cd "$BATS_TEST_TMPDIR"
  truncate -s 400M zeros
  printf 'FROM scratch\nCOPY zeros /\n' >Dockerfile
  strata build -q -t "$REGISTRY/bomb" .
  strata push -q "$REGISTRY/bomb"
  strata rmi "$REGISTRY/bomb"
  strata builder prune -af
  cp "$STRATA_CONFIG" config.toml
  printf '[limits]\nmax_layer_size = "100m"\n' >>config.toml
  STRATA_CONFIG=$PWD/config.toml fails 1 'layer inflates beyond' strata pull "$REGISTRY/bomb"
  # Deleting is the background's.
  until_true 60 trash_is_empty
  [ "$(du -sm "$STRATA_ROOT" | cut -f1)" -lt 300 ]
}

@test "a configuration with a typo" {
  printf '[limits]\nmax_layr_size = 1\n' >"$BATS_TEST_TMPDIR/config.toml"
  fails 125 'config.toml:2: unknown key limits.max_layr_size' strata --config "$BATS_TEST_TMPDIR/config.toml" ps
}

@test "a full disk" {
  disk=$BATS_TEST_TMPDIR/disk
  mkdir "$disk"
  truncate -s 24M "$BATS_TEST_TMPDIR/image"
  mkfs.ext4 -q "$BATS_TEST_TMPDIR/image"
  mount -o loop "$BATS_TEST_TMPDIR/image" "$disk"
  head -c 60000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
  printf 'FROM scratch\nCOPY data /\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  strata build -q -t "$REGISTRY/large" "$BATS_TEST_TMPDIR"
  strata push -q "$REGISTRY/large"
  strata rmi "$REGISTRY/large"
  strata builder prune -af
  run strata --root "$disk/root" pull "$REGISTRY/large"
  images=$(strata --root "$disk/root" images -q)
  until_true 60 umount "$disk"
  [ "$status" -eq 1 ]
  assert_match "$output" '[Nn]o space left'
  [ -z "$images" ]
}

@test "a disk that becomes full at any write" {
  local calls n tried=0
  strata tag busybox "$REGISTRY/library/busybox"
  strata push -q "$REGISTRY/library/busybox"
  export STRATA_ROOT=$BATS_TEST_TMPDIR/root
  # The n-th call of each process fails: of those that write the database and the layers, then of those that give names.
  for calls in pwrite64,ftruncate,fallocate rename,renameat2,mkdir,mkdirat; do
    for n in 1 3 10 28; do
      strata rmi -f "$REGISTRY/library/busybox" >/dev/null 2>&1 || true
      strace -f -qq -o /dev/null -e trace="$calls" -e inject="$calls:error=ENOSPC:when=$n" \
        strata pull -q "$REGISTRY/library/busybox" >"$BATS_TEST_TMPDIR/said" 2>&1 || {
        # strata-layer's system call filter takes what strace does for an unknown call.
        grep -qiE 'no space left|disk is full|strata-layer ended without a report' "$BATS_TEST_TMPDIR/said" || { cat "$BATS_TEST_TMPDIR/said"; return 1; }
        tried=$((tried + 1))
      }
      strata system fsck || { echo "$calls, $n"; return 1; }
      [ -z "$(ls "$STRATA_ROOT/leases" 2>/dev/null)" ]
    done
  done
  [ "$tried" -ge 3 ]
  strata pull -q "$REGISTRY/library/busybox"
  strata run --rm --network none "$REGISTRY/library/busybox" true
  strata system prune -af
}

@test "nobody can read what is said" {
  bash -c 'strata images >/dev/full 2>/dev/full; [ $? = 1 ]'
  bash -c 'strata nosuch 2>/dev/full; [ $? = 1 ]'
  bash -c 'strata image inspect nosuch >/dev/null 2>/dev/full; [ $? = 1 ]'
  bash -c 'strata run --rm --network none busybox sh -c "exit 3" 2>/dev/full; [ $? = 3 ]'
}

@test "without root" {
  run setpriv --reuid 65534 --regid 65534 --clear-groups "$STRATA_BIN/strata" --root /var/lib/strata-of-nobody ps
  [ "$status" -ne 0 ]
  assert_match "$output" 'ermission denied'
  [ "$(wc -l <<<"$output")" -le 2 ]
}
