# Power loss at random moments, without hardware: what is on the disk then, and nothing else, is what the next
# command finds.
#
# The machine's disk is a file with ext4 on a loop device, and the store lies there. That file holds what this ext4 has
# written, not what it has in its page cache: exactly what a disk holds when the power goes. But a copy takes time,
# and a copy of a disk that is written to meanwhile is a state that never was. So the disk lies on a second file
# system, the shelf, which is frozen (FIFREEZE) for the time of the copy: every write of the disk waits, and its
# ext4 is not told and flushes nothing. (Freezing the disk's own file system would write everything that we want
# lost.) Processes go on in memory.
#
# Left out is a disk that loses or reorders writes which it has reported as done and that were not flushed:
# ext4's own journal is what withstands that. A kernel may write any file back at any time, so some cuts come just
# after a single file was written: the database's log, a layer, an index. The copy is then mounted, its journal replayed, and
# used as the store of another boot.
#
# The moments are random: STRATA_TEST_SEED repeats the order of operations and cuts, STRATA_TEST_CUTS their number.
load common

setup_file() {
  use_own_store
  export CRASH=$here/tests/crash CRASH_CONTEXT=$BATS_FILE_TMPDIR/context
  start_registry
  mirror_docker_hub
  build_busybox
  "$CRASH/prepare-images" "$CRASH_CONTEXT" "$REGISTRY"
  strata tag busybox "$REGISTRY/library/busybox"
  strata push -q "$REGISTRY/library/busybox" >/dev/null
  strata system prune -af >/dev/null

  export SHELF=$BATS_FILE_TMPDIR/shelf DISK=$BATS_FILE_TMPDIR/disk LEDGER=$BATS_FILE_TMPDIR/ledger
  mkdir "$SHELF" "$DISK"
  truncate -s 3G "$BATS_FILE_TMPDIR/shelf.img"
  mkfs.ext4 -q -O ^has_journal "$BATS_FILE_TMPDIR/shelf.img"
  mount -o loop "$BATS_FILE_TMPDIR/shelf.img" "$SHELF"
  truncate -s 1G "$SHELF/disk.img"
  mkfs.ext4 -q -J size=16 "$SHELF/disk.img"
  # The journal is written every second instead of every five: more states in less time.
  mount -o loop,commit=1 "$SHELF/disk.img" "$DISK"
  export STRATA_ROOT=$DISK/root
}

teardown_file() {
  [ -z "${DISK:-}" ] || fsfreeze -u "$SHELF" 2>/dev/null || true
  remove_own_store
  # The last command's background process holds its disk for some seconds.
  local place
  for place in "$DISK" "$SHELF"; do
    until_true 60 eval "umount '$place' 2>/dev/null || ! mountpoint -q '$place'"
  done
}

# What a kernel may do at any moment: one file's pages, and with them the journal.
write_one_file_back() {
  case $((RANDOM % 4)) in
    0) sync "$STRATA_ROOT/strata.db-wal" ;;
    1) sync "$(find "$STRATA_ROOT/layers" -type f | shuf -n 1)" ;;
    *) ;;
  esac 2>/dev/null || true
}

# cut COPY: the disk as it is at this moment; the ledger before and after.
cut_power() {
  cp "$LEDGER" "$BATS_TEST_TMPDIR/before"
  fsfreeze -f "$SHELF"
  cp --sparse=always "$SHELF/disk.img" "$1" || { fsfreeze -u "$SHELF"; return 1; }
  fsfreeze -u "$SHELF"
  cp "$LEDGER" "$BATS_TEST_TMPDIR/after"
}

# next_boot COPY COMMAND…: with the copy's store, as after a reboot: another boot id, an empty run root. All of it in
# a mount namespace, which is gone with its last process.
next_boot() {
  local copy=$1 place=$BATS_TEST_TMPDIR/next
  shift
  mkdir -p "$place/disk" "$place/run"
  cat /proc/sys/kernel/random/uuid >"$place/boot_id"
  local code=0
  STRATA_ROOT=$place/disk/root STRATA_RUN_ROOT=$place/run unshare -m bash -euc '
    mount -o loop "$1" "$2/disk"
    mount --bind "$2/boot_id" /proc/sys/kernel/random/boot_id
    shift 2
    "$@"' - "$copy" "$place" "$@" || code=$?
  rm -rf "$place"
  return $code
}

@test "power losses while images are pulled, built, committed, loaded, removed and pruned" {
  local seed=${STRATA_TEST_SEED:-$RANDOM} cuts=${STRATA_TEST_CUTS:-16} cut copy
  echo "STRATA_TEST_SEED=$seed"
  RANDOM=$seed
  : >"$LEDGER"
  setsid "$CRASH/change-images" "$LEDGER" "$seed" >/dev/null 2>&1 3>&- &
  local worker=$!
  until_true 60 grep -q done "$LEDGER"
  for cut in $(seq "$cuts"); do
    sleep "$((RANDOM % 2)).$(printf %03d $((RANDOM % 1000)))"
    write_one_file_back
    copy=$BATS_TEST_TMPDIR/copy.$cut
    cut_power "$copy"
    echo "cut $cut: $(tail -n 1 "$BATS_TEST_TMPDIR/before")"
    next_boot "$copy" "$CRASH/check-store" "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" "$([ $((RANDOM % 2)) = 0 ] && echo fsck)" ||
      { kill -9 -- -$worker; return 1; }
    rm "$copy"
  done
  kill -9 -- -$worker
  wait $worker 2>/dev/null || true
  run ! grep failed "$LEDGER"
  # The machine itself never went down.
  strata system fsck
}
