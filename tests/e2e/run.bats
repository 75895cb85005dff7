# The flags of run and the verbs around a container.
load common

setup_file() {
  use_own_store
  build_busybox
}
teardown_file() { remove_own_store; }
teardown() {
  strata ps -aq | xargs -r strata rm -f >/dev/null
  assert_nothing_left
}

@test "standard output, standard error and standard input are the caller's" {
  [ "$(strata run --rm busybox echo out)" = out ]
  [ "$(strata run --rm busybox sh -c 'echo err >&2' 2>&1 >/dev/null)" = err ]
  [ "$(echo in | strata run --rm -i busybox cat)" = in ]
  [ "$(strata run --rm busybox cat </dev/null)" = "" ]
}

@test "a hundred megabytes come through byte for byte" {
  sum=$(strata run --rm busybox sh -c 'head -c 100000000 /dev/zero' | sha256sum)
  [ "$sum" = "$(head -c 100000000 /dev/zero | sha256sum)" ]
  head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
  sum=$(strata run --rm -i busybox sha256sum <"$BATS_TEST_TMPDIR/data")
  [ "${sum%% *}" = "$(sha256sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" ]
}

@test "environment, working directory, user, host name, entrypoint" {
  run strata run --rm -e A=1 -e B -w /tmp/new -u 1000:1001 --hostname box --entrypoint sh busybox \
    -c 'echo "$A $PWD $(id -u):$(id -g) $(hostname) $HOSTNAME"'
  [ "$output" = "1 /tmp/new 1000:1001 box box" ]
  B=2 run strata run --rm -e B busybox sh -c 'echo $B'
  [ "$output" = 2 ]
}

@test "binds, read-only binds, volumes" {
  mkdir "$BATS_TEST_TMPDIR/host"
  echo hello >"$BATS_TEST_TMPDIR/host/file"
  [ "$(strata run --rm -v "$BATS_TEST_TMPDIR/host:/mnt" busybox cat /mnt/file)" = hello ]
  run strata run --rm -v "$BATS_TEST_TMPDIR/host:/mnt:ro" busybox touch /mnt/new
  [ "$status" -eq 1 ]
  assert_match "$output" 'Read-only file system'
  strata run --rm -v data:/data busybox sh -c 'echo kept > /data/file'
  [ "$(strata run --rm -v data:/data busybox cat /data/file)" = kept ]
}

@test "--read-only leaves /tmp mounts and devices writable and the root not" {
  run strata run --rm --read-only busybox sh -c 'echo x > /dev/null && touch /file'
  [ "$status" -eq 1 ]
  assert_match "$output" 'Read-only file system'
}

@test "limits reach the cgroup" {
  id=$(strata run -d --memory 64m --cpus 0.5 --pids-limit 50 busybox sleep 1000)
  pid=$(strata inspect "$id" | jq .[0].State.Pid)
  at() {  # the file of a v1 controller or of v2
    local line
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
      cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/$3"
    else
      line=$(grep -E "^[0-9]+:([^:]*,)?$1(,[^:]*)?:" "/proc/$pid/cgroup")
      cat "/sys/fs/cgroup/$1${line##*:}/$2"
    fi
  }
  [ "$(at memory memory.limit_in_bytes memory.max)" -eq $((64 << 20)) ]
  [ "$(at pids pids.max pids.max)" -eq 50 ]
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    [ "$(at cpu x cpu.max)" = "50000 100000" ]
  else
    [ "$(at cpu cpu.cfs_quota_us x)" -eq 50000 ]
  fi
}

@test "a container that needs more memory than it may have is killed, and inspect says so" {
  run strata run --name hungry --memory 16m busybox sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x); echo ${#x}'
  [ "$status" -eq 137 ]
  [ "$(strata inspect hungry | jq .[0].State.OOMKilled)" = true ]
}

@test "it is confined: capabilities, seccomp, masked and read-only paths, devices, namespaces" {
  run strata run --rm busybox cat /proc/self/status
  assert_match "$output" '^CapEff:	00000000a80425fb$'
  assert_match "$output" '^CapBnd:	00000000a80425fb$'
  assert_match "$output" '^Seccomp:	2$'
  run strata run --rm busybox sh -c 'head -c 1 /proc/keys | wc -c; ls /sys/firmware | wc -l'
  [ "$output" = $'0\n0' ]
  run strata run --rm busybox sh -c 'echo 1 > /proc/sys/kernel/hostname'
  [ "$status" -ne 0 ]
  run strata run --rm busybox sh -c 'mknod /tmp/vda b 254 0 && head -c 1 /tmp/vda'
  assert_match "$output" 'Operation not permitted'
  run strata run --rm busybox mount -t tmpfs none /mnt
  [ "$status" -ne 0 ]
  [ "$(strata run --rm busybox sh -c 'ps | wc -l')" -le 4 ]
  [ "$(strata run --rm busybox sh -c 'ls /proc/self/fd | wc -l')" -eq 4 ]
}

