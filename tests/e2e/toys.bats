# What a toy would not pass: no helper programs are executed, layers are not unpacked, and a container stands on
# the layers themselves.
load common

setup_file() {
  use_own_store
  start_registry
  mirror_docker_hub
  build_debian
  strata tag debian:bookworm "$REGISTRY/library/debian:bookworm"
  strata push -q "$REGISTRY/library/debian:bookworm" >/dev/null
  strata rmi debian:bookworm "$REGISTRY/library/debian:bookworm" >/dev/null
  strata builder prune -af >/dev/null  # its cache would spare the download
}
teardown_file() { remove_own_store; }

# The programs that were executed below COMMAND, by name, sorted.
executed() {
  strace -f -qq -e trace=execve -e status=successful -o "$BATS_TEST_TMPDIR/trace" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1
  sed -n 's/.*execve("\([^"]*\)".*/\1/p' "$BATS_TEST_TMPDIR/trace" | xargs -n 1 basename | sort -u | xargs
}

@test "a pull executes our programs only, and adds fewer than 20 files to the store" {
  before=$(find "$STRATA_ROOT" -type f | wc -l)
  [ "$(executed strata pull debian:bookworm)" = "strata strata-fetch strata-layer" ]
  after=$(find "$STRATA_ROOT" -type f | wc -l)
  [ $((after - before)) -lt 20 ]
}

@test "a run with a published port executes our programs and the container's only" {
  programs=$(executed strata run --rm -p "$(free_port):80" debian:bookworm true)
  [ "$programs" = "strata strata-monitor true" ]
}

@test "a build executes our programs and the container's only" {
  mkdir -p "$BATS_TEST_TMPDIR/context"
  cd "$BATS_TEST_TMPDIR/context"
  echo x >file
  tar czf archive.tar.gz file
  printf 'FROM debian:bookworm\nCOPY file /a\nADD archive.tar.gz /b/\nRUN ["true"]\n' >Dockerfile
  programs=$(executed strata build -t toy .)
  [ "$programs" = "strata strata-layer true" ]
}

@test "the root of a container is an overlay over EROFS" {
  [ "$STRATA_FORCE_DIRECTORY_FORM" != 1 ] || skip "the directory form is forced"
  strata info | grep -q EROFS || skip "this kernel or file system cannot mount an index: $(uname -r)"
  id=$(strata run -d debian:bookworm sleep 1000)
  run strata exec "$id" cat /proc/self/mountinfo
  assert_match "$output" ' / / [^-]*- overlay '
  grep -q " - erofs " /proc/self/mountinfo
  # What a host may have as defaults of overlayfs would hide changes from a diff, or follow an image's own marks.
  assert_match "$output" ' / / [^-]*- overlay .*redirect_dir=nofollow'
  refute_match "$output" ' - overlay .*(metacopy=on|index=on|nfs_export=on|xino=on)'
  strata rm -f "$id"
  assert_nothing_left
}

@test "the caller's terminal, session, process group and cgroup are not the container's" {
  id=$(setsid bash -c 'strata run -d debian:bookworm sleep 1000')
  pid=$(strata inspect "$id" | jq .[0].State.Pid)
  [ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ]
  ! cmp -s "/proc/$pid/cgroup" /proc/self/cgroup
  [ "$(strata ps -q --no-trunc)" = "$id" ]
  strata rm -f "$id"
}
