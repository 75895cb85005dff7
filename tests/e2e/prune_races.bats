# Work in flight is never harmed by a prune at the same time.
load common

setup_file() {
  use_own_store
  start_registry
  build_busybox
  mirror_docker_hub
  local i
  strata tag busybox "$REGISTRY/library/busybox"
  strata push -q "$REGISTRY/library/busybox"
  for i in 1 2 3; do
    printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=%d00 && echo %d >/number\n' "$i" "$i" |
      strata build -q -t "$REGISTRY/numbered:$i" -
    strata push -q "$REGISTRY/numbered:$i"
  done
  strata save -o "$BATS_FILE_TMPDIR/numbered.tar" "$REGISTRY/numbered:3"
  strata system prune -af
}
teardown_file() { remove_own_store; }

# each ROUNDS COMMAND…: what fails is told at once and makes the whole fail.
each() {
  local rounds=$1 round
  shift
  for ((round = 1; round <= rounds; round++)); do
    "$@" "$round" >"$BATS_TEST_TMPDIR/$1.out" 2>&1 || {
      echo "$* in round $round: $(cat "$BATS_TEST_TMPDIR/$1.out")"
      return 1
    }
  done
}

pulls() {
  local n=$(($1 % 3 + 1))
  strata pull -q "$REGISTRY/numbered:$n" && [ "$(strata run --rm "$REGISTRY/numbered:$n" cat /number)" = "$n" ]
}
builds() {
  printf 'FROM busybox\nRUN echo %d >/built\nCOPY --from=%s/numbered:1 /number /\nRUN cat /number >>/built\n' "$1" "$REGISTRY" |
    strata build -q -t "built:$1" -
}
loads() { strata load -q -i "$BATS_FILE_TMPDIR/numbered.tar"; }
commits() {
  strata exec base sh -c "echo $1 >/committed" && strata commit base "committed:$1"
}
prunes() {
  until [ -e "$BATS_TEST_TMPDIR/done" ]; do
    strata system prune -af >"$BATS_TEST_TMPDIR/prunes.out" 2>&1 || { cat "$BATS_TEST_TMPDIR/prunes.out"; return 1; }
  done
}

@test "pull, run, build, load and commit in loops, while two others prune" {
  strata run -d --name base busybox sleep 1000
  prunes & local first=$!
  prunes & local second=$!
  local pids=() failed=0 pid
  each 12 pulls & pids+=($!)
  each 12 pulls & pids+=($!)
  each 8 builds & pids+=($!)
  each 12 loads & pids+=($!)
  each 8 commits & pids+=($!)
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  touch "$BATS_TEST_TMPDIR/done"
  wait "$first" || failed=1
  wait "$second" || failed=1
  [ "$failed" = 0 ]

  strata rm -f base
  strata system fsck
  local image
  for image in $(strata images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>'); do
    strata run --rm "$image" true
  done
  strata system prune -af
  strata system fsck
  [ -z "$(ls "$STRATA_ROOT/layers")" ]
  assert_nothing_left
}
