# SIGKILL at 300 random moments: whatever was under way, and whichever of our processes is killed, the next command
# finds a state that it can handle, nothing half is there, and fsck has nothing to say.
#
# STRATA_TEST_SEED repeats the order of victims and delays; a failure prints it.
load common

setup_file() {
  use_own_store
  start_registry
  mirror_docker_hub
  build_busybox
  # An image with a few megabytes, so that what is done with it takes long enough to be interrupted.
  export BIG=$BATS_FILE_TMPDIR/big
  mkdir -p "$BIG"
  head -c 6000000 /dev/urandom >"$BIG/data"
  printf 'FROM busybox\nCOPY data /data\nRUN cp /data /copy && rm /data\nRUN echo done > /done\n' >"$BIG/Dockerfile"
  strata build -q -t big "$BIG" >/dev/null
  strata save -o "$BATS_FILE_TMPDIR/big.tar" big
  local name
  for name in big busybox; do
    strata tag $name "$REGISTRY/library/$name"
    strata push -q "$REGISTRY/library/$name" >/dev/null
    strata rmi "$REGISTRY/library/$name" >/dev/null
  done
}
teardown_file() { remove_own_store; }

setup() {
  export STRATA_TEST_SEED=${STRATA_TEST_SEED:-$RANDOM}
  echo "STRATA_TEST_SEED=$STRATA_TEST_SEED"
  RANDOM=$STRATA_TEST_SEED
}

# Processes of this store by name, whichever session they are in.
ours() {
  local id
  for id in $(pgrep -x "$1"); do
    ! { tr '\0' '\n' <"/proc/$id/environ"; } 2>/dev/null | grep -qxF "STRATA_ROOT=$STRATA_ROOT" || echo "$id"
  done
}

# kill_at_random LONGEST_MS COMMAND…: starts the command in a session of its own, and after a random time kills the
# command alone, its session, one of its workers, the background process, or all that this store has.
kill_at_random() {
  local longest=$1 victim
  shift
  setsid "$@" >/dev/null 2>&1 </dev/null 3>&- &
  victim=$!
  sleep "$(printf '0.%03d' $((RANDOM % longest)))"
  case $((RANDOM % 6)) in
    0 | 1) kill -9 $victim ;;
    2) kill -9 -- -$victim ;;
    3) pgrep -s $victim 'strata-(fetch|layer)' | shuf -n 1 --random-source=<(yes $RANDOM) | xargs -r kill -9 ;;
    4) ours strata-settle | xargs -r kill -9 ;;
    5) { pgrep -s $victim; ours strata-settle; ours strata-monitor; } | xargs -r kill -9 ;;
  esac 2>/dev/null || true
  # Who only lost a companion ends by itself.
  until_true 60 eval "! kill -0 $victim 2>/dev/null"
  wait $victim 2>/dev/null || true
}

# What every kill must leave: a store that the next command takes, without anything half in it.
assert_whole() {
  strata ps -a >/dev/null
  # Workers of a killed command see their pipes close, and end.
  [ -z "$(leftovers)" ] || until_true 60 eval '[ -z "$(leftovers)" ]' || assert_nothing_left
  strata system fsck || { ls -lR "$STRATA_ROOT/layers" "$STRATA_ROOT/leases"; return 1; }
}

assert_big_works() { [ "$(strata run --rm --network none "$1" cat /done)" = "done" ]; }

@test "60 kills of pull" {
  for _ in $(seq 60); do
    strata rmi -f big >/dev/null 2>&1 || true
    kill_at_random 150 strata pull big
    assert_whole
  done
  strata pull -q big
  assert_big_works big
}

@test "45 kills of build" {
  for _ in $(seq 45); do
    kill_at_random 200 strata build --no-cache --network none -t built "$BIG"
    assert_whole
  done
  strata build -q --network none -t built "$BIG"
  assert_big_works built
}

@test "40 kills of commit" {
  strata run --name changed --network none busybox sh -c 'head -c 6000000 /dev/urandom >/noise && echo done >/done'
  for _ in $(seq 40); do
    kill_at_random 100 strata commit changed committed
    assert_whole
    # Or it is not there at all.
    ! strata image inspect committed >/dev/null 2>&1 || assert_big_works committed
    strata rmi -f committed >/dev/null 2>&1 || true
  done
  strata commit changed committed
  assert_big_works committed
  strata rm changed
}

@test "40 kills of load" {
  for _ in $(seq 40); do
    strata rmi -f big >/dev/null 2>&1 || true
    kill_at_random 100 strata load -i "$BATS_FILE_TMPDIR/big.tar"
    assert_whole
  done
  strata load -q -i "$BATS_FILE_TMPDIR/big.tar"
  assert_big_works big
}

@test "35 kills of rmi" {
  for _ in $(seq 35); do
    strata load -q -i "$BATS_FILE_TMPDIR/big.tar" >/dev/null
    kill_at_random 30 strata rmi -f big
    assert_whole
    ! strata image inspect big >/dev/null 2>&1 || assert_big_works big
  done
}

@test "30 kills of prune" {
  for _ in $(seq 30); do
    strata load -q -i "$BATS_FILE_TMPDIR/big.tar" >/dev/null
    strata create --network none big >/dev/null
    kill_at_random 40 strata system prune -af
    assert_whole
  done
  strata system prune -af
  [ -z "$(strata images -q)" ]
  [ -z "$(ls "$STRATA_ROOT/layers")" ]
}

@test "30 kills of run, with the name free or taken as a whole" {
  strata pull -q busybox
  for _ in $(seq 30); do
    kill_at_random 60 strata run -d --name victim -p "$(free_port):80" busybox sleep 1000
    assert_whole
    # Either it runs, or nothing of it is there, or its monitor was killed before it was started.
    local state
    state=$(strata inspect victim 2>/dev/null | jq -r '.[0].State.Status // empty')
    case $state in
      running) strata exec victim true ;;
      '') ;;
      *) strata ps -a; echo "half there: $state"; return 1 ;;
    esac
    strata rm -f victim >/dev/null 2>&1 || true
    assert_whole
  done
}

@test "20 kills of rm" {
  for _ in $(seq 20); do
    strata run -d --name victim busybox sleep 1000 >/dev/null
    kill_at_random 60 strata rm -f victim
    assert_whole
    strata rm -f victim >/dev/null 2>&1 || true
    refute_match "$(strata ps -aq --no-trunc)" .
    assert_whole
  done
}

@test "two runs with one name at once: one wins, the other exits 125" {
  for _ in $(seq 5); do
    strata run -d --name same busybox sleep 1000 >"$BATS_TEST_TMPDIR/a" 2>&1 &
    local first=$!
    strata run -d --name same busybox sleep 1000 >"$BATS_TEST_TMPDIR/b" 2>&1 &
    local second=$! a=0 b=0
    wait $first || a=$?
    wait $second || b=$?
    [ "$a/$b" = 0/125 ] || [ "$a/$b" = 125/0 ]
    cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" | grep -q 'The container name "/same" is already in use by container'
    [ "$(strata ps -aq | wc -l)" -eq 1 ]
    strata rm -f same >/dev/null
    assert_nothing_left
  done
}
