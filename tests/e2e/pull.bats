# Pulls that are interrupted, that meet each other, and that must not take more than they may.
load common

setup_file() {
  use_own_store
  start_registry
  local port
  port=$(free_port)
  # What docker-registry has on its disk, served as badly as a test likes.
  export STORAGE=$BATS_FILE_TMPDIR/registry ODD=127.0.0.1:$port
  strata-test-odd-registry "$port" "$STORAGE" >/dev/null 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/odd.pid"
  until_true 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
  # Two layers of random bytes: 20 MB, and 1 MB on top.
  mkdir "$BATS_FILE_TMPDIR/context"
  head -c 20000000 /dev/urandom >"$BATS_FILE_TMPDIR/context/large"
  head -c 1000000 /dev/urandom >"$BATS_FILE_TMPDIR/context/small"
  printf 'FROM scratch\nCOPY large /\nCOPY small /\n' >"$BATS_FILE_TMPDIR/context/Dockerfile"
  strata build -q -t "$REGISTRY/big" "$BATS_FILE_TMPDIR/context" >/dev/null
  # The same large layer on top of another one.
  printf 'FROM scratch\nCOPY small /\nCOPY large /\n' >"$BATS_FILE_TMPDIR/context/Dockerfile"
  strata build -q -t "$REGISTRY/upside-down" "$BATS_FILE_TMPDIR/context" >/dev/null
  strata push -q "$REGISTRY/big" >/dev/null
  strata push -q "$REGISTRY/upside-down" >/dev/null
  LARGE=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/big" | jq -r '.layers[0].digest | sub("sha256:"; "")')
  export LARGE LARGE_SIZE
  LARGE_SIZE=$(stat -c %s "$STORAGE/docker/registry/v2/blobs/sha256/${LARGE:0:2}/$LARGE/data")
}

setup() {
  strata system prune -af >/dev/null
  rm -f "$STORAGE.odd" "$STORAGE.sent"
}

teardown_file() {
  kill "$(cat "$BATS_FILE_TMPDIR/odd.pid")" || true
  remove_own_store
}
teardown() { assert_nothing_left; }

odd() { printf '%s\n' "$@" >"$STORAGE.odd"; }
# Bytes of the large layer that the odd registry has sent.
sent() { awk -v hex="$LARGE" '$1 == hex { sum += $3 } END { print sum + 0 }' "$STORAGE.sent"; }
requests() { grep -c "^$LARGE " "$STORAGE.sent" || true; }
kept() { stat -c %s "$STRATA_ROOT/partial/$LARGE" 2>/dev/null || echo 0; }
has_kept() { [ "$(kept)" -ge "$1" ]; }
# The whole image is here and right.
is_good() {
  strata run --rm --network none "$1" /nothing 2>/dev/null || [ $? -eq 127 ]
  local id tar
  for id in $(strata inspect -f '{{json .RootFS.Layers}}' "$1" 2>/dev/null | jq -r '.[]' || strata inspect "$1" | jq -r '.[0].RootFS.Layers[]'); do
    tar=$STRATA_ROOT/layers/${id#sha256:}.tar
    [ "$(sha256sum <"$tar")" = "${id#sha256:}  -" ] || return 1
  done
  [ -z "$(ls "$STRATA_ROOT/partial")" ]
}

# start_pull IMAGE: until the odd registry has stopped at 90 % and all that it sent is kept; PULL is its pid.
start_pull_that_stops() {
  odd "only ${LARGE:0:12}" "stop $((LARGE_SIZE * 9 / 10))"
  strata pull -q "$1" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  PULL=$!
  until_true 180 has_kept $((LARGE_SIZE * 9 / 10))
}
# The rest comes, and it is little.
finish_pull() {
  rm -f "$STORAGE.odd" "$STORAGE.sent"
  strata pull -q "$1" >/dev/null
  is_good "$1"
  [ "$(sent)" -le $((LARGE_SIZE * 15 / 100)) ]
}
# Of the pull's process: its children by name.
child_of_pull() { pgrep -P "$PULL" -x "$1" | head -n 1; }

@test "a pull that is killed at 90 % goes on where it stopped" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  finish_pull "$ODD/big"
  [ "$(awk -v hex="$LARGE" '$1 == hex { print $2 }' "$STORAGE.sent")" -ge $((LARGE_SIZE * 85 / 100)) ]
}

