# SIGKILL at random moments: whatever was under way, the next command finds a state that it can handle and leaves
# nothing half there.
load common

setup_file() {
  use_own_store
  start_registry
  mirror_docker_hub
  build_busybox
  # A second image with a few megabytes, so that a pull and a build take long enough to be interrupted.
  mkdir -p "$BATS_FILE_TMPDIR/big"
  head -c 6000000 /dev/urandom >"$BATS_FILE_TMPDIR/big/data"
  printf 'FROM busybox\nCOPY data /data\nRUN cp /data /copy && rm /data\nRUN echo done > /done\n' >"$BATS_FILE_TMPDIR/big/Dockerfile"
  strata build -q -t big "$BATS_FILE_TMPDIR/big" >/dev/null
  strata tag big "$REGISTRY/library/big"
  strata push -q "$REGISTRY/library/big" >/dev/null
}
teardown_file() { remove_own_store; }

# Starts COMMAND in a process group of its own and kills it after a random part of a second: every second time
# the whole group, else the first process alone.
kill_at_random() {
  setsid "$@" >/dev/null 2>&1 </dev/null &
  local victim=$!
  sleep "0.$(printf %03d $((RANDOM % ${LONGEST_MS:-200})))"
  if [ $((RANDOM % 2)) = 0 ]; then kill -9 -- -$victim; else kill -9 $victim; fi 2>/dev/null || true
  wait $victim 2>/dev/null || true
}

@test "13 kills of a pull" {
  for _ in $(seq 13); do
    strata rmi -f big "$REGISTRY/library/big" >/dev/null 2>&1 || true
    kill_at_random strata pull big
    strata ps -a >/dev/null
    assert_nothing_left
  done
  strata pull -q big
  strata run --rm big cat /done
}

@test "13 kills of a build" {
  for i in $(seq 13); do
    kill_at_random strata build --no-cache -t "built" "$BATS_FILE_TMPDIR/big"
    strata ps -a >/dev/null
    until_true 5 eval '[ -z "$(leftovers)" ]' || assert_nothing_left
  done
  strata build -q -t built "$BATS_FILE_TMPDIR/big"
  [ "$(strata run --rm built cat /done)" = done ]
}

@test "13 kills of run, with the name free or taken as a whole" {
  for i in $(seq 13); do
    LONGEST_MS=60 kill_at_random strata run -d --name "victim" -p "$(free_port):80" busybox sleep 1000
    strata ps -a >/dev/null
    assert_nothing_left
    # Either it runs, or nothing of it is there.
    state=$(strata inspect victim 2>/dev/null | jq -r '.[0].State.Status // empty')
    case $state in
      running) strata exec victim true ;;
      '') ;;
      *) strata ps -a; echo "half there: $state"; return 1 ;;
    esac
    strata rm -f victim >/dev/null 2>&1 || true
    assert_nothing_left
  done
}

@test "13 kills of rm" {
  for _ in $(seq 13); do
    strata run -d --name victim busybox sleep 1000 >/dev/null
    LONGEST_MS=60 kill_at_random strata rm -f victim
    strata ps -a >/dev/null
    assert_nothing_left
    strata rm -f victim >/dev/null 2>&1 || true
    refute_match "$(strata ps -aq --no-trunc)" .
    assert_nothing_left
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
