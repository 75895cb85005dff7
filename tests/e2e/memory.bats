# What the files of an image cost in memory: once, not once more for the tar where they lie.
load common

setup_file() {
  use_own_store
  strata import "$STRATA_TEST_ROOTFS" debian >/dev/null
  mkdir "$BATS_FILE_TMPDIR/context"
  head -c 64M /dev/urandom >"$BATS_FILE_TMPDIR/context/big"
  printf 'FROM debian\nCOPY big /big\n' >"$BATS_FILE_TMPDIR/context/Dockerfile"
  strata build -q -t big "$BATS_FILE_TMPDIR/context" >/dev/null
}
teardown_file() { remove_own_store; }

needs_direct_reads() {
  grep -q 'index, direct reads' "$STRATA_RUN_ROOT/layers-form" || skip "this kernel or file system does not read directly"
}
mounted() { grep " $STRATA_RUN_ROOT/mounts/[0-9a-f]" /proc/self/mountinfo; }
all_are_direct() { mounted >/dev/null && ! mounted | grep -qv ',directio$'; }
# Bytes of files that a container's memory cgroup is charged for.
charged_for_files() {
  local pid path
  pid=$(strata inspect --format '{{.State.Pid}}' "$1")
  path=$(awk -F: '$2 == "memory" { print $3 }' "/proc/$pid/cgroup")
  if [ -n "$path" ]; then awk '$1 == "total_cache" { print $2 }' "/sys/fs/cgroup/memory$path/memory.stat"
  else awk '$1 == "file" { print $2 }' "/sys/fs/cgroup$(awk -F: '$1 == 0 { print $3 }' "/proc/$pid/cgroup")/memory.stat"; fi
}
forget_cached_tars() {
  local tar
  for tar in "$STRATA_ROOT"/layers/*.tar; do dd of="$tar" oflag=nocache conv=notrunc,fdatasync count=0 status=none; done
}
unmount_layers() { mounted | awk '{ print $5 }' | xargs -r -n 1 umount; }

@test "a running container is read past its tars' cache as soon as they are on the disk, and charged once" {
  strata run -d --network none --name reader big sleep 1000 >/dev/null
  needs_direct_reads
  until_true 60 all_are_direct
  forget_cached_tars
  strata exec reader sh -c 'sha256sum </big' >"$BATS_TEST_TMPDIR/inside"
  sha256sum <"$BATS_FILE_TMPDIR/context/big" | diff - "$BATS_TEST_TMPDIR/inside"
  charged=$(charged_for_files reader)
  echo "charged: $charged"
  strata rm -f reader
  [ "$charged" -gt 60000000 ]
  [ "$charged" -lt 90000000 ]
}

@test "programs and files are what they are, mounted directly and read from the disk" {
  needs_direct_reads
  stores_are_settled
  unmount_layers
  forget_cached_tars
  run -0 strata run --rm --network none big perl -MPOSIX -e 'print POSIX::floor(3.7), "\n"'
  [ "$output" = 3 ]
  all_are_direct
  mkdir "$BATS_TEST_TMPDIR/root"
  tar -C "$BATS_TEST_TMPDIR/root" -xf "$STRATA_TEST_ROOTFS"
  (cd "$BATS_TEST_TMPDIR/root" && find usr -xdev -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$BATS_TEST_TMPDIR/outside"
  strata run --rm --network none big sh -c "find usr -xdev -type f | LC_ALL=C sort | xargs -d '\n' sha256sum" >"$BATS_TEST_TMPDIR/inside"
  cmp "$BATS_TEST_TMPDIR/outside" "$BATS_TEST_TMPDIR/inside"
}

@test "a store on a disk of 4096-byte sectors is read through the cache" {
  truncate -s 700M "$BATS_TEST_TMPDIR/disk"
  loop=$(losetup --sector-size 4096 --find --show "$BATS_TEST_TMPDIR/disk") || skip "no loop devices"
  mkfs.ext4 -q "$loop"
  mkdir "$BATS_TEST_TMPDIR/mnt"
  mount "$loop" "$BATS_TEST_TMPDIR/mnt"
  (
    set -e
    export STRATA_ROOT=$BATS_TEST_TMPDIR/mnt/root STRATA_RUN_ROOT=$BATS_TEST_TMPDIR/run
    strata import "$STRATA_TEST_ROOTFS" debian >/dev/null
    sync
    strata run --rm --network none debian perl -e 'print "read\n"'
    cat "$STRATA_RUN_ROOT/layers-form"
    flock -w 60 "$STRATA_ROOT/settle.wait" true
    flock -w 60 "$STRATA_ROOT/settle.lock" true
    ! grep " $STRATA_RUN_ROOT/mounts/.*,directio" /proc/self/mountinfo
    strata system prune -af >/dev/null
    flock -w 60 "$STRATA_ROOT/settle.wait" true
    flock -w 60 "$STRATA_ROOT/settle.lock" true
  ) >"$BATS_TEST_TMPDIR/said" 2>&1 && code=0 || code=$?
  cat "$BATS_TEST_TMPDIR/said"
  until_true 30 umount "$BATS_TEST_TMPDIR/mnt"
  losetup -d "$loop"
  [ $code = 0 ]
  grep -qx read "$BATS_TEST_TMPDIR/said"
  ! grep -q 'direct reads' "$BATS_TEST_TMPDIR/said"
}