@test "so does one from another registry, whose log shows it" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  local before
  before=$(wc -l <"$ACCESS_LOG")
  strata pull -q "$REGISTRY/big" >/dev/null
  is_good "$REGISTRY/big"
  # The size in a line of the combined log format.
  logged() { tail -n +$((before + 1)) "$ACCESS_LOG" | grep -F "\"GET /v2/big/blobs/sha256:$LARGE " | awk '{ print $10 }' | grep .; }
  until_true 60 logged >/dev/null
  [ "$(logged | awk '{ sum += $1 } END { print sum }')" -le $((LARGE_SIZE * 15 / 100)) ]
}

@test "strata-fetch killed: the pull fails, the next one goes on" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$(child_of_pull strata-fetch)"
  wait "$PULL" || true
  assert_match "$(cat "$BATS_TEST_TMPDIR/out")" 'strata-fetch has ended unexpectedly'
  finish_pull "$ODD/big"
}

@test "strata-layer killed: the pull fails, the next one goes on" {
  start_pull_that_stops "$ODD/big"
  until_true 60 child_of_pull strata-layer
  pgrep -P "$PULL" -x strata-layer | xargs kill -9
  wait "$PULL" || true
  assert_match "$(cat "$BATS_TEST_TMPDIR/out")" 'strata-layer ended without a report'
  finish_pull "$ODD/big"
}

@test "all of them killed at once" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL" $(pgrep -P "$PULL")
  wait "$PULL" || true
  finish_pull "$ODD/big"
}

@test "a pull that fails goes on later" {
  odd "only ${LARGE:0:12}" "break $((LARGE_SIZE * 9 / 10))" "range ignore"
  # Every attempt breaks at the same place.
  run timeout 60 strata pull -q "$ODD/big"
  [ "$status" -eq 1 ]
  assert_match "$output" "layer sha256:$LARGE"
  has_kept $((LARGE_SIZE * 85 / 100))
  finish_pull "$ODD/big"
}

@test "a server that ignores the range sends everything, and that is fine" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  odd 'range ignore'
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
}

@test "a server that refuses the range, or answers with another one, is asked for everything" {
  local how
  for how in refuse wrong; do
    start_pull_that_stops "$ODD/big"
    kill -9 "$PULL"
    wait "$PULL" || true
    odd "range $how"
    strata pull -q "$ODD/big"
    is_good "$ODD/big"
    strata rmi "$ODD/big"
  done
}

@test "a server that sends less than the range is asked for the rest" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  odd 'range short'
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
}

@test "a redirect is followed with the range" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  rm "$STORAGE.sent"
  odd redirect
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
  [ "$(sent)" -le $((LARGE_SIZE * 15 / 100)) ]
}

@test "what was kept turns out wrong: it is dropped, and the blob fetched once more" {
  mkdir -p "$STRATA_ROOT/partial"
  head -c 1000000 /dev/zero >"$STRATA_ROOT/partial/$LARGE"
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
  # The right beginning, then a page of zeros, as after a power loss.
  strata rmi "$ODD/big"
  mkdir -p "$STRATA_ROOT/partial"
  { head -c 4000000 "$STORAGE/docker/registry/v2/blobs/sha256/${LARGE:0:2}/$LARGE/data"; head -c 4096 /dev/zero; } >"$STRATA_ROOT/partial/$LARGE"
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
  # More than the blob has.
  strata rmi "$ODD/big"
  head -c $((LARGE_SIZE + 1)) /dev/urandom >"$STRATA_ROOT/partial/$LARGE"
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
}

@test "all bytes were there, but the layer was not: nothing is fetched again" {
  mkdir -p "$STRATA_ROOT/partial"
  cp "$STORAGE/docker/registry/v2/blobs/sha256/${LARGE:0:2}/$LARGE/data" "$STRATA_ROOT/partial/$LARGE"
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
  [ "$(sent)" -eq 0 ]
}

@test "the server's blob has changed meanwhile: refused, and nothing of it is kept" {
  start_pull_that_stops "$ODD/big"
  kill -9 "$PULL"
  wait "$PULL" || true
  odd "only ${LARGE:0:12}" "corrupt $((LARGE_SIZE - 100))"
  run strata pull "$ODD/big"
  [ "$status" -eq 1 ]
  assert_match "$output" "layer sha256:$LARGE: "
  [ "$(kept)" -eq 0 ]
  refute_match "$(strata images)" big
  # Once it is right again, so is the pull.
  rm "$STORAGE.odd"
  strata pull -q "$ODD/big"
  is_good "$ODD/big"
}

