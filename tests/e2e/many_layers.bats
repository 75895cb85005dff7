# Images of more layers than overlayfs takes, in both forms.
load common

setup_file() { use_own_store; }
teardown_file() { remove_own_store; }

# 520 layers: a program, and files that come, change and go.
build_many() {
  local context=$BATS_TEST_TMPDIR/context i
  mkdir -p "$context"
  cp "$(command -v busybox)" "$context/busybox"
  {
    echo "FROM scratch"
    echo "COPY busybox /bin/busybox"
    for ((i = 1; i < 518; i++)); do
      echo "$i" >"$context/f$((i % 3))-$i"
      echo "COPY f$((i % 3))-$i /x$((i % 5))/f$((i % 50))"
    done
    echo 'RUN ["/bin/busybox", "rm", "/x0/f0"]'
    echo 'RUN ["/bin/busybox", "sh", "-c", "busybox echo last >/last"]'
  } >"$context/Dockerfile"
  strata build -q -t many "$context" >/dev/null
}

check_many() {
  build_many
  [ "$(strata inspect many | grep -c '"sha256:')" -ge 520 ]
  expected=$(for i in $(seq 468 517); do echo "$i"; done | grep -v '^500$' | sort)
  [ "$(strata run --rm many busybox sh -c 'busybox cat /x*/f*' | sort)" = "$expected" ]
  [ "$(strata run --rm many busybox cat /last)" = last ]
  strata run --name changed many busybox sh -c 'busybox rm /last; busybox echo more >/x1/f1'
  strata commit changed more >/dev/null
  strata rm changed >/dev/null
  [ "$(strata run --rm more busybox cat /x1/f1)" = more ]
  run -1 strata run --rm more busybox test -e /last
  printf 'FROM more\nRUN ["/bin/busybox", "touch", "/on-top"]\n' | strata build -q -t on-top - >/dev/null
  strata run --rm on-top busybox test -e /on-top
  strata system fsck
  strata rmi on-top more many >/dev/null
  strata system prune -af >/dev/null
  [ -z "$(ls "$STRATA_ROOT/layers")" ]
  assert_nothing_left
}

@test "520 layers run, are committed and built upon" { check_many; }

@test "and as directories" {
  export STRATA_FORCE_DIRECTORY_FORM=1 STRATA_ROOT=$BATS_FILE_TMPDIR/root2 STRATA_RUN_ROOT=$BATS_FILE_TMPDIR/run2
  check_many
}
