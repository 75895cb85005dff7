# `commit`: what a container has become, as an image.
load common

setup_file() {
  use_own_store
  scratch_image
}
teardown_file() { remove_own_store; }

# busybox alone.
scratch_image() {
  local context=$BATS_FILE_TMPDIR/context
  mkdir -p "$context"
  cp /bin/busybox "$context/busybox"
  printf 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nENV PATH=/bin A=1\nCMD ["/bin/sh"]\n' >"$context/Dockerfile"
  strata build -q -t base "$context" >/dev/null
}

@test "a stopped container becomes an image that runs" {
  strata run --name one base sh -c 'busybox echo hello >/greeting; busybox mkdir -p /d; busybox ln /greeting /d/link'
  id=$(strata commit -a "A. Uthor" -m "first words" -c 'CMD ["busybox", "cat", "/greeting"]' -c 'ENV B=2' --change 'LABEL x=y' one made)
  [[ $id == sha256:* ]]
  [ "$(strata run --rm made)" = hello ]
  [ "$(strata run --rm made busybox stat -c %h /d/link)" = 2 ]
  [ "$(strata run --rm made sh -c 'echo $A $B')" = "1 2" ]
  strata inspect made | grep -q '"Author": "A. Uthor"'
  strata inspect made | grep -q '"x": "y"'
  strata history made | sed -n 2p | grep -q 'first words'
  [ "$(strata images -q --no-trunc made)" = "$id" ]
  strata rm one
}

@test "a running one is paused meanwhile and goes on" {
  strata run -d --name two base sh -c 'i=0; while :; do i=$((i+1)); echo $i >/count; busybox sleep 0.01; done'
  strata container commit two two:1 >/dev/null
  strata run --rm two:1 busybox test -e /count
  before=$(strata exec two busybox cat /count)
  changed() { [ "$(strata exec two busybox cat /count)" != "$before" ]; }
  until_true 60 changed
  strata rm -f two
}

@test "volumes and our own files in /etc stay out" {
  strata run --name three -v /data base sh -c 'echo x >/data/inside; echo y >/outside'
  strata commit three three >/dev/null
  run -0 strata run --rm three sh -c 'busybox ls /data; busybox ls /outside'
  [ "$output" = /outside ]
  strata rm -v three
}

@test "errors are docker's" {
  run -1 strata commit nobody
  [[ $output == *"No such container: nobody"* ]]
  strata create --name four base >/dev/null
  run -1 strata commit -c 'RUN true' four
  [[ $output == *"run is not a valid change command"* ]]
  run -1 strata commit four UPPER:x
  [[ $output == *"must be lowercase"* ]]
  strata rm four
}