@test "two pulls at once fetch each blob once" {
  start_pull_that_stops "$ODD/big"
  strata pull "$ODD/big" >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
  local second=$!
  waits() { grep -q "^${LARGE:0:12}: Waiting" "$BATS_TEST_TMPDIR/second"; }
  until_true 60 waits
  [ "$(requests)" -eq 1 ]
  # The first is killed: the second goes on with what it had, at once.
  rm "$STORAGE.odd" "$STORAGE.sent"
  kill -9 "$PULL"
  wait "$PULL" || true
  wait "$second"
  assert_match "$(cat "$BATS_TEST_TMPDIR/second")" "^${LARGE:0:12}: Pull complete"
  is_good "$ODD/big"
  [ "$(sent)" -le $((LARGE_SIZE * 15 / 100)) ]
}

@test "several processes, two images with the same layers in opposite order: each blob once" {
  local i pids=()
  for i in 1 2 3; do
    strata pull -q "$ODD/big" >/dev/null 3>&- &
    pids+=($!)
    strata pull -q "$ODD/upside-down" >/dev/null 3>&- &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i"; done
  is_good "$ODD/big"
  is_good "$ODD/upside-down"
  [ "$(requests)" -eq 1 ]
}

@test "prune drops what was kept, and df knows of it" {
  start_pull_that_stops "$ODD/big"
  # Not what is in use.
  strata system prune -f
  has_kept $((LARGE_SIZE * 9 / 10))
  kill -9 "$PULL"
  wait "$PULL" || true
  run strata system prune -f
  assert_match "$output" 'Total reclaimed space: 1[89]'
  [ -z "$(ls "$STRATA_ROOT/partial")" ]
}

