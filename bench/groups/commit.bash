# commit of a container that gave 10,000 files of fat new content.
measure_commit() {
  pull_fat
  strata run --name changed --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files change 10000 "${fat_layers[@]}"
  $podman ${podman_run/--rm/} --name changed --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files change 10000 "${fat_layers[@]}"
  settle
  heading "commit of 10,000 changed files in fat"
  {
    printf 'strata\tstrata commit changed committed\tstrata rmi -f committed 2>/dev/null; sync\n'
    printf 'podman\t%s commit -q changed committed\t%s rmi -f committed 2>/dev/null; sync\n' "$podman" "$podman"
  } | bench-measure "${COMMIT_ROUNDS:-3}"
  strata rm -f changed >/dev/null
  $podman rm -f changed >/dev/null
  strata rmi -f committed >/dev/null
  $podman rmi -f committed >/dev/null
}