@test "--cap-add, --cap-drop and --privileged" {
  assert_match "$(strata run --rm --cap-drop ALL --cap-add CHOWN busybox cat /proc/self/status)" '^CapEff:	0000000000000001$'
  strata run --rm --privileged busybox mount -t tmpfs none /mnt
}

@test "networks: none has lo only, host is the host's, bridge reaches its gateway" {
  [ "$(strata run --rm --network none busybox ls /sys/class/net)" = lo ]
  [ "$(strata run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
  strata run --rm busybox sh -c 'ping -c 1 -W 5 $(ip route | sed -n "s/^default via \([0-9.]*\) .*/\1/p")'
  assert_match "$(strata run --rm --hostname box busybox cat /etc/hosts)" '[0-9.]+	box$'
}

@test "ps, labels, wait, kill, logs" {
  id=$(strata run -d --name worker -l role=test busybox sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.1; done')
  until_true 60 eval '[ "$(strata logs worker)" = started ]'
  run strata ps
  assert_match "$output" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$'
  assert_match "$output" "^${id:0:12} +busybox +\"sh -c .* Up .* worker$"
  strata wait worker >"$BATS_TEST_TMPDIR/code" &
  local waiting=$!
  strata kill -s TERM worker
  wait $waiting
  [ "$(cat "$BATS_TEST_TMPDIR/code")" = 9 ]
  assert_match "$(strata ps -a)" 'Exited \(9\)'
  [ "$(strata inspect worker | jq -r '.[0].State.ExitCode')" = 9 ]
  [ "$(strata inspect worker | jq -r '.[0].Config.Labels.role')" = test ]
}

@test "logs -f ends with the container; --tail cuts; streams stay apart" {
  strata run -d --name talker busybox sh -c 'for i in 1 2 3; do echo line $i; echo err $i >&2; sleep 0.2; done'
  run strata logs -f talker
  [ "$(grep -c line <<<"$output")" -eq 3 ]
  [ "$(strata logs --tail 1 talker 2>&1 | wc -l)" -eq 1 ]
  [ "$(strata logs talker 2>/dev/null | wc -l)" -eq 3 ]
  assert_match "$(strata logs -t talker 2>&1)" '^20[0-9-]+T[0-9:.]+Z '
}

@test "exec: environment, user, input, its own exit code" {
  id=$(strata run -d -e A=1 busybox sleep 1000)
  [ "$(strata exec -e B=2 -u 1000 -w /tmp "$id" sh -c 'echo $A$B $(id -u) $PWD')" = "12 1000 /tmp" ]
  [ "$(echo x | strata exec -i "$id" cat)" = x ]
  run strata exec "$id" sh -c 'exit 42'
  [ "$status" -eq 42 ]
  run strata exec "$id" cat /proc/self/status
  assert_match "$output" '^CapEff:	00000000a80425fb$'
  assert_match "$output" '^Seccomp:	2$'
}

@test "id=\$(run -d) returns at once although the container holds its output open" {
  id=$(strata run -d busybox sh -c 'sleep 1000')
  [ "${#id}" -eq 64 ]
  strata rm -f "$id"
}

@test "--rm removes it also when the client is killed" {
  strata run --rm --name orphan busybox sleep 2 &
  local client=$!
  until_true 60 eval 'strata ps | grep -q orphan'
  kill -9 $client
  wait $client || true
  strata ps | grep -q orphan
  until_true 60 eval '! strata ps -a | grep -q orphan'
}

@test "stop sends TERM, then KILL" {
  strata run -d --name polite busybox sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
  until_true 60 eval '[ "$(strata logs polite)" = ready ]'
  strata stop polite
  [ "$(strata inspect polite | jq .[0].State.ExitCode)" = 3 ]
  strata run -d --name deaf busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  strata stop -t 1 deaf
  [ "$(strata inspect deaf | jq .[0].State.ExitCode)" = 137 ]
}

@test "a program's zombie children are reaped and its processes end with it" {
  id=$(strata run -d busybox sh -c 'sleep 1000 & sleep 1000 & wait')
  pid=$(strata inspect "$id" | jq .[0].State.Pid)
  strata kill "$id"
  strata wait "$id"
  until_true 60 eval "! kill -0 $pid 2>/dev/null"
}
