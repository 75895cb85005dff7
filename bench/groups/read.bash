# Every file of fat is read inside of a container: EROFS over tars under overlayfs, beside podman's ext4 directories under overlayfs.
measure_read() {
  pull_fat
  settle
  local round name state
  for round in $(seq "${READ_ROUNDS:-3}"); do
    for name in strata podman; do
      sync
      # Only root on a machine of its own may do this.
      echo 3 >/proc/sys/vm/drop_caches || return 1
      for state in cold warm; do
        if [ $name = strata ]; then
          strata run --rm --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files read "${fat_layers[@]}" >"$work/out"
        else
          $podman $podman_run --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files read "${fat_layers[@]}" >"$work/out"
        fi
        sample "read $state: $name" "$(cut -d' ' -f1 "$work/out")"
      done
    done
  done
  for state in cold warm; do
    heading "reading every file of a running fat ($(cut -d' ' -f2 "$work/out") files, $(megabytes "$(cut -d' ' -f3 "$work/out")") MB), $state"
    rows "read $state: podman" "read $state: strata"
  done
}