@test "what is old, or too much, goes with the next pull" {
  mkdir -p "$STRATA_ROOT/partial"
  echo old >"$STRATA_ROOT/partial/$(printf old | sha256sum | cut -c1-64)"
  touch -d '8 days ago' "$STRATA_ROOT"/partial/*
  echo new >"$STRATA_ROOT/partial/$(printf new | sha256sum | cut -c1-64)"
  strata pull -q "$ODD/big"
  [ "$(cat "$STRATA_ROOT"/partial/*)" = new ]
}

@test "a layer that inflates beyond the setting is refused, and nothing is left" {
  printf '[limits]\nmax_layer_size = "10m"\n' >"$STRATA_CONFIG"
  run strata pull "$ODD/big"
  : >"$STRATA_CONFIG"
  [ "$status" -eq 1 ]
  assert_match "$output" "layer sha256:$LARGE: layer inflates beyond the limit of 10485760 bytes"
  [ -z "$(find "$STRATA_ROOT/layers" -name '*.tar' -size +5M)" ]
  [ "$(kept)" -eq 0 ]
}

@test "an image for which there is no space is refused before its first byte" {
  mkdir "$BATS_TEST_TMPDIR/small"
  mount -t tmpfs -o size=80m none "$BATS_TEST_TMPDIR/small"
  STRATA_ROOT=$BATS_TEST_TMPDIR/small/root STRATA_RUN_ROOT=$BATS_TEST_TMPDIR/small/run run strata pull "$ODD/big"
  # The background process that syncs may still be at it.
  until_true 60 umount "$BATS_TEST_TMPDIR/small"
  [ "$status" -eq 1 ]
  assert_match "$output" 'no space left for the image: its layers take 2[0-9.]+MB and more, [0-9.]+MB are free where the store is, 67.*MB of it are kept free'
  [ ! -e "$STORAGE.sent" ] || [ "$(requests)" -eq 0 ]
}

# peak_memory_of_pull IMAGE [KIND]: of the pull and its children, in KiB, read every few milliseconds. PSS, or another
# line of /proc/PID/smaps_rollup.
peak_memory_of_pull() {
  strata pull -q "$1" >/dev/null 3>&- &
  local pid=$! peak=0 sum
  while kill -0 $pid 2>/dev/null; do
    sum=$(cat /proc/$pid/smaps_rollup $(pgrep -P $pid | sed 's|.*|/proc/&/smaps_rollup|') 2>/dev/null | awk -v kind="${2:-Pss}:" '$1 == kind { sum += $2 } END { print sum + 0 }')
    [ "$sum" -le "$peak" ] || peak=$sum
  done
  wait $pid
  echo "$peak"
}

# as_zstd NAME LAYERS BYTES ZSTD-FLAGS…: an image in an OCI layout with layers of so many bytes, pushed by skopeo.
as_zstd() {
  local name=$1 count=$2 bytes=$3 dir=$BATS_TEST_TMPDIR/oci i tar size digest diffs= layers= config
  shift 3
  rm -rf "$dir"
  mkdir -p "$dir/blobs/sha256" "$dir/content"
  for i in $(seq "$count"); do
    head -c $bytes /dev/urandom >"$dir/content/file$i"
    tar -C "$dir/content" -cf "$dir/layer.tar" "file$i"
    diffs+="${diffs:+,}\"sha256:$(sha256sum <"$dir/layer.tar" | cut -c1-64)\""
    cat "$dir/layer.tar" | zstd -q -c "$@" >"$dir/blob"
    digest=$(sha256sum <"$dir/blob" | cut -c1-64)
    layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+zstd\",\"digest\":\"sha256:$digest\",\"size\":$(stat -c %s "$dir/blob")}"
    mv "$dir/blob" "$dir/blobs/sha256/$digest"
    rm "$dir/content/file$i"
  done
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "$diffs" >"$dir/config"
  config=$(sha256sum <"$dir/config" | cut -c1-64)
  size=$(stat -c %s "$dir/config")
  mv "$dir/config" "$dir/blobs/sha256/$config"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[%s]}' \
    "$config" "$size" "$layers" >"$dir/manifest"
  digest=$(sha256sum <"$dir/manifest" | cut -c1-64)
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d}]}' \
    "$digest" "$(stat -c %s "$dir/manifest")" >"$dir/index.json"
  mv "$dir/manifest" "$dir/blobs/sha256/$digest"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
  skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$dir" "docker://$REGISTRY/$name"
  rm -rf "$dir"
}

@test "a pull takes less than 64 MB of memory: many layers, and large windows" {
  local i peak
  { echo 'FROM scratch'; for i in $(seq 8); do echo "COPY large /l$i"; done; for i in $(seq 30); do echo "COPY small /s$i"; done; } >"$BATS_FILE_TMPDIR/context/Dockerfile"
  strata build -q -t "$REGISTRY/many" "$BATS_FILE_TMPDIR/context" >/dev/null
  strata push -q "$REGISTRY/many" >/dev/null
  strata system prune -af >/dev/null
  peak=$(peak_memory_of_pull "$REGISTRY/many")
  echo "38 layers: $peak KiB"
  [ "$peak" -gt 5000 ]
  [ "$peak" -lt 64000 ]
  as_zstd windows 6 12000000 -1 --long=23
  peak=$(peak_memory_of_pull "$REGISTRY/windows")
  echo "6 layers of zstd with windows of 8 MiB: $peak KiB"
  [ "$peak" -lt 64000 ]
  as_zstd windows 2 40000000 -1 --long=25
  peak=$(peak_memory_of_pull "$REGISTRY/windows")
  echo "3 layers of zstd with windows of 32 MiB: $peak KiB"
  [ "$peak" -lt 64000 ]
}

@test "a pull takes less than 64 MB of memory: a layer of 400,000 files" {
  local peak
  # Straight into a tar: nobody needs the files.
  python3 -c 'import sys, tarfile
entry = tarfile.TarInfo("NAME")
header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
rest = sum(header) - sum(header[148:156]) + 8 * 32 - sum(b"NAME")
for i in range(400000):
  name = b"d%d/a-file-with-a-name-%d" % (i // 1000, i)
  header[0:100] = name.ljust(100, b"\0")
  header[148:156] = b"%06o\0 " % (rest + sum(name))
  sys.stdout.buffer.write(header)
sys.stdout.buffer.write(bytes(1024))' | strata import - "$REGISTRY/files" >/dev/null
  strata push -q "$REGISTRY/files" >/dev/null
  strata system prune -af >/dev/null
  # What the kernel cannot take back, strictly.
  peak=$(peak_memory_of_pull "$REGISTRY/files" Pss_Anon)
  echo "400,000 files: $peak KiB without a file behind them"
  [ "$peak" -gt 3000 ]
  [ "$peak" -lt 32000 ]
  # With the pages of files, among them what strata-layer spills; on a busy machine a moment of it may stay mapped
  # for longer than it should, so one quiet pull of five counts.
  local i least=1000000
  for i in 1 2 3 4 5; do
    strata system prune -af >/dev/null
    peak=$(peak_memory_of_pull "$REGISTRY/files")
    [ "$peak" -ge $least ] || least=$peak
    [ "$least" -ge 64000 ] || break
  done
  echo "400,000 files: $least KiB"
  [ "$least" -gt 5000 ]
  [ "$least" -lt 64000 ]
  strata system fsck
}

@test "a window beyond the limit is refused" {
  as_zstd windows 1 40000000 -1 --long=26
  run strata pull "$REGISTRY/windows"
  [ "$status" -eq 1 ]
  assert_match "$output" 'layer sha256:[0-9a-f]*: zstd: the window is beyond the limit of 33554432 bytes'
  [ -z "$(ls "$STRATA_ROOT/partial")" ] || [ "$(stat -c %s "$STRATA_ROOT"/partial/*)" -eq 0 ]
}

@test "pull -a, -q, by digest, by tag and digest: as docker prints them" {
  local digest
  skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/upside-down" "docker://$REGISTRY/tags:one"
  skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/upside-down" "docker://$REGISTRY/tags:two"
  digest=$(skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/tags:one")
  run strata pull -a "$REGISTRY/tags"
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = "one: Pulling from tags" ]
  assert_match "$output" '^two: Pulling from tags$'
  [ "$(grep -c "^Digest: $digest$" <<<"$output")" -eq 2 ]
  [ "$(tail -n 2 <<<"$output")" = "Status: Downloaded newer image for $REGISTRY/tags"$'\n'"$REGISTRY/tags" ]
  [ "$(strata images -q "$REGISTRY/tags" | wc -l)" -eq 2 ]
  [ "$(strata pull -aq "$REGISTRY/tags")" = "$REGISTRY/tags" ]
  run strata pull -a "$REGISTRY/tags:one"
  [ "$status" -eq 1 ]
  assert_match "$output" "tag can't be used with --all-tags/-a"

  [ "$(strata pull -q "$REGISTRY/tags:one")" = "$REGISTRY/tags:one" ]
  run strata pull "$REGISTRY/tags@$digest"
  [ "${lines[0]}" = "$digest: Pulling from tags" ]
  [ "$(tail -n 3 <<<"$output")" = "Digest: $digest"$'\n'"Status: Image is up to date for $REGISTRY/tags@$digest"$'\n'"$REGISTRY/tags@$digest" ]
  run strata pull "$REGISTRY/tags:two@$digest"
  [ "$(tail -n 2 <<<"$output")" = "Status: Image is up to date for $REGISTRY/tags@$digest"$'\n'"$REGISTRY/tags:two@$digest" ]
}

@test "push --compression: another kind of blob, the same bytes every time" {
  local first again
  layers() { skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1" | jq -c '[.layers[] | [.mediaType, .digest]]'; }
  strata pull -q "$REGISTRY/big" >/dev/null
  strata tag "$REGISTRY/big" "$REGISTRY/squeezed"
  strata push -q --compression zstd:3 "$REGISTRY/squeezed"
  first=$(layers squeezed)
  assert_match "$first" 'tar\+zstd.*tar\+zstd'
  refute_match "$first" gzip
  strata tag "$REGISTRY/big" "$REGISTRY/squeezed-again"
  taskset -c 0 strata push -q --compression zstd:3 "$REGISTRY/squeezed-again"
  again=$(layers squeezed-again)
  [ "$first" = "$again" ]
  # Without a level what is there is taken.
  strata push -q --compression gzip "$REGISTRY/squeezed"
  [ "$(layers squeezed | jq -c '[.[][1]]')" = "$(layers big | jq -c '[.[][1]]')" ]
  run strata push --compression lzma "$REGISTRY/squeezed"
  [ "$status" -eq 125 ] || [ "$status" -eq 1 ]
  assert_match "$output" 'invalid argument "lzma" for "--compression" flag: gzip or zstd'
  strata rmi -f "$(strata images -q "$REGISTRY/big")" >/dev/null
  strata pull -q "$REGISTRY/squeezed-again" >/dev/null
  is_good "$REGISTRY/squeezed-again"
}

@test "an image that was pulled when its layers were here already is fetched again by itself" {
  local id tar
  # By the build; nothing was ever downloaded.
  strata build -q -t "$REGISTRY/here" "$BATS_FILE_TMPDIR/context" >/dev/null
  strata push -q "$REGISTRY/here" >/dev/null
  strata save "$REGISTRY/here" -o "$BATS_TEST_TMPDIR/here.tar"
  strata system prune -af >/dev/null
  strata load -q -i "$BATS_TEST_TMPDIR/here.tar" >/dev/null
  [[ $(strata pull "$REGISTRY/here") != *Pull\ complete* ]]
  id=$(strata inspect "$REGISTRY/here" | jq -r '.[0].RootFS.Layers[0]')
  tar=$STRATA_ROOT/layers/${id#sha256:}.tar
  rm "$tar"
  run -127 strata run --rm --network none "$REGISTRY/here" /nothing
  assert_match "$output" "is lost or damaged: fetching it again from $REGISTRY/here"
  is_good "$REGISTRY/here"
}
