# What is on the disk is what it was, or it is found, named and brought back.
load common

setup_file() {
  use_own_store
  start_registry
  build_busybox
  strata tag busybox "$REGISTRY/team/base"
  strata push -q "$REGISTRY/team/base"
  strata rmi busybox "$REGISTRY/team/base"
  strata builder prune -af
}
teardown_file() { remove_own_store; }

# A store with one pulled image of two layers, and one made here on top of it.
setup() {
  strata pull -q "$REGISTRY/team/base"
  base_tar=$(ls -S "$STRATA_ROOT"/layers/*.tar | head -1)
  printf 'FROM %s\nRUN echo made here >/made\n' "$REGISTRY/team/base" | strata build -q -t made -
  made_tar=$(ls -t "$STRATA_ROOT"/layers/*.tar | head -1)
}
teardown() {
  exec 8>&-
  rm -f "$STRATA_ROOT/settle.error"
  strata ps -aq | xargs -r strata rm -f
  strata system prune -af
  strata system fsck
  assert_nothing_left
}

digest_of() { basename "$1" | cut -d. -f1; }
flip() { # FILE OFFSET
  printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# Until nothing_settles_ends no background process calls anything durable: a sync between a test's writes and its
# power loss would be right to.
nothing_settles() {
  exec 8>"$STRATA_ROOT/settle.lock"
  flock -w 60 8
}
nothing_settles_ends() {
  flock -u 8
  exec 8>&-
}
fsck_says() { # STATUS REGEX OPTIONS…
  local status_wanted=$1 text=$2
  shift 2
  run strata system fsck "$@"
  [ "$status" -eq "$status_wanted" ] || { echo "exit $status: $output"; return 1; }
  assert_match "$output" "$text"
}

@test "nothing is wrong" {
  fsck_says 0 '^Checked 3 layers .*, 2 images, 0 containers, 0 volumes: nothing is wrong$'
  strata system fsck --format json | jq -e '.Clean and .Findings == [] and .Checked.Tars == 3'
}

@test "one byte of a tar: named with its images, fetched again" {
  flip "$base_tar" 70000
  fsck_says 1 "^layer sha256:$(digest_of "$base_tar"): its tar is damaged: it has digest sha256:.*; images: $REGISTRY/team/base:latest, made:latest$"
  fsck_says 0 "^layer sha256:$(digest_of "$base_tar"): .*; repaired: fetched again$" --repair
  [ "$(sha256sum <"$base_tar" | cut -d' ' -f1)" = "$(digest_of "$base_tar")" ]
  [ "$(strata run --rm made cat /made)" = "made here" ]
  fsck_says 0 'nothing is wrong'
}

@test "one byte of an index: made again, the same bytes" {
  local index=${base_tar%.tar}.erofs before
  before=$(sha256sum <"$index")
  flip "$index" 1500
  fsck_says 1 "^layer sha256:$(digest_of "$base_tar"): its index is damaged"
  fsck_says 0 'repaired: made again from its tar' --repair
  [ "$(sha256sum <"$index")" = "$before" ]
}

@test "a lost tar, a short one, a lost index, all at once" {
  local small
  small=$(ls -S "$STRATA_ROOT"/layers/*.tar | sed -n 2p)
  rm "$base_tar" "${base_tar%.tar}.erofs"
  truncate -s 1024 "$small"
  run strata system fsck
  [ "$status" -eq 1 ]
  assert_match "$output" "^layer sha256:$(digest_of "$base_tar"): its tar is lost; images: "
  assert_match "$output" "^layer sha256:$(digest_of "$base_tar"): its index is lost; images: "
  assert_match "$output" "^layer sha256:$(digest_of "$small"): its tar has 1024 bytes instead of "
  strata system fsck --repair
  [ "$(strata run --rm made cat /made)" = "made here" ]
}

@test "what is no file stands where a file should be" {
  local index=${base_tar%.tar}.erofs
  rm "$base_tar" "$index"
  mkfifo "$base_tar" "$index"
  run timeout 60 strata system fsck
  [ "$status" -eq 1 ]
  assert_match "$output" "^layer sha256:$(digest_of "$base_tar"): its tar is not a file; images: "
  assert_match "$output" "^layer sha256:$(digest_of "$base_tar"): its index is not a file; images: "
  timeout 60 strata system fsck --repair
  rm "$base_tar" "$index"
  mkdir -p "$base_tar/x" "$index/x"
  fsck_says 0 'repaired: made again from its tar' --repair
  [ "$(strata run --rm made cat /made)" = "made here" ]
}

@test "what can be fetched again is, whatever else an image has lost" {
  local top blob
  printf 'FROM made\nCOPY top /\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  date >"$BATS_TEST_TMPDIR/top"
  strata build -q -t top "$BATS_TEST_TMPDIR"
  top=$(ls -t "$STRATA_ROOT"/layers/*.tar | head -1)
  strata tag top "$REGISTRY/team/top"
  strata push -q "$REGISTRY/team/top"
  # The registry has lost the layer between them.
  blob=$(sqlite3 "$STRATA_ROOT/strata.db" "SELECT digest FROM images_blob WHERE diff_id = 'sha256:$(digest_of "$made_tar")'" | cut -d: -f2)
  rm -r "$BATS_FILE_TMPDIR/registry/docker/registry/v2/blobs/sha256/${blob:0:2}/$blob"
  rm "$base_tar" "$made_tar" "$top"
  run strata system fsck --repair
  [ "$status" -eq 1 ]
  assert_match "$output" "^layer sha256:$(digest_of "$base_tar"): .*; repaired: fetched again$"
  assert_match "$output" "^layer sha256:$(digest_of "$made_tar"): .*; lost: .*cannot be fetched again"
  assert_match "$output" "^layer sha256:$(digest_of "$top"): .*; repaired: fetched again$"
  assert_match "$output" ': 3 found, 2 repaired, 1 lost$'
}

@test "what was made here is named as lost, and keeps its record" {
  flip "$made_tar" 600
  fsck_says 1 "^layer sha256:$(digest_of "$made_tar"): its tar is damaged: .*; images: made:latest; lost: .*it was made here" --repair
  run strata run --rm made true
  [ "$status" -eq 125 ]
  assert_match "$output" "image made:latest: its layer sha256:$(digest_of "$made_tar") is lost or damaged and cannot be fetched again: it was made here"
  strata image inspect made >/dev/null
  # Building it again is the cure.
  printf 'FROM %s\nRUN echo made here >/made\n' "$REGISTRY/team/base" | strata build -q -t made -
  [ "$(strata run --rm made cat /made)" = "made here" ]
}

@test "a layer that only the build cache has is forgotten" {
  strata rmi made
  flip "$made_tar" 600
  fsck_says 0 'repaired: removed: no image has it' --repair
}

@test "what nobody owns is found and removed" {
  touch "$STRATA_ROOT/layers/stray.tar"
  mkdir -p "$STRATA_ROOT/containers/$(printf '%064d' 0)/upper"
  run strata system fsck
  [ "$status" -eq 1 ]
  assert_match "$output" '^orphan layers/stray.tar: no record owns it$'
  assert_match "$output" '^orphan containers/0*: a directory of a container that is not recorded$'
  strata system fsck --repair
  [ ! -e "$STRATA_ROOT/layers/stray.tar" ]
  [ ! -e "$STRATA_ROOT/containers/$(printf '%064d' 0)" ]
}

@test "a volume without a record keeps its data" {
  mkdir -p "$STRATA_ROOT/volumes/precious/_data"
  echo data >"$STRATA_ROOT/volumes/precious/_data/file"
  fsck_says 1 '^volume precious: it has data, but no record$'
  fsck_says 0 'volume precious: .*; repaired: recorded again' --repair
  [ "$(strata run --rm -v precious:/v made cat /v/file)" = data ]
  rm -r "$STRATA_ROOT/volumes/precious"
  sqlite3 "$STRATA_ROOT/strata.db" "DELETE FROM containers_volume"
}

@test "run, create, start, build and push fetch again what is lost" {
  rm "$base_tar"
  run --separate-stderr strata run --rm made cat /made
  [ "$output" = "made here" ]
  assert_match "$stderr" "^Layer $(digest_of "$base_tar" | head -c 12) of made:latest is lost or damaged: fetching it again from $REGISTRY/team/base$"
  truncate -s 1024 "$base_tar"
  strata create --name later made cat /made
  rm "$base_tar"
  [ "$(strata start -a later)" = "made here" ]
  rm "$base_tar"
  printf 'FROM %s\nRUN echo two >/two\n' "$REGISTRY/team/base" | strata build -q -
  rm "$base_tar"
  strata tag made "$REGISTRY/team/made"
  strata push -q "$REGISTRY/team/made"
  rm "$base_tar"
  strata pull -q "$REGISTRY/team/base"
  [ -e "$base_tar" ]
}

@test "after a power loss: what was not synced is verified once, and fetched again" {
  # The right size, and zeros inside: no size check sees that.
  local size
  size=$(stat -c %s "$base_tar")
  nothing_settles
  rm -f "$base_tar"
  strata pull -q "$REGISTRY/team/base"
  truncate -s 0 "$base_tar" && truncate -s "$size" "$base_tar"
  export STRATA_BOOT_ID=after-the-power-loss
  run --separate-stderr strata run --rm made cat /made
  [ "$output" = "made here" ]
  assert_match "$stderr" 'is lost or damaged: fetching it again'
  [ "$(strata run --rm made cat /made 2>&1)" = "made here" ]
  nothing_settles_ends
  fsck_says 0 'nothing is wrong'
}

@test "after a power loss: a torn index is made again" {
  [ -z "${STRATA_FORCE_DIRECTORY_FORM:-}" ] || skip "no index is used in the directory form"
  local index=${base_tar%.tar}.erofs size
  nothing_settles
  rm -f "$base_tar" "$index"
  strata pull -q "$REGISTRY/team/base"
  size=$(stat -c %s "$index")
  # The head, which is looked at always, has come to the disk.
  truncate -s 1200 "$index" && truncate -s "$size" "$index"
  export STRATA_BOOT_ID=after-another-power-loss
  [ "$(strata run --rm made cat /made)" = "made here" ]
  nothing_settles_ends
  fsck_says 0 'nothing is wrong'
}

@test "a disk that lost bytes is told of until all was verified" {
  echo "2026-01-01T00:00:00Z syncfs: Input/output error" >"$STRATA_ROOT/settle.error"
  run --separate-stderr strata images -q
  [ "$status" -eq 0 ]
  assert_match "$stderr" 'WARNING: the disk did not take all .*syncfs: Input/output error'
  fsck_says 1 '^disk .*: writing to it has failed: .*Input/output error'
  fsck_says 0 'repaired: layers were read again from the disk' --repair
  [ -z "$(strata images -q 2>&1 >/dev/null)" ]
}

@test "a database that is lost or damaged is never begun anew" {
  local copy=$BATS_TEST_TMPDIR/copy
  mkdir "$copy"
  until_true 60 flock -n "$STRATA_ROOT/settle.wait" true
  cp -a "$STRATA_ROOT"/strata.db* "$copy"
  rm "$STRATA_ROOT"/strata.db*
  run strata images
  [ "$status" -eq 1 ]
  assert_match "$output" 'its database .*/strata.db is missing, but there are layers'
  [ ! -e "$STRATA_ROOT/strata.db" ]
  touch "$STRATA_ROOT/strata.db"
  run strata images
  [ "$status" -eq 1 ]
  assert_match "$output" 'its database .*/strata.db is empty, but there are layers'
  head -c 65536 /dev/urandom >"$STRATA_ROOT/strata.db"
  run strata images
  [ "$status" -eq 1 ]
  assert_match "$output" 'its database is damaged'
  rm -f "$STRATA_ROOT"/strata.db*
  cp -a "$copy"/* "$STRATA_ROOT"
  fsck_says 0 'nothing is wrong'
}

@test "a damaged page of the database: fsck names the file, and makes indexes again" {
  local copy=$BATS_TEST_TMPDIR/copy root page size
  mkdir "$copy"
  strata ps >/dev/null
  until_true 60 flock -n "$STRATA_ROOT/settle.wait" true
  until_true 60 flock -n "$STRATA_ROOT/settle.lock" true
  sqlite3 "$STRATA_ROOT/strata.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
  cp -a "$STRATA_ROOT"/strata.db* "$copy"
  # An index without one of its rows.
  sqlite3 "$STRATA_ROOT/strata.db" "PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'ON store_reference(holder)', 'ON store_reference(key)') WHERE name = 'store_reference_by_holder'"
  fsck_says 1 '^database .*/strata.db: row .* missing from index store_reference_by_holder'
  fsck_says 0 '^database .*; repaired: its indexes were made again$' --repair
  rm "$STRATA_ROOT"/strata.db*
  cp -a "$copy"/* "$STRATA_ROOT"
  page=$(sqlite3 "$STRATA_ROOT/strata.db" "SELECT rootpage FROM sqlite_schema WHERE name = 'layers_layer'")
  size=$(sqlite3 "$STRATA_ROOT/strata.db" 'PRAGMA page_size')
  rm -f "$STRATA_ROOT"/strata.db-*
  dd if=/dev/urandom of="$STRATA_ROOT/strata.db" bs="$size" seek=$((page - 1)) count=1 conv=notrunc status=none
  fsck_says 1 "strata.db: .*"
  run strata images
  [ "$status" -eq 1 ] || [ "$status" -eq 0 ]
  rm -f "$STRATA_ROOT"/strata.db*
  cp -a "$copy"/* "$STRATA_ROOT"
  fsck_says 0 'nothing is wrong'
}

@test "a store of the first version is upgraded; a newer one is refused" {
  mkdir "$BATS_TEST_TMPDIR/old"
  tar -xzf "$here/tests/goldens/store-version-1.tar.gz" -C "$BATS_TEST_TMPDIR/old"
  old() { STRATA_ROOT=$BATS_TEST_TMPDIR/old STRATA_RUN_ROOT=$BATS_TEST_TMPDIR/old-run strata "$@"; }
  [ "$(old images --format '{{.Repository}}:{{.Tag}}')" = old:1 ]
  run old system fsck
  [ "$status" -eq 0 ]
  assert_match "$output" 'Checked 2 layers .*, 1 images, 1 containers, 1 volumes: nothing is wrong'
  run old run --rm old:1
  [ "$status" -eq 42 ]
  run old start -a kept
  [ "$status" -eq 42 ]
  old rm -v kept
  old system prune -af
  sqlite3 "$BATS_TEST_TMPDIR/old/strata.db" "UPDATE strata_schema SET version = version + 1 WHERE owner = 'layers'"
  run old images
  [ "$status" -eq 1 ]
  assert_match "$output" 'written by a newer strata .*upgrade strata'
}
